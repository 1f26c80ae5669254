import type {
  ListAnOrganizationSissuesResponse,
  ListAProjectSErrorEventsResponse,
  RetrieveAnIssueEventResponse,
  RetrieveAnIssueResponse,
  RetrieveAProjectResponse,
} from '@sentry/api';
import { type AskedFor, type HostedAnswer, HostedServer } from '../hostedServer.ts';

/** As Sentry's own description of its API has them. */
export type SentryIssue = ListAnOrganizationSissuesResponse[number];
export type SentryEvent = ListAProjectSErrorEventsResponse[number];
type Project = Pick<RetrieveAProjectResponse, 'id' | 'slug' | 'name' | 'platform' | 'dateCreated'>;
type IssueEvent = Pick<RetrieveAnIssueEventResponse, 'id' | 'eventID' | 'groupID' | 'projectID' | 'title' | 'tags'>;

type Activity = RetrieveAnIssueResponse['activity'][number];

const ORGANIZATION = 'acme';
const DAY_MS = 86_400_000;
/** Sentry refuses periods from before what it keeps. */
const KEPT_MS = 90 * DAY_MS;
const MAX_PAGE = 100;
const NAIVE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?$/;

/** What each list may be asked (docs.sentry.io/api); another parameter is a mistake of the caller. */
const ISSUE_PARAMETERS = ['project', 'query', 'sort', 'limit', 'start', 'end', 'cursor'];
const EVENT_PARAMETERS = ['start', 'end', 'cursor', 'full', 'sample'];

/**
 * The parts of Sentry's REST API that are read, with state in memory: projects, their events, the issues of an organisation and
 * the event that an issue began with. It refuses what Sentry refuses, and remembers as {@link mistakes} what Sentry would pass over.
 */
export class SentryServer implements AsyncDisposable {
  token = 'sntrys_of_the_tests';
  scopes = new Set(['event:read', 'project:read']);
  readonly projects = new Map<string, Project>();
  readonly issues: SentryIssue[] = [];
  /** By the slug of their project. */
  readonly events = new Map<string, SentryEvent[]>();
  /** What happened to issues besides errors, the newest first, by the id of the issue. */
  readonly activity = new Map<string, Activity[]>();
  readonly mistakes: string[] = [];
  pageSize = MAX_PAGE;
  /** The next page is the one after the first, for ever. */
  stuck = false;
  /** Requests left in the window. */
  left = 40;
  #hosted: HostedServer | undefined;

  static async start(...slugs: readonly string[]): Promise<SentryServer> {
    const server = new SentryServer();
    for (const [index, slug] of slugs.entries()) {
      const id = String(4_507_000 + index);
      server.projects.set(slug, { id, slug, name: slug, platform: 'node', dateCreated: '2026-01-01T00:00:00.000000Z' });
      server.events.set(slug, []);
    }
    server.#hosted = await HostedServer.start((asked) => server.#answer(asked));
    return server;
  }

  get http(): HostedServer {
    if (this.#hosted === undefined) throw new Error('the server is not started');
    return this.#hosted;
  }

  /** An error is captured: it belongs to an issue, which it may begin. */
  capture(
    slug: string,
    event: Partial<SentryEvent> & { at: string; issue: string },
    change: Partial<SentryIssue> = {},
  ) {
    const project = this.projects.get(slug);
    if (project === undefined) throw new Error(`no project ${slug}`);
    const { at, issue: issueId, ...said } = event;
    const captured = sentryEvent({ groupID: issueId, projectID: project.id, dateCreated: at, ...said });
    this.events.get(slug)?.push(captured);
    let issue = this.issues.find(({ id }) => id === issueId);
    if (issue === undefined) {
      issue = sentryIssue({ id: issueId, title: captured.title, culprit: captured.culprit, firstSeen: at, count: '0' });
      issue.project = { id: project.id, slug, name: slug, platform: 'node' };
      this.issues.push(issue);
    }
    Object.assign(issue, { lastSeen: at, count: String(Number(issue.count) + 1), ...change });
    const happened = this.activity.get(issueId) ?? [];
    this.activity.set(issueId, happened);
    const type = happened.length === 0 ? 'first_seen' : change.substatus === 'regressed' ? 'set_regression' : undefined;
    if (type !== undefined)
      happened.unshift({ id: String(happened.length), type, data: {}, user: null, dateCreated: at });
    return { event: captured, issue };
  }

  #answer(asked: AskedFor): HostedAnswer {
    this.left -= 1;
    const headers = {
      'x-sentry-rate-limit-limit': '40',
      'x-sentry-rate-limit-remaining': String(Math.max(0, this.left)),
      'x-sentry-rate-limit-reset': String(Math.ceil(Date.now() / 1000) + 1),
      'x-sentry-rate-limit-concurrentlimit': '25',
      'x-sentry-rate-limit-concurrentremaining': '24',
    };
    const answer = this.#route(asked);
    return { ...answer, headers: { ...headers, ...answer.headers } };
  }

  #route({ method, path, query, headers: { authorization } }: AskedFor): HostedAnswer {
    if (authorization === undefined) return refuse(401, 'Authentication credentials were not provided.');
    if (authorization !== `Bearer ${this.token}`) return refuse(401, 'Invalid token');
    if (method !== 'GET') return refuse(405, `Method "${method}" not allowed.`);
    const [, organization, list] = /^\/api\/0\/organizations\/([^/]+)\/(issues\/.*)$/.exec(path) ?? [];
    const [, owner, slug = '', events] = /^\/api\/0\/projects\/([^/]+)\/([^/]+)\/(events\/)?$/.exec(path) ?? [];
    if ((organization ?? owner) !== ORGANIZATION) return refuse(404, 'The requested resource does not exist');
    if (!this.scopes.has(list === undefined ? 'project:read' : 'event:read')) {
      return refuse(403, 'You do not have permission to perform this action.');
    }
    if (list === 'issues/') return this.#listIssues(query);
    const issueId = /^issues\/(\d+)\/events\/oldest\/$/.exec(list ?? '')?.[1];
    if (issueId !== undefined) return this.#oldestEvent(issueId);
    const askedFor = /^issues\/(\d+)\/$/.exec(list ?? '')?.[1];
    if (askedFor !== undefined) return this.#issue(askedFor);
    const project = this.projects.get(slug);
    if (project === undefined) return refuse(404, 'The requested resource does not exist');
    if (events === undefined) return { body: project };
    return this.#page(query, EVENT_PARAMETERS, this.events.get(slug) ?? [], ({ dateCreated }) => dateCreated);
  }

  #listIssues(query: URLSearchParams): HostedAnswer {
    const numbers = new Set([...this.projects.values()].map(({ id }) => id));
    const asked = query.getAll('project');
    if (asked.some((id) => !numbers.has(id))) return refuse(403, 'You do not have permission to perform this action.');
    // Left out, it means unresolved ones alone.
    const text = query.get('query') ?? 'is:unresolved';
    if (text !== '' && text !== 'is:unresolved') this.mistakes.push(`query ${text} is not known to these tests`);
    if (Number(query.get('limit') ?? 25) > MAX_PAGE) return refuse(400, 'Invalid limit parameter.');
    const issues = this.issues.filter(
      ({ project, status }) =>
        (asked.length === 0 || asked.includes(project.id)) && (text === '' || status === 'unresolved'),
    );
    return this.#page(query, ISSUE_PARAMETERS, issues, ({ lastSeen }) => lastSeen ?? '');
  }

  #issue(issueId: string): HostedAnswer {
    const issue = this.issues.find(({ id }) => id === issueId);
    if (issue === undefined) return refuse(404, 'The requested resource does not exist');
    return { body: { ...issue, activity: this.activity.get(issueId) ?? [] } };
  }

  #oldestEvent(issueId: string): HostedAnswer {
    const events = [...this.events.values()].flat().filter(({ groupID }) => groupID === issueId);
    const [oldest] = events.sort((a, b) => a.dateCreated.localeCompare(b.dateCreated));
    if (oldest === undefined) return refuse(404, 'Event not found');
    const { id, eventID, groupID, projectID, title, tags } = oldest;
    const body: IssueEvent = { id, eventID, groupID, projectID, title, tags };
    return { body };
  }

  /** Newest first, by the cursors of the Link header. */
  #page<T>(
    query: URLSearchParams,
    parameters: readonly string[],
    all: readonly T[],
    timeOf: (item: T) => string,
  ): HostedAnswer {
    for (const name of query.keys()) {
      if (!parameters.includes(name)) this.mistakes.push(`the list has no parameter ${name}`);
    }
    const [start, end, cursor] = ['start', 'end', 'cursor'].map((name) => query.get(name));
    if ((start === null) !== (end === null)) return refuse(400, 'start and end are both required');
    if ([start, end].some((time) => time && !NAIVE_TIME.test(time)))
      return refuse(400, 'Invalid date range parameters');
    if (start && (`${start}Z` >= `${end}Z` || Date.parse(`${start}Z`) < Date.now() - KEPT_MS)) {
      return refuse(400, 'Invalid date range. Please try a more recent date range.');
    }
    const [, offset] = /^0:(\d+):[01]$/.exec(cursor ?? '0:0:0') ?? [];
    if (offset === undefined) return refuse(400, 'Invalid cursor parameter.');
    const inPeriod = all
      .filter((item) => !start || (timeOf(item) >= start && timeOf(item) <= `${end}Z`))
      .sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
    const from = Number(offset);
    const to = from + Math.min(this.pageSize, Number(query.get('limit') ?? MAX_PAGE));
    const link = (rel: string, at: number, results: boolean) =>
      `<${this.http.url}/api/0/a,list/?&cursor=0:${at}:${rel === 'next' ? 0 : 1}>; rel="${rel}"; results="${results}"; cursor="0:${at}:${rel === 'next' ? 0 : 1}"`;
    return {
      headers: {
        link: `${link('previous', Math.max(0, from - this.pageSize), from > 0)}, ${link('next', this.stuck ? 1 : to, to < inPeriod.length)}`,
      },
      body: inPeriod.slice(from, to),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http[Symbol.asyncDispose]();
  }
}

function refuse(status: number, detail: string): HostedAnswer {
  return { status, body: { detail } };
}

let captured = 0;

function sentryEvent(event: Partial<SentryEvent>): SentryEvent {
  const eventID = (++captured).toString(16).padStart(32, '0');
  return {
    id: eventID,
    'event.type': 'error',
    groupID: '1',
    eventID,
    projectID: '1',
    message: '',
    title: 'TypeError: x is not a function',
    location: null,
    culprit: null,
    user: null,
    tags: [],
    platform: 'node',
    dateCreated: '2026-11-20T10:00:00Z',
    crashFile: null,
    metadata: {},
    ...event,
  };
}

function sentryIssue(issue: Partial<SentryIssue> & Pick<SentryIssue, 'id'>): SentryIssue {
  return {
    shareId: '',
    shortId: `BOT-${issue.id}`,
    title: 'TypeError: x is not a function',
    culprit: null,
    permalink: `https://acme.sentry.io/issues/${issue.id}/`,
    logger: null,
    level: 'error',
    status: 'unresolved',
    statusDetails: {},
    substatus: 'new',
    isPublic: false,
    platform: 'node',
    priority: 'high',
    priorityLockedAt: null,
    seerFixabilityScore: null,
    seerAutofixLastTriggered: null,
    project: { id: '1', name: 'bot', slug: 'bot', platform: 'node' },
    type: 'error',
    issueType: 'error',
    issueCategory: 'error',
    metadata: {},
    numComments: 0,
    assignedTo: { type: 'user', id: '1', name: 'Mona' },
    isBookmarked: false,
    isSubscribed: false,
    subscriptionDetails: null,
    hasSeen: false,
    annotations: [],
    isUnhandled: true,
    count: '1',
    userCount: 0,
    firstSeen: null,
    lastSeen: null,
    stats: {},
    lifetime: {},
    filtered: null,
    sessionCount: 0,
    inbox: { reason: 0, reason_details: null, date_added: '2026-11-20T10:00:00Z' },
    owners: { type: 'ownershipRule', owner: 'team:1', date_added: '2026-11-20T10:00:00Z' },
    pluginActions: [],
    pluginIssues: [],
    integrationIssues: [],
    sentryAppIssues: [],
    latestEventHasAttachments: false,
    ...issue,
  };
}

import { z } from 'zod';
import { BUILD } from '../../version.ts';
import { HostedError } from '../hostedError.ts';
import type { PollContext } from '../source.ts';
import type { SentryConfig } from './config.ts';
import { nextPage } from './nextPage.ts';
import { refusedBy } from './sentryError.ts';

export type CallContext = Pick<PollContext, 'signal' | 'countRequest' | 'quotaRemaining'>;

/** From when to when, RFC 3339. */
export interface Period {
  readonly from: string;
  readonly until: string;
}

export interface SentryPage {
  readonly items: readonly unknown[];
  /** Cursor of the page after it. */
  readonly next: string | undefined;
}

const project = z.object({ id: z.string(), slug: z.string() });
/** Of an event, what is asked for one by one. */
const taggedEvent = z.looseObject({ tags: z.array(z.unknown()) });
/** Of an issue, what its list leaves out. */
const issueHistory = z.looseObject({ activity: z.array(z.looseObject({ type: z.string().optional() })) });
const items = z.array(z.unknown());

/** The most that the lists give in a page. */
const PAGE_SIZE = 100;

interface Call {
  /** For messages. */
  readonly what: string;
  /** That the token needs for it. */
  readonly scope: 'event:read' | 'project:read';
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
}

/** The calls of Sentry's REST API that are made here (docs.sentry.io/api), one at a time: it limits concurrent ones as well. */
export class SentryApi {
  readonly #config: SentryConfig;

  constructor(config: SentryConfig) {
    this.#config = config;
  }

  /** @throws HostedError */
  async project(slug: string, context: CallContext): Promise<z.output<typeof project>> {
    const path = `/projects/${this.#config.organization}/${slug}/`;
    const { body } = await this.#get({ what: `project ${slug}`, scope: 'project:read', path }, project, context);
    return body;
  }

  /**
   * Issues with errors in the period, whatever their state, those seen last first.
   * @param projectIds Sentry filters by number alone.
   * @throws HostedError
   */
  async issues(
    projectIds: readonly string[],
    period: Period,
    cursor: string | undefined,
    context: CallContext,
  ): Promise<SentryPage> {
    const query = [
      ...projectIds.map((id) => ['project', id] as const),
      // Without it Sentry leaves out what is resolved.
      ['query', ''] as const,
      ['sort', 'date'] as const,
      ['limit', String(PAGE_SIZE)] as const,
    ];
    const path = `/organizations/${this.#config.organization}/issues/`;
    return this.#page({ what: 'issues', scope: 'event:read', path, query }, period, cursor, context);
  }

  /** Errors of a project in the period, the newest first. @throws HostedError */
  async events(slug: string, period: Period, cursor: string | undefined, context: CallContext): Promise<SentryPage> {
    const path = `/projects/${this.#config.organization}/${slug}/events/`;
    return this.#page({ what: `events of ${slug}`, scope: 'project:read', path }, period, cursor, context);
  }

  /** The error that an issue began with; undefined where it is no longer kept. @throws HostedError */
  async oldestEvent(issueId: string, context: CallContext): Promise<z.output<typeof taggedEvent> | undefined> {
    const path = `/organizations/${this.#config.organization}/issues/${encodeURIComponent(issueId)}/events/oldest/`;
    const call: Call = { what: `oldest event of issue ${issueId}`, scope: 'event:read', path };
    const answer = await this.#get(call, taggedEvent, context, { mayBeGone: true });
    return answer.body;
  }

  /** How often an issue came back after it was resolved; undefined where it is gone. @throws HostedError */
  async regressions(issueId: string, context: CallContext): Promise<number | undefined> {
    const path = `/organizations/${this.#config.organization}/issues/${encodeURIComponent(issueId)}/`;
    const call: Call = { what: `issue ${issueId}`, scope: 'event:read', path };
    const { body } = await this.#get(call, issueHistory, context, { mayBeGone: true });
    return body?.activity.filter(({ type }) => type === 'set_regression').length;
  }

  async #page(call: Call, period: Period, cursor: string | undefined, context: CallContext): Promise<SentryPage> {
    const query = [
      ...(call.query ?? []),
      ['start', asSentryWrites(period.from)] as const,
      ['end', asSentryWrites(period.until)] as const,
      ...(cursor === undefined ? [] : [['cursor', cursor] as const]),
    ];
    const { body, headers } = await this.#get({ ...call, query }, items, context);
    const next = nextPage(headers.get('link'));
    if (next !== undefined && next === cursor) {
      throw new HostedError(`${call.what}: found the cursor ${next} again, expected one of a next page`, 'schema');
    }
    return { items: body, next };
  }

  async #get<T>(call: Call, type: z.ZodType<T>, context: CallContext): Promise<{ body: T; headers: Headers }>;
  async #get<T>(
    call: Call,
    type: z.ZodType<T>,
    context: CallContext,
    options: { mayBeGone: true },
  ): Promise<{ body: T | undefined; headers: Headers }>;
  async #get<T>(
    { what, scope, path, query = [] }: Call,
    type: z.ZodType<T>,
    context: CallContext,
    { mayBeGone = false } = {},
  ): Promise<{ body: T | undefined; headers: Headers }> {
    try {
      const { response, text } = await this.#send(path, query, what, context);
      const left = Number(response.headers.get('x-sentry-rate-limit-remaining') ?? Number.NaN);
      if (Number.isSafeInteger(left) && left >= 0) context.quotaRemaining(left);
      const isGone = mayBeGone && response.status === 404;
      if (!response.ok && !isGone) throw refusedBy(response, text, what, scope);
      const body = isGone ? undefined : readAs(type, text, what);
      context.countRequest('ok');
      return { body, headers: response.headers };
    } catch (error) {
      if (error instanceof HostedError) context.countRequest(error.result);
      throw error;
    }
  }

  async #send(
    path: string,
    query: readonly (readonly [string, string])[],
    what: string,
    { signal }: CallContext,
  ): Promise<{ response: Response; text: string }> {
    const { base_url: baseUrl, auth_token: token } = this.#config;
    const url = new URL(`${baseUrl}/api/0${path}`);
    for (const [name, value] of query) url.searchParams.append(name, value);
    try {
      const response = await fetch(url, {
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          'user-agent': `fleetlens/${BUILD.version}`,
        },
        signal,
        // A token must not follow a redirect.
        redirect: 'manual',
      });
      return { response, text: await response.text() };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HostedError(
        `${what}: no whole answer of ${baseUrl} (${reason}); check base_url and the network`,
        'network',
        {
          stops: true,
          cause: error,
        },
      );
    }
  }
}

function readAs<T>(type: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const found = JSON.stringify(text.slice(0, 80));
    throw new HostedError(
      `${what}: found ${found}, expected complete JSON; see whether base_url names a Sentry`,
      'schema',
      { cause },
    );
  }
  const parsed = type.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'the answer' : issue.path.join('.');
  throw new HostedError(`${what}: ${where}: ${issue?.message}; Sentry's answer has another shape`, 'schema', {
    cause: parsed.error,
  });
}

/** Its documents write times without a zone; they are UTC. */
function asSentryWrites(at: string): string {
  return at.replace(/Z$/, '');
}

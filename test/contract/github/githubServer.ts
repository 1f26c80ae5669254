import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GraphQLError, graphql } from 'graphql';
import { checkAnswer, vendorExample, vendorGraphql } from './vendorSchemas.ts';

export interface CheckState {
  readonly id: number;
  readonly name: string;
  status: string;
  conclusion: string | null;
  readonly suiteId?: number;
  /** The run of a workflow that it belongs to; absent: another app's check. */
  readonly workflowRun?: number;
  startedAt?: string;
  completedAt?: string;
}

export interface PullState {
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
  state: 'open' | 'closed';
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  mergedAt: string | null;
  mergeableState: string;
  draft: boolean;
  headSha: string;
  checks: CheckState[];
  statuses: { readonly context: string; state: string; readonly url: string; readonly updatedAt: string }[];
}

/** One request and how it was answered. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly status: number;
}

type Answer = { status: number; headers?: Record<string, string>; body: unknown };
/** What happens instead of the answer. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly message: string;
    }
  | {
      readonly kind: 'graphql';
      readonly type: string;
      readonly message: string;
      readonly headers?: Record<string, string>;
    }
  | { readonly kind: 'silent' | 'reset' | 'cut off' | 'truncated' | 'slow' }
  | { readonly kind: 'drift'; change(body: Record<string, unknown>): void };

const PULL = '/repos/{owner}/{repo}/pulls/{pull_number}';
const CHECKS = '/repos/{owner}/{repo}/commits/{ref}/check-runs';
const STATUS = '/repos/{owner}/{repo}/commits/{ref}/status';
const REPOSITORY = '/repos/{owner}/{repo}';
const RATE_LIMIT = '/rate_limit';
const CORE_LIMIT = 5_000;

/**
 * GitHub on loopback, with its state in memory: answers are GitHub's own examples with the state put in, and each is checked
 * against GitHub's own schema before it is sent. ETags, quotas, pages and refusals as docs.github.com describes them.
 */
export class GithubServer {
  readonly pulls = new Map<string, PullState>();
  readonly seen: Seen[] = [];
  token = 'ghp_token-of-the-tests';
  readonly remaining = { core: CORE_LIMIT, graphql: CORE_LIMIT };
  resetAt = Math.ceil(Date.now() / 1000) + 1_800;
  readonly #faults: { matches: RegExp; left: number; fault: Fault }[] = [];
  readonly #server: Server;
  readonly #open = new Set<ServerResponse>();

  static async start(): Promise<GithubServer> {
    const github = new GithubServer();
    github.#server.listen(0, '127.0.0.1');
    await once(github.#server, 'listening');
    return github;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#open.add(response);
      response.on('close', () => this.#open.delete(response));
      this.#handle(request, response).catch((error: unknown) => {
        this.failure = error;
        response.destroy();
      });
    });
  }

  /** What this server itself could not do: a test asserts that there is none. */
  failure: unknown;

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    if (this.failure !== undefined) throw this.failure;
  }

  /** Adds an open pull request of acme/app. */
  open(number: number, given: Partial<PullState> = {}): PullState {
    const pull: PullState = {
      owner: 'acme',
      repo: 'app',
      number,
      state: 'open',
      createdAt: '2026-11-20T10:00:00Z',
      updatedAt: '2026-11-20T10:00:00Z',
      closedAt: null,
      mergedAt: null,
      mergeableState: 'unknown',
      draft: false,
      headSha: createHash('sha1').update(`head of ${number}`).digest('hex'),
      checks: [],
      statuses: [],
      ...given,
    };
    this.pulls.set(keyOf(pull.owner, pull.repo, number), pull);
    return pull;
  }

  merge(pull: PullState, at: string): void {
    Object.assign(pull, { state: 'closed', closedAt: at, mergedAt: at, updatedAt: at, mergeableState: 'unknown' });
  }

  /** The next `times` requests whose `METHOD path` matches go wrong. */
  fail(matches: RegExp, fault: Fault, times = 1): void {
    this.#faults.push({ matches, left: times, fault });
  }

  heal(): void {
    this.#faults.length = 0;
  }

  /** Requests since the last call of this. */
  take(): Seen[] {
    return this.seen.splice(0);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? '';
    const body = await readAll(request);
    const note = (status: number) => this.seen.push({ method, path: url.pathname, query: url.searchParams, status });
    const fault = this.#faults.find(({ matches, left }) => left > 0 && matches.test(`${method} ${url.pathname}`));
    if (fault !== undefined) fault.left -= 1;
    const wrong = fault?.fault;
    if (wrong?.kind === 'silent') return void note(0);
    if (wrong?.kind === 'reset') {
      note(0);
      request.socket.resetAndDestroy();
      return;
    }
    if (wrong?.kind === 'answer') {
      note(wrong.status);
      return send(response, {
        status: wrong.status,
        headers: { ...this.#headers('core'), ...wrong.headers },
        body: vendorError(wrong.message, wrong.status),
      });
    }
    if (wrong?.kind === 'graphql') {
      note(200);
      return send(response, {
        status: 200,
        headers: { ...this.#headers('graphql'), ...wrong.headers },
        body: { errors: [{ type: wrong.type, message: wrong.message }] },
      });
    }
    const answer = await this.#answer(method, url, request, body);
    if (wrong?.kind === 'drift') wrong.change(answer.body as Record<string, unknown>);
    note(answer.status);
    if (wrong?.kind === 'truncated') return sendText(response, answer, JSON.stringify(answer.body).slice(0, -40));
    if (wrong?.kind === 'cut off' || wrong?.kind === 'slow') {
      const text = JSON.stringify(answer.body);
      response.writeHead(answer.status, {
        ...answer.headers,
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
      });
      response.write(text.slice(0, 100));
      if (wrong.kind === 'cut off') setImmediate(() => request.socket.resetAndDestroy());
      return;
    }
    send(response, answer);
  }

  async #answer(method: string, url: URL, request: IncomingMessage, body: string): Promise<Answer> {
    if (request.headers.authorization !== `token ${this.token}`) {
      return { status: 401, headers: this.#headers('core'), body: vendorError('Bad credentials', 401) };
    }
    if (method === 'POST' && url.pathname === '/graphql') return await this.#graphql(body);
    if (url.pathname === RATE_LIMIT) return this.#rateLimit();
    const found = this.#find(url);
    if (found === undefined) return { status: 404, headers: this.#spend('core'), body: vendorError('Not Found', 404) };
    checkAnswer(found.path, found.body);
    const etag = `W/"${createHash('sha256').update(JSON.stringify(found.body)).digest('hex')}"`;
    // A conditional request that finds nothing new costs nothing.
    if (request.headers['if-none-match'] === etag)
      return { status: 304, headers: { ...this.#headers('core'), etag }, body: undefined };
    const link: Record<string, string> = found.link === undefined ? {} : { link: found.link };
    return { status: 200, headers: { ...this.#spend('core'), etag, ...link }, body: found.body };
  }

  #find(url: URL): { path: string; body: unknown; link?: string } | undefined {
    const [, , owner = '', repo = '', kind, id = '', what] = url.pathname.split('/').map(decodeURIComponent);
    const ofRepo = [...this.pulls.values()].filter(
      (p) => p.owner.toLowerCase() === owner.toLowerCase() && p.repo.toLowerCase() === repo.toLowerCase(),
    );
    if (url.pathname.split('/')[1] !== 'repos' || ofRepo.length === 0) return undefined;
    if (kind === undefined) return { path: REPOSITORY, body: repositoryBody(ofRepo[0] as PullState) };
    if (kind === 'pulls') {
      const pull = ofRepo.find(({ number }) => String(number) === id);
      return pull && { path: PULL, body: pullBody(pull) };
    }
    const pull = ofRepo.find(({ headSha }) => headSha === id);
    if (pull === undefined) return undefined;
    return what === 'check-runs'
      ? pageOf(url, CHECKS, pull.checks, (checks) => checksBody(pull, checks))
      : pageOf(url, STATUS, pull.statuses, (statuses) => statusBody(pull, statuses));
  }

  #rateLimit(): Answer {
    const quota = (resource: 'core' | 'graphql') => ({
      limit: CORE_LIMIT,
      remaining: this.remaining[resource],
      used: CORE_LIMIT - this.remaining[resource],
      reset: this.resetAt,
    });
    const body = vendorExample<{ resources: object; rate: object }>('rate-limit-overview');
    Object.assign(body.resources, { core: quota('core'), graphql: quota('graphql') });
    body.rate = quota('core');
    checkAnswer(RATE_LIMIT, body);
    return { status: 200, headers: this.#headers('core'), body };
  }

  async #graphql(body: string): Promise<Answer> {
    const { query, variables } = JSON.parse(body) as { query: string; variables: Record<string, unknown> };
    const headers = this.#spend('graphql');
    const result = await graphql({
      schema: vendorGraphql(),
      source: query,
      variableValues: variables,
      rootValue: {
        repository: ({ owner, name }: { owner: string; name: string }) => ({
          pullRequest: ({ number }: { number: number }) => {
            const pull = this.pulls.get(keyOf(owner, name, number));
            if (pull !== undefined) return pullNode(pull);
            throw new GraphQLError(`Could not resolve to a PullRequest with the number of ${number}.`, {
              extensions: { type: 'NOT_FOUND' },
            });
          },
        }),
      },
    });
    const errors = result.errors?.map(({ message, path, locations, extensions }) => ({
      ...(extensions.type === undefined ? {} : { type: extensions.type }),
      path,
      locations,
      message,
    }));
    return {
      status: 200,
      headers,
      body: {
        ...(result.data === undefined ? {} : { data: result.data }),
        ...(errors === undefined ? {} : { errors }),
      },
    };
  }

  #spend(resource: 'core' | 'graphql'): Record<string, string> {
    this.remaining[resource] -= 1;
    return this.#headers(resource);
  }

  #headers(resource: 'core' | 'graphql'): Record<string, string> {
    const remaining = this.remaining[resource];
    return {
      'x-ratelimit-limit': String(CORE_LIMIT),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-used': String(CORE_LIMIT - remaining),
      'x-ratelimit-reset': String(this.resetAt),
      'x-ratelimit-resource': resource,
      'x-github-request-id': 'C0FF:EE:1:2:3',
      'x-github-media-type': 'github.v3; format=json',
    };
  }
}

function keyOf(owner: string, repo: string, number: number): string {
  return `${owner}/${repo}#${number}`.toLowerCase();
}

function vendorError(message: string, status: number): unknown {
  return { message, documentation_url: 'https://docs.github.com/rest', status: String(status) };
}

const pageUrl = ({ owner, repo }: PullState) => `https://github.com/${owner}/${repo}`;

function checkUrl(pull: PullState, { id, workflowRun }: CheckState): string {
  return workflowRun === undefined
    ? `${pageUrl(pull)}/runs/${id}`
    : `${pageUrl(pull)}/actions/runs/${workflowRun}/job/${id}`;
}

function pullBody(pull: PullState): unknown {
  const body = vendorExample<Record<string, unknown> & { head: object }>('pull-request');
  return Object.assign(body, {
    number: pull.number,
    html_url: `${pageUrl(pull)}/pull/${pull.number}`,
    state: pull.state,
    draft: pull.draft,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: pull.mergedAt,
    merged: pull.mergedAt !== null,
    mergeable_state: pull.mergeableState,
    head: { ...body.head, sha: pull.headSha },
    // The example's team lacks what the schema of a team requires.
    requested_teams: [],
  });
}

function repositoryBody({ owner, repo, headSha }: PullState): unknown {
  // The example is a fork, and its parents lack what the schema requires of them.
  const {
    source: _source,
    parent: _parent,
    ...body
  } = vendorExample<Record<string, unknown>>('full-repository-default-response');
  return { ...body, full_name: `${owner}/${repo}`, default_branch: headSha, language: 'TypeScript', fork: false };
}

function checksBody(pull: PullState, checks: readonly CheckState[]): unknown {
  const [example] = vendorExample<{ check_runs: [Record<string, unknown>] }>('check-run-paginated').check_runs;
  return {
    total_count: pull.checks.length,
    check_runs: checks.map((check) => ({
      ...example,
      id: check.id,
      name: check.name,
      head_sha: pull.headSha,
      status: check.status,
      conclusion: check.conclusion,
      html_url: checkUrl(pull, check),
      started_at: check.startedAt ?? null,
      completed_at: check.completedAt ?? null,
      check_suite: { id: check.suiteId ?? 5 },
      pull_requests: [],
    })),
  };
}

function statusBody(pull: PullState, statuses: Readonly<PullState['statuses']>): unknown {
  const body = vendorExample<{ statuses: [object] }>('combined-commit-status');
  return {
    ...body,
    sha: pull.headSha,
    total_count: pull.statuses.length,
    statuses: statuses.map(({ context, state, url, updatedAt }) => ({
      ...body.statuses[0],
      context,
      state,
      target_url: url,
      updated_at: updatedAt,
    })),
  };
}

function pageOf<T>(url: URL, path: string, items: readonly T[], body: (items: readonly T[]) => unknown) {
  const size = Math.min(100, Number(url.searchParams.get('per_page') ?? 30));
  const page = Number(url.searchParams.get('page') ?? 1);
  const next = new URL(url);
  next.searchParams.set('page', String(page + 1));
  const link = page * size < items.length ? { link: `<${next}>; rel="next"` } : {};
  return { path, body: body(items.slice((page - 1) * size, page * size)), ...link };
}

function pullNode(pull: PullState): unknown {
  const upper = (text: string | null) => text?.toUpperCase() ?? null;
  const contexts = [
    ...pull.checks.map((check) => ({
      __typename: 'CheckRun',
      databaseId: check.id,
      name: check.name,
      status: upper(check.status),
      conclusion: upper(check.conclusion),
      startedAt: check.startedAt ?? null,
      completedAt: check.completedAt ?? null,
      checkSuite: {
        databaseId: check.suiteId ?? 5,
        app: { slug: 'octoapp' },
        workflowRun: check.workflowRun === undefined ? null : { databaseId: check.workflowRun },
      },
    })),
    ...pull.statuses.map(({ context, state, url, updatedAt }) => ({
      __typename: 'StatusContext',
      context,
      state: upper(state),
      targetUrl: url,
      createdAt: updatedAt,
    })),
  ];
  const connection = (args: Boundaries) => ({
    pageInfo: { hasNextPage: contexts.length > (args.first ?? args.last ?? 0) },
    nodes: within('contexts', contexts, args),
  });
  const commits = [
    { commit: { oid: '0'.repeat(40), statusCheckRollup: null } },
    { commit: { oid: pull.headSha, statusCheckRollup: contexts.length === 0 ? null : { contexts: connection } } },
  ];
  return {
    number: pull.number,
    url: `${pageUrl(pull)}/pull/${pull.number}`,
    state: pull.mergedAt === null ? upper(pull.state) : 'MERGED',
    isDraft: pull.draft,
    createdAt: pull.createdAt,
    closedAt: pull.closedAt,
    mergedAt: pull.mergedAt,
    mergeStateStatus: upper(pull.mergeableState),
    headRefOid: pull.headSha,
    commits: (args: Boundaries) => ({ nodes: within('commits', commits, args) }),
  };
}

interface Boundaries {
  readonly first?: number;
  readonly last?: number;
}

/** GitHub gives no list whose length was not asked for, and none of more than 100. */
function within<T>(name: string, all: readonly T[], { first, last }: Boundaries): readonly T[] {
  const asked = first ?? last;
  if (asked === undefined || asked > 100) {
    throw new GraphQLError(
      `You must provide a \`first\` or \`last\` value to properly paginate the \`${name}\` connection.`,
      {
        extensions: { type: 'MISSING_PAGINATION_BOUNDARIES' },
      },
    );
  }
  return first === undefined ? all.slice(-asked) : all.slice(0, asked);
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, answer: Answer): void {
  sendText(response, answer, answer.body === undefined ? undefined : JSON.stringify(answer.body));
}

function sendText(response: ServerResponse, { status, headers }: Answer, text: string | undefined): void {
  const type = text === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...headers, ...type });
  response.end(text);
}

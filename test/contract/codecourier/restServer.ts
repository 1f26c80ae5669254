import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Document, DocumentKind } from '../../../exporter/src/sources/codecourier/documents.ts';
import type { RequestQuota } from '../requestQuota.ts';
import { type Answer, ContractServer } from './faults.ts';
import { PROJECT_ID, type World } from './world.ts';

export const API_KEY = 'cc_test_0123456789abcdef';

const ERRORS = {
  VALIDATION: 400,
  AUTH_MISSING: 401,
  AUTH_INVALID: 401,
  SCOPE_DENIED: 403,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
} as const;

const LISTS: Readonly<Record<string, DocumentKind>> = {
  '/runs': 'runs',
  '/workflows': 'workflows',
  '/personas': 'personas',
  '/sandboxes': 'sandboxes',
  '/sprint-chains': 'sprintChains',
  '/usage': 'usageRecords',
  '/notifications': 'notifications',
  '/audit-log': 'auditLogs',
  '/project/daily-stats': 'dailyStats',
};

/** Fields that the list of runs shows; the rest is in the run's own document. */
const ROW = [
  '_id',
  '_creationTime',
  'name',
  'source',
  'status',
  'startedAt',
  'completedAt',
  'prStatus',
  'qualityScore',
  'ciChecks',
];

const listAnswer = z.strictObject({
  data: z.array(z.looseObject({ _id: z.string() })),
  nextCursor: z.string().nullable(),
  hasMore: z.boolean(),
});
const errorAnswer = z.union([
  z.strictObject({
    error: z.strictObject({
      code: z.enum(Object.keys(ERRORS) as [keyof typeof ERRORS]),
      message: z.string(),
      field: z.string().optional(),
      requestId: z.string(),
    }),
  }),
  z.strictObject({ error: z.string() }),
]);

export interface RestOptions {
  /** Default: what a reading key has. */
  readonly scopes?: readonly string[];
  /** Paths that this platform does not have. */
  readonly without?: readonly RegExp[];
  /** Steps and output lie in the run's document (the default), or in lists of their own. */
  readonly embedded?: boolean;
  /** How many requests are answered; default: all. */
  readonly quota?: RequestQuota;
}

/** CodeCourier's `/api/v1` for one project, as far as it is known: envelope, cursors, both shapes of errors, request ids. */
export class RestServer extends ContractServer {
  world: World;
  readonly #options: RestOptions;
  readonly #indexes = new Map<
    DocumentKind,
    { documents: readonly Document[]; length: number; byRun: Map<unknown, Document[]> }
  >();

  constructor(world: World, options: RestOptions = {}) {
    super((request, url) => this.#answer(request, url));
    this.world = world;
    this.#options = options;
  }

  #answer(request: IncomingMessage, url: URL): Answer {
    const requestId = String(request.headers['x-request-id'] ?? 'req-none');
    const fail = (code: keyof typeof ERRORS, message: string, field?: string): Answer => ({
      status: ERRORS[code],
      body: JSON.stringify(
        errorAnswer.parse({ error: { code, message, requestId, ...(field === undefined ? {} : { field }) } }),
      ),
    });
    const { authorization } = request.headers;
    if (authorization === undefined) return fail('AUTH_MISSING', 'Authorization header is missing');
    if (authorization !== `Bearer ${API_KEY}`) return fail('AUTH_INVALID', 'The API key is not valid');
    const window = this.#options.quota?.take();
    if (window?.allowed === false) {
      const seconds = Math.ceil((window.resetAt - Date.now()) / 1_000);
      return { ...fail('RATE_LIMITED', 'Too many requests'), headers: { 'retry-after': String(seconds) } };
    }
    const path = url.pathname.replace(/^\/api\/v1/, '');
    if (path === url.pathname || this.#options.without?.some((pattern) => pattern.test(path))) {
      // The router of a Convex deployment answers for paths that nobody serves.
      return { status: 404, body: 'No matching routes found', headers: { 'content-type': 'text/plain' } };
    }
    const scopes = this.#options.scopes ?? ['runs:read', 'sandboxes:read', 'usage:read'];
    if (path === '/whoami') {
      return ok({ keyId: 'key1', projectId: PROJECT_ID, name: 'fleetlens', scopes, createdAt: 1, lastUsedAt: 2 });
    }
    if (path === '/sandboxes' && !scopes.includes('sandboxes:read')) {
      return fail('SCOPE_DENIED', 'The key lacks the scope sandboxes:read');
    }
    if (path === '/project') return ok({ ...this.world.projects[0], id: PROJECT_ID });
    if (path === '/project/counters') return ok({ data: this.world.projectCounters[0] });

    const limit = Number(url.searchParams.get('limit') ?? '25');
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) return fail('VALIDATION', 'must be 1 to 100', 'limit');
    const list = (documents: readonly Document[]) => this.#list(documents, limit, url.searchParams.get('cursor'), fail);
    const kind = LISTS[path];
    if (kind === 'runs')
      return list(
        this.world.runs.map((run) => Object.fromEntries(Object.entries(run).filter(([key]) => ROW.includes(key)))),
      );
    if (kind !== undefined) return list(this.world[kind]);

    const [, collection, id, part] = path.split('/');
    const ofCollection = LISTS[`/${collection}`];
    const document = ofCollection === undefined ? undefined : this.world[ofCollection].find(({ _id }) => _id === id);
    if (document === undefined) return fail('NOT_FOUND', `There is no ${path}`);
    if (ofCollection !== 'runs') return ok(document);
    const steps = this.#ofRun('runSteps', id);
    const messages = this.#ofRun('messages', id);
    if (part === 'steps') return list(steps);
    if (part === 'messages') return list(messages);
    if (this.#options.embedded === false) return ok(document);
    const output = (stepId: unknown) => messages.filter((message) => message.stepId === stepId);
    return ok({ ...document, steps: steps.map((step) => ({ ...step, output: output(step._id) })) });
  }

  /** A scan of a week's steps for each of its runs would take longer than what is tested. */
  #ofRun(kind: 'runSteps' | 'messages', id: string | undefined): readonly Document[] {
    const documents = this.world[kind];
    let index = this.#indexes.get(kind);
    if (index?.documents !== documents || index.length !== documents.length) {
      index = { documents, length: documents.length, byRun: Map.groupBy(documents, ({ runId }) => runId) };
      this.#indexes.set(kind, index);
    }
    return index.byRun.get(id) ?? [];
  }

  /** Newest first; the cursor is opaque and stays good while documents arrive. */
  #list(
    documents: readonly Document[],
    limit: number,
    cursor: string | null,
    fail: (code: 'VALIDATION', message: string, field: string) => Answer,
  ): Answer {
    const sorted = [...documents].sort((a, b) => Number(b._creationTime) - Number(a._creationTime));
    let from = 0;
    if (cursor !== null) {
      const after = Buffer.from(cursor, 'base64url').toString();
      from = sorted.findIndex(({ _id }) => _id === after) + 1;
      if (from === 0) return fail('VALIDATION', 'the cursor is not known', 'cursor');
    }
    const data = sorted.slice(from, from + limit);
    const hasMore = from + limit < sorted.length;
    const nextCursor = hasMore ? Buffer.from(String(data.at(-1)?._id)).toString('base64url') : null;
    return ok(listAnswer.parse({ data, nextCursor, hasMore }));
  }
}

function ok(body: unknown): Answer {
  return { status: 200, body: JSON.stringify(body) };
}

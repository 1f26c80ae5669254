import type { TriggerClient } from '@trigger.dev/sdk';
import type { Logger } from 'pino';
import { z } from 'zod';
import { isObject, type JsonObject } from '../rows/textValues.ts';
import { type PollContext, SourceError } from '../source.ts';
import { untilAborted } from '../untilAborted.ts';
import type { TriggerDevConfig } from './config.ts';
import { RequestPace } from './requestPace.ts';

export type CallContext = Pick<PollContext, 'signal' | 'countRequest' | 'quotaRemaining'>;

export interface RunsQuery {
  /** Created since. */
  readonly from?: Date;
  /** Only those that have not finished. */
  readonly open?: true;
  readonly after?: string;
}

/** The statuses of runs that have not finished. */
const OPEN_WORDS = ['PENDING_VERSION', 'QUEUED', 'DELAYED', 'DEQUEUED', 'EXECUTING', 'WAITING'] as const;
/** Runs and queues in a page: the most that the API gives. */
const PAGE_SIZE = 100;
/** A wait that a header asks for is believed up to here. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;

// What is read of an answer here; each entry is looked at on its own, so that a status or a field that this version of the SDK
// does not know costs nothing but itself.
const runsAnswer = z.object({
  data: z.array(z.unknown()),
  pagination: z.object({ next: z.string().nullish() }).nullish(),
});
const runAnswer = z.record(z.string(), z.unknown());
const queuesAnswer = z.object({
  data: z.array(z.unknown()),
  pagination: z.object({ totalPages: z.coerce.number().optional() }).nullish(),
});

/**
 * Of every call. The SDK would repeat a failed call up to five times and wait out a rate limit inside it: the poller does both,
 * across all calls.
 */
const ONCE = { retry: { maxAttempts: 1 } };
/**
 * Of calls for one run: keeps the SDK from downloading payloads that lie in the object store. (Where lists are asked for, the
 * SDK takes options with any other key than `retry` and `additionalHeaders` for no options at all.)
 */
const ONCE_AS_TOLD = { ...ONCE, prepareData: <T>(data: T): T => data };

/** The server answered that it has no such thing. */
class NotThere extends SourceError {}

type Sdk = typeof import('@trigger.dev/sdk');
type Answer = { asResponse(): Promise<Response> };

/**
 * The calls of the official SDK that this source makes. The client keeps its address and key to itself, so sources with
 * different keys do not meet; the SDK's `configure()` would set them for the whole process.
 */
export class TriggerApi {
  readonly #config: TriggerDevConfig;
  readonly #log: Logger;
  readonly #pace: RequestPace;
  #loaded: Promise<{ sdk: Sdk; client: TriggerClient }> | undefined;
  #warned = false;

  constructor(config: TriggerDevConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#pace = new RequestPace(config.requests_per_minute);
  }

  /** One page of runs, newest first. @throws SourceError */
  async runs(query: RunsQuery, context: CallContext): Promise<{ runs: readonly JsonObject[]; next?: string }> {
    const { tasks } = this.#config;
    const page = await this.#call('GET /api/v1/runs', context, runsAnswer, (client) =>
      client.runs.list(
        {
          limit: PAGE_SIZE,
          ...(query.from && { from: query.from }),
          ...(query.after !== undefined && { after: query.after }),
          ...(query.open && { status: [...OPEN_WORDS] }),
          ...(tasks.length > 0 && { taskIdentifier: tasks }),
        },
        ONCE,
      ),
    );
    const next = page.pagination?.next;
    return { runs: page.data.filter(isObject), ...(next && { next }) };
  }

  /** @returns undefined where there is no such run. @throws SourceError */
  async run(id: string, context: CallContext): Promise<JsonObject | undefined> {
    try {
      const read = (client: TriggerClient) => client.runs.retrieve(id, ONCE_AS_TOLD);
      return await this.#call(`GET /api/v3/runs/${id}`, context, runAnswer, read, { mayBeGone: true });
    } catch (error) {
      if (error instanceof NotThere) return undefined;
      throw error;
    }
  }

  /** Every queue of the environment. @throws SourceError */
  async queues(context: CallContext): Promise<readonly JsonObject[]> {
    const queues: JsonObject[] = [];
    for (let page = 1; ; page++) {
      const answer = await this.#call('GET /api/v1/queues', context, queuesAnswer, (client) =>
        client.queues.list({ page, perPage: PAGE_SIZE }, ONCE),
      );
      queues.push(...answer.data.filter(isObject));
      if (page >= (answer.pagination?.totalPages ?? 1)) return queues;
    }
  }

  async #call<T>(
    what: string,
    context: CallContext,
    schema: z.ZodType<T>,
    call: (client: TriggerClient) => Answer,
    { mayBeGone = false } = {},
  ): Promise<T> {
    try {
      const answer = check(schema, await this.#send(what, context, call), what);
      context.countRequest('ok');
      return answer;
    } catch (error) {
      if (error instanceof SourceError && !context.signal.aborted) {
        context.countRequest(mayBeGone && error instanceof NotThere ? 'ok' : error.result);
      }
      throw error;
    }
  }

  async #send(what: string, context: CallContext, call: (client: TriggerClient) => Answer): Promise<unknown> {
    const { signal } = context;
    const { sdk, client } = await this.#load();
    await this.#pace.wait(signal);
    try {
      // The SDK cannot be told to stop: on an abort its request ends by itself, by the time-outs of fetch.
      const response = await untilAborted(call(client).asResponse(), signal);
      this.#noteQuota(response.headers, context);
      return await untilAborted(response.json(), signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof sdk.ApiError)) throw error;
      const headers = new Headers(Object.entries(error.headers ?? {}).filter(isText));
      this.#noteQuota(headers, context);
      // The SDK is strict about what it knows; what it was sent is read here all the same.
      if (error.status === 200 && 'rawBody' in error && error.rawBody !== undefined) {
        this.#warnOnce(what, error);
        return error.rawBody;
      }
      throw failureOf(what, error, headers, this.#config);
    }
  }

  async #load(): Promise<{ sdk: Sdk; client: TriggerClient }> {
    // Loading it takes a second and 20 MB of heap: only where such a source is polled.
    this.#loaded ??= import('@trigger.dev/sdk').then((sdk) => ({
      sdk,
      client: new sdk.TriggerClient({
        baseURL: this.#config.base_url.replace(/\/+$/, ''),
        accessToken: this.#config.api_key,
        // Else the SDK takes a branch from the environment of this process.
        previewBranch: this.#config.branch ?? '',
      }),
    }));
    return await this.#loaded;
  }

  #noteQuota(headers: Headers, context: CallContext): void {
    const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
    if (Number.isFinite(remaining) && remaining >= 0) context.quotaRemaining(remaining);
  }

  #warnOnce(what: string, error: Error): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.warn({ call: what, found: error.message }, 'Trigger.dev answers in a shape that its SDK does not know');
  }
}

function isText(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

function check<T>(schema: z.ZodType<T>, body: unknown, call: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new SourceError(`${call}: ${z.prettifyError(parsed.error)}; see whether base_url is the API of Trigger.dev`, {
    result: 'schema',
    cause: parsed.error,
  });
}

function failureOf(
  what: string,
  error: Error & { status?: number | undefined },
  headers: Headers,
  config: TriggerDevConfig,
): SourceError {
  const { status } = error;
  const fail = (message: string, result: SourceError['result'], retryAfterMs?: number) =>
    new SourceError(`${what}: ${message}`, {
      result,
      cause: error,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  if (status === undefined) {
    const { cause } = error;
    const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : 'no answer';
    return fail(`${config.base_url} cannot be reached (${reason}); check base_url and the network`, 'network');
  }
  if (status === 401 || status === 403) {
    return fail(`${status} ${error.message}; check api_key: a secret key of the environment, tr_…`, 'auth');
  }
  if (status === 429) {
    return fail('429, the rate limit is used up; lower requests_per_minute', 'rate_limit', retryAfterMs(headers));
  }
  if (status === 200) return fail('found no complete JSON, expected the answer of the API', 'schema');
  if (status === 404)
    return new NotThere(`${what}: 404 ${error.message}; check base_url`, { result: 'other', cause: error });
  return fail(`${status} ${error.message}`, status >= 500 ? 'server' : 'other');
}

/** `x-ratelimit-reset` is a moment in milliseconds by the clock of the server, which `date` tells. */
function retryAfterMs(headers: Headers): number | undefined {
  const resetMs = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  const serverMs = Date.parse(headers.get('date') ?? '');
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const delayMs = Number.isFinite(resetMs)
    ? resetMs - (Number.isFinite(serverMs) ? serverMs : Date.now())
    : seconds * 1000;
  return Number.isFinite(delayMs) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(1_000, delayMs)) : undefined;
}

import type { ApiClient } from 'e2b';
import { z } from 'zod';
import { retryAfterMs } from '../../retryAfterMs.ts';
import { isObject, type JsonObject } from '../rows/textValues.ts';
import { type PollContext, SourceError } from '../source.ts';
import type { E2bConfig } from './config.ts';

export type CallContext = Pick<PollContext, 'signal' | 'countRequest' | 'quotaRemaining'>;

/** Sandboxes in a page, and in a request for metrics: the most that the API takes. */
export const PAGE_SIZE = 100;
/** A wait that a header asks for is believed up to here. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;

export interface SandboxPage {
  readonly sandboxes: readonly JsonObject[];
  readonly next?: string;
  /** What the server counts as running. */
  readonly running?: number;
}

interface Answer {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}

const objects = z.array(z.unknown()).transform((entries) => entries.filter(isObject));
const metricsById = z.object({ sandboxes: z.record(z.string(), z.unknown()) });

/**
 * The calls of the official SDK's API client that this source makes. Its `Sandbox.list()` leaves out the size of the disk and
 * the headers, so its typed client for the API is used itself. The address and the key belong to the client.
 */
export class E2bApi {
  readonly #config: E2bConfig;
  #client: Promise<ApiClient['api']> | undefined;

  constructor(config: E2bConfig) {
    this.#config = config;
  }

  /** Running and paused sandboxes, a page. @throws SourceError */
  async sandboxes(nextToken: string | undefined, context: CallContext): Promise<SandboxPage> {
    const { metadata } = this.#config;
    // As the SDK's own list does: each part is encoded, and the whole once more as a parameter.
    const pairs = Object.entries(metadata).map(([key, value]) => [encodeURIComponent(key), encodeURIComponent(value)]);
    const filter = new URLSearchParams(Object.fromEntries(pairs)).toString();
    const { data, response } = await this.#call('GET /v2/sandboxes', context, objects, (api) =>
      api.GET('/v2/sandboxes', {
        params: {
          query: {
            state: ['running', 'paused'],
            limit: PAGE_SIZE,
            ...(nextToken !== undefined && { nextToken }),
            ...(filter !== '' && { metadata: filter }),
          },
        },
        signal: context.signal,
      }),
    );
    const next = response.headers.get('x-next-token');
    const running = Number(response.headers.get('x-total-running') || Number.NaN);
    return {
      sandboxes: data ?? [],
      ...(next && { next }),
      ...(Number.isSafeInteger(running) && { running }),
    };
  }

  /** The latest reading of each of up to {@link PAGE_SIZE} running sandboxes, by id. @throws SourceError */
  async metrics(ids: readonly string[], context: CallContext): Promise<ReadonlyMap<string, JsonObject>> {
    const { data } = await this.#call('GET /sandboxes/metrics', context, metricsById, (api) =>
      api.GET('/sandboxes/metrics', { params: { query: { sandbox_ids: [...ids] } }, signal: context.signal }),
    );
    return new Map(
      Object.entries(data?.sandboxes ?? {}).filter((entry): entry is [string, JsonObject] => isObject(entry[1])),
    );
  }

  /** The latest reading of one sandbox; undefined where it has none or is gone. @throws SourceError */
  async metricsOf(id: string, context: CallContext): Promise<JsonObject | undefined> {
    const { data } = await this.#call(
      'GET /sandboxes/{sandboxID}/metrics',
      context,
      objects,
      (api) =>
        api.GET('/sandboxes/{sandboxID}/metrics', { params: { path: { sandboxID: id } }, signal: context.signal }),
      { mayBeGone: true },
    );
    return data?.at(-1);
  }

  /** @returns `data` undefined: there is no such thing, where that may be. */
  async #call<T>(
    what: string,
    context: CallContext,
    schema: z.ZodType<T>,
    call: (api: ApiClient['api']) => Promise<Answer>,
    { mayBeGone = false } = {},
  ): Promise<{ data: T | undefined; response: Response }> {
    try {
      const answer = await this.#send(what, context, call);
      const { response } = answer;
      const remaining = Number(response.headers.get('x-ratelimit-remaining') ?? Number.NaN);
      if (Number.isFinite(remaining) && remaining >= 0) context.quotaRemaining(remaining);
      const isGone = mayBeGone && response.status === 404;
      if (!response.ok && !isGone) throw this.#refused(what, answer);
      const data = isGone ? undefined : check(schema, answer.data, what);
      context.countRequest('ok');
      return { data, response };
    } catch (error) {
      if (error instanceof SourceError && !context.signal.aborted) context.countRequest(error.result);
      throw error;
    }
  }

  async #send(
    what: string,
    { signal }: CallContext,
    call: (api: ApiClient['api']) => Promise<Answer>,
  ): Promise<Answer> {
    const api = await this.#load();
    try {
      return await call(api);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.#thrown(what, error);
    }
  }

  async #load(): Promise<ApiClient['api']> {
    // Loading it takes half a second and 7 MB of heap: only where such a source is polled.
    this.#client ??= import('e2b').then(({ ApiClient, ConnectionConfig }) => {
      const config = new ConnectionConfig({
        apiKey: this.#config.api_key,
        apiUrl: this.#config.api_url.replace(/\/+$/, ''),
        debug: false,
        // The SDK would wait out a rate limit inside the call: the poller does, for all calls.
        retries: 0,
      });
      return new ApiClient(config).api;
    });
    return await this.#client;
  }

  #thrown(what: string, error: unknown): SourceError {
    if (error instanceof SyntaxError) {
      return new SourceError(`${what}: found no complete JSON, expected the answer of the API`, {
        result: 'schema',
        cause: error,
      });
    }
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${what}: ${this.#config.api_url} cannot be reached (${reason}); check api_url and the network`;
    return new SourceError(message, { result: 'network', cause: error });
  }

  #refused(what: string, { error, response }: Answer): SourceError {
    const { status } = response;
    const text = isObject(error) && typeof error.message === 'string' ? error.message : response.statusText;
    const fail = (message: string, result: SourceError['result'], retryAfterMs?: number) =>
      new SourceError(`${what}: ${message}`, { result, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    if (status === 401 || status === 403) {
      return fail(`${status} ${text}; check api_key: a key of the team, e2b_…`, 'auth');
    }
    if (status === 429) {
      return fail(`429 ${text}; raise poll_interval or metrics_interval`, 'rate_limit', waitMs(response.headers));
    }
    if (status === 404 && what.endsWith('/metrics')) {
      return fail(`404 ${text}; where the server has no such endpoint, set metrics to each or none`, 'other');
    }
    return fail(`${status} ${text}`, status >= 500 ? 'server' : 'other');
  }
}

function check<T>(schema: z.ZodType<T>, data: unknown, call: string): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new SourceError(`${call}: ${z.prettifyError(parsed.error)}; see whether api_url is the API of E2B`, {
    result: 'schema',
    cause: parsed.error,
  });
}

function waitMs(headers: Headers): number | undefined {
  const askedMs = retryAfterMs(headers, Date.now());
  return askedMs === undefined ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(1_000, askedMs));
}

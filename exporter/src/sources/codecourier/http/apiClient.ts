import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { PollContext } from '../../source.ts';
import { ApiError, answeredFailure } from './apiFailure.ts';
import { parseJson } from './parseJson.ts';
import { quotaOf } from './retryAfter.ts';

interface ApiClientOptions {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** The whole value of the Authorization header. */
  readonly authorization: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly log: Logger;
}

/** What a call reports to. A probe has no poll to report to. */
export type CallContext = Pick<PollContext, 'signal'> & Partial<Pick<PollContext, 'countRequest' | 'quotaRemaining'>>;

export type Query = Readonly<Record<string, string | number | undefined>>;

/** A limit that ends within this is waited for; a longer one ends the poll, which goes on where it stopped. */
const LONGEST_WAIT_MS = 5_000;
const TRIES = 4;
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Reads JSON over HTTP: a bounded number of calls at once, an X-Request-ID each, one deadline for headers and body, and a
 * pause of all calls while the platform limits the rate.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #pausedUntilMs = 0;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#free = options.concurrency;
  }

  /**
   * @returns the JSON of the answer, integers beyond 2^53 as the text of their digits.
   * @throws ApiError; what aborted `context.signal` where that did.
   */
  async get(path: string, query: Query, context: CallContext): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      await this.#enter();
      try {
        await this.#waitForQuota(context.signal);
        return await this.#call(path, query, context);
      } catch (error) {
        const waitMs = error instanceof ApiError && error.result === 'rate_limit' ? error.retryAfterMs : undefined;
        if (waitMs === undefined || waitMs > LONGEST_WAIT_MS || attempt >= TRIES) throw error;
        this.#pausedUntilMs = Math.max(this.#pausedUntilMs, performance.now() + waitMs);
      } finally {
        this.#leave();
      }
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }

  async #waitForQuota(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const waitMs = this.#pausedUntilMs - performance.now();
      if (waitMs <= 0) return;
      await sleep(waitMs, undefined, { signal });
    }
  }

  async #call(path: string, query: Query, context: CallContext): Promise<unknown> {
    const { log } = this.#options;
    const requestId = randomUUID();
    const startedMs = performance.now();
    try {
      const { status, value } = await this.#exchange(path, query, context, requestId);
      context.countRequest?.('ok');
      log.debug(
        { requestId, path, status, durationMs: Math.round(performance.now() - startedMs) },
        'read the platform',
      );
      return value;
    } catch (error) {
      if (context.signal.aborted) throw context.signal.reason;
      if (!(error instanceof ApiError)) throw error;
      context.countRequest?.(error.result);
      log.info(
        {
          requestId,
          answeredRequestId: error.requestId,
          path,
          status: error.status,
          code: error.code,
          err: error.message,
        },
        'a call to the platform failed',
      );
      throw error;
    }
  }

  async #exchange(
    path: string,
    query: Query,
    context: CallContext,
    requestId: string,
  ): Promise<{ status: number; value: unknown }> {
    const { baseUrl, authorization, timeoutMs } = this.#options;
    const url = new URL(baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const deadline = AbortSignal.timeout(timeoutMs);
    const what = `GET ${url.origin}${url.pathname}`;
    let response: Response;
    let body: string;
    try {
      response = await fetch(url, {
        headers: { authorization, accept: 'application/json', 'x-request-id': requestId },
        signal: AbortSignal.any([context.signal, deadline]),
        // A key must not follow a redirect.
        redirect: 'manual',
      });
      body = await readBody(response);
    } catch (cause) {
      const found = deadline.aborted ? `no whole answer within ${timeoutMs / 1000} s` : reasonOf(cause);
      const remedy = deadline.aborted
        ? 'raise request_timeout or see why it is slow'
        : 'check base_url and the network';
      throw new ApiError(`${what}: ${found}; ${remedy}`, { result: 'network', requestId, cause });
    }
    const quota = quotaOf(response.headers);
    if (quota !== undefined) context.quotaRemaining?.(quota);
    if (!response.ok) throw answeredFailure(response, body, what, requestId);
    try {
      return { status: response.status, value: parseJson(body) };
    } catch (cause) {
      throw new ApiError(
        `${what}: expected JSON, found ${JSON.stringify(body.slice(0, 80))}; check base_url, and that no proxy answers in its place`,
        {
          result: 'schema',
          requestId: response.headers.get('x-request-id') ?? requestId,
          status: response.status,
          cause,
        },
      );
    }
  }
}

async function readBody(response: Response): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error(`found a body of more than ${MAX_BODY_BYTES} bytes; lower page_size`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** fetch says "fetch failed" and keeps what happened in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  return first instanceof Error ? `${error.message}: ${first.message}` : error.message;
}

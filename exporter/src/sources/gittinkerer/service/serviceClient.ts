import { retryAfterMs } from '../../../retryAfterMs.ts';
import { isObject, type JsonObject } from '../../rows/textValues.ts';
import { SourceError, type SourceResult } from '../../source.ts';
import type { ServiceConfig } from '../config.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** An answer of the service, whatever its status. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the body is no JSON object. */
  readonly body: JsonObject | undefined;
  readonly latencySeconds: number;
}

/**
 * Asks the service.
 * @throws SourceError `network` where no whole answer came; the signal's reason where it aborted.
 */
export async function askService(config: ServiceConfig, path: string, signal: AbortSignal): Promise<ServiceAnswer> {
  const url = config.url.replace(/\/+$/, '') + path;
  const timeout = AbortSignal.timeout(config.timeout);
  const startedMs = performance.now();
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, timeout]),
      // A redirect could send the token elsewhere.
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        'user-agent': 'fleetlens',
        ...(config.token === undefined ? {} : { authorization: `Bearer ${config.token}` }),
      },
    });
    const text = await readBody(response, url);
    const latencySeconds = (performance.now() - startedMs) / 1000;
    return { status: response.status, headers: response.headers, body: parse(text), latencySeconds };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof SourceError) throw cause;
    const why = timeout.aborted ? `no answer within ${config.timeout / 1000} s` : reasonOf(cause);
    throw new SourceError(`${url}: ${why}; check service.url, and that the service runs`, { result: 'network', cause });
  }
}

async function readBody(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw new SourceError(`${url}: found more than ${MAX_BODY_BYTES} bytes, expected a small JSON object`, {
        result: 'schema',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** fetch() only says `fetch failed`; what failed is its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  return first instanceof Error ? first.message : String(first);
}

export function resultOf(status: number): SourceResult {
  if (status === 401 || status === 403) return 'auth';
  if (status === 429) return 'rate_limit';
  if (status >= 500) return 'server';
  return status >= 200 && status < 300 ? 'ok' : 'other';
}

/** @returns milliseconds to wait, from Retry-After (seconds or a date) or `error.resetAt`; undefined where nothing says so. */
export function waitMs({ headers, body }: ServiceAnswer, nowMs: number): number | undefined {
  const error = isObject(body?.error) ? body.error : body;
  const resetAt = Date.parse(String(error?.resetAt ?? ''));
  return retryAfterMs(headers, nowMs) ?? (Number.isFinite(resetAt) ? Math.max(0, resetAt - nowMs) : undefined);
}

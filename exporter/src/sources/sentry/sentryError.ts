import { retryAfterMs } from '../../retryAfterMs.ts';
import { HostedError } from '../hostedError.ts';

/** Sentry's windows last a second to a minute; where it limits without saying for how long, so long is waited. */
const UNSAID_WAIT_MS = 10_000;
/** A wait that a header asks for is believed up to here. */
const LONGEST_WAIT_MS = 10 * 60_000;

/**
 * @param what was asked for, for the message.
 * @param scope the scope that this call needs.
 */
export function refusedBy({ status, headers }: Response, body: string, what: string, scope: string): HostedError {
  const detail = detailOf(body);
  const said = `${what}: Sentry answered ${status}${detail === undefined ? '' : `: ${detail}`}`;
  if (status === 401) {
    return new HostedError(`${said}; the token is revoked, expired or wrong: set another as auth_token`, 'auth', {
      stops: true,
    });
  }
  if (status === 403) {
    return new HostedError(`${said}; the token needs the scope ${scope}, and access to the project`, 'auth');
  }
  if (status === 404) {
    return new HostedError(
      `${said}; correct organization and projects, or base_url: an organization lives in one region`,
      'other',
    );
  }
  if (status === 429) {
    return new HostedError(`${said}; raise poll_interval if this goes on`, 'rate_limit', {
      stops: true,
      retryAfterMs: waitMs(headers, Date.now()),
    });
  }
  if (status >= 300 && status < 400) {
    return new HostedError(`${said}; the organization or project has another slug or region now`, 'other');
  }
  return new HostedError(said, status >= 500 ? 'server' : 'other');
}

/** `Retry-After` (seconds or a date), else when the window of the rate limit ends. */
function waitMs(headers: Headers, nowMs: number): number {
  const reset = headers.get('x-sentry-rate-limit-reset');
  const delayMs = retryAfterMs(headers, nowMs) ?? Number(reset || Number.NaN) * 1000 - nowMs;
  return Number.isFinite(delayMs) ? Math.min(LONGEST_WAIT_MS, Math.max(1_000, delayMs)) : UNSAID_WAIT_MS;
}

/** `{"detail":"…"}`, or an object with a message in its place; anything else is a proxy's page, and the status says enough. */
function detailOf(body: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const detail: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'detail') : undefined;
  const message: unknown = typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'message') : detail;
  return typeof message === 'string' ? message.slice(0, 300) : undefined;
}

/** A number up to this is seconds from now, one above it a point in time. */
const LONGEST_DELAY_SECONDS = 10_000_000;
/** Above this a point in time is in milliseconds. */
const EARLIEST_MS = 100_000_000_000;

/**
 * How long to wait by what an answer says: `Retry-After` (seconds or a date), else the reset of a rate-limit window. Which
 * headers CodeCourier sends is not published, so the usual spellings are read.
 * @returns milliseconds, not negative; undefined where the answer says nothing.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const asked = headers.get('retry-after');
  const date = asked === null ? Number.NaN : Date.parse(asked);
  const text =
    asked ??
    headers.get('ratelimit-reset') ??
    headers.get('x-ratelimit-reset') ??
    headers.get('x-rate-limit-reset') ??
    '';
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(number) && number >= 0) {
    if (number <= LONGEST_DELAY_SECONDS) return number * 1000;
    return Math.max(0, (number < EARLIEST_MS ? number * 1000 : number) - nowMs);
  }
  return Number.isFinite(date) ? Math.max(0, date - nowMs) : undefined;
}

/** @returns the calls that are left in the rate-limit window, where an answer says so. */
export function quotaOf(headers: Headers): number | undefined {
  const text =
    headers.get('ratelimit-remaining') ?? headers.get('x-ratelimit-remaining') ?? headers.get('x-rate-limit-remaining');
  if (text === null || text.trim() === '') return undefined;
  const calls = Number(text);
  return Number.isFinite(calls) && calls >= 0 ? calls : undefined;
}

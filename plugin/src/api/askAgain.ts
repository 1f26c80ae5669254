import { ApiFailure } from './ApiFailure';

const MOST_RETRIES = 3;
const LONGEST_MS = 15_000;

/**
 * What failed for a reason that passes is asked again, more and more slowly, or when the exporter says.
 * @param failures how often it failed before this one
 * @returns milliseconds to wait; undefined where asking again is in vain
 */
export function retryDelayMs(failures: number, error: unknown): number | undefined {
  if (failures >= MOST_RETRIES || !(error instanceof ApiFailure) || !error.isTemporary) return undefined;
  return error.retryAfterSeconds !== undefined
    ? error.retryAfterSeconds * 1_000
    : Math.min(1_000 * 2 ** failures, LONGEST_MS);
}

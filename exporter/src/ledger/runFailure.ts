import type { RunRecord } from '../contract/records.ts';

/** @returns whether the run ended in a way that somebody should look at. */
export function isFailure({ status }: Pick<RunRecord, 'status'>): boolean {
  return status === 'failed' || status === 'timed_out';
}

/**
 * @param endedAt when the failure happened, canonical RFC 3339; default: the end that the run names
 * @returns whether somebody acknowledged this failure: what they saw before it was one of an earlier attempt.
 */
export function isAcknowledged(
  { acknowledgedAt, finishedAt }: Pick<RunRecord, 'acknowledgedAt' | 'finishedAt'>,
  endedAt = finishedAt,
): boolean {
  return acknowledgedAt !== undefined && (endedAt === undefined || acknowledgedAt >= endedAt);
}

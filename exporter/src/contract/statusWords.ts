import { STATUSES, type Status } from './status.ts';

/** What the platforms call the statuses, in their own words (lower case): CodeCourier, Trigger.dev, the workflow ledger, Crucible, GitTinkerer. */
const PLATFORM_WORDS: Readonly<Record<string, Status>> = {
  pending: 'queued',
  created: 'queued',
  pending_version: 'queued',
  delayed: 'queued',
  dequeued: 'running',
  executing: 'running',
  suspended: 'waiting',
  completed: 'succeeded',
  success: 'succeeded',
  crashed: 'failed',
  system_failure: 'failed',
  expired: 'timed_out',
  canceled: 'cancelled',
  lost: 'unknown',
};

/** @returns the status that a word means, in either case and spelling; undefined for one that nobody uses. */
export function statusOfWord(word: string): Status | undefined {
  const lower = word.trim().toLowerCase().replaceAll('-', '_');
  return STATUSES.find((status) => status === lower) ?? PLATFORM_WORDS[lower];
}

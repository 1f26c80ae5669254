/** Counters of one arq worker process, since it started. */
export interface WorkerHealth {
  readonly completed: number;
  readonly failed: number;
  readonly retried: number;
  readonly ongoing: number;
}

const HEALTH = /j_complete=(\d+) j_failed=(\d+) j_retried=(\d+) j_ongoing=(\d+) queued=(\d+)/;

/**
 * Reads `Nov-20 22:16:57 j_complete=4 j_failed=1 j_retried=2 j_ongoing=2 queued=4`. The time is the worker's local one and has
 * no year: the key's TTL says better how old the text is.
 */
export function readHealth(text: string): WorkerHealth | undefined {
  const match = HEALTH.exec(text);
  if (match === null) return undefined;
  const [completed = 0, failed = 0, retried = 0, ongoing = 0] = match.slice(1).map(Number);
  return { completed, failed, retried, ongoing };
}

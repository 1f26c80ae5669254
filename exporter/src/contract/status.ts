/**
 * The one list of statuses. The SQL, the metric labels, the colours of the plugin and the tests derive from it.
 * Chains and sprints use the subset {@link CHAIN_STATUSES}; sandboxes have {@link SANDBOX_STATUSES}.
 */
export const STATUSES = [
  'queued',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'skipped',
  'unknown',
] as const;
export type Status = (typeof STATUSES)[number];

/** A run in one of these is going on now. */
export const OPEN_STATUSES = ['queued', 'running', 'waiting'] as const satisfies readonly Status[];
export type OpenStatus = (typeof OPEN_STATUSES)[number];

/** A run that reached one of these has finished. */
export const FINISHED_STATUSES = ['succeeded', 'failed', 'timed_out', 'cancelled'] as const satisfies readonly Status[];
export type FinishedStatus = (typeof FINISHED_STATUSES)[number];

/** A step can also be skipped. */
export const STEP_FINISHED_STATUSES = [...FINISHED_STATUSES, 'skipped'] as const satisfies readonly Status[];

export const CHAIN_STATUSES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'unknown',
] as const satisfies readonly Status[];
export const CHAIN_OPEN_STATUSES = ['queued', 'running'] as const satisfies readonly Status[];
export const CHAIN_FINISHED_STATUSES = ['succeeded', 'failed', 'cancelled'] as const satisfies readonly Status[];

export const SANDBOX_STATUSES = ['creating', 'running', 'paused', 'killed', 'error', 'unknown'] as const;
export const SANDBOX_OPEN_STATUSES = ['creating', 'running', 'paused'] as const;

export function isOpen(status: string | undefined): status is OpenStatus {
  return (OPEN_STATUSES as readonly (string | undefined)[]).includes(status);
}

export function isFinished(status: string | undefined): status is FinishedStatus {
  return (FINISHED_STATUSES as readonly (string | undefined)[]).includes(status);
}

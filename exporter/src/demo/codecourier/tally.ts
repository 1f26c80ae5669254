import type { FinishedStatus } from '../../contract/status.ts';

/** When a run was asked for, began and ended. */
export interface RunSpan {
  readonly project: string;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly endMs: number;
  readonly status: FinishedStatus;
  readonly iterations: number;
}

export interface SandboxSpan {
  readonly project: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What the platform itself counts of a day's work: for its project counters, daily statistics and queue. */
export interface Tally {
  readonly runs: RunSpan[];
  readonly sandboxes: SandboxSpan[];
}

import type { PulledRecord } from '../source.ts';

/** What one committed step of a poll holds; records and cursor commit in one transaction. */
export interface PulledBatch {
  readonly source: string;
  /** The start of the poll, the `at` of records that carry none. */
  readonly startedAt: Date;
  readonly records: readonly PulledRecord[];
  readonly goneRuns?: readonly string[];
  /** JSON; the next poll starts from it. */
  readonly cursor: unknown;
  readonly progress?: { readonly done: number; readonly total: number };
  readonly readUpTo?: string;
  /** The first complete poll has ended, with this batch or before. */
  readonly backfillDone: boolean;
}

/** What the poller needs of the ledger. */
export interface PullLedger {
  /** `cursor` is undefined where the source was never read; `backfilled`: its first complete poll has ended. */
  readCursor(source: string): Promise<{ cursor: unknown; backfilled: boolean }>;
  recordPulled(batch: PulledBatch): Promise<void>;
  /** Runs of the source that are queued, running or waiting, oldest first. */
  openRunIds(source: string): Promise<readonly string[]>;
}

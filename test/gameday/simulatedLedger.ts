import type pg from 'pg';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import type { BudgetPolicy } from '../../exporter/src/ledger/budgets/budgetPolicy.ts';
import type { BudgetState } from '../../exporter/src/ledger/budgets/readBudgets.ts';
import { toNano } from '../../exporter/src/ledger/nano.ts';
import type { LedgerPolicy } from '../../exporter/src/ledger/recordEvents.ts';
import { DEFAULT_SERIES_CAPS, type SeriesCaps } from '../../exporter/src/ledger/seriesRegistry.ts';
import { normaliseEvent } from '../../exporter/src/normalise/normaliseEvent.ts';
import type { Happening } from './timeline.ts';
import { BUDGETS_USD, CRUCIBLE, DAY_MS, ERROR_SERIES_CAP, LEGACY, SETTLE_MS } from './world.ts';

/** A ledger that lives in another time. */
export interface SimulatedLedger {
  /** What the exposition reads from. */
  readonly pool: pg.Pool;
  /** The time that it is, milliseconds since 1970. */
  setClock(ms: number): Promise<void>;
  /** Applies what happened, in order, and looks at what is due. */
  apply(happenings: readonly Happening[]): Promise<void>;
  readBudgets(): Promise<readonly BudgetState[]>;
  close(): Promise<void>;
}

export type EventHappening = Extract<Happening, { what: 'event' }>;

/** The polled sources; what they tell comes through the poller, which keeps their state. */
export const POLLED: ReadonlySet<string> = new Set([CRUCIBLE, LEGACY]);

export const BUDGET_POLICY: BudgetPolicy = {
  timeZone: 'UTC',
  limits: new Map([
    ['workspace_monthly', toNano(BUDGETS_USD.workspace_monthly)],
    ['repo_daily', toNano(BUDGETS_USD.repo_daily)],
    ['persona_run', toNano(BUDGETS_USD.persona_run)],
  ]),
  pauses: true,
  needsAcknowledgement: true,
  tells: [],
  pausers: [],
};

export const POLICY: LedgerPolicy = {
  costFrom: () => 'usage',
  lostAfterMs: DAY_MS,
  settleAfterMs: SETTLE_MS,
  dedupeWindowMs: 35 * DAY_MS,
  budgets: BUDGET_POLICY,
};

export const CAPS: SeriesCaps = { ...DEFAULT_SERIES_CAPS, maxSeriesByFamily: { fleet_errors_total: ERROR_SERIES_CAP } };

/** What the exporter's ingest makes of an event that is sent to it. */
export function received({ source, kind, saidAt, data }: EventHappening, id: string, nowMs: number): NormalisedEvent {
  return normaliseEvent({ id, source, kind, at: new Date(saidAt).toISOString(), data }, nowMs);
}

import { budgetPolicyOf } from './budgetPolicyOf.ts';
import type { Config } from './config.ts';
import { costFromOf } from './ledger/costFrom.ts';
import type { LedgerPolicy } from './ledger/recordEvents.ts';

/** @returns how the configuration wants records counted. */
export function ledgerPolicyOf(config: Config): LedgerPolicy {
  const { baseline_runs: baselineRuns, margin } = config.quality;
  const { lost_after, settle_after, dedupe_window } = config.ledger;
  const zones = new Map(config.sources.map(({ name, timezone }) => [name, timezone]));
  return {
    costFrom: costFromOf(config.sources),
    timeZone: (source) => zones.get(source),
    lostAfterMs: lost_after,
    settleAfterMs: settle_after,
    dedupeWindowMs: dedupe_window,
    budgets: budgetPolicyOf(config),
    quality: { baselineRuns, margin },
  };
}

import { budgetOf } from '../contract/budgets.ts';
import type { FamilyName } from '../contract/metricCatalogue.ts';
import type { BudgetState } from '../ledger/budgets/readBudgets.ts';
import { SLOT_MS } from '../ledger/budgets/slot.ts';
import { fromNano } from '../ledger/nano.ts';
import type { GaugeFamily } from './scrape.ts';

/** The families of the budgets; what a budget has nothing to say of is absent. */
export function budgetGauges(states: readonly BudgetState[]): GaugeFamily[] {
  const family = (name: FamilyName, value: (state: BudgetState) => number | undefined): GaugeFamily => ({
    name,
    samples: states.flatMap((state) => {
      const v = value(state);
      return v === undefined ? [] : [{ labels: [budgetOf(state.scope), state.scope, state.subject], value: v }];
    }),
  });
  const usd = (nano: bigint | undefined) => (nano === undefined ? undefined : fromNano(nano.toString()));
  return [
    family('fleet_budget_limit_usd', ({ cap }) => usd(cap)),
    family('fleet_budget_spent_usd', ({ spent }) => usd(spent)),
    family('fleet_budget_paused', ({ pause }) => Number(pause?.isPaused ?? false)),
    family('fleet_budget_window_end_timestamp_seconds', ({ window }) => window && (window.ends * SLOT_MS) / 1000),
  ];
}

import type { BudgetAnswer } from '@contract/budgets.ts';

/** How a budget stands, the most urgent first. */
export const BUDGET_STATES = ['paused', 'over', 'near', 'within'] as const;
export type BudgetState = (typeof BUDGET_STATES)[number];

/** FleetBudgetNearLimit. */
const NEAR = 0.8;

/** @returns the part of the limit that is spent; undefined without a limit. */
export function shareSpent({ spentUsd, limitUsd }: BudgetAnswer): number | undefined {
  return limitUsd > 0 ? spentUsd / limitUsd : undefined;
}

export function stateOf(budget: BudgetAnswer): BudgetState {
  if (budget.paused) return 'paused';
  const share = shareSpent(budget) ?? 0;
  if (share >= 1) return 'over';
  return share >= NEAR ? 'near' : 'within';
}

/** @returns the same budgets, those that need somebody first. */
export function byUrgency(budgets: readonly BudgetAnswer[]): BudgetAnswer[] {
  const rank = (budget: BudgetAnswer) => BUDGET_STATES.indexOf(stateOf(budget));
  return [...budgets].sort((a, b) => rank(a) - rank(b) || (shareSpent(b) ?? 0) - (shareSpent(a) ?? 0));
}

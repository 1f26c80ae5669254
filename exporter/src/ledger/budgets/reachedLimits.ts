import type { BudgetScope } from '../../contract/budgets.ts';
import type { BudgetPolicy } from './budgetPolicy.ts';
import type { CalendarWindow } from './calendarWindow.ts';

/** What a budget has spent in one window, or by one run; units of 1e-9 USD. */
export interface SpentNow {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly window?: CalendarWindow;
  readonly run?: { readonly source: string; readonly runId: string };
  readonly spent: bigint;
  /** The limit that an admin set for this window or run. */
  readonly raised?: bigint;
  /** The highest limit that is known to have been reached. */
  readonly noticed?: bigint;
}

export interface ReachedLimit extends SpentNow {
  /** The limit that was reached. */
  readonly cap: bigint;
}

/** @returns the limit in force for a window or run: the configured one, or the higher one that an admin set. */
export function capOf(configured: bigint, raised: bigint | undefined): bigint {
  return raised !== undefined && raised > configured ? raised : configured;
}

/** @returns what has reached a limit that was not reached before. Pure. */
export function reachedLimits(spent: readonly SpentNow[], policy: BudgetPolicy): ReachedLimit[] {
  return spent.flatMap((now) => {
    const configured = policy.limits.get(now.scope);
    if (configured === undefined) return [];
    const cap = capOf(configured, now.raised);
    if (now.spent < cap || (now.noticed !== undefined && now.noticed >= cap)) return [];
    return [{ ...now, cap }];
  });
}

import type { BudgetName, BudgetScope } from './budgets.ts';

/** What receivers are told of a budget. Money in USD, times RFC 3339. */
export interface BudgetMessage {
  /** exceeded: to the receivers of `notify`; pause and resume: to the sources that take pauses. */
  readonly type: 'budget_exceeded' | 'budget_pause' | 'budget_resume';
  readonly at: string;
  readonly budget: BudgetName;
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly limitUsd: number;
  readonly spentUsd: number;
  readonly windowStart?: string;
  readonly windowEnd?: string;
  readonly timeZone: string;
  /** Of a persona's budget: the run that spent it. */
  readonly run?: { readonly source: string; readonly runId: string };
  /** New sessions are paused. */
  readonly paused: boolean;
  /** Until when, without an acknowledgement; absent: until an admin acknowledges. */
  readonly pausedUntil?: string;
  /** Whom to ask. */
  readonly contact?: string;
  readonly acknowledgedBy?: string;
  readonly reason?: string;
  readonly raisedToUsd?: number;
}

import type { BudgetScope } from '../../contract/budgets.ts';

/** What the ledger knows of the configured budgets; the same on every replica. */
export interface BudgetPolicy {
  /** In which days and months begin; an IANA name. */
  readonly timeZone: string;
  /** Units of 1e-9 USD; a scope without a limit has no budget. */
  readonly limits: ReadonlyMap<BudgetScope, bigint>;
  /** New sessions of the scope are paused when the limit is reached. */
  readonly pauses: boolean;
  /** A pause ends when an admin acknowledges; else with its window. */
  readonly needsAcknowledgement: boolean;
  /** Receivers in the outbox that are told when a limit is reached. */
  readonly tells: readonly string[];
  /** Receivers in the outbox that are told of each pause and its end. */
  readonly pausers: readonly string[];
  readonly contact?: string;
}

import type pg from 'pg';
import type { BudgetScope } from '../../contract/budgets.ts';
import { IS_PAUSED } from './isPaused.ts';

/** A scope in which no new session should start. */
export interface Paused {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly since: Date;
  readonly until: Date | undefined;
}

/** A ledger that hangs must not keep the gate from knowing that it does. */
const TIMEOUT_MS = 2_000;

/** Reads what is paused now: a handful of rows by an index that holds them alone. */
export async function readPaused(pool: pg.Pool): Promise<Paused[]> {
  const { rows } = await pool.query<{ scope: BudgetScope; subject: string; paused_at: Date; until: Date | null }>({
    name: 'budgets_paused',
    text: `select p.scope, p.subject, p.paused_at, p.until from fleetlens.budget_pause p where ${IS_PAUSED} order by p.id`,
    // Not in @types/pg yet.
    ...{ query_timeout: TIMEOUT_MS },
  });
  return rows.map(({ scope, subject, paused_at: since, until }) => ({
    scope,
    subject,
    since,
    until: until ?? undefined,
  }));
}

import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import type { Logger } from 'pino';
import { budgetWarnings } from './config/budgetsSchema.ts';
import type { Config } from './config.ts';
import { budgetsRoute } from './http/budgets/budgetsRoute.ts';
import { gateRoute } from './http/budgets/gateRoute.ts';
import { PauseBoard } from './http/budgets/pauseBoard.ts';
import { evaluateBudgets } from './ledger/budgets/evaluateBudgets.ts';
import type { Ledger } from './ledger/ledger.ts';

export interface ServeBudgetsOptions {
  readonly ledger: Ledger;
  readonly connectionString: string;
  readonly migrated: Promise<void>;
  config(): Config;
  readonly log: Logger;
}

export interface ServedBudgets {
  /** The ledger has a changed policy: what was spent before is looked at anew. */
  changed(): void;
  close(): Promise<void>;
}

const CONNECT_MS = 2_000;

/** The routes of the budgets, and what keeps the gate current. */
export function serveBudgets(app: FastifyInstance, options: ServeBudgetsOptions): ServedBudgets {
  const { ledger, connectionString, migrated, config, log } = options;
  const pool = new pg.Pool({
    connectionString,
    max: 1,
    application_name: 'fleetlens gate',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
  });
  pool.on('error', (error) => log.debug({ err: error }, 'gate: its connection was lost'));
  const board = new PauseBoard(pool, log);
  board.start();
  const policy = () => ledger.policy.budgets;
  gateRoute(app, { board, policy, config });
  budgetsRoute(app, { pool: ledger.pool, policy });

  const changed = () => {
    for (const warning of budgetWarnings(config())) log.warn(warning);
    if (policy() === undefined) return;
    migrated
      .then(() => ledger.transaction(evaluateBudgets))
      // The next event that costs something looks at its budgets all the same.
      .catch((error: unknown) => log.warn({ err: error }, 'budgets: what was spent before could not be looked at'));
  };
  changed();
  return {
    changed,
    async close() {
      await board.stop();
      await pool.end();
    },
  };
}

import { analyticsRoutes } from '../../exporter/src/http/analyticsRoutes.ts';
import type { BudgetPolicy } from '../../exporter/src/ledger/budgets/budgetPolicy.ts';
import { type ServedReads, serveReads } from '../api/servedLedger.ts';
import { type LedgerBed, openLedger } from '../ledger/ledgerBed.ts';

const YEAR_MS = 365 * 86_400_000;

export interface ServedAnalytics extends AsyncDisposable {
  readonly bed: LedgerBed;
  readonly reads: ServedReads;
  /** @returns the answer of `/api/v1/analytics/<path>`. @throws where it is no success. */
  ask<T>(path: string, token?: 'all' | 'team'): Promise<T>;
}

/** The routes of analytics on a ledger of its own; the token `team` sees the project `acme/api` alone. */
export async function serveAnalytics(budgets?: BudgetPolicy): Promise<ServedAnalytics> {
  const bed = await openLedger({
    policy: {
      costFrom: (source) => (source === 'byRun' ? 'run' : 'usage'),
      lostAfterMs: YEAR_MS,
      settleAfterMs: 0,
      dedupeWindowMs: YEAR_MS,
    },
  });
  const reads = await serveReads(bed.ledger.pool, ['acme/api'], (app) =>
    analyticsRoutes(app, {
      pool: bed.ledger.pool,
      policy: () => budgets,
      externalUrl: 'https://fleetlens.example/base',
    }),
  );
  return {
    bed,
    reads,
    async ask<T>(path: string, token: 'all' | 'team' = 'all') {
      const { status, body } = await reads.get(`/api/v1/analytics/${path}`, token);
      if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
      return body as T;
    },
    async [Symbol.asyncDispose]() {
      await reads.close();
      await bed[Symbol.asyncDispose]();
    },
  };
}

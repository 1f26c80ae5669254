import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { budgetReviewQuery, figuresQuery, groupsQuery, reviewQuery, timeseriesQuery } from '../contract/analytics.ts';
import {
  analyseFailures,
  analyseRuns,
  analyseSpend,
  analyseTimeseries,
  BadAnalyticsQuery,
  FactsNotReady,
} from '../ledger/analytics/analyseRuns.ts';
import { reviewBudgets, reviewPersonas } from '../ledger/analytics/reviewWeek.ts';
import type { BudgetPolicy } from '../ledger/budgets/budgetPolicy.ts';
import { HttpError } from './httpError.ts';
import { readQuery, readRoute, sendJson } from './readRequest.ts';

export interface AnalyticsOptions {
  readonly pool: pg.Pool;
  /** The budgets in force. */
  policy(): BudgetPolicy | undefined;
  /** `web.external_url` */
  readonly externalUrl?: string | undefined;
}

const RETRY_AFTER_SECONDS = '10';

/** `GET /api/v1/analytics/…`: figures over the runs that ended in a window, and the two weekly reviews. */
export function analyticsRoutes(app: FastifyInstance, { pool, policy, externalUrl }: AnalyticsOptions): void {
  const route = (name: string, answer: (request: Parameters<Parameters<typeof readRoute>[2]>[0]) => Promise<unknown>) =>
    readRoute(app, `/api/v1/analytics/${name}`, async (request, reply) =>
      sendJson(reply, await answer(request).catch(refuse)),
    );
  route('runs', (request) => analyseRuns(pool, readQuery(request, figuresQuery), request.principal.projects));
  route('failures', (request) => analyseFailures(pool, readQuery(request, groupsQuery), request.principal.projects));
  route('spend', (request) => analyseSpend(pool, readQuery(request, groupsQuery), request.principal.projects));
  route('timeseries', (request) =>
    analyseTimeseries(pool, readQuery(request, timeseriesQuery), request.principal.projects),
  );
  route('personas', (request) =>
    reviewPersonas(pool, readQuery(request, reviewQuery), request.principal.projects, externalUrl),
  );
  route('budgets', (request) =>
    reviewBudgets(pool, readQuery(request, budgetReviewQuery), request.principal.projects, policy()),
  );
}

function refuse(error: unknown): never {
  if (error instanceof BadAnalyticsQuery)
    throw new HttpError(400, 'invalid_parameter', error.message, { cause: error });
  if (error instanceof FactsNotReady) {
    throw new HttpError(503, 'not_ready', error.message, {
      cause: error,
      headers: { 'retry-after': RETRY_AFTER_SECONDS },
    });
  }
  throw error;
}

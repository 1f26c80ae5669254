import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { type BaselinesAnswer, baselinesQuery, qualityTrendQuery } from '../contract/quality.ts';
import type { QualityPolicy } from '../ledger/quality/qualityPolicy.ts';
import { readBaselines } from '../ledger/quality/readBaselines.ts';
import { readTrend } from '../ledger/quality/readTrend.ts';
import { readQuery, readRoute, sendJson } from './readRequest.ts';

export interface QualityRoutesOptions {
  readonly pool: pg.Pool;
  policy(): QualityPolicy;
}

/** `GET /api/v1/quality/trend` and `/api/v1/quality/baselines`. */
export function qualityRoutes(app: FastifyInstance, { pool, policy }: QualityRoutesOptions): void {
  readRoute(app, '/api/v1/quality/trend', async (request, reply) => {
    const query = readQuery(request, qualityTrendQuery);
    return sendJson(reply, await readTrend(pool, query, request.principal.projects));
  });
  readRoute(app, '/api/v1/quality/baselines', async (request, reply) => {
    const query = readQuery(request, baselinesQuery);
    const { baselineRuns, margin } = policy();
    const data = await readBaselines(pool, query, baselineRuns, request.principal.projects);
    return sendJson(reply, { data, margin } satisfies BaselinesAnswer);
  });
}

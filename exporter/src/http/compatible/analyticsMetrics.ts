import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { analyticsQuery } from '../../contract/compatible.ts';
import { aggregateMetrics } from '../../ledger/read/aggregateMetrics.ts';
import { readQuery, readRoute, sendJson } from '../readRequest.ts';

/** `GET /api/analytics/metrics` of GitTinkerer. */
export function analyticsMetrics(app: FastifyInstance, { pool }: { readonly pool: pg.Pool }): void {
  readRoute(app, '/api/analytics/metrics', async (request, reply) => {
    const query = readQuery(request, analyticsQuery);
    return sendJson(reply, await aggregateMetrics(pool, query, request.principal.projects));
  });
}

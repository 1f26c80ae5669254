import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { analyticsExport } from './analyticsExport.ts';
import { analyticsMetrics } from './analyticsMetrics.ts';
import { runsSummary } from './runsSummary.ts';

/** What may be read as the platforms' own services answer it. */
export function compatibleRoutes(app: FastifyInstance, { pool }: { readonly pool: pg.Pool }): void {
  analyticsMetrics(app, { pool });
  analyticsExport(app, { pool });
  runsSummary(app, { pool });
}

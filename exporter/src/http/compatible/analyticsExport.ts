import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { EXPORT_COLUMNS, exportQuery } from '../../contract/compatible.ts';
import type { MetricRow } from '../../ledger/read/metricRows.ts';
import { streamMetrics } from '../../ledger/read/streamMetrics.ts';
import { HttpError } from '../httpError.ts';
import { readQuery, readRoute } from '../readRequest.ts';
import { csvLine } from './csvLine.ts';

/** Each holds a connection of the readers' pool until its reader has taken all. */
const MAX_CONCURRENT = 2;

/** `GET /api/analytics/export` of GitTinkerer: CSV, as fast as its reader takes it. */
export function analyticsExport(app: FastifyInstance, { pool }: { readonly pool: pg.Pool }): void {
  let underWay = 0;
  readRoute(app, '/api/analytics/export', async (request, reply) => {
    const query = readQuery(request, exportQuery);
    if (underWay >= MAX_CONCURRENT) {
      const message = `${underWay} exports are under way, at most ${MAX_CONCURRENT} may; ask again`;
      throw new HttpError(503, 'busy', message, { headers: { 'retry-after': '2' } });
    }
    underWay += 1;
    const end = () => {
      underWay -= 1;
    };
    const pages = streamMetrics(pool, query, request.principal.projects);
    // What fails before the first row still has an answer of its own.
    const first = await pages.next().catch((error: unknown) => {
      end();
      throw error;
    });
    const body = Readable.from(linesOf(first, pages), { objectMode: false }).once('close', end);
    return reply
      .header('cache-control', 'no-store')
      .header('vary', 'Authorization')
      .header('content-disposition', 'attachment; filename="run_metrics.csv"')
      .type('text/csv; charset=utf-8')
      .send(body);
  });
}

async function* linesOf(
  first: IteratorResult<readonly MetricRow[]>,
  rest: AsyncGenerator<readonly MetricRow[]>,
): AsyncGenerator<string> {
  try {
    yield csvLine(EXPORT_COLUMNS);
    for (let page = first; page.done !== true; page = await rest.next()) {
      yield page.value.map((row) => csvLine(row)).join('');
    }
  } finally {
    await rest.return(undefined);
  }
}

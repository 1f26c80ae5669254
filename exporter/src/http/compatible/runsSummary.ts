import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { type RunsSummaryAnswer, runsSummaryQuery } from '../../contract/compatible.ts';
import { STATUSES } from '../../contract/status.ts';
import { summariseRuns } from '../../ledger/read/summariseRuns.ts';
import { CRUCIBLE_STATUSES } from '../../sources/int-crucible/mapRun.ts';
import { HttpError } from '../httpError.ts';
import { readParams, readQuery, readRoute, sendJson } from '../readRequest.ts';
import { summariseRun } from './summariseRun.ts';

/** `GET /projects/{id}/runs/summary` of Int Crucible. */
export function runsSummary(app: FastifyInstance, { pool }: { readonly pool: pg.Pool }): void {
  readRoute(app, '/projects/:id/runs/summary', async (request, reply) => {
    const { id: project } = readParams(request, 'id');
    const { status, ...query } = readQuery(request, runsSummaryQuery);
    const found = await summariseRuns(
      pool,
      project,
      query,
      status?.map((word) => canonicalStatus(word)),
      request.principal.projects,
    );
    const answer: RunsSummaryAnswer = {
      runs: found.runs.map((run) => summariseRun(run)),
      total: found.total,
      limit: query.limit,
      offset: found.offset,
      has_more: found.hasMore,
      next_offset: found.hasMore ? found.offset + query.limit : null,
      next_cursor: found.nextCursor,
    };
    return sendJson(reply, answer);
  });
}

/** Crucible's own words, and those of the contract for the runs of others. */
function canonicalStatus(word: string): string {
  const lower = word.toLowerCase();
  const canonical = CRUCIBLE_STATUSES[lower] ?? STATUSES.find((status) => status === lower);
  if (canonical !== undefined) return canonical;
  const expected = [...new Set([...Object.keys(CRUCIBLE_STATUSES), ...STATUSES])].join(', ');
  throw new HttpError(400, 'invalid_parameter', `status: found ${JSON.stringify(word)}, expected one of ${expected}`);
}

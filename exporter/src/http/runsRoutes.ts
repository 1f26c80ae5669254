import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { runCountsQuery, runQuery, runsQuery, stepsQuery } from '../contract/api.ts';
import { type FindAnswer, findQuery } from '../contract/find.ts';
import { findRecords } from '../ledger/read/findRecords.ts';
import { countRuns, listRuns } from '../ledger/read/listRuns.ts';
import { listSteps } from '../ledger/read/listSteps.ts';
import { readRun } from '../ledger/read/readRun.ts';
import { errorBody } from './httpError.ts';
import { notFound, readParams, readQuery, readRoute, sendJson } from './readRequest.ts';

/** `GET /api/v1/runs`, `/runs/{source}/{id}` and its steps; `GET /api/v1/find`. */
export function runsRoutes(app: FastifyInstance, { pool }: { readonly pool: pg.Pool }): void {
  readRoute(app, '/api/v1/runs', async (request, reply) => {
    const query = readQuery(request, runsQuery);
    return sendJson(reply, await listRuns(pool, query, request.principal.projects));
  });

  readRoute(app, '/api/v1/runs/counts', async (request, reply) => {
    const query = readQuery(request, runCountsQuery);
    return sendJson(reply, await countRuns(pool, query, request.principal.projects));
  });

  readRoute(app, '/api/v1/find', async (request, reply) => {
    const { q, limit } = readQuery(request, findQuery);
    const answer: FindAnswer = { data: await findRecords(pool, q, limit, request.principal.projects) };
    return sendJson(reply, answer);
  });

  readRoute(app, '/api/v1/runs/:source/:id', async (request, reply) => {
    const { source, id } = readParams(request, 'source', 'id');
    const { include = [] } = readQuery(request, runQuery);
    const found = await readRun(pool, source, id, include, request.principal.projects);
    if (found === undefined) throw notFound(`run ${id} of source ${source}`);
    if ('run' in found) return sendJson(reply, found.run);
    const { prunedAt } = found;
    const message = `run ${id} of source ${source} was removed by retention at ${prunedAt}; what it counted stays in the metrics`;
    const { error } = errorBody('pruned', message, request.id);
    return sendJson(reply.code(410), { error: { ...error, prunedAt } });
  });

  readRoute(app, '/api/v1/runs/:source/:id/steps', async (request, reply) => {
    const { source, id } = readParams(request, 'source', 'id');
    const query = readQuery(request, stepsQuery);
    const page = await listSteps(pool, source, id, query, request.principal.projects);
    if (page === undefined) throw notFound(`run ${id} of source ${source}`);
    return sendJson(reply, page);
  });
}

import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import {
  NO_QUERY,
  RECORD_LIST_NAMES,
  type RecordsQuery,
  recordListOf,
  recordsQuerySchema,
  SAMPLE_LISTS,
  SINGLE_KEY_LISTS,
  samplesQuery,
  toRecordsQuery,
  unreadQuery,
} from '../contract/api.ts';
import { DEFAULT_QUALITY_POLICY, type QualityPolicy } from '../ledger/quality/qualityPolicy.ts';
import { listRecords } from '../ledger/read/listRecords.ts';
import { listSamples } from '../ledger/read/listSamples.ts';
import { countUnread } from '../ledger/read/ownNotifications.ts';
import { readRecord } from '../ledger/read/readRecord.ts';
import type { Principal } from './auth.ts';
import { compatibleRoutes } from './compatible/compatibleRoutes.ts';
import { notificationUsers } from './notificationUsers.ts';
import { openapiRoute } from './openapiRoute.ts';
import { outputRoutes } from './outputRoutes.ts';
import { qualityRoutes } from './qualityRoutes.ts';
import { notFound, readParams, readQuery, readRoute, sendJson } from './readRequest.ts';
import { runsRoutes } from './runsRoutes.ts';

export interface RecordRoutesOptions {
  readonly pool: pg.Pool;
  /** How evaluated runs are judged; absent: as without configuration. */
  readonly quality?: () => QualityPolicy;
}

/** The read API: runs, every other kind of record, the history of samples, what other services answer, and its description. */
export function recordRoutes(
  app: FastifyInstance,
  { pool, quality = () => DEFAULT_QUALITY_POLICY }: RecordRoutesOptions,
): void {
  runsRoutes(app, { pool });
  outputRoutes(app, { pool });
  for (const name of RECORD_LIST_NAMES) {
    const schema = recordsQuerySchema(name);
    readRoute(
      app,
      `/api/v1/${name}`,
      async (request, reply) => {
        const query = toRecordsQuery(readQuery(request, schema));
        const allowed = name === 'notifications' ? ofAllowedUsers(query, request.principal) : query;
        return sendJson(reply, await listRecords(pool, name, allowed, request.principal.projects));
      },
      recordListOf(name).access,
    );
  }
  for (const name of SINGLE_KEY_LISTS) {
    readRoute(
      app,
      `/api/v1/${name}/:source/:id`,
      async (request, reply) => {
        const { source, id } = readParams(request, 'source', 'id');
        readQuery(request, NO_QUERY);
        const users = name === 'notifications' ? notificationUsers(request.principal, undefined) : undefined;
        const record = await readRecord(pool, name, source, id, request.principal.projects);
        if (record === undefined || (users !== undefined && !users.includes(String(record.user)))) {
          throw notFound(`${recordListOf(name).kind} ${id} of source ${source}`);
        }
        return sendJson(reply, record);
      },
      recordListOf(name).access,
    );
  }
  for (const name of SAMPLE_LISTS) {
    readRoute(app, `/api/v1/${name}/:source/:id/samples`, async (request, reply) => {
      const { source, id } = readParams(request, 'source', 'id');
      const query = readQuery(request, samplesQuery);
      return sendJson(reply, await listSamples(pool, name, source, id, query, request.principal.projects));
    });
  }
  readRoute(app, '/api/v1/notifications/unread-count', async (request, reply) => {
    const { user, project } = readQuery(request, unreadQuery);
    const users = notificationUsers(request.principal, user);
    const unread = await countUnread(pool, { users, visible: request.principal.projects, project });
    return sendJson(reply, { unread });
  });
  qualityRoutes(app, { pool, policy: quality });
  compatibleRoutes(app, { pool });
  openapiRoute(app);
}

function ofAllowedUsers(query: RecordsQuery, principal: Principal): RecordsQuery {
  const users = notificationUsers(principal, query.filters.user);
  return users === undefined ? query : { ...query, filters: { ...query.filters, user: users } };
}

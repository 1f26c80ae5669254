import type pg from 'pg';
import type { ClientBase } from 'pg';
import { recordListOf } from '../../contract/api.ts';
import { inProjects } from './listRecords.ts';
import { projectsOf, type VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

/** Whose notifications: those of these users (undefined: of all) in the projects that may be seen. */
export interface NotificationScope {
  readonly users: readonly string[] | undefined;
  readonly visible: VisibleProjects;
  /** Only of these projects. */
  readonly project?: readonly string[] | undefined;
}

export interface NotificationKey {
  readonly source: string;
  readonly key: string;
}

/** $1 users, $2 projects. The condition of the index is that of migrations/0007_governance.sql. */
const IN_SCOPE = `($1::text[] is null or t.doc ->> 'user' = any($1)) and ($2::text[] is null or ${inProjects(recordListOf('notifications'), '$2')})`;
const UNREAD = `from fleetlens.notification t where not t.doc ?| array['readAt', 'dismissedAt'] and ${IN_SCOPE}`;

const valuesOf = ({ users, visible, project }: NotificationScope) => [users ?? null, projectsOf(project, visible)];

export async function countUnread(pool: pg.Pool, scope: NotificationScope): Promise<number> {
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ unread: string }>(`select count(*) as unread ${UNREAD}`, valuesOf(scope)),
  );
  return Number(rows[0]?.unread ?? 0);
}

/** @param most no more than so many */
export async function findUnread(
  client: ClientBase,
  scope: NotificationScope,
  most: number,
): Promise<NotificationKey[]> {
  const { rows } = await client.query<NotificationKey>(
    `select t.source, t.key ${UNREAD} order by t.source, t.key limit $3`,
    [...valuesOf(scope), most],
  );
  return rows;
}

/** @returns whether there is such a notification in the scope. */
export async function isInScope(
  client: ClientBase,
  scope: NotificationScope,
  { source, key }: NotificationKey,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from fleetlens.notification t where ${IN_SCOPE} and t.source = $3 and t.key = $4`,
    [...valuesOf(scope), source, key],
  );
  return rowCount === 1;
}

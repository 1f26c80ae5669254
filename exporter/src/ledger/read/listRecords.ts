import type pg from 'pg';
import {
  type Page,
  RECORD_LIST_NAMES,
  type RecordListDefinition,
  type RecordListName,
  type RecordsQuery,
  recordListOf,
} from '../../contract/api.ts';
import { definitionOf, type Kind } from '../../contract/records.ts';
import { recordTable } from '../recordTable.ts';
import { projectsOf, type VisibleProjects } from './listRuns.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';

export type AnyRecord = { readonly source: string } & Readonly<Record<string, unknown>>;
type Order = RecordsQuery['order'];

/** The projects that a record belongs to, each as an expression: its own, else those of its run and its sandbox. */
function projectWays(kind: Kind) {
  const { fields } = definitionOf(kind);
  const through = (field: string, table: string) =>
    field in fields && kind !== 'run' && kind !== 'sandbox'
      ? [{ table, where: `o.source = t.source and o.key = t.doc ->> '${field}'` }]
      : [];
  return {
    own: 'project' in fields ? `t.doc ->> 'project'` : undefined,
    others: [...through('runId', 'fleetlens.run'), ...through('sandboxId', 'fleetlens.sandbox')],
  };
}

/**
 * The condition that a record belongs to one of the projects of `$n`: its own project, else that of its run or sandbox. A record
 * of no project (a queue, a store) is for those who may see all.
 */
export function inProjects({ kind }: RecordListDefinition, parameter: string): string {
  const { own, others } = projectWays(kind);
  const ways = others.map(
    ({ table, where }) => `exists (select from ${table} o where ${where} and o.doc ->> 'project' = any(${parameter}))`,
  );
  const all = [
    ...(own === undefined ? [] : [`${own} = any(${parameter})`]),
    ...ways.map((way) => (own === undefined ? way : `(${own} is null and ${way})`)),
  ];
  return all.length === 0 ? 'false' : `(${all.join(' or ')})`;
}

/** The projects that {@link inProjects} compares, as an array. */
export function projectsOfRecord(kind: Kind): string {
  const { own, others } = projectWays(kind);
  const found = others.map(({ table, where }) => `(select o.doc ->> 'project' from ${table} o where ${where})`);
  const ofOthers = `array_remove(array[${found.join(', ')}]::text[], null)`;
  return own === undefined ? ofOthers : `case when ${own} is null then ${ofOthers} else array[${own}] end`;
}

/** The expression of the index that serves the list (migrations/0002_read_indexes.sql). */
function timeOf(field: string): string {
  return `coalesce(t.doc ->> '${field}', '') collate "C"`;
}

interface Sort {
  readonly sql: string;
  readonly type: 'text' | 'bigint';
  readonly direction: 'asc' | 'desc';
  /** Of source and key, among equals: as in the index, or all of it backwards. */
  readonly ties: 'asc' | 'desc';
}

function sortOf({ time }: RecordListDefinition, order: Order): Sort | undefined {
  if (order === 'recorded') return { sql: 't.seq', type: 'bigint', direction: 'asc', ties: 'asc' };
  if (time === undefined) return undefined;
  const sql = timeOf(time);
  return order === 'newest'
    ? { sql, type: 'text', direction: 'desc', ties: 'asc' }
    : { sql, type: 'text', direction: 'asc', ties: 'desc' };
}

const beyond = (direction: 'asc' | 'desc') => (direction === 'asc' ? '>' : '<');

const IS_PENDING = `not t.doc ?| array['decision', 'decidedAt']`;
/** Its own, else that of its workflow in its project (ledger/inheritSla.ts gives it what it has of elsewhere). */
const SLA_SECONDS = `coalesce((t.doc ->> 'slaSeconds')::float8, (select (w.doc ->> 'approvalSlaSeconds')::float8 from fleetlens.workflow w
  where w.source = t.source and w.key = (t.doc ->> 'workflow') || E'\\x1f' || coalesce(t.doc ->> 'project', '') and not w.doc ? 'archivedAt'))`;
const AGE_SECONDS = `extract(epoch from now() - (t.doc ->> 'requestedAt')::timestamptz)::float8`;

/** Of a sandbox that does not say where it comes from: its run does. */
const SANDBOX_ORIGIN = `coalesce(t.doc ->> 'origin', (select r.doc ->> 'origin' from fleetlens.run r
  where r.source = t.source and r.key = t.doc ->> 'runId'), '')`;
const OF_WORKFLOWS = `${SANDBOX_ORIGIN} in ('workflow', 'sprint')`;
const OF_ISSUES = `${SANDBOX_ORIGIN} in ('issue', 'issue_session')`;

/** What the states of a list mean. The first two expressions of notifications are those of migrations/0007_governance.sql. */
const STATES: { readonly [List in RecordListName]?: Readonly<Record<string, string>> } = {
  approvals: {
    pending: IS_PENDING,
    overdue: `${IS_PENDING} and ${AGE_SECONDS} > ${SLA_SECONDS}`,
    decided: `t.doc ?| array['decision', 'decidedAt']`,
  },
  sandboxes: {
    standalone: `not (${OF_WORKFLOWS}) and not (${OF_ISSUES})`,
    workflow: OF_WORKFLOWS,
    issue: OF_ISSUES,
  },
  notifications: {
    unread: `not t.doc ?| array['readAt', 'dismissedAt']`,
    read: `t.doc ? 'readAt' and not t.doc ? 'dismissedAt'`,
    dismissed: `t.doc ? 'dismissedAt'`,
  },
};

/** The document as it is answered. */
export function answeredDoc(name: RecordListName): string {
  if (name !== 'approvals') return 't.doc';
  return `(select t.doc || jsonb_strip_nulls(jsonb_build_object('slaSeconds', c.sla, 'ageSeconds', round(c.age::numeric, 3),
      'overdue', c.age > c.sla))
    from (select ${SLA_SECONDS} as sla, case when ${IS_PENDING} then greatest(0, ${AGE_SECONDS}) end as age) c)`;
}

/** $1 sources, $2 projects, $3 since, $4 until, $5 $6 $7 cursor (sort value, source, key), $8 limit, from $9 on the list's filters */
function textOf(name: RecordListName, order: Order, state: string | undefined): string {
  const list = recordListOf(name);
  const sort = sortOf(list, order);
  const after =
    sort === undefined
      ? // The sort value is empty, but Postgres wants to know the type of each parameter.
        '($5::text is null or (t.source, t.key) > ($6::text, $7::text))'
      : `($5::${sort.type} is null or (${sort.sql} ${beyond(sort.direction)}= $5 and (${sort.sql} ${beyond(sort.direction)} $5
        or (t.source, t.key) ${beyond(sort.ties)} ($6::text, $7::text))))`;
  const time = list.time === undefined ? `''` : timeOf(list.time);
  const filters = Object.values(list.filters).map(
    (field, i) => `and ($${i + 9}::text[] is null or t.doc ->> '${field}' = any($${i + 9}))`,
  );
  const orderBy =
    sort === undefined ? 't.source, t.key' : `${sort.sql} ${sort.direction}, t.source ${sort.ties}, t.key ${sort.ties}`;
  return `select ${answeredDoc(name)} as doc, t.source, t.key, ${sort?.sql ?? `''`} as sort_value from ${recordTable(list.kind)} t
    where ($1::text[] is null or t.source = any($1))
      and ($2::text[] is null or ${inProjects(list, '$2')})
      and ($3::text is null or ${time} >= $3)
      and ($4::text is null or ${time} < $4)
      and ${after}
      and ${(state === undefined ? undefined : STATES[name]?.[state]) ?? 'true'}
      ${filters.join('\n      ')}
    order by ${orderBy} limit $8`;
}

const TEXTS = new Map(
  RECORD_LIST_NAMES.flatMap((name) =>
    [undefined, ...Object.keys(recordListOf(name).states ?? {})].flatMap((state) =>
      (['newest', 'oldest', 'recorded'] as const).map((order) => [
        `${name} ${order} ${state ?? ''}`,
        textOf(name, order, state),
      ]),
    ),
  ),
);

/** The statement and its values, for tests of its plan. */
export function recordsStatement(
  name: RecordListName,
  query: RecordsQuery,
  visible: VisibleProjects,
): { text: string; values: unknown[] } {
  const list = `${name} ${query.order}`;
  const place = query.cursor === undefined ? undefined : readCursor(list, query.cursor, 3);
  if (place !== undefined && query.order === 'recorded' && !/^\d{1,18}$/.test(place[0] as string)) {
    throw new BadCursor('cursor: found no change number in it, expected the nextCursor of an earlier page');
  }
  return {
    text: TEXTS.get(`${list} ${query.state ?? ''}`) as string,
    values: [
      query.source ?? null,
      projectsOf(query.project, visible),
      query.since ?? null,
      query.until ?? null,
      ...(place ?? [null, null, null]),
      query.limit + 1,
      ...Object.keys(recordListOf(name).filters).map((parameter) => query.filters[parameter] ?? null),
    ],
  };
}

/**
 * Lists the records of a kind.
 * @throws BadCursor, ReadTooSlow
 */
export async function listRecords(
  pool: pg.Pool,
  name: RecordListName,
  query: RecordsQuery,
  visible: VisibleProjects,
): Promise<Page<AnyRecord>> {
  const { text, values } = recordsStatement(name, query, visible);
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ doc: AnyRecord; source: string; key: string; sort_value: string }>(text, values),
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const list = `${name} ${query.order}`;
  if (last === undefined) return { data: [], nextCursor: query.order === 'recorded' ? (query.cursor ?? null) : null };
  const end = writeCursor(list, [last.sort_value, last.source, last.key]);
  return {
    data: page.map((row) => row.doc),
    nextCursor: rows.length > query.limit || query.order === 'recorded' ? end : null,
  };
}

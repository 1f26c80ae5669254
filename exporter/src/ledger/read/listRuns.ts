import type pg from 'pg';
import type { Page, RunSort, RunsQuery, SortOrder } from '../../contract/api.ts';
import type { RunRecord } from '../../contract/records.ts';
import { withJudgement } from '../quality/withJudgement.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';

/** What a reader may see: its projects; undefined: everything. */
export type VisibleProjects = readonly string[] | undefined;

/** What a sort compares, as columns of fleetlens.run (never doc, which may lie in TOAST), and the type of the value. */
const SORT_VALUES: Readonly<Record<RunSort, { readonly sql: string; readonly type: 'text' | 'float8' }>> = {
  created_at: { sql: 'r.created_at', type: 'text' },
  started_at: { sql: `coalesce(r.started_at, '')`, type: 'text' },
  finished_at: { sql: `coalesce(r.finished_at, '')`, type: 'text' },
  duration: {
    sql: 'coalesce(extract(epoch from r.finished_at::timestamptz - r.started_at::timestamptz)::float8, -1)',
    type: 'float8',
  },
  cost: { sql: 'coalesce(r.cost_usd, -1)', type: 'float8' },
};

/** The failures that the metric of that name waits for: nobody acknowledged them, and no later success resolved them. */
const UNATTENDED = `select p.source, p.key from fleetlens.rollup u join fleetlens.part p on p.series = u.id and p.kind = 'run'
  where u.family = 'fleet_run_oldest_unresolved_failure_timestamp_seconds' and p.value > coalesce(u.resolved_to, '-infinity')`;

/**
 * What leads: the few runs that wait for somebody, or an index. One of projects, statuses or sources is looked up value by
 * value, each newest first, and merged.
 */
const LEADS = {
  none: { from: '', where: 'true' },
  unattended: {
    from: `(${UNATTENDED}) as lead cross join lateral`,
    where: 'r.source = lead.source and r.key = lead.key',
  },
  project: { from: 'unnest($1::text[]) as lead(value) cross join lateral', where: 'r.project = lead.value' },
  status: { from: 'unnest($2::text[]) as lead(value) cross join lateral', where: 'r.status = lead.value' },
  source: { from: 'unnest($3::text[]) as lead(value) cross join lateral', where: 'r.source = lead.value' },
} as const;
type Lead = keyof typeof LEADS;

/** A prompt can be long and pictures are: a list leaves them to the run's own page. */
export const LIST_LEAVES_OUT = `'{prompt,referenceImages}'::text[]`;

/**
 * Parameters that are null do not filter: Postgres plans each execution with the values it is given and drops those conditions.
 * $1 projects, $2 statuses, $3 sources, $4 workflows, $5 personas, $6 models, $7 origins, $8 chain, $9 since, $10 until,
 * $11 words (a LIKE pattern), $12 $13 $14 the cursor (sort value, source, key), $15 limit, $16 unattended
 */
function textOf(sort: RunSort, order: SortOrder, lead: Lead): string {
  const { sql: value, type } = SORT_VALUES[sort];
  const [direction, opposite, beyond, tieBeyond] =
    order === 'desc' ? ['desc', 'asc', '<', '>'] : ['asc', 'desc', '>', '<'];
  // As in the indexes: newest first, then source and key upwards; or all of it backwards.
  const orderOf = (row: string, sorted: string) =>
    `order by ${sorted} ${direction}, ${row}.source ${opposite}, ${row}.key ${opposite}`;
  const runs = `select r.source, r.key, ${value} as sort_value from fleetlens.run r
    where ${LEADS[lead].where}
      and ($1::text[] is null or r.project = any($1))
      and ($2::text[] is null or r.status = any($2))
      and ($3::text[] is null or r.source = any($3))
      and ($4::text[] is null or r.workflow = any($4))
      and ($5::text[] is null or r.persona = any($5))
      and ($6::text[] is null or r.doc ->> 'model' = any($6))
      and ($7::text[] is null or r.doc ->> 'origin' = any($7))
      and ($8::text is null or (r.doc ? 'chainId' and r.doc ->> 'chainId' = $8))
      and ($9::text is null or r.created_at >= $9)
      and ($10::text is null or r.created_at < $10)
      and ($11::text is null or r.search_text ilike $11)
      and ($16::boolean is null or $16 = ((r.source, r.key) in (${UNATTENDED})))
      and ($12::${type} is null or (${value} ${beyond}= $12
        and (${value} ${beyond} $12 or (r.source, r.key) ${tieBeyond} ($13::text, $14::text))))
    ${orderOf('r', value)} limit $15`;
  // The documents are fetched for the page alone, after the sort.
  return `select ${withJudgement('r', `(r.doc - ${LIST_LEAVES_OUT})`)} as doc, p.source, p.key, p.sort_value
    from (select l.* from ${LEADS[lead].from} (${runs}) l ${orderOf('l', 'l.sort_value')} limit $15) p
    join fleetlens.run r on r.source = p.source and r.key = p.key
    ${orderOf('p', 'p.sort_value')}`;
}

/** @returns a LIKE pattern that finds the words as they stand. */
export function containing(words: string): string {
  return `%${words.replace(/[\\%_]/g, (special) => `\\${special}`)}%`;
}

interface Filters {
  readonly unattended: boolean | undefined;
  readonly project: unknown;
  readonly status: unknown;
  readonly source: unknown;
}

function pickLead({ unattended, project, status, source }: Filters): Lead {
  if (unattended === true) return 'unattended';
  if (project !== null) return 'project';
  if (status !== null) return 'status';
  return source === null ? 'none' : 'source';
}

const distinct = <T>(values: readonly T[] | undefined): T[] | null =>
  values === undefined ? null : [...new Set(values)];

/** @returns the projects that are both asked for and visible; null: all. */
export function projectsOf(asked: readonly string[] | undefined, visible: VisibleProjects): string[] | null {
  if (visible === undefined) return distinct(asked);
  return distinct(asked === undefined ? visible : asked.filter((project) => visible.includes(project)));
}

/**
 * Lists runs without their full prompts and pictures.
 * @throws BadCursor, ReadTooSlow
 */
export async function listRuns(pool: pg.Pool, query: RunsQuery, visible: VisibleProjects): Promise<Page<RunRecord>> {
  const { sort, order, limit } = query;
  const list = `runs ${sort} ${order}`;
  const place = query.cursor === undefined ? undefined : readCursor(list, query.cursor, 3);
  if (place !== undefined && SORT_VALUES[sort].type === 'float8' && !Number.isFinite(Number(place[0]))) {
    throw new BadCursor(`cursor: found no number for ${sort}, expected the nextCursor of an earlier page`);
  }
  const project = projectsOf(query.project, visible);
  const status = distinct(query.status);
  const source = distinct(query.source);
  const text = textOf(sort, order, pickLead({ unattended: query.unattended, project, status, source }));
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ doc: RunRecord; source: string; key: string; sort_value: string | number }>(text, [
      project,
      status,
      source,
      distinct(query.workflow),
      distinct(query.persona),
      distinct(query.model),
      distinct(query.origin),
      query.chain_id ?? null,
      query.since ?? null,
      query.until ?? null,
      query.q === undefined ? null : containing(query.q),
      place?.[0] ?? null,
      place?.[1] ?? null,
      place?.[2] ?? null,
      limit + 1,
      query.unattended ?? null,
    ]),
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map((row) => row.doc),
    nextCursor:
      rows.length > limit && last !== undefined
        ? writeCursor(list, [String(last.sort_value), last.source, last.key])
        : null,
  };
}

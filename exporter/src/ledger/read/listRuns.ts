import type pg from 'pg';
import type { Page, RunCountsAnswer, RunCountsQuery, RunSort, RunsQuery, SortOrder } from '../../contract/api.ts';
import type { RunRecord } from '../../contract/records.ts';
import type { Status } from '../../contract/status.ts';
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
  score: { sql: 'coalesce(r.score, -1)', type: 'float8' },
};

/** The failures that the metric of that name waits for: nobody acknowledged them, and no later success resolved them. */
export const UNATTENDED = `select p.source, p.key from fleetlens.rollup u join fleetlens.part p on p.series = u.id and p.kind = 'run'
  where u.family = 'fleet_run_oldest_unresolved_failure_timestamp_seconds' and p.value > coalesce(u.resolved_to, '-infinity')`;

/** More than the margin below the baseline that it was judged by, the latest time. */
const BELOW_BASELINE = `(select round((e.baseline - e.composite)::numeric, 9)::float8 > e.margin from fleetlens.evaluation e
  where e.source = r.source and e.run_id = r.key order by e.attempt desc limit 1)`;

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

/** A prompt and a diff can be long and pictures are: a list leaves them to the run's own page. */
export const LIST_LEAVES_OUT = `'{prompt,referenceImages,diff}'::text[]`;

/**
 * Parameters that are null do not filter: Postgres plans each execution with the values it is given and drops those conditions.
 * $1 projects, $2 statuses, $3 sources, $4 workflows, $5 personas, $6 models, $7 origins, $8 chain, $9 since, $10 until,
 * $11 words (a LIKE pattern), $12 unattended, $13 states of pull requests, $14 of checks, $15 categories of errors, $16 $17 least and
 * most score, $18 $19 cost, $20 below the baseline
 */
const MATCHES = `($1::text[] is null or r.project = any($1))
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
      and ($12::boolean is null or $12 = ((r.source, r.key) in (${UNATTENDED})))
      and ($13::text[] is null or r.pull_request_status = any($13))
      and ($14::text[] is null or r.ci_status = any($14))
      and ($15::text[] is null or r.error_category = any($15))
      and ($16::float8 is null or r.score >= $16)
      and ($17::float8 is null or r.score <= $17)
      and ($18::float8 is null or r.cost_usd >= $18)
      and ($19::float8 is null or r.cost_usd <= $19)
      and ($20::boolean is null or $20 = coalesce(${BELOW_BASELINE}, false))`;

/** How many there are by status, of what the filters but that of the status leave. $2 is null. */
const COUNTS = `select coalesce(r.status, 'unknown') as status, count(*)::int as count from fleetlens.run r where ${MATCHES} group by 1`;

/** $21 $22 $23 the cursor (sort value, source, key), $24 limit */
function textOf(sort: RunSort, order: SortOrder, lead: Lead): string {
  const { sql: value, type } = SORT_VALUES[sort];
  const [direction, opposite, beyond, tieBeyond] =
    order === 'desc' ? ['desc', 'asc', '<', '>'] : ['asc', 'desc', '>', '<'];
  // As in the indexes: newest first, then source and key upwards; or all of it backwards.
  const orderOf = (row: string, sorted: string) =>
    `order by ${sorted} ${direction}, ${row}.source ${opposite}, ${row}.key ${opposite}`;
  const runs = `select r.source, r.key, ${value} as sort_value from fleetlens.run r
    where ${LEADS[lead].where}
      and ${MATCHES}
      and ($21::${type} is null or (${value} ${beyond}= $21
        and (${value} ${beyond} $21 or (r.source, r.key) ${tieBeyond} ($22::text, $23::text))))
    ${orderOf('r', value)} limit $24`;
  // The documents are fetched for the page alone, after the sort.
  return `select ${withJudgement('r', `(r.doc - ${LIST_LEAVES_OUT})`)} as doc, p.source, p.key, p.sort_value
    from (select l.* from ${LEADS[lead].from} (${runs}) l ${orderOf('l', 'l.sort_value')} limit $24) p
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

/** The values of {@link MATCHES}. */
function filterValues(query: RunCountsQuery, visible: VisibleProjects): unknown[] {
  return [
    projectsOf(query.project, visible),
    distinct(query.status),
    distinct(query.source),
    distinct(query.workflow),
    distinct(query.persona),
    distinct(query.model),
    distinct(query.origin),
    query.chain_id ?? null,
    query.since ?? null,
    query.until ?? null,
    query.q === undefined ? null : containing(query.q),
    query.unattended ?? null,
    distinct(query.pr_status),
    distinct(query.ci_status),
    distinct(query.error_category),
    query.score_min ?? null,
    query.score_max ?? null,
    query.cost_min ?? null,
    query.cost_max ?? null,
    query.below_baseline ?? null,
  ];
}

/**
 * Counts runs by status.
 * @throws ReadTooSlow
 */
export async function countRuns(
  pool: pg.Pool,
  { status, ...filters }: RunCountsQuery,
  visible: VisibleProjects,
): Promise<RunCountsAnswer> {
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ status: Status; count: number }>(COUNTS, filterValues(filters, visible)),
  );
  const asked = rows.filter((row) => status === undefined || status.includes(row.status));
  return {
    total: asked.reduce((sum, { count }) => sum + count, 0),
    byStatus: Object.fromEntries(rows.map((row) => [row.status, row.count])),
  };
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
  const [project, status, source] = filterValues(query, visible);
  const text = textOf(sort, order, pickLead({ unattended: query.unattended, project, status, source }));
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ doc: RunRecord; source: string; key: string; sort_value: string | number }>(text, [
      ...filterValues(query, visible),
      place?.[0] ?? null,
      place?.[1] ?? null,
      place?.[2] ?? null,
      limit + 1,
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

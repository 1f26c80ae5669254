import type pg from 'pg';
import {
  QUALITY_DIMENSIONS,
  type QualityDimension,
  type QualityTrendAnswer,
  type QualityTrendQuery,
  trendRange,
} from '../../contract/quality.ts';
import { ADDING_UP } from '../analytics/catchUpFacts.ts';
import { projectsOf, type VisibleProjects } from '../read/listRuns.ts';
import { readSnapshot } from '../read/readSnapshot.ts';

const COLUMNS: Readonly<Record<QualityDimension, string>> = {
  correctness: 'correctness',
  typeSafety: 'type_safety',
  codeStyle: 'code_style',
  testCoverage: 'test_coverage',
  completeness: 'completeness',
  composite: 'composite',
};

/** 1970-01-05, a Monday: weeks begin at whole weeks after it, and shorter buckets where they would without it. */
const MONDAY_SECONDS = 4 * 86_400;

type Figures = NonNullable<QualityTrendAnswer['data'][number]['dimensions'][QualityDimension]>;

const figuresOf = (column: string) => `case when count(${column}) > 0 then json_build_object('count', count(${column}),
  'mean', round((sum(${column}) / count(${column}))::numeric, 4)::float8,
  'median', percentile_cont(0.5) within group (order by ${column}), 'min', min(${column}), 'max', max(${column})) end`;

/**
 * $1 sources, $2 projects, $3 workflows, $4 personas, $5 from, $6 to, $7 seconds of a bucket
 *
 * In double precision, and each time read once: numeric takes half of what a month of 50,000 evaluations takes.
 */
function textOf(dimensions: readonly QualityDimension[]): string {
  return `select ${MONDAY_SECONDS} + floor((date_part('epoch', e.at::timestamptz) - ${MONDAY_SECONDS}) / $7::int) * $7::int as start,
      count(*)::int as evaluated, (count(*) filter (where e.baseline - e.composite - e.margin >= 5e-10))::int as below,
      json_build_object(${dimensions.map((d) => `'${d}', ${figuresOf(`e.${COLUMNS[d]}`)}`).join(', ')}) as dimensions
    from fleetlens.evaluation e
    where ($1::text[] is null or e.source = any($1)) and ($2::text[] is null or e.project = any($2))
      and ($3::text[] is null or e.workflow = any($3)) and ($4::text[] is null or e.persona = any($4)) and e.at >= $5 and e.at < $6
    group by 1 order by 1`;
}

/**
 * The scores of evaluated runs over time, by when the runs ended.
 * @throws ReadTooSlow
 */
export async function readTrend(
  pool: pg.Pool,
  query: QualityTrendQuery,
  visible: VisibleProjects,
): Promise<QualityTrendAnswer> {
  const { source, project, workflow, persona, dimension } = query;
  const { fromMs, toMs } = trendRange(query, Date.now());
  const dimensions = QUALITY_DIMENSIONS.filter((name) => dimension === undefined || dimension.includes(name));
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  const bucketSeconds = query.bucket / 1_000;
  const { rows } = await readSnapshot(pool, async (client) => {
    await client.query(ADDING_UP);
    return await client.query<{
      start: number;
      evaluated: number;
      below: number;
      dimensions: Record<QualityDimension, Figures | null>;
    }>(textOf(dimensions), [
      source ?? null,
      projectsOf(project, visible),
      workflow ?? null,
      persona ?? null,
      from,
      to,
      bucketSeconds,
    ]);
  });
  return {
    from,
    to,
    bucketSeconds,
    data: rows.map((row) => ({
      start: new Date(row.start * 1_000).toISOString(),
      evaluated: row.evaluated,
      belowBaseline: row.below,
      dimensions: Object.fromEntries(Object.entries(row.dimensions).flatMap(([d, f]) => (f === null ? [] : [[d, f]]))),
    })),
  };
}

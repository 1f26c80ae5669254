import type pg from 'pg';
import type { StepBaselinesAnswer } from '../../contract/overview.ts';
import type { VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

const RUN = `select r.project, r.workflow from fleetlens.run r
  where r.source = $1 and r.key = $2 and ($3::text[] is null or r.project = any($3))`;

const SECONDS = `extract(epoch from (s.doc ->> 'finishedAt')::timestamptz - (s.doc ->> 'startedAt')::timestamptz)::float8`;

/** $1 source, $2 run, $3 project, $4 workflow, $5 how many runs. The steps of a run share the beginning of its key. */
const BASELINES = `with last as materialized (
    select r.source, r.key from fleetlens.run r
    where r.source = $1 and r.key <> $2 and r.status = 'succeeded'
      and ((r.project = $3) or ($3::text is null and r.project is null))
      and ((r.workflow = $4) or ($4::text is null and r.workflow is null))
    order by r.created_at desc limit $5),
  durations as (
    select s.doc ->> 'name' as name, s.doc ->> 'role' as role, ${SECONDS} as seconds
    from last cross join lateral (select doc from fleetlens.step
      where source = last.source and key >= last.key || E'\\x1f' and key < last.key || ' ') s
    where s.doc ? 'startedAt' and s.doc ? 'finishedAt')
  select (select count(*)::int from last) as runs, d.* from (select 1) one left join (
    select name, role, count(*)::int as count, percentile_disc(0.5) within group (order by seconds) as p50,
      percentile_disc(0.95) within group (order by seconds) as p95
    from durations group by name, role order by count(*) desc, name, role) d on true`;

interface Row {
  readonly runs: number;
  readonly name: string | null;
  readonly role: string | null;
  readonly count: number | null;
  readonly p50: number;
  readonly p95: number;
}

/**
 * How long steps took in the last runs of the same workflow that succeeded, by name and role.
 * @returns undefined where there is no such run, or none that the reader may see.
 */
export async function readStepBaselines(
  pool: pg.Pool,
  source: string,
  runId: string,
  last: number,
  visible: VisibleProjects,
): Promise<StepBaselinesAnswer | undefined> {
  return await readSnapshot(pool, async (client) => {
    const found = await client.query<{ project: string | null; workflow: string | null }>(RUN, [
      source,
      runId,
      visible ?? null,
    ]);
    const [run] = found.rows;
    if (run === undefined) return undefined;
    const { rows } = await client.query<Row>(BASELINES, [source, runId, run.project, run.workflow, last]);
    return {
      runs: rows[0]?.runs ?? 0,
      data: rows.flatMap(({ name, role, count, p50, p95 }) =>
        count === null
          ? []
          : [
              {
                ...(name === null ? {} : { name }),
                ...(role === null ? {} : { role }),
                count,
                p50Seconds: p50,
                p95Seconds: p95,
              },
            ],
      ),
    };
  });
}

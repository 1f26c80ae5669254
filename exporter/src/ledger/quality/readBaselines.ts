import type pg from 'pg';
import type { BaselineAnswer, BaselinesQuery } from '../../contract/quality.ts';
import { projectsOf, type VisibleProjects } from '../read/listRuns.ts';
import { readSnapshot } from '../read/readSnapshot.ts';
import type { Baseline } from './baseline.ts';
import { readEvaluation, type StoredEvaluation } from './baselineStore.ts';
import type { Scope } from './evaluationRow.ts';

interface Row extends Scope {
  readonly how: Baseline['how'] | null;
  readonly collects_from: string | null;
  readonly score: number | null;
  readonly fixed_at: Date | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly runs: readonly StoredEvaluation[] | null;
}

/**
 * $1 sources, $2 projects, $3 workflows, $4 how many a baseline is made of
 *
 * The workflows that were evaluated are found one after the other through the index: to read all evaluations for them takes
 * seconds where there are a million.
 */
const BASELINES = `with recursive evaluated as (
    (select source, project, workflow from fleetlens.evaluation order by source, project, workflow limit 1)
    union all
    select next.* from evaluated w cross join lateral (
      select e.source, e.project, e.workflow from fleetlens.evaluation e
        where (e.source, e.project, e.workflow) > (w.source, w.project, w.workflow)
        order by e.source, e.project, e.workflow limit 1) next)
  select w.*, b.how, b.collects_from, b.score, b.fixed_at, b.actor, b.reason, coalesce(b.runs, k.runs) as runs
  from (
    select source, project, workflow from fleetlens.quality_baseline union select source, project, workflow from evaluated) w
  left join lateral (
    select * from fleetlens.quality_baseline b where b.source = w.source and b.project = w.project and b.workflow = w.workflow
    order by b.begins desc limit 1) b on true
  left join lateral (
    select json_agg(json_build_array(e.run_id, e.attempt, e.at, e.composite) order by e.at, e.run_id, e.attempt) as runs from (
      select e.* from fleetlens.evaluation e where e.source = w.source and e.project = w.project and e.workflow = w.workflow
        and e.at >= coalesce(b.collects_from, '') and b.score is null
      order by e.at, e.run_id, e.attempt limit $4) e) k on true
  where ($1::text[] is null or w.source = any($1)) and ($2::text[] is null or w.project = any($2))
    and ($3::text[] is null or w.workflow = any($3))
  order by w.source, w.project, w.workflow`;

/**
 * The baseline of each workflow that has evaluated runs, as far as it is known.
 * @param baselineRuns of how many one is made
 * @throws ReadTooSlow
 */
export async function readBaselines(
  pool: pg.Pool,
  { source, project, workflow }: BaselinesQuery,
  baselineRuns: number,
  visible: VisibleProjects,
): Promise<BaselineAnswer[]> {
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<Row>(BASELINES, [source ?? null, projectsOf(project, visible), workflow ?? null, baselineRuns]),
  );
  return rows.map((row) => ({
    source: row.source,
    ...(row.project === '' ? {} : { project: row.project }),
    ...(row.workflow === '' ? {} : { workflow: row.workflow }),
    ...(row.score === null ? { wanted: baselineRuns } : { score: row.score }),
    how: row.how ?? 'computed',
    ...(row.fixed_at === null ? {} : { since: row.fixed_at.toISOString() }),
    ...(row.collects_from === null || row.collects_from === '' ? {} : { collectsFrom: row.collects_from }),
    runs: (row.runs ?? [])
      .map(readEvaluation)
      .map(({ runId, attempt, at, composite }) => ({ runId, attempt, finishedAt: at, composite })),
    ...(row.actor === null ? {} : { setBy: row.actor }),
    ...(row.reason === null ? {} : { reason: row.reason }),
  }));
}

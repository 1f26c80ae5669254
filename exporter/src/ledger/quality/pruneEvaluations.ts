import type { ClientBase } from 'pg';

/** Takes the evaluations of pruned runs, but for those that a baseline is still to be made of. */
export async function pruneEvaluations(
  client: ClientBase,
  sources: readonly string[],
  runIds: readonly string[],
): Promise<void> {
  await client.query({
    name: 'prune_evaluations',
    text: `delete from fleetlens.evaluation e using unnest($1::text[], $2::text[]) as w(source, run_id)
      where e.source = w.source and e.run_id = w.run_id and (
        select b.score from fleetlens.quality_baseline b
        where b.source = e.source and b.project = e.project and b.workflow = e.workflow order by b.begins desc limit 1) is not null`,
    values: [sources, runIds],
  });
}

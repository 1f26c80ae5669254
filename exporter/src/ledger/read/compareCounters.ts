import type pg from 'pg';

/** A counter that a platform keeps of a project, and what the ledger has counted of the same. */
export interface ComparedCounter {
  readonly source: string;
  readonly project: string;
  /** The field of the project record. */
  readonly counter: string;
  readonly platform: number;
  readonly ledger: number;
}

/** Rollups, not records: retention takes records, and a count of millions each minute would cost what it is worth. */
const COMPARE = `with counted(counter, family, statuses) as (values
    ('totalRuns', 'fleet_runs_created_total', null::text[]),
    ('completedRuns', 'fleet_runs_finished_total', '{succeeded}'),
    ('failedRuns', 'fleet_runs_finished_total', '{failed,timed_out}'),
    ('totalSandboxes', 'fleet_sandboxes_created_total', null),
    ('activeSandboxes', 'fleet_sandboxes', '{running}'))
  select p.source, p.key as project, c.counter, (p.doc ->> c.counter)::float8 as platform, coalesce((
      select sum(r.value) / 1000000000 from fleetlens.rollup r where r.family = c.family
        and r.labels[1] = p.source and r.labels[2] = p.key
        and (c.statuses is null or r.labels[array_upper(r.labels, 1)] = any(c.statuses))), 0)::float8 as ledger
  from fleetlens.project p
    join fleetlens.source_state s on s.source = p.source and s.live_at is not null
    join counted c on p.doc ? c.counter
  order by p.source, p.key, c.counter`;

/**
 * Compares the counters of project records with the ledger's own: a lasting difference says that something was not read, or
 * that the platform counts what it no longer has. A source that is still being read for the first time is left out.
 */
export async function compareCounters(pool: pg.Pool): Promise<readonly ComparedCounter[]> {
  const { rows } = await pool.query<ComparedCounter>({ name: 'compare_counters', text: COMPARE });
  return rows;
}

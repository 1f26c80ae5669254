import type pg from 'pg';

/** What is known of a run whose metrics are pushed. */
export interface MeasuredRun {
  readonly project?: string;
  readonly finishedAt?: string;
  readonly counts?: unknown;
}

/** @returns the runs that the ledger has, by id. */
export async function readMeasuredRuns(
  pool: pg.Pool,
  source: string,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, MeasuredRun>> {
  const { rows } = await pool.query<{ key: string; known: MeasuredRun }>({
    name: 'measured_runs',
    text: `select key, jsonb_strip_nulls(jsonb_build_object('project', project, 'finishedAt', finished_at, 'counts', doc -> 'counts')) as known
      from fleetlens.run where source = $1 and key = any($2::text[])`,
    values: [source, [...new Set(runIds)]],
  });
  return new Map(rows.map(({ key, known }) => [key, known]));
}

import type pg from 'pg';
import type { AnalyticsAnswer, AnalyticsQuery } from '../../contract/compatible.ts';
import type { VisibleProjects } from './listRuns.ts';
import { METRIC_ROWS } from './metricRows.ts';
import { readSnapshot } from './readSnapshot.ts';

/** As float8, once: what is added up and divided is exact. `stddev` is stddev_samp. */
const AGGREGATE = `select count(metric_value)::float8 as count, sum(metric_value)::float8 as sum, avg(metric_value)::float8 as avg,
    min(metric_value)::float8 as min, max(metric_value)::float8 as max, stddev(metric_value)::float8 as stddev
  from (${METRIC_ROWS}) rows`;

/** @throws ReadTooSlow */
export async function aggregateMetrics(
  pool: pg.Pool,
  { metricName, aggregation, from, to }: AnalyticsQuery,
  visible: VisibleProjects,
): Promise<AnalyticsAnswer> {
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<Record<AnalyticsQuery['aggregation'], number | null>>(AGGREGATE, [
      metricName,
      from ?? null,
      to ?? null,
      visible ?? null,
    ]),
  );
  const [found] = rows;
  return {
    metric: metricName,
    aggregation,
    value: found?.[aggregation] ?? null,
    count: found?.count ?? 0,
    min: found?.min ?? null,
    max: found?.max ?? null,
  };
}

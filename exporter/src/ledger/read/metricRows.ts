import { EXPORT_COLUMNS } from '../../contract/compatible.ts';

/** A metric as its caller recorded it, in the columns of the table run_metrics. */
export type MetricRow = readonly [id: string, runId: string, name: string, value: number | null, at: string | null];

/** The metrics that are records of their own, each of them counted (sources/gittinkerer/mapMetrics.ts). */
const WEBHOOKS = 'webhook_processed';

/**
 * The recorded metrics of runs, the latest of each name, and every one of those that do not replace each other. Both are attributes
 * and records that sources/gittinkerer/mapMetrics.ts writes. What was recorded without an id has one by run and name, below 2^53.
 *
 * $1 name (null: all), $2 from, $3 to (RFC 3339, both inclusive; null: open), $4 projects (null: all)
 */
export const METRIC_ROWS = `select coalesce(m.recorded ->> 'id',
      (hashtextextended(m.source || E'\\x1f' || m.run_id || E'\\x1f' || m.name, 0) & 9007199254740991)::text) as id,
    m.run_id, m.name as metric_name, m.value as metric_value, m.at as recorded_at
  from (
    select r.source, r.key as run_id, substr(a.key, 17) as name, a.value as recorded, a.value ->> 'at' as at,
      case when jsonb_typeof(r.doc -> 'attributes' -> ('metrics.' || substr(a.key, 17))) = 'number'
        then (r.doc -> 'attributes' ->> ('metrics.' || substr(a.key, 17)))::numeric end as value
    from fleetlens.run r cross join lateral jsonb_each(r.doc -> 'attributes') a
    where $1::text is null and starts_with(a.key, 'metricsRecorded.')
      and ($4::text[] is null or r.project = any($4))
    union all
    select r.source, r.key, $1, a.recorded, a.recorded ->> 'at',
      case when jsonb_typeof(a.value) = 'number' then (a.value #>> '{}')::numeric end
    from fleetlens.run r cross join lateral (select r.doc -> 'attributes' -> ('metricsRecorded.' || $1) as recorded,
      r.doc -> 'attributes' -> ('metrics.' || $1) as value) a
    where $1::text is not null and a.recorded is not null and ($4::text[] is null or r.project = any($4))
    union all
    select w.source, w.doc #>> '{attributes,runId}', '${WEBHOOKS}', jsonb_build_object('id', w.doc ->> 'eventId'),
      w.doc ->> 'at', coalesce((w.doc ->> 'count')::numeric, 1)
    from fleetlens.adapter w
    where ($1::text is null or $1 = '${WEBHOOKS}') and w.doc ->> 'adapter' = '${WEBHOOKS}' and w.doc #>> '{attributes,runId}' is not null
      and ($4::text[] is null or w.doc ->> 'project' = any($4))
  ) m
  where ($2::text is null or m.at collate "C" >= $2) and ($3::text is null or m.at collate "C" <= $3)`;

export const COLUMN_LIST = EXPORT_COLUMNS.join(', ');

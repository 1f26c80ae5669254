import { z } from 'zod';
import { cursor, many, text, wholeNumber } from './api.ts';
import { canonicalInstant } from './fields.ts';

/**
 * What other services answer today and this exporter answers instead: callers need only another base URL. Parameters and fields are
 * named as their documents name them.
 */

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_MS = 86_400_000;

/** @returns the first and the last millisecond that a day or a time stands for; a time without an offset is UTC. */
function spanOf(value: string): { first: number; last: number } | undefined {
  const isDay = DAY.test(value);
  const canonical = canonicalInstant(isDay ? `${value}T00:00:00Z` : value) ?? canonicalInstant(`${value}Z`);
  if (canonical === undefined) return undefined;
  const first = Date.parse(canonical);
  return { first, last: isDay ? first + DAY_MS - 1 : first };
}

const edge = (end: 'first' | 'last') =>
  z
    .string()
    .transform((value, context) => {
      const span = spanOf(value);
      if (span !== undefined) return new Date(span[end]).toISOString();
      context.issues.push({
        code: 'custom',
        input: value,
        message: 'expected a day such as 2026-01-07 or a time such as 2026-01-07T14:32:15Z',
      });
      return z.NEVER;
    })
    .optional();

const from = edge('first').meta({
  type: 'string',
  description: 'Recorded at this time or later; a day counts from its beginning (UTC).',
});
const to = edge('last').meta({
  type: 'string',
  description: 'Recorded at this time or earlier; a day counts to its end (UTC).',
});

export const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count', 'stddev'] as const;

/** `GET /api/analytics/metrics` */
export const analyticsQuery = z.strictObject({
  metricName: text.describe('Only this metric, say `duration_ms`.'),
  aggregation: z
    .enum(AGGREGATIONS)
    .describe('`stddev` is the standard deviation of a sample (n - 1), as in Postgres; unknown below two values.'),
  from,
  to,
});
export type AnalyticsQuery = z.output<typeof analyticsQuery>;

/** Figures of no value at all are null. */
export const analyticsAnswer = z.object({
  metric: z.string(),
  aggregation: z.enum(AGGREGATIONS),
  value: z.number().nullable(),
  /** Values, without those that were recorded as null. */
  count: z.number().int().nonnegative(),
  min: z.number().nullable(),
  max: z.number().nullable(),
});
export type AnalyticsAnswer = z.output<typeof analyticsAnswer>;

/** `GET /api/analytics/export` */
export const exportQuery = z.strictObject({
  metricName: text.optional().describe('Only this metric. Default: all.'),
  format: z.literal('csv').default('csv'),
  limit: wholeNumber(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Only the last so many that were recorded. Default: all.'),
  from,
  to,
});
export type ExportQuery = z.output<typeof exportQuery>;

export const EXPORT_COLUMNS = ['id', 'run_id', 'metric_name', 'metric_value', 'recorded_at'] as const;

const number = z
  .union([z.number(), z.string().regex(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, 'expected a number')])
  .pipe(z.coerce.number())
  .nullable();
/** RFC 3339, or without an offset (UTC). */
const recordedAt = z.string().transform((value, context) => {
  const span = DAY.test(value) ? undefined : spanOf(value);
  if (span !== undefined) return new Date(span.first).toISOString();
  const found = JSON.stringify(value.slice(0, 40));
  context.issues.push({
    code: 'custom',
    input: value,
    message: `expected an RFC 3339 time such as 2026-01-07T14:32:15Z, found ${found}`,
  });
  return z.NEVER;
});

/** One metric of `POST /api/metrics/record`: a row of the table run_metrics, in either spelling. */
export const metricToRecord = z
  .strictObject({
    run_id: text,
    metric_name: text,
    metric_value: number.describe('A number, or its text; null: recorded without a value.'),
    recorded_at: recordedAt.optional().meta({ type: 'string', format: 'date-time', description: 'Default: now.' }),
    id: z
      .union([text, z.int().transform(String)])
      .optional()
      .meta({ type: ['string', 'integer'], description: 'A metric that comes again under its id is a duplicate.' }),
  })
  .meta({ description: 'Also `runId`, `metricName`, `metricValue` (or `name`, `value`) and `recordedAt`.' });
export type MetricToRecord = z.output<typeof metricToRecord>;

const SPELLINGS: Readonly<Record<string, keyof MetricToRecord>> = {
  runId: 'run_id',
  metricName: 'metric_name',
  name: 'metric_name',
  metricValue: 'metric_value',
  value: 'metric_value',
  recordedAt: 'recorded_at',
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The metrics of a body, not yet checked: one, a list of them, or `{"run_id", "metrics": …}` with a list or with values by name.
 * @returns undefined where it is none of these
 */
export function metricsOfBody(body: unknown): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body;
  if (!isObject(body)) return undefined;
  const { metrics, ...shared } = body;
  if (metrics === undefined) return [body];
  if (Array.isArray(metrics)) return metrics.map((metric) => (isObject(metric) ? { ...shared, ...metric } : metric));
  if (!isObject(metrics)) return undefined;
  return Object.entries(metrics).map(([name, value]) => ({ ...shared, metric_name: name, metric_value: value }));
}

/** @returns the metric with its members as the table spells them. */
export function withTableNames(metric: unknown): unknown {
  if (!isObject(metric)) return metric;
  return Object.fromEntries(Object.entries(metric).map(([name, value]) => [SPELLINGS[name] ?? name, value]));
}

/** `GET /projects/{id}/runs/summary` */
export const runsSummaryQuery = z
  .strictObject({
    limit: wholeNumber(1, 100).default(20).describe('Runs in a page, 1 to 100.'),
    offset: wholeNumber(0, 1_000_000_000).default(0).describe('Runs to pass over.'),
    cursor: cursor.describe('`next_cursor` of the page before; unlike `offset`, runs that arrive do not shift it.'),
    status: many(text).optional().describe('Only runs in these statuses, in capitals or small letters. Repeatable.'),
    chat_session_id: text.optional().describe('Only the runs of this chat session.'),
  })
  .refine((query) => query.cursor === undefined || query.offset === 0, {
    path: ['cursor'],
    message: 'expected cursor or offset, not both',
  });
export type RunsSummaryQuery = z.output<typeof runsSummaryQuery>;

const object = z.record(z.string(), z.unknown()).nullable();
const word = z.string().nullable();
const count = z.number().int().nonnegative().nullable();

/** A run as the table crucible_runs has it. */
export const summarisedRun = z.object({
  id: z.string(),
  project_id: z.string(),
  mode: word,
  config: object,
  status: word,
  created_at: word,
  started_at: word,
  completed_at: word,
  duration_seconds: z.number().nullable(),
  candidate_count: count,
  scenario_count: count,
  evaluation_count: count,
  metrics: object.describe('`phase_timings`, `resource_breakdown` and `notes`; null where the run has none.'),
  llm_usage: object.describe('`phases` and their `total`; null where no provider gave figures.'),
  error_summary: word,
  chat_session_id: word,
  run_summary_message_id: word,
  recommended_message_id: word,
  recommended_config_snapshot: object,
  ui_trigger_id: word,
  ui_trigger_source: word,
  ui_trigger_metadata: object,
  ui_triggered_at: word,
});
export type SummarisedRun = z.output<typeof summarisedRun>;

export const runsSummaryAnswer = z.object({
  runs: z.array(summarisedRun),
  total: z.number().int().nonnegative(),
  limit: z.number().int(),
  offset: z.number().int().nonnegative(),
  has_more: z.boolean(),
  next_offset: z.number().int().nullable(),
  next_cursor: z.string().nullable(),
});
export type RunsSummaryAnswer = z.output<typeof runsSummaryAnswer>;

import {
  amountOf,
  countOf,
  defined,
  definedOrNothing,
  isObject,
  type JsonObject,
  utcInstant,
} from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import { type MetricRow, type RunMetrics, WEBHOOK_METRIC } from './gittinkererTables.ts';

/** What the metrics say that has a field of its own. */
export interface MetricFigures {
  readonly exitCode: number | undefined;
  readonly filesChanged: number | undefined;
  readonly costUsd: number | undefined;
  readonly tokens: number | undefined;
  readonly durationSeconds: number | undefined;
}

export function figuresOf({ latest }: RunMetrics): MetricFigures {
  const ms = amountOf(latest.get('duration_ms')?.value);
  return {
    exitCode: integerOf(latest.get('exit_code')?.value),
    filesChanged: countOf(latest.get('files_changed')?.value),
    costUsd: amountOf(latest.get('cost_usd')?.value),
    tokens: countOf(latest.get('tokens_used')?.value),
    durationSeconds: ms === undefined ? undefined : ms / 1000,
  };
}

/**
 * Every metric as it was recorded, whatever its name: `metrics.<name>` is the value, `metricsRecorded.<name>` when that was and
 * under which id (ledger/read/metricRows.ts reads them), `metricsRecordedAt` the last time of all.
 */
export function metricAttributes(metrics: RunMetrics): JsonObject {
  const attributes: Record<string, unknown> = {};
  for (const [name, { id, value, recordedAt }] of metrics.latest) {
    attributes[`metrics.${name}`] = value === null ? null : Number(value);
    attributes[`metricsRecorded.${name}`] = defined({ id, at: utcInstant(recordedAt) });
  }
  const recordedAt = lastRecorded(metrics);
  if (recordedAt !== undefined) attributes.metricsRecordedAt = recordedAt;
  return attributes;
}

export function lastRecorded({ latest }: RunMetrics): string | undefined {
  return [...latest.values()]
    .flatMap(({ recordedAt }) => utcInstant(recordedAt) ?? [])
    .sort()
    .at(-1);
}

/** What the completion of a run used. @param day of its end, `2026-01-03` */
export function usageOf(
  runId: string,
  project: string | undefined,
  { tokens, costUsd, durationSeconds }: MetricFigures,
  day: string,
): PulledRecord {
  return {
    kind: 'usage',
    data: defined({
      usageId: `${runId}:completion`,
      runId,
      project,
      date: day,
      quantity: tokens,
      unit: tokens === undefined ? undefined : 'tokens',
      costUsd,
      durationSeconds,
    }),
  };
}

/** `webhook_processed` counts webhooks; without a time it could not be told from itself when it is read again. */
export function webhookOf(
  { id, value, recordedAt }: MetricRow,
  runId: string,
  project: string | undefined,
): PulledRecord[] {
  const at = utcInstant(recordedAt);
  const count = value === null ? 1 : countOf(value);
  if (at === undefined || count === undefined) return [];
  return [
    {
      kind: 'adapter',
      at,
      data: defined({ adapter: WEBHOOK_METRIC, eventId: id, at, project, result: 'ok', count, attributes: { runId } }),
    },
  ];
}

/** What the ledger knows of a run whose metrics are pushed. */
export interface MeasuredRun {
  readonly project?: string | undefined;
  readonly finishedAt?: string | undefined;
  /** As the record has them; a record is merged field by field, and counts are one field. */
  readonly counts?: unknown;
}

/**
 * Metrics that are pushed one by one, as what they add to the record that a poll makes of the same run (mapRun.ts): the same
 * fields, the same usage. A figure that comes alone says nothing of the others.
 * @param at when they were recorded, RFC 3339
 */
export function mapPushedMetrics(
  runId: string,
  metrics: RunMetrics,
  at: string,
  run: MeasuredRun = {},
): readonly PulledRecord[] {
  const figures = figuresOf(metrics);
  const { tokens, costUsd, durationSeconds, filesChanged, exitCode } = figures;
  const records = metrics.webhooks.flatMap((metric) => webhookOf(metric, runId, run.project));
  if (metrics.latest.size === 0) return records;
  const used = tokens ?? costUsd;
  records.push({
    kind: 'run',
    at,
    data: defined({
      runId,
      exitCode,
      costUsd,
      counts: filesChanged === undefined ? undefined : { ...(isObject(run.counts) ? run.counts : {}), filesChanged },
      usageMissing: used === undefined ? undefined : false,
      attributes: definedOrNothing(metricAttributes(metrics)),
    }),
  });
  // Not yet a usage that a poll would know, but the part of it that comes alone.
  if ((used ?? durationSeconds) !== undefined) {
    records.push({ ...usageOf(runId, run.project, figures, (run.finishedAt ?? at).slice(0, 10)), at });
  }
  return records;
}

export function integerOf(value: unknown): number | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  const number = Number(value);
  return Number.isSafeInteger(Math.trunc(number)) ? Math.trunc(number) : undefined;
}

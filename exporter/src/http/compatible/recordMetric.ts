import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Counter } from 'prom-client';
import { type MetricToRecord, metricsOfBody, metricToRecord, withTableNames } from '../../contract/compatible.ts';
import type { IngestAnswer } from '../../contract/events.ts';
import type { GroupCommit } from '../../ingest/groupCommit.ts';
import type { PushedEvent } from '../../ledger/findAddedTo.ts';
import type { MeasuredRun } from '../../ledger/read/readMeasuredRuns.ts';
import type { PushResult } from '../../ledger/recordPushed.ts';
import type { ValueLimits } from '../../normalise/cleanValue.ts';
import { EventRejected, normaliseEvent } from '../../normalise/normaliseEvent.ts';
import { WEBHOOK_METRIC } from '../../sources/gittinkerer/gittinkererTables.ts';
import { mapPushedMetrics } from '../../sources/gittinkerer/mapMetrics.ts';
import { HttpError } from '../httpError.ts';
import { limitPush } from '../rateLimit/limitRoutes.ts';
import { asRefusal } from '../webhookRoute.ts';
import type { MetricsSource } from './metricsSource.ts';

export interface RecordMetricOptions {
  /** @returns undefined where a token that is bound to these sources may push for none. */
  sourceFor(allowed: readonly string[] | undefined): MetricsSource | undefined;
  readMeasuredRuns(source: string, runIds: readonly string[]): Promise<ReadonlyMap<string, MeasuredRun>>;
  readonly commits: GroupCommit;
  /** fleetlens_ingest_events_total */
  readonly counted: Counter;
  readonly values: ValueLimits;
}

const MAX_METRICS = 1_000;
const EXPECTED =
  'expected {"run_id", "metric_name", "metric_value"}, a list of such, or {"run_id", "metrics": {<name>: <value>}}';

interface Item {
  readonly metric: MetricToRecord;
  /** Of the body, from 0. */
  readonly index: number;
}

/** What an item of the body became: refused here, or these events. */
type Events = readonly PushedEvent[];

/**
 * `POST /api/metrics/record` of GitTinkerer: what `flush_metrics` sends. Answers after the commit, as ingest does: with one metric a
 * refusal is the answer's status, with several it stands beside what went well.
 */
export function recordMetric(app: FastifyInstance, options: RecordMetricOptions): void {
  const { sourceFor, readMeasuredRuns, commits, counted, values } = options;

  app.post('/api/metrics/record', { config: { access: 'ingest', limit: 'repo' } }, async (request, reply) => {
    const { sources, name } = request.principal;
    const source = sourceFor(sources);
    if (source === undefined) {
      const message = `token "${name}" may push for ${sources?.join(', ')}, and none of them takes metrics; nothing was recorded`;
      throw new HttpError(403, 'forbidden', message);
    }
    const body = metricsOfBody(request.body);
    if (body === undefined || body.length === 0) throw new HttpError(400, 'invalid_request', `found none; ${EXPECTED}`);
    if (body.length > MAX_METRICS) {
      throw new HttpError(
        400,
        'invalid_request',
        `found ${body.length} metrics, expected at most ${MAX_METRICS} at once`,
      );
    }
    const answer: IngestAnswer = { accepted: 0, duplicates: 0, rejected: [] };
    const refusals = new Map<number, { status: number; code: string }>();
    const reject = (index: number, reason: string, status = 400, code = 'invalid_request', id?: string) => {
      answer.rejected.push({ index, ...(id === undefined ? {} : { id }), reason });
      refusals.set(index, { status, code });
      counted.inc({ source: source.name, result: code === 'invalid_request' ? 'rejected' : code });
    };

    const items: Item[] = [];
    for (const [index, value] of body.entries()) {
      const parsed = metricToRecord.safeParse(withTableNames(value));
      if (parsed.success) items.push({ metric: parsed.data, index });
      else reject(index, parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
    }
    try {
      const runs = await readMeasuredRuns(
        source.name,
        items.map(({ metric }) => metric.run_id),
      );
      const projectOf = (runId: string) => runs.get(runId)?.project ?? '';
      const subjects = items.map(({ metric }) => ({ source: source.name, project: projectOf(metric.run_id) }));
      await limitPush(reply, subjects.length === 0 ? [{ source: source.name, project: '' }] : subjects);
      const nowMs = Date.now();
      const toRecord: { item: Item; events: Events }[] = [];
      for (const item of items) {
        try {
          toRecord.push({ item, events: eventsOf(item.metric, source, runs, nowMs, values) });
        } catch (error) {
          if (!(error instanceof EventRejected)) throw error;
          reject(item.index, error.message, 400, 'invalid_request', item.metric.id);
        }
      }
      const bytes = Number(request.headers['content-length'] ?? 0);
      const all = toRecord.flatMap(({ events }) => events);
      const results = all.length === 0 ? [] : await commits.record(all, bytes);
      let from = 0;
      for (const { item, events } of toRecord) {
        const result = ofMetric(results.slice(from, from + events.length));
        from += events.length;
        if ('reason' in result) {
          const status = result.result === 'conflict' ? 409 : 400;
          const code = result.result === 'rejected' ? 'invalid_request' : result.result;
          reject(item.index, result.reason, status, code, item.metric.id);
          continue;
        }
        counted.inc({ source: source.name, result: result.result === 'accepted' ? 'accepted' : 'duplicate' });
        if (result.result === 'accepted') answer.accepted += 1;
        else answer.duplicates += 1;
      }
    } catch (error) {
      const refusal = asRefusal(error);
      if (refusal !== undefined) counted.inc({ source: source.name, result: 'refused' }, items.length);
      throw refusal ?? error;
    }
    answer.rejected.sort((a, b) => a.index - b.index);
    const [only] = answer.rejected;
    if (body.length === 1 && only !== undefined) {
      const { status, code } = refusals.get(0) ?? { status: 400, code: 'invalid_request' };
      throw new HttpError(
        status,
        code,
        status === 400 && only.id === undefined ? `${only.reason}; ${EXPECTED}` : only.reason,
      );
    }
    return await reply.send(answer);
  });
}

/** A metric's events are committed together: the first refusal is the metric's, else whether anything was new. */
function ofMetric(results: readonly PushResult[]): PushResult {
  return (
    results.find((result) => 'reason' in result) ??
    results.find(({ result }) => result === 'accepted') ?? { result: 'duplicate' }
  );
}

/** @throws EventRejected */
function eventsOf(
  metric: MetricToRecord,
  source: MetricsSource,
  runs: ReadonlyMap<string, MeasuredRun>,
  nowMs: number,
  values: ValueLimits,
): Events {
  const { id, run_id: runId, metric_name: name, metric_value: value } = metric;
  const at = metric.recorded_at ?? new Date(nowMs).toISOString();
  // Rows without an id are all different, as in the table; of all but these the latest is the one that counts.
  const eventId = id ?? randomUUID();
  const row = {
    id: name === WEBHOOK_METRIC ? eventId : id,
    value: value === null ? null : String(value),
    recordedAt: at,
  };
  const metrics =
    name === WEBHOOK_METRIC ? { latest: new Map(), webhooks: [row] } : { latest: new Map([[name, row]]), webhooks: [] };
  const records = mapPushedMetrics(runId, metrics, at, runs.get(runId));
  if (records.length === 0)
    throw new EventRejected(`metric_value: found ${value}, expected how many webhooks there were`);
  // The run may have become known since: what was sent is what tells whether it comes again.
  const said = JSON.stringify([runId, name, value, metric.recorded_at]);
  return records.map(({ kind, data }) => ({
    ...normaliseEvent({ id: `metric ${kind} ${eventId}`, source: source.name, kind, at, data }, nowMs, values),
    said: `${kind} ${said}`,
    isPolled: source.isPolled,
  }));
}

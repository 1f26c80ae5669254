import { createDataFrame, type DataFrame, FieldType, type TraceKeyValuePair, type TraceSpanRow } from '@grafana/data';
import type { AnsweredRun, Listed } from '../../api/FleetApi';
import { secondsBetween } from '../../format/formatValues';

/** Span ids of a run's own span and of the time before it started, which no step can have. */
const ROOT = 'run';
const WAIT = 'queue';

type Field = { [K in keyof TraceSpanRow]-?: readonly [K, FieldType] }[keyof TraceSpanRow];
const FIELDS = [
  ['traceID', FieldType.string],
  ['spanID', FieldType.string],
  ['parentSpanID', FieldType.string],
  ['operationName', FieldType.string],
  ['serviceName', FieldType.string],
  ['serviceTags', FieldType.other],
  ['startTime', FieldType.number],
  ['duration', FieldType.number],
  ['tags', FieldType.other],
  ['statusCode', FieldType.number],
  ['statusMessage', FieldType.string],
] as const satisfies readonly Field[];
/** OpenTelemetry's span statuses. */
const [OK, ERROR, UNSET] = [1, 2, 0];

/**
 * A run as a trace, for Grafana's own Traces panel: a span for the run, one for its wait in the queue, one for every step that
 * started. Times are milliseconds.
 */
export function traceFrame(
  refId: string,
  run: AnsweredRun,
  steps: readonly Listed<'step'>[],
  nowMs = Date.now(),
): DataFrame {
  const rows = [...runSpans(run, nowMs), ...steps.flatMap((step) => stepSpans(run, step, nowMs))];
  return createDataFrame({
    refId,
    name: 'Trace',
    meta: { preferredVisualisationType: 'trace' },
    fields: FIELDS.map(([name, type]) => ({ name, type, config: {}, values: rows.map((row) => row[name] ?? null) })),
  });
}

function runSpans(run: AnsweredRun, nowMs: number): TraceSpanRow[] {
  const { createdAt, startedAt, finishedAt } = run;
  const begin = createdAt ?? startedAt;
  if (begin === undefined) return [];
  const span = {
    traceID: run.runId,
    spanID: ROOT,
    parentSpanID: undefined,
    operationName: run.name ?? run.runId,
    serviceName: run.workflow ?? run.source,
    serviceTags: tags({ source: run.source, project: run.project, workflow: run.workflow }),
    startTime: Date.parse(begin),
    duration: lengthMs(begin, finishedAt, nowMs),
    tags: tags({
      status: run.status,
      persona: run.persona,
      model: run.model,
      cost_usd: run.costUsd,
      attempts: run.attempts,
      iterations: run.iterations,
    }),
    ...statusOf(run.status, run.error?.message),
  };
  if (createdAt === undefined || startedAt === undefined || startedAt <= createdAt) return [span];
  const wait = {
    ...span,
    spanID: WAIT,
    parentSpanID: ROOT,
    operationName: 'Queue wait',
    startTime: Date.parse(createdAt),
    duration: lengthMs(createdAt, startedAt, nowMs),
    tags: [],
    statusCode: UNSET,
    statusMessage: '',
  };
  return [span, wait];
}

function stepSpans(run: AnsweredRun, step: Listed<'step'>, nowMs: number): TraceSpanRow[] {
  const { startedAt, finishedAt, stepId, name, verb, role } = step;
  if (startedAt === undefined) return [];
  return [
    {
      traceID: run.runId,
      spanID: `step-${stepId}`,
      parentSpanID: ROOT,
      operationName: name ?? verb ?? role ?? stepId,
      serviceName: role ?? run.workflow ?? run.source,
      serviceTags: tags({ role, tool: step.tool, model: step.model }),
      startTime: Date.parse(startedAt),
      duration: lengthMs(startedAt, finishedAt, nowMs),
      tags: tags({
        status: step.status,
        iteration: step.iteration,
        attempt: step.attempt,
        verdict: step.verdict?.passed,
        feedback: step.verdict?.feedback,
        score: step.quality?.composite,
        cost_usd: step.costUsd,
      }),
      ...statusOf(step.status, step.error?.message),
    },
  ];
}

const lengthMs = (from: string, to: string | undefined, nowMs: number) =>
  (secondsBetween(from, to, nowMs) ?? 0) * 1_000;

function statusOf(status: string | undefined, message = ''): { statusCode: number; statusMessage: string } {
  const code = status === 'failed' || status === 'timed_out' ? ERROR : status === 'succeeded' ? OK : UNSET;
  return { statusCode: code, statusMessage: message };
}

function tags(values: Readonly<Record<string, string | number | boolean | undefined>>): TraceKeyValuePair[] {
  return Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
}

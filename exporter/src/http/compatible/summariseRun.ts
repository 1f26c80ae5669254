import type { SummarisedRun } from '../../contract/compatible.ts';
import type { RecordOf } from '../../contract/records.ts';
import type { RunWithPhases } from '../../ledger/read/summariseRuns.ts';
import { CRUCIBLE_STATUSES } from '../../sources/int-crucible/mapRun.ts';
import { isObject } from '../../sources/rows/textValues.ts';

type Json = Record<string, unknown>;

const CRUCIBLE_WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries(CRUCIBLE_STATUSES).map(([word, status]) => [status, word]),
);
/** Attributes of the run that its payload `metrics` had beside the members with a place of their own. */
const METRICS_PREFIX = 'metrics.';

/** A run of the ledger as Int Crucible tells it: what sources/int-crucible/mapRun.ts read, back again. */
export function summariseRun({ run, ...phases }: RunWithPhases): SummarisedRun {
  const attributes: Json = run.attributes ?? {};
  const { steps, usage } = inOrder(phases);
  return {
    id: run.runId ?? '',
    project_id: run.project ?? '',
    mode: run.workflow ?? null,
    config: objectOf(run.config),
    status: run.status === undefined ? null : (CRUCIBLE_WORDS.get(run.status) ?? run.status),
    created_at: run.createdAt ?? null,
    started_at: run.startedAt ?? null,
    completed_at: run.finishedAt ?? null,
    duration_seconds: numberOf(attributes.durationSeconds) ?? secondsBetween(run.startedAt, run.finishedAt) ?? null,
    candidate_count: run.counts?.candidates ?? null,
    scenario_count: run.counts?.scenarios ?? null,
    evaluation_count: run.counts?.evaluations ?? null,
    metrics: metricsOf(run, steps, usage, attributes),
    llm_usage: llmUsageOf(run, usage),
    error_summary: run.error?.message ?? null,
    chat_session_id: textOf(attributes.chatSessionId),
    run_summary_message_id: textOf(attributes.runSummaryMessageId),
    recommended_message_id: textOf(attributes.recommendedMessageId),
    recommended_config_snapshot: objectOf(attributes.recommendedConfigSnapshot),
    ui_trigger_id: textOf(attributes.uiTriggerId),
    ui_trigger_source: textOf(attributes.uiTriggerSource),
    ui_trigger_metadata: objectOf(attributes.uiTriggerMetadata),
    ui_triggered_at: textOf(attributes.uiTriggeredAt),
  };
}

/** Phases in the order in which they run, and what they used in the same. */
function inOrder({ steps, usage }: Omit<RunWithPhases, 'run'>): Omit<RunWithPhases, 'run'> {
  const ordered = steps.toSorted((a, b) => byNumber(a.index, b.index) || byText(a.stepId, b.stepId));
  const place = new Map(ordered.map(({ stepId }, i) => [stepId, i]));
  return {
    steps: ordered,
    usage: usage.toSorted((a, b) => byNumber(place.get(a.stepId), place.get(b.stepId)) || byText(a.usageId, b.usageId)),
  };
}

/** What has none comes last. */
function byNumber(a = Number.MAX_VALUE, b = Number.MAX_VALUE): number {
  return a - b;
}

function byText(a = '', b = ''): number {
  return a < b ? -1 : 1;
}

function metricsOf(
  run: RunWithPhases['run'],
  steps: readonly RecordOf<'step'>[],
  usage: readonly RecordOf<'usage'>[],
  attributes: Json,
): Json | null {
  const timings: Json = {};
  for (const { stepId = '', status, startedAt, finishedAt } of steps) {
    // The payload has the phases that began and did not fail: where one failed, the run's error says so.
    if (startedAt === undefined || status === 'failed') continue;
    const told = usage.find((used) => used.stepId === stepId)?.durationSeconds;
    timings[stepId] = {
      started_at: startedAt,
      completed_at: finishedAt ?? null,
      duration_seconds: told ?? secondsBetween(startedAt, finishedAt) ?? null,
    };
  }
  const metrics: Json = {};
  if (Object.keys(timings).length > 0) metrics.phase_timings = timings;
  if (run.resourceBreakdown !== undefined) metrics.resource_breakdown = run.resourceBreakdown;
  if (run.notes !== undefined) metrics.notes = run.notes;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith(METRICS_PREFIX)) metrics[name.slice(METRICS_PREFIX.length)] = value;
  }
  return Object.keys(metrics).length === 0 ? null : metrics;
}

/** Tokens, calls and cost by phase; the total is their sum, of calls as well. */
function llmUsageOf(run: RunWithPhases['run'], usage: readonly RecordOf<'usage'>[]): Json | null {
  const phases = usage.filter((used) => (used.inputTokens ?? used.outputTokens ?? used.costUsd) !== undefined);
  if (phases.length === 0) return null;
  const figures = phases.map((used) => {
    const calls = numberOf(used.attributes?.callCount);
    return {
      input_tokens: used.inputTokens ?? 0,
      output_tokens: used.outputTokens ?? 0,
      total_tokens: (used.inputTokens ?? 0) + (used.outputTokens ?? 0),
      ...(calls === undefined ? {} : { call_count: calls }),
      ...(used.costUsd === undefined ? {} : { cost_usd: used.costUsd }),
    };
  });
  const sum = (values: readonly number[]) => Math.round(values.reduce((total, value) => total + value, 0) * 1e6) / 1e6;
  const known = (name: 'call_count' | 'cost_usd') => {
    const values = figures.flatMap((figure) => figure[name] ?? []);
    return values.length === 0 ? {} : { [name]: sum(values) };
  };
  return {
    phases: Object.fromEntries(
      phases.map((used, i) => [
        used.stepId ?? used.usageId,
        {
          ...figures[i],
          providers: used.attributes?.providers ?? named(run.provider ?? used.service, used),
          models: used.attributes?.models ?? named(used.model, used),
        },
      ]),
    ),
    total: {
      input_tokens: sum(figures.map((figure) => figure.input_tokens)),
      output_tokens: sum(figures.map((figure) => figure.output_tokens)),
      total_tokens: sum(figures.map((figure) => figure.total_tokens)),
      ...known('call_count'),
      ...known('cost_usd'),
    },
  };
}

/** Calls by the one name that all of a phase's calls share. */
function named(name: string | undefined, used: RecordOf<'usage'>): Json {
  return name === undefined ? {} : { [name]: numberOf(used.attributes?.callCount) ?? null };
}

function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : (Date.parse(to) - Date.parse(from)) / 1000;
}

function objectOf(value: unknown): Json | null {
  return isObject(value) ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

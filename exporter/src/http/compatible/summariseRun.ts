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
    const [used, ...others] = usage.filter((record) => record.stepId === stepId);
    // What several calls took is not what the phase took: they may run side by side, and something runs between them.
    const told = others.length === 0 ? used?.durationSeconds : undefined;
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

/** Tokens, calls and cost by phase, each the sum of what was recorded of it; the total is the sum of the phases, of calls as well. */
function llmUsageOf(run: RunWithPhases['run'], usage: readonly RecordOf<'usage'>[]): Json | null {
  const known = usage.filter((used) => (used.inputTokens ?? used.outputTokens ?? used.costUsd) !== undefined);
  if (known.length === 0) return null;
  const phases = Map.groupBy(known, (used) => used.stepId ?? used.usageId);
  return {
    phases: Object.fromEntries(
      [...phases].map(([phase, records]) => [
        phase,
        {
          ...figuresOf(records),
          providers: callsBy(
            records,
            (used) => used.attributes?.providers ?? named(run.provider ?? used.service, used),
          ),
          models: callsBy(records, (used) => used.attributes?.models ?? named(used.model, used)),
        },
      ]),
    ),
    total: figuresOf(known),
  };
}

function figuresOf(usage: readonly RecordOf<'usage'>[]): Json {
  const input = sum(usage.map((used) => used.inputTokens)) ?? 0;
  const output = sum(usage.map((used) => used.outputTokens)) ?? 0;
  const calls = sum(usage.map(callsOf));
  const cost = sum(usage.map((used) => used.costUsd));
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    ...(calls === undefined ? {} : { call_count: calls }),
    ...(cost === undefined ? {} : { cost_usd: cost }),
  };
}

/** Calls of each provider or model; null for one of which they are not known. */
function callsBy(usage: readonly RecordOf<'usage'>[], namesOf: (used: RecordOf<'usage'>) => unknown): Json {
  const named = usage.flatMap((used) => Object.entries(objectOf(namesOf(used)) ?? {}));
  const byName = Map.groupBy(named, ([name]) => name);
  return Object.fromEntries(
    [...byName].map(([name, entries]) => [name, sum(entries.map(([, calls]) => numberOf(calls))) ?? null]),
  );
}

/** Calls by the one name that all of a record's calls share. */
function named(name: string | undefined, used: RecordOf<'usage'>): Json {
  return name === undefined ? {} : { [name]: callsOf(used) ?? null };
}

function callsOf(used: RecordOf<'usage'>): number | undefined {
  return numberOf(used.attributes?.callCount);
}

/** @returns of what is known, to a millionth of a dollar: adding floats must not invent digits. */
function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.round(known.reduce((total, value) => total + value, 0) * 1e6) / 1e6;
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

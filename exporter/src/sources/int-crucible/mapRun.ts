import { categoryOf } from '../../contract/errorCategories.ts';
import { isFinished } from '../../contract/status.ts';
import {
  amountOf,
  countOf,
  defined,
  definedOrNothing,
  isObject,
  type JsonObject,
  jsonOf,
  type TextRow,
  utcInstant,
} from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { StatusTable, StatusWords } from '../statusWords.ts';
import { readUsage } from './readUsage.ts';

/** Status names of crucible/db/models.py; the column holds them in capitals or in small letters. */
export const CRUCIBLE_STATUSES: StatusTable = {
  created: 'queued',
  running: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** The pipeline of run_service.py, in its order. */
const PHASES = ['design', 'scenarios', 'evaluation', 'ranking'] as const;

/**
 * Who started a run, from `ui_trigger_source`. A person sits at the panel and at the command line; programs use the API.
 * `crucible test-run` writes no trigger at all, so a run without one has none here either.
 */
const TRIGGERS: Readonly<Record<string, string>> = {
  run_config_panel: 'user',
  cli_tool: 'user',
  api_client: 'api',
  integration_test: 'api',
};

/** Columns that have a field of the contract or are read apart; every other one is kept in `attributes`. */
const MAPPED = new Set(
  'id project_id mode config status created_at started_at completed_at candidate_count scenario_count evaluation_count metrics llm_usage error_summary'.split(
    ' ',
  ),
);
const JSON_ATTRIBUTES = new Set(['recommended_config_snapshot', 'ui_trigger_metadata']);
const TIME_ATTRIBUTES = new Set(['ui_triggered_at']);

/** The pipeline writes metrics and usage some moments after the final status; until then they are not missing. */
const LATE_COLUMNS_MS = 10 * 60_000;

interface MapRun {
  readonly words: StatusWords;
  /** The start of the poll. */
  readonly now: Date;
}

/** @returns whether the run has finished but its last columns may still be written. */
export function awaitsMetrics(row: TextRow, words: StatusWords): boolean {
  return isFinished(words.read(row.status).status) && jsonOf(row.metrics) === undefined;
}

/** One row of crucible_runs as records: the run, its phases as steps, and the usage of each phase. */
export function mapRun(row: TextRow, { words, now }: MapRun): readonly PulledRecord[] {
  const runId = row.id ?? '';
  const project = row.project_id ?? undefined;
  const state = words.read(row.status);
  const metrics = objectOf(row.metrics);
  const timings = readTimings(metrics);
  const createdAt = utcInstant(row.created_at);
  const startedAt = utcInstant(row.started_at);
  const finishedAt = isFinished(state.status) ? endOf(row, createdAt, startedAt) : undefined;
  const usage = readUsage(row.llm_usage);
  const error = errorOf(row, state.status === 'failed' && metrics !== undefined ? nextPhase(timings) : undefined);
  const runRecord: PulledRecord = {
    kind: 'run',
    data: defined({
      runId,
      project,
      origin: 'workflow',
      workflow: row.mode?.toLowerCase() || undefined,
      trigger: TRIGGERS[(row.ui_trigger_source ?? '').toLowerCase()],
      ...state,
      createdAt,
      startedAt,
      finishedAt,
      config: objectOf(row.config),
      counts: countsOf(row),
      resourceBreakdown: isObject(metrics?.resource_breakdown) ? metrics.resource_breakdown : undefined,
      notes: Array.isArray(metrics?.notes) ? metrics.notes : undefined,
      error,
      model: only(usage.flatMap(({ models }) => models)),
      provider: only(usage.flatMap(({ providers }) => providers)),
      costUsd: sum(usage.map(({ costUsd }) => costUsd)),
      inputTokens: sum(usage.map(({ inputTokens }) => inputTokens)),
      outputTokens: sum(usage.map(({ outputTokens }) => outputTokens)),
      usageMissing: isFinished(state.status)
        ? usageMissing(metrics !== undefined, usage.length, finishedAt ?? createdAt, now)
        : undefined,
      attributes: attributesOf(row, metrics),
    }),
  };
  return [
    runRecord,
    ...stepsOf(runId, timings, state.status, error, finishedAt, startedAt, usage),
    ...usage.map((phase): PulledRecord => {
      const timing = timings.get(phase.phase);
      return {
        kind: 'usage',
        data: defined({
          usageId: `${runId}:${phase.phase}`,
          runId,
          stepId: phase.phase,
          project,
          service: phase.service,
          model: only(phase.models),
          stepType: phase.phase,
          date: (timing?.finishedAt ?? finishedAt ?? startedAt ?? createdAt)?.slice(0, 10),
          inputTokens: phase.inputTokens,
          outputTokens: phase.outputTokens,
          costUsd: phase.costUsd,
          durationSeconds: timing?.durationSeconds,
          attributes: phase.attributes,
        }),
      };
    }),
  ];
}

interface Timing {
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly durationSeconds: number | undefined;
}

function readTimings(metrics: JsonObject | undefined): ReadonlyMap<string, Timing> {
  const phases = isObject(metrics?.phase_timings) ? metrics.phase_timings : {};
  return new Map(
    Object.entries(phases)
      .filter((entry): entry is [string, JsonObject] => entry[0] !== '' && isObject(entry[1]))
      .map(([phase, timing]) => [
        phase,
        {
          startedAt: utcInstant(timing.started_at),
          finishedAt: utcInstant(timing.completed_at),
          durationSeconds: amountOf(timing.duration_seconds),
        },
      ]),
  );
}

/**
 * The phase that a failed pipeline was in: phases are written down when they end, so it is the first that is not. Its error is
 * the run's, and is told there alone: told twice, it would be counted twice.
 */
function nextPhase(timings: ReadonlyMap<string, Timing>): string | undefined {
  return PHASES.find((phase) => timings.get(phase)?.finishedAt === undefined);
}

function stepsOf(
  runId: string,
  timings: ReadonlyMap<string, Timing>,
  runStatus: string | undefined,
  error: JsonObject | undefined,
  runFinishedAt: string | undefined,
  runStartedAt: string | undefined,
  usage: ReturnType<typeof readUsage>,
): PulledRecord[] {
  const failed = error?.stepId;
  const known = [...PHASES.filter((phase) => timings.has(phase) || phase === failed)];
  const others = [...timings.keys()].filter((phase) => !(PHASES as readonly string[]).includes(phase));
  let endOfLast = runStartedAt;
  return [...known, ...others].map((phase, position): PulledRecord => {
    const timing = timings.get(phase);
    const index = (PHASES as readonly string[]).indexOf(phase);
    const status =
      timing?.finishedAt !== undefined ? 'succeeded' : phase === failed ? 'failed' : unfinishedStep(runStatus);
    const startedAt = timing?.startedAt ?? (phase === failed ? endOfLast : undefined);
    endOfLast = timing?.finishedAt ?? endOfLast;
    const finishedAt = timing?.finishedAt ?? (status === 'failed' ? runFinishedAt : undefined);
    const used = usage.find((entry) => entry.phase === phase);
    return {
      kind: 'step',
      data: defined({
        runId,
        stepId: phase,
        index: index === -1 ? position : index,
        name: phase,
        role: phase,
        status,
        startedAt,
        finishedAt:
          startedAt !== undefined && finishedAt !== undefined && finishedAt < startedAt ? undefined : finishedAt,
        model: only(used?.models ?? []),
        costUsd: used?.costUsd,
        inputTokens: used?.inputTokens,
        outputTokens: used?.outputTokens,
      }),
    };
  });
}

function unfinishedStep(runStatus: string | undefined): string {
  if (runStatus === 'failed' || runStatus === 'cancelled') return runStatus;
  return runStatus === 'running' ? 'running' : 'unknown';
}

/** A failed run has no completed_at, but the pipeline notes how long it took. */
function endOf(row: TextRow, createdAt: string | undefined, startedAt: string | undefined): string | undefined {
  const completedAt = utcInstant(row.completed_at);
  const from = startedAt ?? createdAt;
  if (completedAt !== undefined) return from !== undefined && completedAt < from ? undefined : completedAt;
  const seconds = amountOf(row.duration_seconds);
  if (from === undefined || seconds === undefined) return undefined;
  return new Date(Date.parse(from) + Math.round(seconds * 1000)).toISOString();
}

function errorOf(row: TextRow, phase: string | undefined): JsonObject | undefined {
  const message = row.error_summary || undefined;
  if (message === undefined) return undefined;
  return defined({ surface: 'run', message, category: categoryOf(message), stepId: phase });
}

function countsOf(row: TextRow): JsonObject | undefined {
  return definedOrNothing({
    candidates: countOf(row.candidate_count),
    scenarios: countOf(row.scenario_count),
    evaluations: countOf(row.evaluation_count),
  });
}

/** @param written the pipeline has written its metrics, and with them the usage it knows of. */
function usageMissing(written: boolean, phases: number, end: string | undefined, now: Date): boolean | undefined {
  if (phases > 0) return false;
  const late = end !== undefined && now.getTime() - Date.parse(end) > LATE_COLUMNS_MS;
  return written || late ? true : undefined;
}

function attributesOf(row: TextRow, metrics: JsonObject | undefined): JsonObject | undefined {
  const attributes: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) {
    if (MAPPED.has(column) || value === null) continue;
    const name = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (JSON_ATTRIBUTES.has(column)) attributes[name] = jsonOf(value);
    else if (TIME_ATTRIBUTES.has(column)) attributes[name] = utcInstant(value);
    else if (column === 'duration_seconds') attributes[name] = amountOf(value);
    else attributes[name] = value;
  }
  for (const [name, value] of Object.entries(metrics ?? {})) {
    if (!['phase_timings', 'resource_breakdown', 'notes'].includes(name)) attributes[`metrics.${name}`] = value;
  }
  return definedOrNothing(attributes);
}

function objectOf(text: string | null | undefined): JsonObject | undefined {
  const value = jsonOf(text);
  return isObject(value) ? value : undefined;
}

/** @returns the value that all share. */
function only(values: readonly string[]): string | undefined {
  const distinct = new Set(values);
  return distinct.size === 1 ? values[0] : undefined;
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  // Costs are kept to a millionth of a dollar; adding floats must not invent digits.
  return known.length === 0 ? undefined : Math.round(known.reduce((total, value) => total + value, 0) * 1e6) / 1e6;
}

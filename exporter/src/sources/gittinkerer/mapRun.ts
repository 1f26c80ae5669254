import { categoryOf } from '../../contract/errorCategories.ts';
import { isFinished } from '../../contract/status.ts';
import type { Column } from '../postgres/describeTable.ts';
import { countOf, defined, definedOrNothing, type JsonObject, type TextRow, utcInstant } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { StatusTable, StatusWords } from '../statusWords.ts';
import { timeOfDirectory } from './artifacts/directoryName.ts';
import { EXPECTED_ARTIFACTS, type RunArtifacts } from './artifacts/readArtifacts.ts';
import { readPayload } from './artifacts/readPayload.ts';
import type { RunColumn } from './config.ts';
import { attributeValue, camelCase, type RunMetrics } from './gittinkererTables.ts';
import {
  figuresOf,
  integerOf,
  lastRecorded,
  type MetricFigures,
  metricAttributes,
  usageOf,
  webhookOf,
} from './mapMetrics.ts';

/** The document's queries say `failed`, its run.json `succeeded`, the schema `completed`; the bash side writes `success` and `error`. */
export const GITTINKERER_STATUSES: StatusTable = {
  pending: 'queued',
  queued: 'queued',
  running: 'running',
  succeeded: 'succeeded',
  completed: 'succeeded',
  success: 'succeeded',
  failed: 'failed',
  error: 'failed',
  timed_out: 'timed_out',
  timeout: 'timed_out',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};

/** Metrics are flushed after the run ends; what is counted of them is counted when they have come. */
const LATE_METRICS_MS = 2 * 60_000;
const PREVIEW_LENGTH = 200;
/** Longer texts are cut: the ledger refuses a text of a million characters. The artifact keeps all of it. */
const MAX_PROMPT = 100_000;
const MAX_DIFF = 100_000;
const MAX_TEXT = 20_000;
const MAX_FILES = 1_000;
const RUN_JSON_FIELDS = new Set(
  'run_id status timestamp payload_path artifacts_dir started_at finished_at exit_code error error_message'.split(' '),
);

export interface RunParts {
  readonly runId: string;
  /** The row of `runs`, by what its columns mean, and every other column. */
  readonly row?: { readonly known: Partial<Record<RunColumn, string | null>>; readonly others: JsonObject } | undefined;
  readonly metrics: RunMetrics;
  /** Its metrics are not read here but pushed: whether there are figures, the ledger knows. */
  readonly metricsArePushed?: boolean | undefined;
  /** `missing`: the artifacts can be read, and this run has none. Undefined: nobody knows. */
  readonly artifacts: RunArtifacts | 'missing' | undefined;
  /** Why the directory that the row names is not looked at. */
  readonly refused?: string | undefined;
}

export function splitRow(
  values: TextRow,
  columns: ReadonlyMap<RunColumn, Column>,
  all: readonly Column[],
): NonNullable<RunParts['row']> {
  const known = Object.fromEntries([...columns].map(([meaning, { name }]) => [meaning, values[name] ?? null]));
  const mapped = new Set([...columns.values()].map(({ name }) => name));
  const others = all
    .filter(({ name }) => !mapped.has(name))
    .map((column) => [camelCase(column.name), attributeValue(column, values[column.name])]);
  return { known, others: defined(Object.fromEntries(others)) };
}

/** One run, from what the database and its directory say of it: the run, its usage, the webhooks that it processed. */
export function mapRun(parts: RunParts, words: StatusWords, now: Date): readonly PulledRecord[] {
  const { runId, row, metrics } = parts;
  const artifacts = parts.artifacts === 'missing' ? undefined : parts.artifacts;
  const known = row?.known ?? {};
  const runJson = artifacts?.run;
  const payload = artifacts?.payload === undefined ? undefined : readPayload(artifacts.payload);
  const state = words.read(row === undefined ? textOf(runJson?.status) : known.status);
  const finished = isFinished(state.status);
  const times = readTimes(parts, artifacts, finished);
  const origin = known.source || payload?.origin;
  const project = known.project || payload?.project;
  const figures = figuresOf(metrics);
  const { costUsd, tokens } = figures;
  const exitCode = figures.exitCode ?? integerOf(known.exit_code ?? runJson?.exit_code);
  const pullRequest = definedOrNothing({
    ...payload?.pullRequest,
    number: countOf(known.pr_number) ?? payload?.pullRequest?.number,
  });
  const endedAt = times.finishedAt ?? lastRecorded(metrics) ?? times.createdAt ?? now.toISOString();
  const settled = finished && now.getTime() - Date.parse(endedAt) >= LATE_METRICS_MS;
  const run: PulledRecord = {
    kind: 'run',
    data: defined({
      runId,
      project,
      name: payload?.name,
      origin: originOf(origin),
      workflow: payload?.workflow ?? (origin === 'web' ? 'createRun' : undefined),
      ...state,
      ...times,
      prompt: artifacts?.prompt?.slice(0, MAX_PROMPT),
      promptPreview: artifacts?.prompt?.trim().slice(0, PREVIEW_LENGTH).toWellFormed(),
      metadata: payload?.metadata,
      pullRequest,
      error: finished && state.status !== 'succeeded' ? errorOf(known.error, runJson, exitCode) : undefined,
      exitCode,
      costUsd,
      counts: countsOf(figures, artifacts),
      commitSha: artifacts?.commitSha,
      artifacts: artifactsOf(parts, finished),
      diff: artifacts?.diffText?.slice(0, MAX_DIFF),
      links: payload?.sourceUrl === undefined ? undefined : { source: payload.sourceUrl },
      usageMissing: usageMissing(tokens ?? costUsd, settled && parts.metricsArePushed !== true),
      attributes: attributesOf(parts, artifacts, origin, state.status),
    }),
  };
  const usage =
    settled && (tokens ?? costUsd) !== undefined ? [usageOf(runId, project, figures, endedAt.slice(0, 10))] : [];
  return [run, ...usage, ...metrics.webhooks.flatMap((metric) => webhookOf(metric, runId, project))];
}

function readTimes({ row }: RunParts, artifacts: RunArtifacts | undefined, finished: boolean) {
  const known = row?.known ?? {};
  const named = timeOfDirectory(artifacts?.directory ?? '');
  const createdAt =
    utcInstant(known.created_at) ??
    (row === undefined && named !== undefined ? new Date(named).toISOString() : undefined);
  const finishedAt = finished ? (utcInstant(known.finished_at) ?? utcInstant(artifacts?.run?.finished_at)) : undefined;
  // The platform has no queue: a run whose start nobody wrote down began when it was created.
  const startedAt =
    utcInstant(known.started_at) ?? utcInstant(artifacts?.run?.started_at) ?? (finished ? createdAt : undefined);
  const notAfterEnd = (time: string | undefined) =>
    time !== undefined && finishedAt !== undefined && time > finishedAt ? undefined : time;
  return defined({ createdAt: notAfterEnd(createdAt), startedAt: notAfterEnd(startedAt), finishedAt });
}

function originOf(source: string | undefined): string | undefined {
  if (source === undefined) return undefined;
  const word = source.toLowerCase();
  if (word === 'github') return 'pr';
  return ['pr', 'web', 'issue'].includes(word) ? word : 'other';
}

/** The message where one was written down; else the exit code is all that is known. */
function errorOf(column: string | null | undefined, runJson: JsonObject | undefined, exitCode: number | undefined) {
  const message =
    column ||
    textOf(runJson?.error) ||
    textOf(runJson?.error_message) ||
    (exitCode === undefined || exitCode === 0 ? undefined : `exit code ${exitCode}`);
  return message === undefined ? undefined : { surface: 'run', message, category: categoryOf(message) };
}

function countsOf({ filesChanged }: MetricFigures, artifacts: RunArtifacts | undefined): JsonObject | undefined {
  return definedOrNothing({
    filesChanged: filesChanged ?? artifacts?.filesChanged?.length ?? artifacts?.diff?.files,
    linesAdded: artifacts?.diff?.linesAdded,
    linesRemoved: artifacts?.diff?.linesRemoved,
  });
}

/** No directory counts as missing only where the run is over: it is made while the run goes on. */
function artifactsOf({ artifacts }: RunParts, finished: boolean): readonly object[] | undefined {
  if (artifacts === 'missing') return finished ? [] : undefined;
  return artifacts?.files;
}

function usageMissing(figure: number | undefined, settled: boolean): boolean | undefined {
  if (figure !== undefined) return false;
  return settled ? true : undefined;
}

function attributesOf(
  parts: RunParts,
  artifacts: RunArtifacts | undefined,
  source: string | undefined,
  status: string | undefined,
): JsonObject | undefined {
  const attributes: Record<string, unknown> = { ...parts.row?.others };
  if (source !== undefined) attributes.runSource = source;
  const updatedAt = utcInstant(parts.row?.known.updated_at);
  if (updatedAt !== undefined) attributes.updatedAt = updatedAt;
  Object.assign(attributes, metricAttributes(parts.metrics));
  if (parts.row?.known.artifacts_dir) attributes.artifactsDir = parts.row.known.artifacts_dir;
  if (parts.refused !== undefined) attributes.artifactsRefused = parts.refused;
  if (artifacts !== undefined) Object.assign(attributes, artifactAttributes(artifacts, status));
  return definedOrNothing(attributes);
}

function artifactAttributes(artifacts: RunArtifacts, status: string | undefined): Record<string, unknown> {
  const { run, prompt, prComment, summary, filesChanged, diff, problems } = artifacts;
  const present = new Set(artifacts.files.map(({ name }) => name));
  const expected =
    status === 'succeeded' ? EXPECTED_ARTIFACTS : isFinished(status) ? EXPECTED_ARTIFACTS.slice(0, 2) : [];
  const absent = expected.filter((name) => !present.has(name));
  const attributes: Record<string, unknown> = {
    artifactsDirectory: artifacts.directory,
    prComment: prComment?.slice(0, MAX_TEXT),
    summary: summary?.slice(0, MAX_TEXT),
    filesChanged: filesChanged?.slice(0, MAX_FILES),
    diffLoc: diff?.platformLoc,
    // Cleared when a file that was awaited has come.
    artifactsMissing: absent.length > 0 ? absent : expected.length > 0 ? null : undefined,
    artifactsProblems: problems.length > 0 ? problems : expected.length > 0 ? null : undefined,
    promptTruncated: prompt !== undefined && prompt.length > MAX_PROMPT ? true : undefined,
    runJsonStatus: run?.status,
    runTimestamp: run?.timestamp,
    payloadPath: run?.payload_path,
    runJsonArtifactsDir: run?.artifacts_dir,
  };
  for (const [name, value] of Object.entries(run ?? {})) {
    if (!RUN_JSON_FIELDS.has(name)) attributes[`runJson.${name}`] = value;
  }
  return attributes;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

import { categoryOf } from '../../contract/errorCategories.ts';
import { isFinished } from '../../contract/status.ts';
import { amountOf, defined, definedOrNothing, type TextRow, utcInstant } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { StatusTable, StatusWords } from '../statusWords.ts';
import { adapterOf, failedResult } from './adapterCalls.ts';
import type { WorkflowLedgerConfig } from './config.ts';

export const LEDGER_STATUSES: StatusTable = {
  pending: 'queued',
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  suspended: 'waiting',
  cancelled: 'cancelled',
  skipped: 'skipped',
};

export interface MappedRun {
  readonly runId: string;
  readonly project: string | undefined;
  readonly workflow: string | undefined;
  readonly status: string | undefined;
  readonly finishedAt: string | undefined;
  readonly steps: readonly Step[];
  readonly records: readonly PulledRecord[];
}

interface Step {
  readonly id: string;
  readonly name: string | undefined;
  readonly verb: string | undefined;
  readonly status: string | undefined;
  readonly rawStatus: string | undefined;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly durationSeconds: number | undefined;
  readonly error: string | undefined;
}

/** A row of WorkflowRun with its TaskRuns as records: the run, its steps, and a result for each call of an adapter. */
export function mapWorkflowRun(
  row: TextRow,
  taskRows: readonly TextRow[],
  extra: Readonly<Record<string, unknown>>,
  config: Pick<WorkflowLedgerConfig, 'adapters'>,
  words: StatusWords,
): MappedRun {
  const runId = row.id ?? '';
  const project = row.project || undefined;
  const workflow = row.workflow_name || undefined;
  const state = words.read(row.status);
  const steps = taskRows.map((task) => readStep(task, words)).sort(byStart);
  const times = inOrder({
    createdAt: utcInstant(row.created_at),
    startedAt: utcInstant(row.started_at),
    finishedAt: isFinished(state.status) ? utcInstant(row.finished_at) : undefined,
  });
  const failed = steps.findLast((step) => step.status === 'failed');
  // The error of a step is the step's: told here too, it would be counted twice.
  const message = row.error || undefined;
  const run: PulledRecord = {
    kind: 'run',
    // Stamped with the start of the poll: a platform that forgets to move updated_at must not hide a new status.
    data: defined({
      runId,
      project,
      workflow,
      origin: 'workflow',
      trigger: row.trigger_source?.toLowerCase() || undefined,
      ...state,
      ...times,
      error:
        message === undefined
          ? undefined
          : defined({
              surface: 'run',
              message,
              category: categoryOf(message),
              stepId: state.status === 'failed' ? failed?.id : undefined,
            }),
      attributes: definedOrNothing(extra),
    }),
  };
  return {
    runId,
    project,
    workflow,
    status: state.status,
    finishedAt: times.finishedAt,
    steps,
    records: [
      run,
      ...steps.map((step, index) => stepRecord(runId, step, index)),
      ...steps.flatMap((step) => adapterRecord(step, project, runId, config)),
    ],
  };
}

function readStep(task: TextRow, words: StatusWords): Step {
  const { status, rawStatus } = words.read(task.status);
  const ms = amountOf(task.duration_ms);
  const durationSeconds = ms === undefined ? undefined : ms / 1000;
  const startedAt = utcInstant(task.started_at);
  const ended = status !== undefined && !['queued', 'running', 'waiting', 'unknown'].includes(status);
  const derived = ended && startedAt !== undefined && ms !== undefined ? later(startedAt, ms) : undefined;
  const times = inOrder({ startedAt, finishedAt: utcInstant(task.finished_at) ?? derived });
  return {
    id: task.id ?? '',
    name: task.step_name || undefined,
    verb: task.verb?.toUpperCase() || undefined,
    status,
    rawStatus,
    startedAt: times.startedAt,
    finishedAt: times.finishedAt,
    durationSeconds,
    error: task.error || undefined,
  };
}

function stepRecord(runId: string, step: Step, index: number): PulledRecord {
  const { durationSeconds, id, error, ...fields } = step;
  const known =
    step.startedAt === undefined && step.finishedAt !== undefined && durationSeconds !== undefined
      ? later(step.finishedAt, -durationSeconds * 1000)
      : step.startedAt;
  return {
    kind: 'step',
    data: defined({
      ...fields,
      runId,
      stepId: id,
      index,
      startedAt: known,
      error:
        error === undefined ? undefined : { surface: 'step', message: error, category: categoryOf(error), stepId: id },
    }),
  };
}

/** A call is told by the moment it ended: without that it could not be told from itself when it is read again. */
function adapterRecord(
  step: Step,
  project: string | undefined,
  runId: string,
  { adapters }: Pick<WorkflowLedgerConfig, 'adapters'>,
): PulledRecord[] {
  const adapter = adapterOf(adapters, step.verb, step.name);
  if (adapter === undefined || step.finishedAt === undefined) return [];
  if (step.status !== 'succeeded' && step.status !== 'failed' && step.status !== 'timed_out') return [];
  const result = step.status === 'succeeded' ? 'ok' : failedResult(step.error);
  const latencySeconds =
    step.durationSeconds ??
    (step.startedAt === undefined ? undefined : (Date.parse(step.finishedAt) - Date.parse(step.startedAt)) / 1000);
  return [
    {
      kind: 'adapter',
      at: step.finishedAt,
      data: defined({
        adapter,
        eventId: step.id,
        project,
        result,
        count: 1,
        at: step.finishedAt,
        latencySeconds,
        message: step.error,
        attributes: { runId },
      }),
    },
  ];
}

/** Times of several machines' clocks: one that lies after the end is left out, since the end is what is counted. */
function inOrder<
  T extends { createdAt?: string | undefined; startedAt: string | undefined; finishedAt: string | undefined },
>(times: T): T {
  const { finishedAt } = times;
  if (finishedAt === undefined) return times;
  const notAfter = (time: string | undefined) => (time !== undefined && time <= finishedAt ? time : undefined);
  return { ...times, createdAt: notAfter(times.createdAt), startedAt: notAfter(times.startedAt) };
}

function byStart(a: Step, b: Step): number {
  const [left, right] = [a.startedAt ?? '9', b.startedAt ?? '9'];
  if (left !== right) return left < right ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function later(instant: string, ms: number): string {
  return new Date(Date.parse(instant) + Math.round(ms)).toISOString();
}

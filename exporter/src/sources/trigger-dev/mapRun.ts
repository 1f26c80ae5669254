import { categoryOf } from '../../contract/errorCategories.ts';
import { isFinished, isOpen, type Status } from '../../contract/status.ts';
import { JsonFields, toNano } from '../jsonFields.ts';
import { defined, definedOrNothing, isObject, type JsonObject, utcInstant } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { StatusTable, StatusWords } from '../statusWords.ts';
import type { TriggerDevConfig } from './config.ts';

/** Statuses of a run, from the SDK's own schema of them. */
export const TRIGGER_STATUSES: StatusTable = {
  pending_version: 'queued',
  queued: 'queued',
  delayed: 'queued',
  dequeued: 'running',
  executing: 'running',
  waiting: 'waiting',
  completed: 'succeeded',
  failed: 'failed',
  crashed: 'failed',
  system_failure: 'failed',
  timed_out: 'timed_out',
  expired: 'timed_out',
  canceled: 'cancelled',
};

/** Flags and details that only repeat what other fields say. */
const REPEATED = [
  'isQueued',
  'isExecuting',
  'isWaiting',
  'isCompleted',
  'isSuccess',
  'isFailed',
  'isCancelled',
  // Signed links: whoever has one can read the payload.
  'payloadPresignedUrl',
  'outputPresignedUrl',
] as const;

/** More attempts than anybody configures: such a number is garbage. */
const MAX_ATTEMPTS = 1_000;

type MapConfig = Pick<
  TriggerDevConfig,
  'runs_of' | 'project' | 'project_tag' | 'queue_by_task' | 'run_url' | 'count_cost' | 'max_payload'
>;

export interface MappedRun {
  readonly id: string;
  readonly records: readonly PulledRecord[];
  /** It may still change: it is asked for again. */
  readonly open: boolean;
  /** Where and since when it waits for a worker, if it does. */
  readonly waits?: { readonly queue: string; readonly since: string | undefined; readonly deferred: boolean };
  /** RFC 3339. */
  readonly updatedAt: string | undefined;
}

/** The queue that a task's runs wait in. */
export function queueOfTask(task: string, config: Pick<TriggerDevConfig, 'queue_by_task'>): string {
  return (Object.hasOwn(config.queue_by_task, task) ? config.queue_by_task[task] : undefined) ?? `task/${task}`;
}

/**
 * A run of Trigger.dev, as its API tells it, as records.
 *
 * Where `runs_of` names the source whose runs are executed here, the run becomes a job and nothing else: that source counts
 * the run and its cost, this one counts queues, waits and retries, and the job says in `runSource` whose run it executes
 * (the one with this job's id as its `triggerRunId`). Else it is a run of its own, with a job, and a usage record of its cost.
 * @returns undefined where it has no id.
 */
export function mapRun(raw: JsonObject, config: MapConfig, words: StatusWords): MappedRun | undefined {
  const fields = new JsonFields(raw);
  const id = fields.name('id');
  if (id === undefined) return undefined;
  const task = fields.name('taskIdentifier');
  const queue = queueOfTask(task ?? '', config);
  const state = words.read(fields.text('status'));
  const isDone = raw.isCompleted === true;
  const attemptCount = fields.count('attemptCount');
  const times = readTimes(fields, raw, state.status);
  const compute = fields.amount('costInCents', 0.01);
  const base = fields.amount('baseCostInCents', 0.01);
  const durationSeconds = fields.amount('durationMs', 0.001);
  const metadata = fields.object('metadata');
  const error = readError(fields, state.status);
  const renamed = {
    baseCostUsd: base,
    durationSeconds,
    environment: fields.object('env'),
    updatedAt: times.updatedAt,
    ...readRelated(fields.object('relatedRuns')),
    ...readPayload('payload', fields, raw, config.max_payload),
    ...readPayload('output', fields, raw, config.max_payload),
  };
  fields.skip(...REPEATED);
  // Tags, version, region and whatever else there is keep their names.
  const attributes = defined({ ...renamed, ...fields.rest() });
  const costUsd = compute === undefined && base === undefined ? undefined : toNano((compute ?? 0) + (base ?? 0));
  const attempts =
    attemptCount === undefined || attemptCount === 0 || attemptCount > MAX_ATTEMPTS ? undefined : attemptCount;
  const at = times.updatedAt;
  const link = config.run_url?.replaceAll('{id}', encodeURIComponent(id));
  const project = config.project ?? projectOf(raw.tags, config.project_tag);
  const told: Told = { id, queue, attempts, times, status: state.status };

  const records: PulledRecord[] = [];
  if (config.runs_of === undefined) {
    records.push({
      kind: 'run',
      ...(at && { at }),
      data: defined({
        runId: id,
        project,
        origin: 'other',
        trigger: isObject(raw.schedule) || raw.taskKind === 'SCHEDULED' ? 'schedule' : 'api',
        workflow: task,
        ...state,
        createdAt: times.createdAt,
        startedAt: times.startedAt,
        finishedAt: times.finishedAt,
        attempts,
        metadata,
        error,
        costUsd,
        links: definedOrNothing({ trigger: link }),
        attributes,
      }),
    });
    records.push(...jobsOf(told, {}));
  } else {
    const ofJob = defined({
      runSource: config.runs_of,
      attributes: defined({
        ...attributes,
        project,
        task,
        ...state,
        createdAt: times.createdAt,
        costUsd,
        metadata,
        error,
        link,
      }),
    });
    records.push(...jobsOf(told, ofJob));
  }
  if (isFinished(state.status) && (config.count_cost ?? config.runs_of === undefined)) {
    records.push({
      kind: 'usage',
      ...(at && { at }),
      data: defined({
        usageId: id,
        runId: config.runs_of === undefined ? id : undefined,
        project,
        service: 'trigger_dev',
        stepType: task,
        date: (times.finishedAt ?? times.createdAt)?.slice(0, 10),
        costUsd,
        durationSeconds,
        quantity: durationSeconds,
        unit: durationSeconds === undefined ? undefined : 'compute_seconds',
      }),
    });
  }
  const isWaiting = state.status === 'queued' && times.startedAt === undefined;
  return {
    id,
    records,
    open: isOpen(state.status) || (state.status === 'unknown' && !isDone),
    ...(isWaiting && {
      waits: { queue, since: times.enqueuedAt, deferred: state.rawStatus?.toUpperCase() === 'DELAYED' },
    }),
    updatedAt: at,
  };
}

interface Times {
  readonly createdAt: string | undefined;
  readonly enqueuedAt: string | undefined;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly updatedAt: string | undefined;
}

/** Several machines write these: a start before the enqueueing or after the end says nothing. */
function readTimes(fields: JsonFields, raw: JsonObject, status: Status | undefined): Times {
  const createdAt = fields.instant('createdAt');
  const delayedUntil = utcInstant(raw.delayedUntil);
  const startedAt = fields.instant('startedAt');
  const finishedAt = fields.instant('finishedAt') ?? utcInstant(raw.expiredAt);
  // A delayed run waits for its time, then for a worker; only the second is the queue's doing.
  const enqueuedAt = delayedUntil !== undefined && inOrder(delayedUntil, startedAt) ? delayedUntil : createdAt;
  const end = isFinished(status) && inOrder(createdAt, finishedAt) ? finishedAt : undefined;
  return {
    createdAt,
    enqueuedAt: inOrder(enqueuedAt, end) ? enqueuedAt : createdAt,
    startedAt: inOrder(createdAt, startedAt) && inOrder(startedAt, end) ? startedAt : undefined,
    finishedAt: end,
    updatedAt: fields.instant('updatedAt'),
  };
}

function inOrder(earlier: string | undefined, later: string | undefined): boolean {
  return earlier === undefined || later === undefined || earlier <= later;
}

interface Told {
  readonly id: string;
  readonly queue: string;
  /** The attempt that is under way or was the last; undefined: none has begun. */
  readonly attempts: number | undefined;
  readonly times: Times;
  readonly status: Status | undefined;
}

const RESULTS: { readonly [S in Status]?: 'complete' | 'failed' } = {
  succeeded: 'complete',
  failed: 'failed',
  timed_out: 'failed',
};

/**
 * The attempts of a run as tries of a job: those before the last one ended with another try. A cancelled run has no result:
 * it neither completed nor failed.
 */
function jobsOf({ id, queue, attempts = 1, times, status }: Told, more: JsonObject): PulledRecord[] {
  const jobs: PulledRecord[] = [];
  const updatedMs = times.updatedAt === undefined ? undefined : Date.parse(times.updatedAt);
  const identity = { queue, jobId: id, enqueuedAt: times.enqueuedAt };
  const record = (data: JsonObject, before: number) =>
    jobs.push({
      kind: 'job',
      ...(updatedMs !== undefined && { at: new Date(updatedMs - before).toISOString() }),
      data: defined(data),
    });
  for (let attempt = 1; attempt < attempts; attempt++) {
    // Trigger.dev tells when the first attempt began; when the others began and each ended, it does not.
    const startedAt = attempt === 1 ? (times.startedAt ?? null) : null;
    record({ ...identity, startedAt, finishedAt: null, tries: attempt, result: 'retried' }, attempts - attempt);
  }
  const result = status === undefined ? undefined : RESULTS[status];
  record(
    {
      ...identity,
      startedAt: times.startedAt,
      finishedAt: times.finishedAt,
      tries: attempts,
      // The word of the attempt before is not this one's.
      result: result ?? (attempts > 1 ? null : undefined),
      ...more,
    },
    0,
  );
  return jobs;
}

function readError(fields: JsonFields, status: Status | undefined): JsonObject | undefined {
  const error = fields.object('error');
  if (error === undefined) return status === 'timed_out' ? { surface: 'run', category: 'timeout' } : undefined;
  const message = typeof error.message === 'string' ? error.message : undefined;
  const category = categoryOf([message, error.name].filter((part) => typeof part === 'string').join(' '));
  return {
    ...error,
    surface: 'run',
    category: category === 'other' && status === 'timed_out' ? 'timeout' : category,
  };
}

/** The runs around this one, by id: each is read as a run of its own. */
function readRelated(related: JsonObject | undefined): JsonObject {
  const idOf = (run: unknown) => (isObject(run) && typeof run.id === 'string' ? run.id : undefined);
  const children = Array.isArray(related?.children) ? related.children.filter(isObject) : [];
  return {
    rootRunId: idOf(related?.root),
    parentRunId: idOf(related?.parent),
    childRuns:
      children.length === 0
        ? undefined
        : children.map(({ id, status, taskIdentifier }) => defined({ id, status, taskIdentifier })),
  };
}

function readPayload(field: 'payload' | 'output', fields: JsonFields, raw: JsonObject, maxBytes: number): JsonObject {
  const value = fields.value(field);
  if (value === undefined) {
    // Too large for the database of Trigger.dev itself.
    return typeof raw[`${field}PresignedUrl`] === 'string' ? { [`${field}In`]: 'object store' } : {};
  }
  const bytes = Buffer.byteLength(JSON.stringify(value));
  return bytes <= maxBytes ? { [field]: value } : { [`${field}Bytes`]: bytes };
}

function projectOf(tags: unknown, prefix: string | undefined): string | undefined {
  if (prefix === undefined || !Array.isArray(tags)) return undefined;
  const tag = tags.find((value): value is string => typeof value === 'string' && value.startsWith(prefix));
  return tag?.slice(prefix.length) || undefined;
}

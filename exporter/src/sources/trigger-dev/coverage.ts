/** A field of the platform's document, the field of the record that it becomes, and where that is seen. */
interface Covered {
  readonly document: string;
  readonly field: string;
  /** `run.` where the run is read as a run of its own, `job.` where it executes the run of another source (`runs_of`). */
  readonly record: string;
  readonly shows: string;
}

const SDK = 'Trigger.dev SDK 4.8.3, RetrieveRunResponse';
const QUEUES = 'Trigger.dev SDK 4.8.3, QueueItem';
const MONITORING = 'codecourier-monitoring.md, Trigger.dev Run Status';

/** The same in a run of its own and in the job that executes another source's run. */
const both = (field: string, attribute = field): Covered[] => [
  { document: SDK, field, record: `run.attributes.${attribute}`, shows: 'API runs/{source}/{id}' },
  { document: SDK, field, record: `job.attributes.${attribute}`, shows: 'API jobs' },
];

export const coverage: readonly Covered[] = [
  { document: MONITORING, field: 'triggerRunId', record: 'job.jobId', shows: 'API runs/{source}/{id}?include=job' },
  { document: MONITORING, field: 'triggerRunId', record: 'job.runSource', shows: 'API runs/{source}/{id}?include=job' },
  { document: MONITORING, field: 'task queue', record: 'job.queue', shows: 'API jobs; fleet_queue_* label queue' },
  { document: MONITORING, field: 'scheduling', record: 'job.enqueuedAt', shows: 'API jobs; fleet_queue_wait_seconds' },
  { document: MONITORING, field: 'retry history', record: 'job.tries', shows: 'fleet_queue_jobs_finished_total' },
  { document: MONITORING, field: 'resource consumption', record: 'job.attributes.costUsd', shows: 'API jobs' },
  { document: MONITORING, field: 'timing', record: 'job.attributes.durationSeconds', shows: 'API jobs' },
  { document: MONITORING, field: 'dashboard', record: 'run.links.trigger', shows: 'API runs/{source}/{id}' },
  { document: MONITORING, field: 'dashboard', record: 'job.attributes.link', shows: 'API jobs' },

  { document: SDK, field: 'id', record: 'run.runId', shows: 'API runs' },
  { document: SDK, field: 'status', record: 'run.status', shows: 'API runs; fleet_runs, fleet_runs_finished_total' },
  { document: SDK, field: 'status', record: 'run.rawStatus', shows: 'API runs' },
  { document: SDK, field: 'status', record: 'job.result', shows: 'API jobs; fleet_queue_jobs_finished_total' },
  { document: SDK, field: 'status', record: 'job.attributes.status', shows: 'API jobs' },
  { document: SDK, field: 'status', record: 'job.attributes.rawStatus', shows: 'API jobs' },
  { document: SDK, field: 'taskIdentifier', record: 'run.workflow', shows: 'API runs; label workflow' },
  { document: SDK, field: 'taskIdentifier', record: 'usage.stepType', shows: 'fleet_cost_usd_total label step' },
  { document: SDK, field: 'taskIdentifier', record: 'job.attributes.task', shows: 'API jobs' },
  { document: SDK, field: 'createdAt', record: 'run.createdAt', shows: 'API runs; fleet_run_queue_seconds' },
  { document: SDK, field: 'createdAt', record: 'job.attributes.createdAt', shows: 'API jobs' },
  { document: SDK, field: 'startedAt', record: 'run.startedAt', shows: 'API runs; fleet_run_duration_seconds' },
  { document: SDK, field: 'startedAt', record: 'job.startedAt', shows: 'API jobs; fleet_queue_wait_seconds' },
  { document: SDK, field: 'finishedAt', record: 'run.finishedAt', shows: 'API runs; fleet_run_duration_seconds' },
  { document: SDK, field: 'finishedAt', record: 'job.finishedAt', shows: 'API jobs' },
  { document: SDK, field: 'finishedAt', record: 'usage.date', shows: 'API usage' },
  { document: SDK, field: 'attemptCount', record: 'run.attempts', shows: 'API runs' },
  { document: SDK, field: 'attemptCount', record: 'job.tries', shows: 'fleet_queue_jobs_finished_total' },
  { document: SDK, field: 'costInCents', record: 'run.costUsd', shows: 'API runs; fleet_run_cost_usd' },
  { document: SDK, field: 'costInCents', record: 'usage.costUsd', shows: 'fleet_cost_usd_total' },
  { document: SDK, field: 'durationMs', record: 'usage.durationSeconds', shows: 'API usage' },
  { document: SDK, field: 'durationMs', record: 'usage.quantity', shows: 'fleet_usage_quantity_total' },
  { document: SDK, field: 'error', record: 'run.error', shows: 'API runs; fleet_run_errors_total' },
  { document: SDK, field: 'error', record: 'job.attributes.error', shows: 'API jobs' },
  { document: SDK, field: 'metadata', record: 'run.metadata', shows: 'API runs' },
  { document: SDK, field: 'metadata', record: 'job.attributes.metadata', shows: 'API jobs' },
  { document: SDK, field: 'schedule', record: 'run.trigger', shows: 'fleet_runs_created_total label trigger' },
  { document: SDK, field: 'tags', record: 'run.project', shows: 'label project (project_tag)' },
  { document: SDK, field: 'tags', record: 'job.attributes.project', shows: 'API jobs (project_tag)' },
  { document: SDK, field: 'tags', record: 'usage.project', shows: 'label project (project_tag)' },
  ...both('baseCostInCents', 'baseCostUsd'),
  ...both('durationMs', 'durationSeconds'),
  ...both('updatedAt'),
  ...both('version'),
  ...both('idempotencyKey'),
  ...both('isTest'),
  ...both('tags'),
  ...both('delayedUntil'),
  ...both('expiredAt'),
  ...both('ttl'),
  ...both('taskKind'),
  ...both('region'),
  ...both('depth'),
  ...both('triggerFunction'),
  ...both('batchId'),
  ...both('schedule'),
  ...both('env', 'environment'),
  ...both('relatedRuns.root', 'rootRunId'),
  ...both('relatedRuns.parent', 'parentRunId'),
  ...both('relatedRuns.children', 'childRuns'),
  ...both('payload'),
  ...both('output'),

  { document: QUEUES, field: 'name, type', record: 'queue.queue', shows: 'API queues; label queue' },
  { document: QUEUES, field: 'queued', record: 'queue.due', shows: 'fleet_queue_depth{state="due"}' },
  { document: QUEUES, field: 'running', record: 'queue.inProgress', shows: 'fleet_queue_depth{state="in_progress"}' },
  { document: QUEUES, field: 'concurrencyLimit', record: 'queue.concurrencyLimit', shows: 'API queues' },
  { document: QUEUES, field: 'paused', record: 'queue.attributes.paused', shows: 'API queues' },
  { document: QUEUES, field: 'id', record: 'queue.attributes.queueId', shows: 'API queues' },
  { document: QUEUES, field: 'type', record: 'queue.attributes.type', shows: 'API queues' },
  { document: QUEUES, field: 'version', record: 'queue.attributes.version', shows: 'API queues' },
  { document: QUEUES, field: 'concurrency', record: 'queue.attributes.concurrency', shows: 'API queues' },
  {
    document: MONITORING,
    field: 'queue position: the delayed runs',
    record: 'queue.deferred',
    shows: 'fleet_queue_depth{state="deferred"}',
  },
  {
    document: MONITORING,
    field: 'queue position: the first that waits',
    record: 'queue.oldestDueAt',
    shows: 'fleet_queue_oldest_due_timestamp_seconds',
  },
];

import { type Part, type RecordView, type Total, unixSeconds, type View } from './recordView.ts';

const RESULT_FIELDS = [
  ['complete', 'completedTotal'],
  ['failed', 'failedTotal'],
  ['retried', 'retriedTotal'],
] as const;

/** The latest sample of a queue. Its totals count where the source has no job records: a source sends one or the other. */
export const viewQueue: View<'queue'> = (queue, _context): RecordView => {
  const scope = [queue.source, queue.queue as string];
  const parts: Part[] = [];
  const totals: Total[] = [];
  const depth: [string, number | undefined][] = [
    ['due', queue.due],
    ['deferred', queue.deferred],
    ['in_progress', queue.inProgress],
  ];
  for (const [state, value] of depth) {
    if (value !== undefined) parts.push({ family: 'fleet_queue_depth', labels: [...scope, state], value });
  }
  if (queue.oldestDueAt !== undefined) {
    parts.push({
      family: 'fleet_queue_oldest_due_timestamp_seconds',
      labels: scope,
      value: unixSeconds(queue.oldestDueAt),
    });
  }
  if (queue.workers !== undefined) parts.push({ family: 'fleet_queue_workers', labels: scope, value: queue.workers });
  if (queue.enqueuedTotal !== undefined) {
    totals.push({
      family: 'fleet_queue_jobs_enqueued_total',
      labels: scope,
      total: queue.enqueuedTotal,
      field: 'enqueuedTotal',
    });
  }
  for (const [result, field] of RESULT_FIELDS) {
    const total = queue[field];
    if (total !== undefined)
      totals.push({ family: 'fleet_queue_jobs_finished_total', labels: [...scope, result], total, field });
  }
  return { facts: [], parts, totals, serverRunId: queue.serverRunId };
};

import { once, riseExactly, saidAgo, unlessCatchingUp } from './promql.ts';
import type { RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const backlog = valuesOf('FleetQueueBacklogNotConsumed');
const wait = valuesOf('FleetQueueWaitHigh');
const LABELS = 'source, queue';
const DUE = 'fleet_queue_depth{state="due"}';
/** By what was due then, whichever replica said so: without it nobody knows whether it grew. */
const CHANGE = `${once(DUE)} - ${once(saidAgo(DUE, backlog.window))}`;
const P95 = `source_queue:fleet_queue_wait_seconds:p95_increase${wait.window}`;
const ENQUEUED = `source_queue:fleet_queue_jobs_enqueued:increase${wait.window}`;
const USUAL = `source_queue:fleet_queue_jobs_enqueued:mean_increase${wait.window}_over${wait.baseline}`;

export const QUEUE_RULES: RuleFile = {
  name: 'fleet-queues',
  about: 'Queues of jobs and their workers.',
  rules: [
    {
      record: P95,
      expr: `
        histogram_quantile(0.95,
          ${riseExactly(`${LABELS}, le`, 'fleet_queue_wait_seconds_bucket', '', wait.window)}
        )`,
    },
    { record: ENQUEUED, expr: riseExactly(LABELS, 'fleet_queue_jobs_enqueued_total', '', wait.window) },
    { record: USUAL, expr: `avg_over_time(${ENQUEUED}[${wait.baseline}] offset ${wait.offset})` },
    {
      alert: 'FleetQueueBacklogNotConsumed',
      expr: `
        (
          ${CHANGE} > 0
          or
          ${once(DUE)} > 0
            and on (${LABELS}) ${CHANGE} == 0
            and on (${LABELS}) ${riseExactly(LABELS, 'fleet_queue_jobs_enqueued_total', '', backlog.window)} > 0
        )
          unless on (${LABELS}) ${riseExactly(LABELS, 'fleet_queue_jobs_finished_total', 'result=~"complete|failed"', backlog.window)} > 0
          ${unlessCatchingUp(backlog.window)}`,
      summary: 'Nobody takes jobs of queue {{ $labels.queue }} ({{ $labels.source }})',
      description: `No job finished in the last ${backlog.window} while due jobs grew{{ with printf "max(fleet_queue_depth{source=%q,queue=%q,state=\\"due\\"})" $labels.source $labels.queue | query }}; {{ . | first | value | printf "%.0f" }} are due now{{ end }}. Workers are down, stuck or without memory.`,
      dashboard: ['fleetlens-queues', 'source'],
      note: 'A backlog that stays the same counts as growing while jobs are still enqueued. A job that will be tried again has not finished.\n`unless`, not `and … == 0`: a queue whose jobs never finished has no such series.',
    },
    {
      alert: 'FleetQueueWaitHigh',
      expr: `
        ${P95} > ${wait.wait}
          unless on (${LABELS}) ${ENQUEUED} > ${wait.spike} * ${USUAL}
          ${unlessCatchingUp(wait.window)}`,
      summary: 'Jobs of queue {{ $labels.queue }} ({{ $labels.source }}) wait {{ $value | humanizeDuration }}',
      description: `5% of the jobs that started in the last ${wait.window} waited longer than {{ $value | humanizeDuration }}, and no more than usual were enqueued: a worker is down or under memory pressure.`,
      dashboard: ['fleetlens-queues', 'source'],
    },
  ],
};

import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { colored, figure, graph, grid, heatMap } from '../kit/panels.ts';
import { age, buckets, growth, now, perHour, quantile, share, sum } from '../kit/promql.ts';
import { heat, instant, records, rows, series } from '../kit/targets.ts';
import { FAILURE_RATE, WAIT } from '../kit/thresholds.ts';

const WAITED = 'fleet_queue_wait_seconds';
const FINISHED = 'fleet_queue_jobs_finished_total';
const BY_QUEUE = ['source', 'queue'];

export const queues = defineDashboard({
  name: 'queues',
  title: 'Queues and workers',
  description:
    'Whether work is taken up: backlog, wait, what is enqueued against what ends, and the workers that are alive.',
  page: { title: 'Queues', name: 'queues' },
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Due',
          description:
            'Jobs that should run now and do not. Growing while none ends means that no worker takes them: on-call is paged.',
          unit: 'short',
          none: 'no queues',
          thresholds: ['green', [10, 'orange'], [50, 'red']],
          targets: [instant(sum(now('fleet_queue_depth', 'state="due"')))],
        }),
        figure({
          title: 'Oldest is due for',
          description: 'How long the oldest due job waits.',
          unit: 's',
          none: 'nothing is due',
          thresholds: WAIT,
          targets: [instant(age('fleet_queue_oldest_due_timestamp_seconds'))],
        }),
        figure({
          title: 'In progress',
          description: 'Jobs that workers run now.',
          unit: 'short',
          plain: true,
          none: 'no queues',
          thresholds: ['blue'],
          targets: [instant(sum(now('fleet_queue_depth', 'state="in_progress"')))],
        }),
        figure({
          title: 'Workers',
          description: 'Workers that were seen alive. None at all while jobs are due: restart them.',
          unit: 'short',
          none: 'none seen',
          thresholds: ['text', [0, 'red'], [1, 'green']],
          targets: [instant(sum(now('fleet_queue_workers')))],
        }),
        figure({
          title: 'Wait, p95',
          description:
            '19 of 20 jobs that started in the time range waited at most so long. Above a minute without more work than usual is an alert.',
          unit: 's',
          none: 'no jobs',
          thresholds: WAIT,
          targets: [instant(quantile(0.95, WAITED, { window: '$__range' }))],
        }),
        figure({
          title: 'Jobs that failed',
          description: 'Share of the jobs that ended in the time range; an attempt that is tried again has not ended.',
          unit: 'percentunit',
          decimals: 1,
          none: 'no jobs',
          thresholds: FAILURE_RATE,
          targets: [
            instant(
              share(sum(growth(FINISHED, 'result="failed"')), sum(growth(FINISHED, 'result=~"complete|failed"'))),
            ),
          ],
          dataLinks: [link('Runs and their errors', dashboard('runs'))],
        }),
      ],
    },
    {
      title: 'Backlog',
      panels: [
        graph({
          title: 'Depth',
          w: 9,
          description:
            'Jobs by state, as the platforms told them (from the ledger, so also from before Prometheus began to scrape).',
          unit: 'short',
          none: 'no queues',
          isOfFleet: true,
          calcs: ['max', 'lastNotNull'],
          targets: [records({ queryType: 'queues', filters: { source: ['$source'] }, asTimeSeries: true })],
          seriesName: `\${__field.labels.queue} \${__field.name}`,
        }),
        grid({
          title: 'Queues now',
          description:
            'The state of each queue at its last reading, how long its oldest job is due, and how long 19 of 20 jobs of the last hour waited.',
          unit: 'short',
          w: 15,
          none: 'no queues',
          targets: [
            rows(sum(now('fleet_queue_depth', 'state="due"'), BY_QUEUE)),
            rows(sum(now('fleet_queue_depth', 'state="deferred"'), BY_QUEUE)),
            rows(sum(now('fleet_queue_depth', 'state="in_progress"'), BY_QUEUE)),
            rows(sum(now('fleet_queue_workers'), BY_QUEUE)),
            rows(age('fleet_queue_oldest_due_timestamp_seconds', BY_QUEUE)),
            rows(quantile(0.95, WAITED, { by: BY_QUEUE, window: '1h' })),
          ],
          columns: [
            { of: 'queue', heading: 'Queue', links: [link('Its page', pageOf('queues', ['Source'], 'row'))] },
            { of: 'source', heading: 'Source', width: 150 },
            { of: 'Value #A', heading: 'Due', decimals: 0, thresholds: ['text', [10, 'orange'], [50, 'red']] },
            { of: 'Value #B', heading: 'Deferred', decimals: 0 },
            { of: 'Value #C', heading: 'In progress', decimals: 0 },
            { of: 'Value #D', heading: 'Workers', decimals: 0, thresholds: ['red', [1, 'text']] },
            {
              of: 'Value #E',
              heading: 'Oldest',
              unit: 's',
              decimals: 0,
              thresholds: WAIT,
            },
            {
              of: 'Value #F',
              heading: 'Wait p95',
              unit: 's',
              decimals: 1,
              thresholds: WAIT,
            },
          ],
          sortBy: { column: 'Due' },
        }),
        graph({
          title: 'Enqueued and ended, per hour',
          description: 'Where the lines part, the backlog grows.',
          unit: 'short',
          interval: '15m',
          none: 'no jobs',
          targets: [
            series(perHour('fleet_queue_jobs_enqueued_total', ['queue']), '{{queue}} enqueued'),
            series(perHour(FINISHED, ['queue'], 'result=~"complete|failed"'), '{{queue}} ended'),
          ],
          calcs: ['mean', 'max'],
        }),
        graph({
          title: 'Jobs that ended, per hour',
          description: 'By result; retried is an attempt that is tried again.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '15m',
          none: 'no jobs',
          legend: 'list',
          targets: [series(perHour(FINISHED, ['result']), '{{result}}')],
          overrides: [
            colored('complete', 'green', 'Complete'),
            colored('failed', 'red', 'Failed'),
            colored('retried', 'orange', 'Retried'),
          ],
        }),
      ],
    },
    {
      title: 'Wait',
      panels: [
        heatMap({
          title: 'How long jobs wait',
          description: 'From enqueueing to the start of execution: each cell is how many jobs waited so long.',
          unit: 's',
          interval: '15m',
          none: 'no jobs',
          targets: [heat(buckets(WAITED))],
        }),
        graph({
          title: 'Wait by queue, p95',
          description: '19 of 20 jobs waited at most so long.',
          unit: 's',
          interval: '30m',
          h: 10,
          none: 'no jobs',
          targets: [series(quantile(0.95, WAITED, { by: ['queue'] }), '{{queue}}')],
          links: [link('Queues', page('queues'))],
        }),
      ],
    },
  ],
});

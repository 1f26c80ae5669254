import { CI_STATUSES } from '../../../exporter/src/contract/records.ts';
import { defineDashboard } from '../kit/dashboard.ts';
import { link, page, pageOf } from '../kit/links.ts';
import { colored, figure, graph, grid, heatMap, ranking } from '../kit/panels.ts';
import { age, buckets, growth, now, perHour, quantile, ratio, share, sum } from '../kit/promql.ts';
import { heat, instant, rows, series } from '../kit/targets.ts';
import { BLOCKED_FOR } from '../kit/thresholds.ts';

const MERGE = 'fleet_pull_request_merge_seconds';
const CI_COLORS: Readonly<Record<(typeof CI_STATUSES)[number], string>> = {
  passing: 'green',
  failing: 'red',
  pending: 'blue',
};
const BY_PROJECT = ['source', 'project'];
const pullRequests = (event: string, window = '$__range') =>
  growth('fleet_pull_requests_total', `event="${event}"`, window);

export const ci = defineDashboard({
  name: 'ci',
  title: 'CI and pull requests',
  description:
    'What the runs deliver: pull requests, the checks that they pass or hang on, and how long it takes to merge them.',
  from: 'now-7d',
  page: { title: 'Runs blocked on CI', name: 'runs' },
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Blocked on CI',
          description: 'Pull requests that CI blocks now.',
          unit: 'short',
          none: 'none',
          thresholds: ['green', [1, 'orange']],
          targets: [instant(sum(now('fleet_pull_requests_blocked_on_ci')))],
          dataLinks: [link('Their runs', page('runs', { pr_status: 'blocked_on_ci' }))],
        }),
        figure({
          title: 'Blocked for',
          description: 'How long the longest-blocked pull request has been blocked on CI. Over an hour is a ticket.',
          unit: 's',
          none: 'none',
          thresholds: BLOCKED_FOR,
          targets: [instant(age('fleet_pull_request_oldest_blocked_timestamp_seconds'))],
          dataLinks: [link('Open the run', page('find', { oldest: 'blocked_on_ci' }))],
        }),
        figure({
          title: 'Opened',
          description: 'Pull requests created in the time range.',
          unit: 'locale',
          decimals: 0,
          plain: true,
          none: 'none',
          thresholds: ['text'],
          targets: [instant(sum(pullRequests('created')))],
        }),
        figure({
          title: 'Merged',
          description: 'Pull requests merged in the time range.',
          unit: 'locale',
          decimals: 0,
          plain: true,
          none: 'none',
          thresholds: ['green'],
          targets: [instant(sum(pullRequests('merged')))],
        }),
        figure({
          title: 'Could not be opened',
          description:
            'Pull requests whose creation failed in the time range. Three of a project in an hour alert: look at its GitHub token first.',
          unit: 'locale',
          decimals: 0,
          none: 'none',
          thresholds: ['green', [1, 'orange'], [10, 'red']],
          targets: [instant(sum(pullRequests('failed')))],
          dataLinks: [link('Their runs', page('runs', { pr_status: 'failed' }))],
        }),
        figure({
          title: 'Time to merge, p50',
          description: 'Half of the pull requests that were merged in the time range were merged within this.',
          unit: 's',
          plain: true,
          none: 'none merged',
          thresholds: ['text'],
          targets: [instant(quantile(0.5, MERGE, { window: '$__range' }))],
        }),
      ],
    },
    {
      title: 'Pull requests',
      panels: [
        graph({
          title: 'Pull requests, per day',
          description: 'Opened, merged, and those that could not be opened.',
          unit: 'short',
          interval: '1d',
          w: 9,
          none: 'no pull requests',
          legend: 'list',
          targets: [series(sum(growth('fleet_pull_requests_total', '', '$__interval'), ['event']), '{{event}}')],
          overrides: [
            colored('created', 'blue', 'Opened'),
            colored('merged', 'green', 'Merged'),
            colored('failed', 'red', 'Could not be opened'),
          ],
        }),
        grid({
          title: 'Projects',
          description:
            'What each project delivered in the time range. What was merged of what was opened tells how much of the work is of use.',
          unit: 'short',
          w: 15,
          none: 'no pull requests',
          targets: [
            rows(sum(pullRequests('created'), BY_PROJECT)),
            rows(sum(pullRequests('merged'), BY_PROJECT)),
            rows(share(sum(pullRequests('merged'), BY_PROJECT), sum(pullRequests('created'), BY_PROJECT))),
            rows(sum(pullRequests('failed'), BY_PROJECT)),
            rows(sum(now('fleet_pull_requests_blocked_on_ci'), BY_PROJECT)),
            rows(quantile(0.5, MERGE, { by: BY_PROJECT, window: '$__range' })),
          ],
          columns: [
            {
              of: 'project',
              heading: 'Project',
              width: 170,
              links: [link('Its runs', pageOf('runs', ['Source', 'Project'], 'row'))],
            },
            { of: 'source', heading: 'Source', width: 150 },
            { of: 'Value #A', heading: 'Opened', decimals: 0 },
            { of: 'Value #B', heading: 'Merged', decimals: 0 },
            { of: 'Value #C', heading: 'Of opened', unit: 'percentunit', decimals: 0 },
            { of: 'Value #D', heading: 'Failed', decimals: 0, thresholds: ['text', [1, 'orange']] },
            { of: 'Value #E', heading: 'Blocked', decimals: 0, thresholds: ['text', [1, 'orange']] },
            { of: 'Value #F', heading: 'To merge', unit: 's', decimals: 1 },
          ],
          sortBy: { column: 'Opened' },
        }),
        heatMap({
          title: 'Time to merge, distribution',
          description: 'From creation to merge.',
          unit: 's',
          interval: '4h',
          none: 'none merged',
          targets: [heat(buckets(MERGE))],
        }),
        graph({
          title: 'Time to merge, p50 and p90',
          description: 'Half of the pull requests and 9 of 10 were merged within this.',
          unit: 's',
          interval: '12h',
          h: 10,
          none: 'none merged',
          targets: [series(quantile(0.5, MERGE), 'p50'), series(quantile(0.9, MERGE), 'p90')],
        }),
      ],
    },
    {
      title: 'Checks',
      panels: [
        ranking({
          title: 'Open pull requests by their checks',
          description: 'Now: whose checks pass, fail, or have not ended.',
          unit: 'short',
          none: 'none open',
          thresholds: ['blue'],
          targets: [instant(sum(now('fleet_ci_status'), ['status']), '{{status}}')],
          overrides: CI_STATUSES.map((status) => colored(status, CI_COLORS[status])),
        }),
        graph({
          title: 'Checks that ended, per hour',
          description: 'By conclusion.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '2h',
          w: 8,
          none: 'no checks',
          legend: 'list',
          targets: [series(perHour('fleet_ci_checks_finished_total', ['conclusion']), '{{conclusion}}')],
          overrides: [
            colored('success', 'green'),
            colored('failure', 'red'),
            colored('timed_out', 'dark-red'),
            colored('cancelled', 'orange'),
          ],
        }),
        ranking({
          title: 'Checks that fail',
          description: 'Share of the ended checks of the time range that did not succeed, the ten worst.',
          unit: 'percentunit',
          decimals: 0,
          none: 'no checks',
          thresholds: ['green', [0.1, 'orange'], [0.3, 'red']],
          targets: [
            instant(
              `topk(10, ${ratio(
                sum(growth('fleet_ci_checks_finished_total', 'conclusion=~"failure|timed_out"'), ['check']),
                sum(growth('fleet_ci_checks_finished_total'), ['check']),
              )})`,
              '{{check}}',
            ),
          ],
        }),
      ],
    },
  ],
});

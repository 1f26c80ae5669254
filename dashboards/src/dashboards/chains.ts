import { SANDBOX_OPEN_STATUSES } from '../../../exporter/src/contract/status.ts';
import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, showHere } from '../kit/links.ts';
import { appPanel, colored, figure, graph, grid, statusSeries } from '../kit/panels.ts';
import { growth, now, peak, perHour, quantile, share, sum } from '../kit/promql.ts';
import { instant, records, series } from '../kit/targets.ts';
import { SUCCESS_RATE } from '../kit/thresholds.ts';

const SPRINT = 'fleet_sprint_duration_seconds';
const ENDED = ['succeeded', 'failed', 'timed_out', 'cancelled'] as const;
const OF_CHAINS = { source: ['$source'], project: ['$project'], workflow: ['$workflow'] };
const OF_SANDBOXES = { source: ['$source'], project: ['$project'] };

export const chains = defineDashboard({
  name: 'chains',
  title: 'Chains and sandboxes',
  description:
    'Sprint chains that run for hours unattended, and the sandboxes in which agents work. Below, one chain in full.',
  from: 'now-7d',
  page: { title: 'List of chains', name: 'chains' },
  texts: [
    { name: 'chain_source', label: 'Source of the chain', description: 'Set by a click on a chain in the list below' },
    { name: 'chain', label: 'Chain', description: 'Id of the chain that is shown in full below' },
  ],
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Chains under way',
          description: 'Sprint chains that are queued or running now.',
          unit: 'short',
          plain: true,
          none: 'no chains',
          thresholds: ['blue'],
          targets: [instant(sum(now('fleet_chains')))],
          dataLinks: [link('These chains', page('chains', { status: 'running' }))],
        }),
        figure({
          title: 'Chains that failed',
          description:
            'In the time range. A failed chain leaves the sprints after it undone: resume it or start the rest anew.',
          unit: 'locale',
          decimals: 0,
          none: 'no chains',
          thresholds: ['green', [1, 'red']],
          targets: [instant(sum(growth('fleet_chains_finished_total', 'status="failed"')))],
          dataLinks: [link('These chains', page('chains', { status: 'failed' }))],
        }),
        figure({
          title: 'Sprints that succeeded',
          description: 'Share of the ended sprints of the time range.',
          unit: 'percentunit',
          decimals: 0,
          none: 'no sprints',
          thresholds: SUCCESS_RATE,
          targets: [
            instant(
              share(
                sum(growth('fleet_sprints_finished_total', 'status="succeeded"')),
                sum(growth('fleet_sprints_finished_total', 'status!="cancelled"')),
              ),
            ),
          ],
        }),
        figure({
          title: 'Sandboxes running',
          description: 'Sandboxes that are being created, running or paused now. Each costs money while it runs.',
          unit: 'short',
          plain: true,
          none: 'no sandboxes',
          thresholds: ['blue'],
          targets: [instant(sum(now('fleet_sandboxes')))],
          dataLinks: [link('These sandboxes', page('sandboxes'))],
        }),
        figure({
          title: 'Sandboxes created',
          description: 'In the time range.',
          unit: 'locale',
          decimals: 0,
          plain: true,
          none: 'no sandboxes',
          thresholds: ['text'],
          targets: [instant(sum(growth('fleet_sandboxes_created_total')))],
        }),
        figure({
          title: 'Provisioning errors',
          description:
            'Sandboxes of the time range that could not be made. Three of a project in 15 minutes page on-call: look at the template and the E2B key.',
          unit: 'locale',
          decimals: 0,
          none: 'no errors',
          thresholds: ['green', [1, 'orange'], [10, 'red']],
          targets: [instant(sum(growth('fleet_sandbox_errors_total', 'stage="provision"')))],
          dataLinks: [
            link('Runs that failed so', page('runs', { status: 'failed', error_category: 'template_not_found' })),
          ],
        }),
      ],
    },
    {
      title: 'Sprint chains',
      panels: [
        graph({
          title: 'Chains that ended, per day',
          description: 'By how they ended.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '1d',
          w: 8,
          none: 'no chains',
          legend: 'list',
          targets: [series(sum(growth('fleet_chains_finished_total', '', '$__interval'), ['status']), '{{status}}')],
          overrides: statusSeries(['succeeded', 'failed', 'cancelled']),
        }),
        graph({
          title: 'Sprints that ended, per hour',
          description: 'By how they ended.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '4h',
          w: 8,
          none: 'no sprints',
          legend: 'list',
          targets: [series(perHour('fleet_sprints_finished_total', ['status']), '{{status}}')],
          overrides: statusSeries(ENDED),
        }),
        graph({
          title: 'Duration of sprints',
          description: 'Half of the sprints and 19 of 20 took at most so long.',
          unit: 's',
          interval: '6h',
          w: 8,
          none: 'no sprints',
          calcs: ['mean', 'max'],
          targets: [series(quantile(0.5, SPRINT), 'p50'), series(quantile(0.95, SPRINT), 'p95')],
        }),
        grid({
          title: 'Newest chains',
          description: 'A name opens the chain; a click on its time shows it in the row below.',
          unit: 'none',
          h: 10,
          none: 'no chains',
          isOfFleet: true,
          targets: [records({ queryType: 'chains', filters: OF_CHAINS, limit: 50, live: true })],
          columns: [
            {
              of: 'created',
              heading: 'created',
              unit: 'dateTimeFromNow',
              width: 130,
              links: [link('Show below', showHere('chains', { chain_source: 'source', chain: 'chain' }))],
            },
            { of: 'status', heading: 'status', width: 100 },
            { of: 'name', heading: 'name' },
            { of: 'project', heading: 'project' },
            { of: 'sprints done', heading: 'sprints done', width: 110 },
            { of: 'sprints', heading: 'sprints', width: 80 },
            { of: 'failed sprint', heading: 'failed sprint', width: 110 },
            { of: 'duration', heading: 'duration', width: 110 },
            { of: 'cost', heading: 'cost', width: 90 },
            { of: 'source', heading: 'source', width: 150 },
            { of: 'chain', heading: 'chain', width: 200 },
          ],
        }),
      ],
    },
    {
      title: 'Sandboxes',
      panels: [
        graph({
          title: 'Sandboxes',
          description: 'Being created, running or paused, the most in each interval.',
          unit: 'short',
          stacked: true,
          interval: '1h',
          w: 8,
          none: 'no sandboxes',
          legend: 'list',
          targets: [series(sum(peak('fleet_sandboxes'), ['status']), '{{status}}')],
          overrides: statusSeries(SANDBOX_OPEN_STATUSES),
        }),
        graph({
          title: 'Sandboxes created, per hour',
          description: 'By project.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '4h',
          w: 8,
          none: 'no sandboxes',
          legend: 'list',
          targets: [series(perHour('fleet_sandboxes_created_total', ['project']), '{{project}}')],
        }),
        graph({
          title: 'Sandbox errors, per day',
          description: 'By stage: making it, running in it, or extracting what was learned.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '1d',
          w: 8,
          none: 'no errors',
          legend: 'list',
          targets: [series(`${sum(growth('fleet_sandbox_errors_total', '', '$__interval'), ['stage'])}`, '{{stage}}')],
          overrides: [
            colored('provision', 'red', 'Provisioning'),
            colored('run', 'orange', 'Run'),
            colored('learning_extraction', 'yellow', 'Learning extraction'),
          ],
          links: [link('Runs and their errors', dashboard('runs'))],
        }),
        grid({
          title: 'Newest sandboxes',
          description: 'With what they use. A sandbox opens its page; its run opens the run.',
          unit: 'none',
          h: 10,
          none: 'no sandboxes',
          isOfFleet: true,
          targets: [records({ queryType: 'sandboxes', filters: OF_SANDBOXES, limit: 50, live: true })],
          columns: [
            { of: 'created', heading: 'created', unit: 'dateTimeFromNow', width: 130 },
            { of: 'status', heading: 'status', width: 100 },
            { of: 'sandbox', heading: 'sandbox' },
            { of: 'project', heading: 'project' },
            { of: 'template', heading: 'template' },
            { of: 'CPU used', heading: 'CPU used', width: 90 },
            { of: 'memory used', heading: 'memory used', width: 120 },
            { of: 'error', heading: 'error' },
            { of: 'run', heading: 'run' },
            { of: 'source', heading: 'source', width: 150 },
          ],
        }),
      ],
    },
    {
      title: 'One chain',
      collapsed: true,
      panels: [
        appPanel({
          type: 'fleetlens-sprintchain-panel',
          title: 'Chain',
          description:
            'Its sprints, their runs and pull requests, and where it failed. Click on the time of a chain in the list.',
          targets: [records({ queryType: 'chain', source: '$chain_source', id: '$chain', live: true })],
          options: { showOverview: true },
          h: 20,
        }),
      ],
    },
  ],
});

import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { figure, graph, grid, ranking, SEVERITIES, statusSeries, UP_OR_DOWN, words } from '../kit/panels.ts';
import { age, FAILED, failureRate, growth, named, now, perHour, select, sum } from '../kit/promql.ts';
import { CHOSEN, instant, records, rows, series } from '../kit/targets.ts';
import { FAILURE_RATE, RUNNING_FOR, UNATTENDED_FOR } from '../kit/thresholds.ts';

const FIRING = 'alertname=~"Fleet.+",alertname!="FleetWatchdog",source=~"$source|",project=~"$project|"';
/** The watchdog always fires: without it no rules are loaded, and "0 alerts" would be a lie. */
const NONE_FIRES = '0 * count(ALERTS{alertname="FleetWatchdog",alertstate="firing"})';
const alerts = (severity: string) =>
  `count(max without (instance, pod, replica) (ALERTS{alertstate="firing",severity=~"${severity}",${FIRING}})) or ${NONE_FIRES} or vector(-1)`;
const NO_RULES = words({ '-1': { text: 'no rules', color: 'orange' } });

export const overview = defineDashboard({
  name: 'overview',
  title: 'Overview',
  description: 'Is the fleet healthy, what needs attention, and where. Everything red leads on to where it is wrong.',
  page: { title: 'Fleet now', name: 'fleet' },
  rows: [
    {
      title: 'Is it healthy?',
      panels: [
        figure({
          title: 'Critical alerts',
          description:
            'Alerts that page the on-call rotation and fire now. "no rules" means that Prometheus evaluates none of the rules, so nobody would be paged.',
          unit: 'short',
          targets: [instant(alerts('critical'))],
          mappings: NO_RULES,
          thresholds: ['green', [1, 'red']],
        }),
        figure({
          title: 'Warnings',
          description: 'Alerts of severity warning that fire now.',
          unit: 'short',
          targets: [instant(alerts('warning'))],
          mappings: NO_RULES,
          thresholds: ['green', [1, 'orange']],
        }),
        figure({
          title: 'Failure rate, 1 h',
          description:
            'Failed and timed-out runs of those that ended in the last hour (cancelled ones aside). On-call is paged above 10% over 15 minutes.',
          unit: 'percentunit',
          decimals: 1,
          targets: [instant(failureRate([], '1h'))],
          none: 'no runs',
          thresholds: FAILURE_RATE,
          dataLinks: [link('Runs, errors and durations', dashboard('runs'))],
        }),
        figure({
          title: 'Oldest run under way',
          description:
            'How long the longest has been running. Over 2 hours almost always means a workflow that is stuck.',
          unit: 's',
          targets: [instant(age('fleet_run_oldest_timestamp_seconds', [], 'status="running"'))],
          none: 'no runs',
          thresholds: RUNNING_FOR,
          dataLinks: [link('Open the run', page('find', { oldest: 'running' }))],
        }),
        figure({
          title: 'Oldest unattended failure',
          description:
            'How long ago the oldest run failed that nobody acknowledged and no later success of its workflow resolved. Somebody should look within 5 minutes.',
          unit: 's',
          targets: [instant(age('fleet_run_oldest_unresolved_failure_timestamp_seconds'))],
          none: 'none',
          thresholds: UNATTENDED_FOR,
          dataLinks: [link('Unattended failures', page('runs', { unattended: 'true' }))],
        }),
        figure({
          title: 'Paused by budgets',
          description: 'Scopes in which no session may start until an admin acknowledges the budget.',
          unit: 'short',
          targets: [instant(sum(now('fleet_budget_paused')))],
          none: 'no budgets',
          thresholds: ['green', [1, 'red']],
          dataLinks: [link('Budgets', page('budgets'))],
        }),
        figure({
          title: 'Running',
          description: 'Runs under way now.',
          unit: 'short',
          plain: true,
          targets: [instant(sum(now('fleet_runs', 'status="running"')))],
          none: 'no runs',
          thresholds: ['blue'],
          dataLinks: [link('Runs', page('runs', { status: 'running' }))],
        }),
        figure({
          title: 'Queued',
          description: 'Runs that wait for a worker or sandbox.',
          unit: 'short',
          plain: true,
          targets: [instant(sum(now('fleet_runs', 'status="queued"')))],
          none: 'no runs',
          thresholds: ['text', [10, 'orange'], [50, 'red']],
          dataLinks: [link('Queues and workers', dashboard('queues'))],
        }),
        figure({
          title: 'Waiting for a person',
          description: 'Approvals that are asked for and not decided. They alert past the SLA of their workflow.',
          unit: 'short',
          plain: true,
          targets: [instant(sum(now('fleet_approvals_pending')))],
          none: 'none',
          thresholds: ['text', [1, 'purple']],
          dataLinks: [link('Approvals', page('approvals'))],
        }),
        figure({
          title: 'Spent, 24 h',
          description: 'Money that the agents spent in the last 24 hours.',
          unit: 'currencyUSD',
          plain: true,
          targets: [instant(sum(growth('fleet_cost_usd_total', '', '24h')))],
          none: 'nothing',
          thresholds: ['text'],
          dataLinks: [link('Cost and budgets', dashboard('cost'))],
        }),
        figure({
          title: 'Sources without news',
          description:
            'Sources whose last poll that worked is more than 5 minutes ago, and those that push but have been silent three times their usual gap. Everything about them is old.',
          unit: 'short',
          targets: [
            instant(
              `count((time() - max by (source) (${select('fleetlens_source_last_success_timestamp_seconds')}) > 300) or (time() - max by (source) (${select('fleetlens_source_last_event_timestamp_seconds')}) > clamp_min(3 * max by (source) (${select('fleetlens_source_usual_gap_seconds')}), 3600))) or vector(0)`,
            ),
          ],
          thresholds: ['green', [1, 'red']],
          dataLinks: [link('Sources and the exporter', dashboard('exporter'))],
        }),
        figure({
          title: 'Ledger',
          description: 'Whether every replica can read the ledger. While it cannot, no figure of the fleet is exposed.',
          unit: 'none',
          targets: [instant('min(fleetlens_ledger_up)')],
          none: 'no exporter',
          mappings: UP_OR_DOWN,
          thresholds: ['red', [1, 'green']],
          dataLinks: [link('The exporter', dashboard('exporter'))],
        }),
      ],
    },
    {
      title: 'What needs attention',
      panels: [
        grid({
          title: 'Alerts that fire',
          description: 'Each with since when it does. The runbook of an alert is docs/runbook.md, at its name.',
          unit: 'none',
          w: 13,
          h: 10,
          none: 'Nothing fires.',
          targets: [
            rows(
              `1000 * max without (instance, pod, replica) (ALERTS_FOR_STATE{${FIRING}} and ignoring (alertstate) ALERTS{alertstate="firing",${FIRING}})`,
            ),
          ],
          columns: [
            { of: 'severity', heading: 'Severity', width: 75, mappings: SEVERITIES },
            {
              of: 'alertname',
              heading: 'Alert',
              width: 220,
              links: [link('Runs of it', pageOf('runs', ['Source', 'Project', 'Workflow'], 'row'))],
            },
            { of: 'source', heading: 'Source', width: 130 },
            { of: 'project', heading: 'Project' },
            { of: 'workflow', heading: 'Workflow' },
            { of: 'Value', heading: 'Since', unit: 'dateTimeFromNow', width: 145 },
          ],
          sortBy: { column: 'Since' },
        }),
        grid({
          title: 'Runs that failed last',
          description:
            'The newest failed and timed-out runs. A name opens the run: what failed, where, and its output.',
          unit: 'none',
          w: 11,
          h: 10,
          none: 'No run failed.',
          isOfFleet: true,
          targets: [
            records({
              queryType: 'runs',
              filters: { ...CHOSEN, status: ['failed', 'timed_out'] },
              limit: 25,
              live: true,
            }),
          ],
          columns: [
            { of: 'created', heading: 'created', unit: 'dateTimeFromNow', width: 110 },
            { of: 'status', heading: 'status', width: 80 },
            { of: 'name', heading: 'name', width: 210 },
            { of: 'project', heading: 'project', width: 150 },
            { of: 'error', heading: 'error' },
            { of: 'source', heading: 'source', hidden: true },
            { of: 'run', heading: 'run', hidden: true },
          ],
          links: [link('All failed runs', page('runs', { status: 'failed' }))],
        }),
      ],
    },
    {
      title: 'Where',
      panels: [
        grid({
          title: 'Projects',
          description: 'What each project did in the time range. A project opens its runs; red is past what pages.',
          unit: 'short',
          none: 'no runs',
          h: 13,
          targets: [
            rows(sum(growth('fleet_runs_finished_total'), ['source', 'project'])),
            rows(sum(growth('fleet_runs_finished_total', FAILED), ['source', 'project'])),
            rows(failureRate(['source', 'project'], '$__range')),
            rows(sum(now('fleet_runs', 'status="running"'), ['source', 'project'])),
            rows(age('fleet_run_oldest_timestamp_seconds', ['source', 'project'], 'status="running"')),
            rows(sum(now('fleet_pull_requests_blocked_on_ci'), ['source', 'project'])),
            rows(sum(growth('fleet_cost_usd_total'), ['source', 'project'])),
          ],
          columns: [
            { of: 'source', heading: 'Source' },
            {
              of: 'project',
              heading: 'Project',
              links: [
                link('Runs of the project', `${dashboard('runs', ['Source', 'Project'])}`),
                link('Its list of runs', pageOf('runs', ['Source', 'Project'], 'row')),
              ],
            },
            { of: 'Value #A', heading: 'Finished', decimals: 0 },
            { of: 'Value #B', heading: 'Failed', decimals: 0 },
            {
              of: 'Value #C',
              heading: 'Failure rate',
              unit: 'percentunit',
              decimals: 1,
              thresholds: FAILURE_RATE,
            },
            { of: 'Value #D', heading: 'Running', decimals: 0 },
            {
              of: 'Value #E',
              heading: 'Oldest running',
              unit: 's',
              decimals: 0,
              thresholds: RUNNING_FOR,
            },
            { of: 'Value #F', heading: 'Blocked on CI', decimals: 0, thresholds: ['text', [1, 'orange']] },
            { of: 'Value #G', heading: 'Spent', unit: 'currencyUSD', decimals: 2 },
          ],
          sortBy: { column: 'Failed' },
        }),
        graph({
          title: 'Runs that ended, per hour',
          description: 'By how they ended. A gap where there used to be runs is as telling as red.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '15m',
          w: 12,
          none: 'no runs',
          legend: 'list',
          targets: [series(perHour('fleet_runs_finished_total', ['status']), '{{status}}')],
          overrides: statusSeries(['succeeded', 'failed', 'timed_out', 'cancelled']),
          dataLinks: [link('These runs', page('runs'))],
        }),
        graph({
          title: 'Failure rate by source',
          description: 'Of the runs that ended in each hour. Where one line rises alone, its platform is at fault.',
          unit: 'percentunit',
          w: 12,
          max: 1,
          interval: '1h',
          none: 'no runs',
          legend: 'list',
          targets: [series(failureRate(['source']), '{{source}}')],
          dataLinks: [link('Its runs', pageOf('runs', ['source'], 'series', { status: 'failed' }))],
        }),
        ranking({
          title: 'Why runs failed',
          description:
            'Errors of runs in the time range by category. METRICS.md says what each category means and what to do.',
          unit: 'locale',
          decimals: 0,
          none: 'no errors',
          thresholds: ['red'],
          targets: [
            instant(
              `sort_desc(${sum(growth('fleet_run_errors_total', 'surface="run"'), ['category'])} > 0.5)`,
              '{{category}}',
            ),
          ],
        }),
        graph({
          title: 'Spent per hour',
          description: 'By project.',
          unit: 'currencyUSD',
          style: 'bars',
          stacked: true,
          interval: '1h',
          w: 8,
          none: 'nothing',
          legend: 'list',
          targets: [
            series(named(perHour('fleet_cost_usd_total', ['project']), 'project', 'no project'), '{{project}}'),
          ],
          dataLinks: [link('Cost and budgets', dashboard('cost', ['project'], 'series'))],
        }),
        ranking({
          title: 'Errors that the platforms log',
          description: 'By component, in the time range: what breaks beneath the runs.',
          unit: 'locale',
          decimals: 0,
          none: 'no errors',
          thresholds: ['orange'],
          targets: [instant(`topk(10, ${sum(growth('fleet_errors_total'), ['component'])} > 0.5)`, '{{component}}')],
          links: [link('Integrations and stores', dashboard('integrations'))],
        }),
      ],
    },
  ],
});

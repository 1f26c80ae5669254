import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { figure, graph, grid, ranking, SEVERITIES } from '../kit/panels.ts';
import { failureRate, growth, mean, named, now, ratio, sum } from '../kit/promql.ts';
import { CHOSEN, instant, records, rows, series } from '../kit/targets.ts';
import { FAILURE_RATE, SCORE, SUCCESS_RATE, UNUSED_FOR } from '../kit/thresholds.ts';

const COST = 'fleet_cost_usd_total';
const spent = (by: readonly string[], window = '$__range') => sum(growth(COST, '', window), by);
/** The same, a time range earlier. */
const before = (expr: string) => expr.replaceAll('[$__range]', '[$__range] offset $__range');
/** A hundredth of what is now, or less, is where the history begins, and not a time to compare with. */
const change = (expr: string) => `${expr} / (${before(expr)} > 0.01 * ${expr}) - 1`;
/** The dearest day of the time range. */
const dearestDay = `max_over_time((${sum(growth(COST, '', '1d'), ['project'])})[$__range:1d])`;
const DAILY = `max by (project) (label_replace(${now('fleet_budget_limit_usd', 'scope="repo_daily"')}, "project", "$1", "subject", "(.+)"))`;
const CHANGE = ['green', [0.25, 'orange'], [1, 'red']] as const;

export const review = defineDashboard({
  name: 'review',
  title: 'Operations review',
  description:
    'For the weekly review: sample five recent sessions of each persona, retire what nobody used for 30 days, and raise or lower budgets by what was spent. `fleetlens report weekly` writes the same as text.',
  from: 'now-7d',
  refresh: '',
  page: { title: 'Workflows', name: 'workflows' },
  rows: [
    {
      title: 'The week in short',
      panels: [
        figure({
          title: 'Runs',
          description: 'That ended in the time range.',
          unit: 'locale',
          decimals: 0,
          plain: true,
          none: 'no runs',
          thresholds: ['text'],
          targets: [instant(sum(growth('fleet_runs_finished_total')))],
        }),
        figure({
          title: 'Failure rate',
          description: 'Of the runs that ended in the time range, cancelled ones aside.',
          unit: 'percentunit',
          decimals: 1,
          none: 'no runs',
          thresholds: FAILURE_RATE,
          targets: [instant(failureRate([], '$__range'))],
          dataLinks: [link('Runs', dashboard('runs'))],
        }),
        figure({
          title: 'Mean score',
          description: 'Of the runs that were evaluated in the time range.',
          unit: 'locale',
          decimals: 0,
          none: 'no scores',
          thresholds: SCORE,
          targets: [instant(mean('fleet_quality_score', { window: '$__range' }))],
          dataLinks: [link('Quality', dashboard('quality'))],
        }),
        figure({
          title: 'Spent',
          description: 'In the time range.',
          unit: 'currencyUSD',
          plain: true,
          none: 'nothing',
          thresholds: ['text'],
          targets: [instant(spent([]))],
          dataLinks: [link('Cost and budgets', dashboard('cost'))],
        }),
        figure({
          title: 'Against the time before',
          description:
            'How much more or less was spent than in the range of the same length before. Empty where there is no history of it.',
          unit: 'percentunit',
          decimals: 0,
          plain: true,
          none: 'no history',
          thresholds: CHANGE,
          targets: [instant(change(spent([])))],
        }),
        figure({
          title: 'Pull requests merged',
          description: 'In the time range.',
          unit: 'locale',
          decimals: 0,
          plain: true,
          none: 'none',
          thresholds: ['green'],
          targets: [instant(sum(growth('fleet_pull_requests_total', 'event="merged"')))],
          dataLinks: [link('CI and pull requests', dashboard('ci'))],
        }),
      ],
    },
    {
      title: 'Persona review',
      panels: [
        grid({
          title: 'Personas',
          description:
            'What each persona did in the time range. Open five recent runs of each ("Its newest runs") and see whether the output still meets the bar.',
          unit: 'short',
          h: 11,
          none: 'no runs',
          isOfFleet: true,
          targets: [records({ queryType: 'analytics', filters: CHOSEN, groupBy: ['persona'] })],
          columns: [
            {
              of: 'persona',
              heading: 'Persona',
              links: [link('Its newest runs', pageOf('runs', ['Persona'], 'row'))],
            },
            { of: 'runs', heading: 'Runs' },
            {
              of: 'success rate',
              heading: 'Success',
              decimals: 0,
              thresholds: SUCCESS_RATE,
            },
            { of: 'first-pass rate', heading: 'First pass', decimals: 0 },
            { of: 'iterations', heading: 'Loops', decimals: 1 },
            { of: 'quality', heading: 'Score', decimals: 0, thresholds: SCORE },
            { of: 'duration', heading: 'Duration' },
            { of: 'cost', heading: 'Cost', decimals: 2 },
            { of: 'cost per success', heading: 'Per success', decimals: 2 },
            { of: 'cost of failures', heading: 'Of failures', decimals: 2 },
          ],
          sortBy: { column: 'Cost' },
        }),
        grid({
          title: 'Unused personas',
          description: 'Not used for longest. Over 30 days: retire them.',
          unit: 'none',
          w: 12,
          none: 'Every persona is in use.',
          targets: [
            rows(
              `sort_desc(time() - max by (source, project, persona) (${now('fleet_persona_last_used_timestamp_seconds')}) > 7 * 86400)`,
            ),
          ],
          columns: [
            { of: 'persona', heading: 'Persona' },
            { of: 'project', heading: 'Project' },
            { of: 'source', heading: 'Source' },
            {
              of: 'Value',
              heading: 'Not used for',
              unit: 's',
              decimals: 0,
              thresholds: UNUSED_FOR,
            },
          ],
          sortBy: { column: 'Not used for' },
        }),
        graph({
          title: 'Quality of evaluated runs',
          description: 'Median of each dimension, from the records.',
          unit: 'locale',
          decimals: 0,
          max: 100,
          none: 'no scores',
          isOfFleet: true,
          calcs: ['mean', 'min', 'lastNotNull'],
          targets: [records({ queryType: 'quality', filters: CHOSEN })],
          overrides: ['evaluated', 'below baseline'].map((name) => ({
            matcher: { id: 'byName', options: name },
            properties: [{ id: 'custom.hideFrom', value: { viz: true, legend: true, tooltip: false } }],
          })),
          links: [link('Quality', dashboard('quality'))],
        }),
      ],
    },
    {
      title: 'Budget retrospective',
      panels: [
        grid({
          title: 'By repository',
          description:
            'Spent in the time range, against the range before, and the dearest day against the daily limit. Far below: lower the limit; often near: raise it, or find out why.',
          unit: 'currencyUSD',
          w: 14,
          h: 11,
          none: 'nothing',
          targets: [
            rows(spent(['project'])),
            rows(change(spent(['project']))),
            rows(dearestDay),
            rows(DAILY),
            rows(`${dearestDay} / (${DAILY} > 0)`),
            rows(
              ratio(spent(['project']), sum(growth('fleet_runs_finished_total', 'status="succeeded"'), ['project'])),
            ),
          ],
          columns: [
            {
              of: 'project',
              heading: 'Project',
              width: 180,
              links: [link('Its cost', pageOf('cost', ['Project'], 'row'))],
            },
            { of: 'Value #A', heading: 'Spent', decimals: 2 },
            { of: 'Value #B', heading: 'Change', unit: 'percentunit', decimals: 0, thresholds: CHANGE },
            { of: 'Value #C', heading: 'Dearest day', decimals: 2 },
            { of: 'Value #D', heading: 'Daily limit', decimals: 0 },
            {
              of: 'Value #E',
              heading: 'Of the limit',
              unit: 'percentunit',
              decimals: 0,
              thresholds: ['text', [0.8, 'orange'], [1, 'red']],
            },
            { of: 'Value #F', heading: 'Per success', decimals: 2 },
          ],
          sortBy: { column: 'Spent' },
        }),
        grid({
          title: 'By persona',
          description: 'Spent in the time range, and against the range before.',
          unit: 'currencyUSD',
          w: 10,
          h: 11,
          none: 'nothing',
          targets: [
            rows(sum(growth('fleet_persona_cost_usd_total'), ['persona'])),
            rows(change(sum(growth('fleet_persona_cost_usd_total'), ['persona']))),
          ],
          columns: [
            {
              of: 'persona',
              heading: 'Persona',
              links: [link('Its dearest runs', pageOf('runs', ['Persona'], 'row', { sort: 'cost', order: 'desc' }))],
            },
            { of: 'Value #A', heading: 'Spent', decimals: 2 },
            { of: 'Value #B', heading: 'Change', unit: 'percentunit', decimals: 0, thresholds: CHANGE },
          ],
          sortBy: { column: 'Spent' },
        }),
        graph({
          title: 'Spent per day',
          description: 'By project.',
          unit: 'currencyUSD',
          style: 'bars',
          stacked: true,
          interval: '1d',
          w: 24,
          none: 'nothing',
          calcs: ['mean', 'max', 'sum'],
          targets: [series(named(sum(growth(COST, '', '1d'), ['project']), 'project', 'no project'), '{{project}}')],
          links: [link('Budgets', page('budgets'))],
        }),
      ],
    },
    {
      title: 'What went wrong',
      panels: [
        grid({
          title: 'Alerts of the time range',
          description: 'How long each fired. One that often fires and is never acted on should be mended or removed.',
          unit: 'none',
          w: 12,
          none: 'Nothing fired.',
          targets: [
            rows(
              'sort_desc(sum by (alertname, severity) (sum_over_time((max without (instance, pod, replica) (ALERTS{alertname=~"Fleet.+",alertname!="FleetWatchdog",alertstate="firing"}))[$__range:1m]) * 60))',
            ),
          ],
          columns: [
            { of: 'severity', heading: 'Severity', width: 90, mappings: SEVERITIES },
            { of: 'alertname', heading: 'Alert' },
            { of: 'Value', heading: 'Fired for', unit: 's', decimals: 0 },
          ],
          sortBy: { column: 'Fired for' },
        }),
        ranking({
          title: 'Why runs failed',
          description: 'Errors of runs of the time range by category.',
          unit: 'locale',
          decimals: 0,
          w: 6,
          none: 'no errors',
          thresholds: ['red'],
          targets: [
            instant(
              `sort_desc(${sum(growth('fleet_run_errors_total', 'surface="run"'), ['category'])} > 0.5)`,
              '{{category}}',
            ),
          ],
          links: [link('Runs and their errors', dashboard('runs'))],
        }),
        ranking({
          title: 'Where',
          description: 'Failed and timed-out runs of the time range by workflow.',
          unit: 'locale',
          decimals: 0,
          w: 6,
          none: 'no errors',
          thresholds: ['red'],
          targets: [
            instant(
              `topk(10, ${sum(growth('fleet_runs_finished_total', 'status=~"failed|timed_out"'), ['workflow'])} > 0.5)`,
              '{{workflow}}',
            ),
          ],
        }),
      ],
    },
  ],
});

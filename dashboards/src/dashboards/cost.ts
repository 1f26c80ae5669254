import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { figure, graph, grid, heatMap, ranking, words } from '../kit/panels.ts';
import { buckets, growth, mean, named, now, perHour, ratio, sum } from '../kit/promql.ts';
import { heat, instant, rows, series, withExemplars } from '../kit/targets.ts';
import { BUDGET_USE } from '../kit/thresholds.ts';

const COST = 'fleet_cost_usd_total';
const BUDGET = ['budget', 'scope', 'subject'];
const spent = (by: readonly string[] = [], window = '$__range') => sum(growth(COST, '', window), by);
const budgetUse = ratio(sum(now('fleet_budget_spent_usd'), BUDGET), sum(now('fleet_budget_limit_usd'), BUDGET));

/** A day's growth at each day of the time range, so that bars are days whatever the range. */
const perDay = (by: readonly string[]) => sum(growth(COST, '', '1d'), by);

export const cost = defineDashboard({
  name: 'cost',
  title: 'Cost and budgets',
  description: 'What the fleet spends, on what, what one run costs, and how near each budget is to its limit.',
  from: 'now-7d',
  page: { title: 'Cost', name: 'cost' },
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Spent',
          description: 'In the time range.',
          unit: 'currencyUSD',
          plain: true,
          none: 'nothing',
          thresholds: ['text'],
          targets: [instant(spent())],
        }),
        figure({
          title: 'Spent, 24 h',
          description: 'In the last 24 hours.',
          unit: 'currencyUSD',
          plain: true,
          none: 'nothing',
          thresholds: ['text'],
          targets: [instant(spent([], '24h'))],
        }),
        figure({
          title: 'Of the month’s budget',
          description:
            'What the workspace has spent this month of its monthly budget. At 80% an alert warns, at 100% new sessions pause.',
          unit: 'percentunit',
          decimals: 0,
          none: 'no budget',
          thresholds: BUDGET_USE,
          targets: [
            instant(
              ratio(
                sum(now('fleet_budget_spent_usd', 'scope="workspace_monthly"')),
                sum(now('fleet_budget_limit_usd', 'scope="workspace_monthly"')),
              ),
            ),
          ],
          dataLinks: [link('Budgets', page('budgets'))],
        }),
        figure({
          title: 'Nearest to its limit',
          description: 'The budget of a repository or persona that is used up most.',
          unit: 'percentunit',
          decimals: 0,
          none: 'no budgets',
          thresholds: BUDGET_USE,
          targets: [instant(`max(${budgetUse})`)],
          dataLinks: [link('Budgets', page('budgets'))],
        }),
        figure({
          title: 'Paused scopes',
          description: 'Where no session may start until an admin acknowledges the budget, and raises it or not.',
          unit: 'short',
          none: 'no budgets',
          thresholds: ['green', [1, 'red']],
          targets: [instant(sum(now('fleet_budget_paused')))],
          dataLinks: [link('Acknowledge', page('budgets'))],
        }),
        figure({
          title: 'Per run',
          description: 'Mean cost of the runs that ended in the time range.',
          unit: 'currencyUSD',
          decimals: 2,
          plain: true,
          none: 'no runs',
          thresholds: ['text'],
          targets: [instant(mean('fleet_run_cost_usd', { window: '$__range' }))],
          dataLinks: [link('Dearest runs', page('runs', { sort: 'cost', order: 'desc' }))],
        }),
      ],
    },
    {
      title: 'Budgets',
      panels: [
        grid({
          title: 'Budgets',
          description:
            'Each budget and scope in the window that is open now. A paused scope waits for an admin: the page of budgets says whom to ask, and takes the acknowledgement.',
          unit: 'short',
          none: 'No budget is configured.',
          h: 9,
          targets: [
            rows(sum(now('fleet_budget_spent_usd'), BUDGET)),
            rows(sum(now('fleet_budget_limit_usd'), BUDGET)),
            rows(budgetUse),
            rows(sum(now('fleet_budget_paused'), BUDGET)),
            rows(`1000 * max by (${BUDGET.join(', ')}) (${now('fleet_budget_window_end_timestamp_seconds')})`),
          ],
          columns: [
            { of: 'subject', heading: 'Of', links: [link('Budgets', page('budgets'))] },
            {
              of: 'scope',
              heading: 'Scope',
              mappings: words({
                workspace_monthly: { text: 'workspace, a month', color: 'text' },
                repo_daily: { text: 'repository, a day', color: 'text' },
                persona_run: { text: 'persona, a run', color: 'text' },
              }),
            },
            { of: 'Value #A', heading: 'Spent', unit: 'currencyUSD', decimals: 2 },
            { of: 'Value #B', heading: 'Limit', unit: 'currencyUSD', decimals: 0 },
            { of: 'Value #C', heading: 'Used', unit: 'percentunit', decimals: 0, thresholds: BUDGET_USE },
            {
              of: 'Value #D',
              heading: 'State',
              mappings: words({ 0: { text: 'open', color: 'green' }, 1: { text: 'paused', color: 'red' } }),
              thresholds: ['green', [1, 'red']],
            },
            { of: 'Value #E', heading: 'Window ends', unit: 'dateTimeFromNow' },
          ],
          sortBy: { column: 'Used' },
        }),
      ],
    },
    {
      title: 'On what',
      panels: [
        graph({
          title: 'Spent by project, per day',
          description: 'Each bar is a day.',
          unit: 'currencyUSD',
          style: 'bars',
          stacked: true,
          interval: '1d',
          none: 'nothing',
          calcs: ['mean', 'max', 'sum'],
          targets: [series(named(perDay(['project']), 'project', 'no project'), '{{project}}')],
          dataLinks: [link('Its cost', pageOf('cost', ['project'], 'series'))],
        }),
        graph({
          title: 'Spent by model, per day',
          description: 'Each bar is a day.',
          unit: 'currencyUSD',
          style: 'bars',
          stacked: true,
          interval: '1d',
          none: 'nothing',
          calcs: ['mean', 'max', 'sum'],
          targets: [series(named(perDay(['model']), 'model', 'no model'), '{{model}}')],
        }),
        ranking({
          title: 'By service',
          description: 'Spent in the time range at model providers and on platforms.',
          unit: 'currencyUSD',
          decimals: 2,
          none: 'nothing',
          thresholds: ['blue'],
          targets: [instant(`sort_desc(${spent(['service'])})`, '{{service}}')],
        }),
        ranking({
          title: 'By step',
          description: 'Spent in the time range by the kind of step: design, check, evaluate…',
          unit: 'currencyUSD',
          decimals: 2,
          none: 'nothing',
          thresholds: ['blue'],
          targets: [instant(`topk(12, ${named(spent(['step']), 'step', 'no step')})`, '{{step}}')],
        }),
        ranking({
          title: 'By persona',
          description: 'Spent in the time range by agent personas.',
          unit: 'currencyUSD',
          decimals: 2,
          none: 'nothing',
          thresholds: ['blue'],
          targets: [
            instant(
              `topk(12, ${named(sum(growth('fleet_persona_cost_usd_total'), ['persona']), 'persona', 'no persona')})`,
              '{{persona}}',
            ),
          ],
          links: [link('Weekly review', dashboard('review'))],
        }),
        graph({
          title: 'Tokens by direction, per hour',
          description:
            'Cached and reasoning tokens are parts of input and output. A falling share of the cache makes the same work dearer.',
          unit: 'short',
          interval: '2h',
          none: 'no tokens',
          targets: [series(perHour('fleet_tokens_total', ['direction']), '{{direction}}')],
          calcs: ['mean', 'max'],
        }),
        graph({
          title: 'Spent per hour',
          description: 'By source. A step up is a runaway workflow or a dearer model.',
          unit: 'currencyUSD',
          interval: '2h',
          stacked: true,
          none: 'nothing',
          targets: [series(perHour(COST, ['source']), '{{source}}')],
        }),
      ],
    },
    {
      title: 'What a run costs',
      panels: [
        heatMap({
          title: 'Cost of runs',
          description: 'Each cell is how many runs cost about so much. A point is one run: click it to open its page.',
          unit: 'currencyUSD',
          decimals: 2,
          interval: '2h',
          none: 'no runs',
          targets: [heat(buckets('fleet_run_cost_usd'))],
        }),
        graph({
          title: 'Mean cost of a run, by workflow',
          description: 'Of the runs that ended in each interval.',
          unit: 'currencyUSD',
          decimals: 2,
          interval: '6h',
          h: 10,
          none: 'no runs',
          calcs: ['mean', 'max', 'lastNotNull'],
          targets: [withExemplars(mean('fleet_run_cost_usd', { by: ['workflow'] }), '{{workflow}}')],
          dataLinks: [
            link('Its dearest runs', pageOf('runs', ['workflow'], 'series', { sort: 'cost', order: 'desc' })),
          ],
        }),
        grid({
          title: 'What it buys',
          description:
            'Spent in the time range by project, for each run that succeeded and each pull request that was merged.',
          unit: 'currencyUSD',
          none: 'nothing',
          w: 16,
          targets: [
            rows(spent(['source', 'project'])),
            rows(
              ratio(
                spent(['source', 'project']),
                sum(growth('fleet_runs_finished_total', 'status="succeeded"'), ['source', 'project']),
              ),
            ),
            rows(
              ratio(
                spent(['source', 'project']),
                sum(growth('fleet_pull_requests_total', 'event="merged"'), ['source', 'project']),
              ),
            ),
          ],
          columns: [
            {
              of: 'project',
              heading: 'Project',
              links: [link('Its cost', pageOf('cost', ['Source', 'Project'], 'row'))],
            },
            { of: 'source', heading: 'Source' },
            { of: 'Value #A', heading: 'Spent', decimals: 2 },
            { of: 'Value #B', heading: 'Per success', decimals: 2 },
            { of: 'Value #C', heading: 'Per merged pull request', decimals: 2 },
          ],
          sortBy: { column: 'Spent' },
        }),
        ranking({
          title: 'Runs without figures',
          description:
            'Ended runs of the time range whose source gave no tokens or cost: what they spent is missing above.',
          unit: 'locale',
          decimals: 0,
          none: 'none is missing',
          thresholds: ['orange'],
          targets: [
            instant(
              `${sum(growth('fleet_run_usage_missing_total'), ['source', 'provider'])} > 0.5`,
              '{{source}} {{provider}}',
            ),
          ],
        }),
        grid({
          title: 'Quantities',
          description:
            'What was used in the time range, in the unit of the service: tokens, seconds of sandboxes, calls.',
          unit: 'locale',
          none: 'nothing',
          h: 8,
          targets: [rows(`${sum(growth('fleet_usage_quantity_total'), ['source', 'service', 'unit'])} > 0`)],
          columns: [
            { of: 'service', heading: 'Service' },
            { of: 'unit', heading: 'Unit' },
            { of: 'source', heading: 'Source' },
            { of: 'Value', heading: 'Quantity', decimals: 0 },
          ],
          sortBy: { column: 'Service', desc: false },
        }),
      ],
    },
  ],
});

import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { figure, graph, grid, heatMap, ranking } from '../kit/panels.ts';
import { buckets, growth, mean, now, share, sum } from '../kit/promql.ts';
import { heat, instant, rows, series } from '../kit/targets.ts';
import { AGAINST_BASELINE, SCORE } from '../kit/thresholds.ts';

const SCORES = 'fleet_quality_score';
const BY_WORKFLOW = ['source', 'project', 'workflow'];

export const quality = defineDashboard({
  name: 'quality',
  title: 'Quality',
  description:
    'Scores of evaluated runs against their baselines: where the work of the agents got worse, in which dimension, and since when.',
  from: 'now-7d',
  page: { title: 'Quality', name: 'quality' },
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Mean score',
          description: 'Mean composite score of the runs that were evaluated in the time range, of 100.',
          unit: 'locale',
          decimals: 0,
          none: 'no scores',
          thresholds: SCORE,
          targets: [instant(mean(SCORES, { window: '$__range' }))],
          dataLinks: [link('Worst runs', page('runs', { sort: 'score', order: 'asc' }))],
        }),
        figure({
          title: 'Evaluated',
          description: 'Runs of the time range that got a score.',
          unit: 'locale',
          decimals: 0,
          plain: true,
          none: 'no scores',
          thresholds: ['text'],
          targets: [instant(sum(growth(SCORES, '', '$__range', '_count')))],
        }),
        figure({
          title: 'Met their threshold',
          description:
            'Share of evaluated runs that met the threshold of their workflow or persona. Below half over 6 hours is a ticket.',
          unit: 'percentunit',
          decimals: 0,
          none: 'no thresholds',
          thresholds: ['red', [0.5, 'orange'], [0.8, 'green']],
          targets: [
            instant(
              share(
                sum(growth('fleet_quality_threshold_results_total', 'result="met"')),
                sum(growth('fleet_quality_threshold_results_total')),
              ),
            ),
          ],
        }),
        figure({
          title: 'Below baseline',
          description: 'Evaluated runs more than the margin (10 points) below the baseline of their workflow.',
          unit: 'locale',
          decimals: 0,
          none: 'none',
          plain: true,
          thresholds: ['green', [1, 'orange']],
          targets: [instant(sum(growth('fleet_quality_regressions_total')))],
          dataLinks: [link('These runs', page('runs', { below_baseline: 'true' }))],
        }),
        figure({
          title: 'First pass',
          description: 'Share of checker steps that let the work pass.',
          unit: 'percentunit',
          decimals: 0,
          plain: true,
          none: 'no verdicts',
          thresholds: ['red', [0.5, 'orange'], [0.7, 'green']],
          targets: [
            instant(
              share(
                sum(growth('fleet_checker_verdicts_total', 'verdict="pass"')),
                sum(growth('fleet_checker_verdicts_total')),
              ),
            ),
          ],
        }),
        figure({
          title: 'Loops per run',
          description: 'Mean number of loops that runs of the time range took.',
          unit: 'short',
          decimals: 1,
          plain: true,
          none: 'no runs',
          thresholds: ['text', [3, 'orange']],
          targets: [instant(mean('fleet_run_iterations', { window: '$__range' }))],
        }),
      ],
    },
    {
      title: 'Against the baseline',
      panels: [
        grid({
          title: 'Workflows',
          description:
            'Mean score of the time range and of the last 6 hours beside the baseline that the ledger holds. More than 10 points below over 6 hours is an alert. A workflow opens its quality page, where builders pin or rebase the baseline.',
          unit: 'short',
          none: 'No run was evaluated.',
          h: 11,
          targets: [
            rows(mean(SCORES, { by: BY_WORKFLOW, window: '$__range' })),
            rows(mean(SCORES, { by: BY_WORKFLOW, window: '6h' })),
            rows(sum(now('fleet_quality_baseline_score'), BY_WORKFLOW)),
            rows(
              `${mean(SCORES, { by: BY_WORKFLOW, window: '$__range' })} - ${sum(now('fleet_quality_baseline_score'), BY_WORKFLOW)}`,
            ),
            rows(sum(growth('fleet_quality_regressions_total'), BY_WORKFLOW)),
            rows(sum(growth(SCORES, '', '$__range', '_count'), BY_WORKFLOW)),
          ],
          columns: [
            {
              of: 'workflow',
              heading: 'Workflow',
              links: [
                link('Its quality', pageOf('quality', ['Source', 'Project', 'Workflow'], 'row')),
                link(
                  'Its worst runs',
                  pageOf('runs', ['Source', 'Project', 'Workflow'], 'row', { sort: 'score', order: 'asc' }),
                ),
              ],
            },
            { of: 'project', heading: 'Project' },
            { of: 'source', heading: 'Source' },
            { of: 'Value #A', heading: 'Mean', decimals: 0, thresholds: SCORE },
            { of: 'Value #B', heading: 'Last 6 h', decimals: 0, thresholds: SCORE },
            { of: 'Value #C', heading: 'Baseline', decimals: 0 },
            { of: 'Value #D', heading: 'Against it', decimals: 0, thresholds: AGAINST_BASELINE },
            { of: 'Value #E', heading: 'Below it', decimals: 0, thresholds: ['text', [1, 'orange']] },
            { of: 'Value #F', heading: 'Evaluated', decimals: 0 },
          ],
          sortBy: { column: 'Against it', desc: false },
        }),
        graph({
          title: 'Mean score by workflow',
          description: 'Of the runs that were evaluated in each interval.',
          unit: 'locale',
          decimals: 0,
          max: 100,
          interval: '6h',
          none: 'no scores',
          h: 10,
          calcs: ['mean', 'min', 'lastNotNull'],
          targets: [series(mean(SCORES, { by: ['workflow'] }), '{{workflow}}')],
          dataLinks: [link('Its worst runs', pageOf('runs', ['workflow'], 'series', { sort: 'score', order: 'asc' }))],
        }),
        graph({
          title: 'Mean score by dimension',
          description: 'Which part of the score moves: correctness, types, style, tests or completeness.',
          unit: 'locale',
          decimals: 0,
          max: 100,
          interval: '6h',
          none: 'no scores',
          h: 10,
          calcs: ['mean', 'min', 'lastNotNull'],
          targets: [series(mean('fleet_quality_dimension_score', { by: ['dimension'] }), '{{dimension}}')],
        }),
      ],
    },
    {
      title: 'Scores',
      panels: [
        heatMap({
          title: 'Scores of runs',
          description:
            'Each cell is how many runs got about that score. A point is one run: click it to open its page.',
          unit: 'short',
          interval: '2h',
          none: 'no scores',
          targets: [heat(buckets(SCORES))],
        }),
        graph({
          title: 'Below baseline, per day',
          description: 'Runs flagged as regressions, by workflow.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '1d',
          h: 10,
          none: 'none',
          calcs: ['max'],
          targets: [
            series(sum(growth('fleet_quality_regressions_total', '', '$__interval'), ['workflow']), '{{workflow}}'),
          ],
          dataLinks: [link('These runs', pageOf('runs', ['workflow'], 'series', { below_baseline: 'true' }))],
        }),
        graph({
          title: 'Met their threshold',
          description: 'Share of evaluated runs that met it, by workflow.',
          unit: 'percentunit',
          max: 1,
          interval: '6h',
          w: 8,
          none: 'no thresholds',
          calcs: ['mean'],
          targets: [
            series(
              share(
                sum(growth('fleet_quality_threshold_results_total', 'result="met"', '$__rate_interval'), ['workflow']),
                sum(growth('fleet_quality_threshold_results_total', '', '$__rate_interval'), ['workflow']),
              ),
              '{{workflow}}',
            ),
          ],
        }),
        graph({
          title: 'First pass',
          description: 'Share of checker steps that let the work pass, by workflow.',
          unit: 'percentunit',
          max: 1,
          interval: '6h',
          w: 8,
          none: 'no verdicts',
          calcs: ['mean'],
          targets: [
            series(
              share(
                sum(growth('fleet_checker_verdicts_total', 'verdict="pass"', '$__rate_interval'), ['workflow']),
                sum(growth('fleet_checker_verdicts_total', '', '$__rate_interval'), ['workflow']),
              ),
              '{{workflow}}',
            ),
          ],
        }),
        ranking({
          title: 'Mean by dimension',
          description: 'Of the evaluated runs of the time range.',
          unit: 'locale',
          decimals: 0,
          max: 100,
          none: 'no scores',
          thresholds: SCORE,
          targets: [
            instant(
              `sort(${mean('fleet_quality_dimension_score', { by: ['dimension'], window: '$__range' })})`,
              '{{dimension}}',
            ),
          ],
          links: [link('Weekly review', dashboard('review'))],
        }),
      ],
    },
  ],
});

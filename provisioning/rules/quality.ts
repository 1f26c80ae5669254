import { ageWhenSeen, historyOfPiece, once, PIECE, rise, riseWithoutHistory, unlessCatchingUp } from './promql.ts';
import type { RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const drop = valuesOf('FleetQualityDrop');
const missed = valuesOf('FleetQualityThresholdMissed');
const { age: blockedAge } = valuesOf('FleetPullRequestBlockedOnCi');
const failing = valuesOf('FleetPullRequestFailing');
const LABELS = 'source, project, workflow';
const PLACE = '{{ $labels.workflow }} on {{ $labels.project }} ({{ $labels.source }})';
const RESULTS = 'fleet_quality_threshold_results_total';

const LEVEL = 'source_project_workflow';
const EVALUATIONS = `${LEVEL}:fleet_quality_evaluations:increase${drop.window}`;
const EVALUATIONS_BEFORE = `${LEVEL}:fleet_quality_evaluations:history${PIECE}`;
const SCORES = `${LEVEL}:fleet_quality_scores:increase${drop.window}`;
const SCORES_BEFORE = `${LEVEL}:fleet_quality_scores:history${PIECE}`;
const MEAN = `${LEVEL}:fleet_quality_score:mean_increase${drop.window}`;
const ALL_RESULTS = `${LEVEL}:fleet_quality_threshold_results:increase${missed.window}`;
const RESULTS_BEFORE = `${LEVEL}:fleet_quality_threshold_results:history${PIECE}`;
const MISSED = `${LEVEL}:fleet_quality_thresholds_missed:increase${missed.window}`;
const MISSED_BEFORE = `${LEVEL}:fleet_quality_thresholds_missed:history${PIECE}`;
const MISSED_RATIO = `${LEVEL}:fleet_quality_thresholds_missed_per_result:ratio_increase${missed.window}`;

export const QUALITY_RULES: RuleFile = {
  name: 'fleet-quality',
  about: 'What the runs bring forth: quality scores, pull requests, CI.',
  rules: [
    { record: EVALUATIONS_BEFORE, expr: historyOfPiece(LABELS, 'fleet_quality_score_count', '') },
    { record: SCORES_BEFORE, expr: historyOfPiece(LABELS, 'fleet_quality_score_sum', '') },
    {
      record: EVALUATIONS,
      expr: riseWithoutHistory(LABELS, 'fleet_quality_score_count', '', drop.window, EVALUATIONS_BEFORE),
    },
    {
      record: SCORES,
      expr: riseWithoutHistory(LABELS, 'fleet_quality_score_sum', '', drop.window, SCORES_BEFORE),
    },
    { record: MEAN, expr: `${SCORES} / (${EVALUATIONS} > 0)` },
    { record: RESULTS_BEFORE, expr: historyOfPiece(LABELS, RESULTS, 'result=~"met|missed"') },
    { record: MISSED_BEFORE, expr: historyOfPiece(LABELS, RESULTS, 'result="missed"') },
    {
      record: ALL_RESULTS,
      expr: riseWithoutHistory(LABELS, RESULTS, 'result=~"met|missed"', missed.window, RESULTS_BEFORE),
    },
    { record: MISSED, expr: riseWithoutHistory(LABELS, RESULTS, 'result="missed"', missed.window, MISSED_BEFORE) },
    { record: MISSED_RATIO, expr: `${MISSED} / (${ALL_RESULTS} > 0)` },
    {
      alert: 'FleetQualityDrop',
      expr: `
        ${once('fleet_quality_baseline_score')}
            - on (${LABELS})
          ${MEAN}
            > ${drop.points}
          and on (${LABELS}) ${EVALUATIONS} >= ${drop.least}
          ${unlessCatchingUp(drop.window)}`,
      summary: `The quality of ${PLACE} dropped by {{ $value | printf "%.1f" }} points`,
      description: `The mean composite score of the last ${drop.window} is {{ $value | printf "%.1f" }} points below the baseline of the workflow; expected at most ${drop.points}. Sudden drops come of a changed prompt, a changed dependency or a regression that the evaluator rightly sees.`,
      dashboard: ['fleetlens-quality', 'source', 'project', 'workflow'],
      note: "The baseline is the ledger's: it does not move with the incident.",
    },
    {
      alert: 'FleetQualityThresholdMissed',
      expr: `
        ${MISSED_RATIO} > ${missed.ratio}
          and on (${LABELS}) ${ALL_RESULTS} >= ${missed.least}
          ${unlessCatchingUp(missed.window)}`,
      summary: `{{ $value | humanizePercentage }} of the runs of ${PLACE} miss their quality threshold`,
      description: `Of the runs evaluated in the last ${missed.window}, {{ $value | humanizePercentage }} missed the threshold of their workflow; expected at most ${missed.ratio * 100}%.`,
      dashboard: ['fleetlens-quality', 'source', 'project', 'workflow'],
    },
    {
      alert: 'FleetPullRequestBlockedOnCi',
      expr: `${ageWhenSeen('fleet_pull_request_oldest_blocked_timestamp_seconds')} > ${blockedAge}`,
      summary: 'A pull request of {{ $labels.project }} ({{ $labels.source }}) is blocked on CI',
      description: 'The one that has been blocked for longest has been so for {{ $value | humanizeDuration }}.',
      dashboard: ['fleetlens-ci', 'source', 'project'],
      find: ['blocked_on_ci', 'source', 'project'],
    },
    {
      alert: 'FleetPullRequestFailing',
      expr: `
        ${rise('source, project', 'fleet_pull_requests_total', 'event="failed"', failing.window)} >= ${failing.failures}
          ${unlessCatchingUp(failing.window)}`,
      summary: 'Pull requests of {{ $labels.project }} ({{ $labels.source }}) cannot be created',
      description: `{{ $value | printf "%.0f" }} failed in the last ${failing.window}. Check the token's write access and the protection of the branch.`,
      dashboard: ['fleetlens-ci', 'source', 'project'],
    },
  ],
};

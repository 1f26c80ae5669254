import {
  ageWhenSeen,
  historyOfPiece,
  isLonger,
  once,
  PIECE,
  rise,
  riseExactly,
  riseWithoutHistory,
  unlessCatchingUp,
} from './promql.ts';
import type { AlertRule, RecordingRule, RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const FINISHED = 'fleet_runs_finished_total';
/** A cancelled run neither worked nor failed. */
const ENDED = 'status=~"succeeded|failed|timed_out"';
const FAILED = 'status=~"failed|timed_out"';

/** Runs that ended and failed in a window, and their ratio, which is absent where none ended. */
function ratioRules(level: 'source' | 'source_project', window: string): RecordingRule[] {
  const labels = level === 'source' ? 'source' : 'source, project';
  const ended = `${level}:fleet_runs_ended:increase${window}`;
  const ratio = `${level}:fleet_run_failures_per_run:ratio_increase${window}`;
  if (!isLonger(window))
    return [
      { record: ended, expr: riseExactly(labels, FINISHED, ENDED, window) },
      {
        record: ratio,
        expr: `
        ${riseExactly(labels, FINISHED, FAILED, window)}
        /
        (${ended} > 0)`,
      },
    ];
  const failed = `${level}:fleet_runs_failed:increase${window}`;
  const [endedBefore, failedBefore] = [
    `${level}:fleet_runs_ended:history${PIECE}`,
    `${level}:fleet_runs_failed:history${PIECE}`,
  ];
  return [
    { record: endedBefore, expr: historyOfPiece(labels, FINISHED, ENDED) },
    { record: failedBefore, expr: historyOfPiece(labels, FINISHED, FAILED) },
    { record: ended, expr: riseWithoutHistory(labels, FINISHED, ENDED, window, endedBefore) },
    { record: failed, expr: riseWithoutHistory(labels, FINISHED, FAILED, window, failedBefore) },
    { record: ratio, expr: `${failed} / (${ended} > 0)` },
  ];
}

const rate = valuesOf('FleetRunFailureRateHigh');
const burn = valuesOf('FleetRunErrorBudgetBurn');
checkObjective(burn);

/** @throws where no ratio of failures could ever burn the error budget so fast */
export function checkObjective({ objective, fast_burn }: { objective: number; fast_burn: number }): void {
  const least = 1 - 1 / fast_burn;
  if (objective > least) return;
  throw new Error(
    `found the objective ${objective}, expected one above ${least.toFixed(4)}: even if every run fails, the error budget does not burn ${fast_burn} times as fast; raise objective or lower fast_burn of FleetRunErrorBudgetBurn in provisioning/rules/thresholds.ts`,
  );
}

function failureRate(scope: 'source' | 'project'): AlertRule {
  const level = scope === 'source' ? 'source' : 'source_project';
  const labels = scope === 'source' ? 'source' : 'source, project';
  const place = scope === 'source' ? '{{ $labels.source }}' : '{{ $labels.project }} ({{ $labels.source }})';
  const at = scope === 'source' ? (['source'] as const) : (['source', 'project'] as const);
  return {
    alert: 'FleetRunFailureRateHigh',
    expr: `
      ${level}:fleet_run_failures_per_run:ratio_increase${rate.window} > ${rate.ratio}
        and on (${labels}) ${level}:fleet_runs_ended:increase${rate.window} >= ${scope === 'source' ? rate.least_of_source : rate.least_of_project}
        ${unlessCatchingUp(rate.window)}`,
    labels: { scope },
    summary: `{{ $value | humanizePercentage }} of the runs of ${place} fail`,
    description: `Of the runs that ended in the last ${rate.window}, {{ $value | humanizePercentage }} failed or timed out; expected at most ${rate.ratio * 100}%.`,
    dashboard: ['fleetlens-runs', ...at],
    find: ['unattended', ...at],
    ...(scope === 'source' ? { note: 'A ratio needs runs: one failure of three at night wakes nobody.' } : {}),
  };
}

function errorBudgetBurn(speed: 'fast' | 'slow'): AlertRule {
  const factor = burn[`${speed}_burn`];
  const long = burn[`${speed}_long`];
  const short = burn[`${speed}_short`];
  const limit = `(${factor} * (1 - ${burn.objective}))`;
  return {
    alert: 'FleetRunErrorBudgetBurn',
    expr: `
      source:fleet_run_failures_per_run:ratio_increase${long} > ${limit}
        and on (source) source:fleet_run_failures_per_run:ratio_increase${short} > ${limit}
        and on (source) source:fleet_runs_ended:increase${long} >= ${burn.least_in_long}
        and on (source) source:fleet_runs_ended:increase${short} >= ${burn.least_in_short}
        ${unlessCatchingUp(long)}`,
    for: burn[`${speed}_for`],
    labels: { long },
    summary: `The error budget of {{ $labels.source }} burns ${factor} times too fast`,
    description: `{{ $value | humanizePercentage }} of the runs failed or timed out over ${long}, and it goes on (over ${short} too). With ${burn.objective * 100}% of the runs to succeed, at most ${((1 - burn.objective) * 100).toFixed(0)}% may fail.`,
    dashboard: ['fleetlens-runs', 'source'],
    find: ['unattended', 'source'],
    ...(speed === 'fast' ? { note: 'The long window says that it matters, the short one that it still goes on.' } : {}),
  };
}

const { age: stuckAge } = valuesOf('FleetRunStuck');
const { age: unattendedAge } = valuesOf('FleetFailedRunUnattended');
const pattern = valuesOf('FleetFailurePattern');
const artifacts = valuesOf('FleetArtifactsMissing');
const PLACE = '{{ $labels.workflow }} on {{ $labels.project }} ({{ $labels.source }})';

export const FAILURE_RULES: RuleFile = {
  name: 'fleet-failures',
  about: 'Runs that fail: how many, and for how long.',
  rules: [
    ...ratioRules('source_project', rate.window),
    ...ratioRules('source', rate.window),
    ...[burn.fast_short, burn.slow_short, burn.fast_long, burn.slow_long].flatMap((window) =>
      ratioRules('source', window),
    ),
    failureRate('source'),
    failureRate('project'),
    errorBudgetBurn('fast'),
    errorBudgetBurn('slow'),
  ],
};

export const RUN_RULES: RuleFile = {
  name: 'fleet-runs',
  about: 'Single runs: those that hang or wait, failures that are alike, what is missing of them.',
  rules: [
    {
      alert: 'FleetRunStuck',
      expr: `time() - ${once('fleet_run_oldest_timestamp_seconds{status="running"}')} > ${stuckAge}`,
      summary: `A run of ${PLACE} has been running for {{ $value | humanizeDuration }}`,
      description: `Sessions longer than {{ ${stuckAge}.0 | humanizeDuration }} almost always come of a misconfigured workflow. The oldest has been running for {{ $value | humanizeDuration }}.`,
      dashboard: ['fleetlens-runs', 'source', 'project', 'workflow'],
      find: ['running', 'source', 'project', 'workflow'],
    },
    {
      alert: 'FleetFailedRunUnattended',
      expr: `${ageWhenSeen('fleet_run_oldest_unresolved_failure_timestamp_seconds')} > ${unattendedAge}`,
      summary: `A failed run of ${PLACE} waits for somebody`,
      description:
        'The oldest failure ended {{ $value | humanizeDuration }} ago; nobody acknowledged it, and no later run of the workflow succeeded on the project.',
      dashboard: ['fleetlens-runs', 'source', 'project', 'workflow'],
      find: ['unattended', 'source', 'project', 'workflow'],
    },
    {
      alert: 'FleetApprovalSlaBreached',
      expr: `
        time() - ${once('fleet_approval_oldest_pending_timestamp_seconds')}
          > on (source, project, workflow)
        ${once('fleet_approval_sla_seconds')}`,
      summary: `An approval of ${PLACE} waits longer than its SLA`,
      description:
        'The oldest pending approval was asked for {{ $value | humanizeDuration }} ago, which is more than the SLA of its workflow; the run is suspended until somebody decides.',
      dashboard: ['fleetlens-runs', 'source', 'project', 'workflow'],
      find: ['approval', 'source', 'project', 'workflow'],
      note: 'A workflow without an SLA has no series to compare with, and so no alert.',
    },
    {
      alert: 'FleetFailurePattern',
      expr: `
        ${rise('source, project, category', 'fleet_run_errors_total', `surface="run",category=~"${pattern.categories}"`, pattern.window)} >= ${pattern.failures}
          ${unlessCatchingUp(pattern.window)}`,
      summary: 'Runs of {{ $labels.project }} ({{ $labels.source }}) keep failing: {{ $labels.category }}',
      description: `{{ $value | printf "%.0f" }} runs failed with {{ $labels.category }} in the last ${pattern.window}: the configuration is at fault rather than the runs.`,
      dashboard: ['fleetlens-runs', 'source', 'project'],
      find: ['unattended', 'source', 'project'],
    },
    {
      alert: 'FleetArtifactsMissing',
      expr: `
        ${rise('source, project', 'fleet_run_artifacts_missing_total', '', artifacts.window)} >= ${artifacts.runs}
          ${unlessCatchingUp(artifacts.window)}`,
      summary: 'Runs of {{ $labels.project }} ({{ $labels.source }}) leave no artifacts',
      description: `{{ $value | printf "%.0f" }} runs finished in the last ${artifacts.window} without a directory of artifacts: what they did cannot be looked up.`,
      dashboard: ['fleetlens-runs', 'source', 'project'],
    },
  ],
};

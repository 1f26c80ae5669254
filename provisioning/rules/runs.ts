import {
  ageWhenSeen,
  isLonger,
  once,
  PIECE,
  rise,
  riseExactly,
  riseWithoutHistory,
  unlessCatchingUp,
  whileCatchingUp,
} from './promql.ts';
import type { AlertRule, RecordingRule, RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const FINISHED = 'fleet_runs_finished_total';
/** A cancelled run neither worked nor failed. */
const ENDED = 'status=~"succeeded|failed|timed_out"';
const FAILED = 'status=~"failed|timed_out"';

/** What ended in a window by its status: the counters themselves are read once, and all levels add up what was recorded. */
type ByStatus = 'source_status' | 'source_project_status';
const finished = (by: ByStatus, window: string) => `${by}:fleet_runs_finished:increase${window}`;
const LABELS = { source_status: 'source, status', source_project_status: 'source, project, status' } as const;

function finishedRule(by: ByStatus, window: string): RecordingRule {
  return { record: finished(by, window), expr: riseExactly(LABELS[by], FINISHED, ENDED, window) };
}

/** As `finishedRule`, of a window that is longer than rules wait for history: without that. It reads what rose in a piece. */
function finishedInLongRules(by: ByStatus, window: string): RecordingRule[] {
  const before = `${by}:fleet_runs_finished:history${PIECE}`;
  const ofPiece = finished(by, PIECE);
  return [
    { record: before, expr: whileCatchingUp(ofPiece) },
    {
      record: finished(by, window),
      expr: riseWithoutHistory(LABELS[by], FINISHED, ENDED, window, before, ofPiece),
    },
  ];
}

/** Runs that ended in a window, and the ratio of those that failed, which is absent where none ended. */
function ratioRules(level: 'source' | 'source_project', window: string, by: ByStatus): RecordingRule[] {
  const labels = level === 'source' ? 'source' : 'source, project';
  const ended = `${level}:fleet_runs_ended:increase${window}`;
  return [
    { record: ended, expr: `sum by (${labels}) (${finished(by, window)})` },
    {
      record: `${level}:fleet_run_failures_per_run:ratio_increase${window}`,
      expr: `
        sum by (${labels}) (${finished(by, window)}{${FAILED}})
        /
        (${ended} > 0)`,
    },
  ];
}

const rate = valuesOf('FleetRunFailureRateHigh');
const burn = valuesOf('FleetRunErrorBudgetBurn');
checkObjective(burn);
const burnWindows = [burn.fast_short, burn.slow_short, burn.fast_long, burn.slow_long];

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
    keep_firing_for: burn[`${speed}_keep`],
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
    finishedRule('source_project_status', rate.window),
    ...ratioRules('source_project', rate.window, 'source_project_status'),
    ...ratioRules('source', rate.window, 'source_project_status'),
    ...[...new Set([PIECE, ...burnWindows.filter((window) => !isLonger(window))])].map((window) =>
      finishedRule('source_status', window),
    ),
    ...burnWindows.filter(isLonger).flatMap((window) => finishedInLongRules('source_status', window)),
    ...burnWindows.flatMap((window) => ratioRules('source', window, 'source_status')),
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

import { STEP_FINISHED_STATUSES } from '../../contract/status.ts';
import { type Fact, label, type RecordView, secondsBetween, type View } from './recordView.ts';

/** Project and workflow are the run's: a step is looked at when its run is known. */
export const viewStep: View<'step'> = (step, { run }): RecordView => {
  const { source, status } = step;
  const project = label(run?.project);
  const kindOfStep = step.role ?? step.verb ?? '';
  const attempt = Math.max(1, step.attempt ?? 1);
  const facts: Fact[] = [];
  if (status !== undefined && (STEP_FINISHED_STATUSES as readonly string[]).includes(status)) {
    facts.push({
      family: 'fleet_steps_finished_total',
      key: `finished#${attempt}`,
      field: 'status',
      labels: [source, project, kindOfStep, status],
    });
    const duration = secondsBetween(step.startedAt, step.finishedAt);
    if (duration !== undefined) {
      facts.push({
        family: 'fleet_step_duration_seconds',
        key: `duration#${attempt}`,
        field: 'status',
        labels: [source, kindOfStep, status],
        value: duration,
      });
    }
  }
  if (step.verdict?.passed !== undefined) {
    const verdict = step.verdict.passed ? 'pass' : 'fail';
    facts.push({
      family: 'fleet_checker_verdicts_total',
      key: `verdict#${attempt}`,
      field: 'verdict',
      labels: [source, project, label(run?.workflow), verdict],
    });
  }
  if (step.error !== undefined) {
    facts.push({
      family: 'fleet_run_errors_total',
      key: `error#${attempt}`,
      field: 'error',
      labels: [source, project, step.error.surface ?? 'step', step.error.category ?? 'other'],
    });
  }
  return { facts, parts: [], attempt };
};

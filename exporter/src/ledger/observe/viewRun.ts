import { isFinished, isOpen } from '../../contract/status.ts';
import { slotOfCost } from '../budgets/slotOfCost.ts';
import { isAcknowledged, isFailure } from '../runFailure.ts';
import { qualityFacts } from './qualityFacts.ts';
import {
  type Fact,
  label,
  type Part,
  type RecordView,
  secondsBetween,
  unixSeconds,
  type View,
  type ViewContext,
} from './recordView.ts';
import { serviceLabel } from './serviceLabel.ts';
import { pullRequestFacts, pullRequestParts } from './viewPullRequest.ts';

export const viewRun: View<'run'> = (run, context): RecordView => {
  const { source, status } = run;
  const project = label(run.project);
  const workflow = label(run.workflow);
  const persona = label(run.persona);
  const attempt = Math.max(1, run.attempts ?? 1);
  const runId = run.runId as string;
  const scope = [source, project, workflow];
  const facts: Fact[] = [
    { family: 'fleet_runs_created_total', key: 'created', labels: [...scope, run.trigger ?? run.origin ?? ''] },
  ];
  const parts: Part[] = [];
  const resolves: Part[] = [];

  if (attempt === 1) {
    const queued = secondsBetween(run.createdAt, run.startedAt);
    if (queued !== undefined) {
      facts.push({
        family: 'fleet_run_queue_seconds',
        key: 'queue#1',
        field: 'startedAt',
        labels: scope,
        value: queued,
        runId,
        ...at(run.startedAt),
      });
    }
  }
  if (isOpen(status)) {
    const since =
      { queued: run.createdAt, running: run.startedAt, waiting: undefined }[status] ?? context.stampOf('status');
    parts.push({ family: 'fleet_runs', labels: [...scope, status], value: 1 });
    if (since !== undefined) {
      parts.push({
        family: 'fleet_run_oldest_timestamp_seconds',
        labels: [...scope, status],
        value: unixSeconds(since),
      });
    }
  }
  if (status === 'unknown' && run.attributes?.lost === true) {
    facts.push({
      family: 'fleet_runs_lost_total',
      key: `lost#${attempt}`,
      labels: scope,
      passing: true,
      field: 'status',
    });
  }
  if (run.error !== undefined) {
    facts.push({
      family: 'fleet_run_errors_total',
      key: `error#${attempt}`,
      field: 'error',
      labels: [source, project, run.error.surface ?? 'run', run.error.category ?? 'other'],
    });
  }
  if (isFinished(status)) {
    const ended = at(run.finishedAt);
    facts.push({
      family: 'fleet_runs_finished_total',
      key: `finished#${attempt}`,
      field: 'status',
      labels: [...scope, persona, status],
    });
    const duration = secondsBetween(run.startedAt, run.finishedAt);
    if (duration !== undefined) {
      facts.push({
        family: 'fleet_run_duration_seconds',
        key: `duration#${attempt}`,
        field: 'status',
        labels: [...scope, status],
        value: duration,
        runId,
        ...ended,
      });
    }
    if (run.iterations !== undefined) {
      facts.push({
        family: 'fleet_run_iterations',
        key: `iterations#${attempt}`,
        field: 'iterations',
        labels: scope,
        value: run.iterations,
      });
    }
    if (run.quality !== undefined) facts.push(...qualityFacts(run.quality, scope, attempt, runId, run.finishedAt));

    const finishedAt = run.finishedAt ?? context.stampOf('status');
    if (finishedAt !== undefined) {
      const value = unixSeconds(finishedAt);
      const family = 'fleet_run_oldest_unresolved_failure_timestamp_seconds';
      if (status === 'succeeded') resolves.push({ family, labels: scope, value });
      else if (isFailure(run) && !isAcknowledged(run, finishedAt)) parts.push({ family, labels: scope, value });
    }
    if (context.settled !== undefined) facts.push(...settledFacts(run, context.settled, context, attempt));
  }
  facts.push(...pullRequestFacts(run.pullRequest, run.ci, source, project));
  parts.push(...pullRequestParts(run.pullRequest, run.ci, source, project, context.stampOf('pullRequest')));
  return {
    facts,
    parts,
    resolves,
    attempt,
    births: [
      { family: 'fleet_runs', labels: [...scope, 'running'] },
      { family: 'fleet_runs_finished_total', labels: [...scope, persona, 'succeeded'] },
    ],
  };
};

/** What is counted of a finished run when its late usage has come. */
function settledFacts(
  run: Parameters<typeof viewRun>[0],
  settled: { usageCostUsd?: number; usageTokens?: number },
  { costFrom, stampOf }: ViewContext,
  attempt: number,
): Fact[] {
  const { source } = run;
  const project = label(run.project);
  const scope = [source, project, label(run.workflow)];
  const facts: Fact[] = [];
  const costUsd = costFrom === 'run' ? run.costUsd : (settled.usageCostUsd ?? run.costUsd);
  if (costUsd !== undefined) {
    facts.push({
      family: 'fleet_run_cost_usd',
      key: `cost#${attempt}`,
      labels: scope,
      value: costUsd,
      runId: run.runId as string,
      ...at(run.finishedAt),
    });
  }
  const tokens = settled.usageTokens ?? run.inputTokens ?? run.outputTokens;
  if (run.usageMissing === true || (run.usageMissing === undefined && costUsd === undefined && tokens === undefined)) {
    facts.push({
      family: 'fleet_run_usage_missing_total',
      key: `usage_missing#${attempt}`,
      labels: [source, project, label(run.provider)],
    });
  }
  if (run.artifacts?.length === 0) {
    facts.push({
      family: 'fleet_run_artifacts_missing_total',
      key: `artifacts_missing#${attempt}`,
      labels: [source, project],
    });
  }
  if (costFrom === 'run') {
    const service = run.provider === undefined ? '' : serviceLabel(run.provider);
    const of = [source, project, service, label(run.model)];
    if (run.costUsd !== undefined) {
      facts.push({
        family: 'fleet_cost_usd_total',
        key: `spent#${attempt}`,
        field: 'costUsd',
        labels: [...of, ''],
        value: run.costUsd,
      });
      facts.push({
        family: 'fleet_persona_cost_usd_total',
        key: `spent#${attempt}`,
        field: 'costUsd',
        labels: [source, project, label(run.persona)],
        value: run.costUsd,
        spent: {
          slot: slotOfCost({ at: run.finishedAt ?? stampOf('costUsd'), timeZone: 'UTC' }),
          project,
          persona: label(run.persona),
          runId: run.runId as string,
        },
      });
    }
    if (run.inputTokens !== undefined) {
      facts.push({
        family: 'fleet_tokens_total',
        key: `input#${attempt}`,
        field: 'inputTokens',
        labels: [...of, 'input'],
        value: run.inputTokens,
      });
    }
    if (run.outputTokens !== undefined) {
      facts.push({
        family: 'fleet_tokens_total',
        key: `output#${attempt}`,
        field: 'outputTokens',
        labels: [...of, 'output'],
        value: run.outputTokens,
      });
    }
  }
  return facts;
}

function at(time: string | undefined): { at?: string } {
  return time === undefined ? {} : { at: time };
}

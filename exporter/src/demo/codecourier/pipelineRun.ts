import type { FinishedStatus } from '../../contract/status.ts';
import { HOUR, MINUTE, SECOND } from '../calendar.ts';
import { isTransient } from '../failures.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { type AttemptEnd, tellAttempt } from './attempt.ts';
import { tellAudit } from './audit.ts';
import { modelOf } from './fleet.ts';
import { tellNotification } from './notify.ts';
import { tellPullRequest } from './pullRequest.ts';
import type { RunPlan } from './runPlan.ts';
import type { Tally } from './tally.ts';
import type { Spent } from './usage.ts';

export interface RunEnd {
  readonly status: FinishedStatus;
  readonly startedMs: number;
  readonly ms: number;
  readonly costUsd: number;
  readonly prUrl?: string | undefined;
}

const SOURCE_WORDS: Readonly<Record<FinishedStatus, string>> = {
  succeeded: 'completed',
  failed: 'failed',
  timed_out: 'TIMED_OUT',
  cancelled: 'cancelled',
};

/** Tells a whole run of a workflow: asked for, queued, tried (twice, where that can help), ended, reviewed. */
export function tellPipelineRun(world: World, story: Story, plan: RunPlan, tally: Tally): RunEnd {
  const random = world.random('run', plan.runId);
  const { runId, project, workflow, createdMs } = plan;
  const lead = modelOf(workflow, workflow.persona);
  const triggerRunId = `run_${random.token(21)}`;
  const who = { runId, project: project.name };
  story.tell('run', createdMs, `${runId}/created`, {
    ...who,
    name: plan.name,
    origin: plan.origin,
    trigger: plan.trigger,
    workflow: workflow.name,
    persona: workflow.persona,
    model: lead.name,
    provider: lead.service,
    triggerRunId,
    issueSessionId: plan.issueSessionId,
    promptPreview: plan.prompt.slice(0, 120),
    prompt: plan.prompt,
    config: { template: project.template, maxIterations: workflow.maxIterations, branch: `agent/${runId.slice(-8)}` },
    metadata: { requestedBy: plan.user },
    status: 'queued',
    rawStatus: 'pending',
    createdAt: instantOf(createdMs),
    attempts: 1,
    chainId: plan.chain?.chainId,
    sprintIndex: plan.chain?.index,
    links: {
      source: `https://codecourier.example/${project.name}/runs/${runId}`,
      trigger: `https://cloud.trigger.example/runs/${triggerRunId}`,
    },
  });
  if (plan.trigger === 'user') {
    tellAudit(story, random, createdMs, {
      actor: `${plan.user}@acme.example`,
      action: 'session_launch',
      project: project.name,
      target: runId,
      request: { workflow: workflow.name, prompt: plan.prompt.slice(0, 80) },
    });
  }

  const spent: Spent = { costUsd: 0, inputTokens: 0, outputTokens: 0 };
  const firstStartMs = Math.round(createdMs + Math.min(20 * MINUTE, random.logNormal(7 * SECOND, 0.9)));
  let startMs = firstStartMs;
  let end: AttemptEnd;
  let number = 1;
  for (;;) {
    story.tell('run', startMs, `${runId}/running/${number}`, {
      runId,
      status: 'running',
      rawStatus: 'running',
      startedAt: instantOf(startMs),
      attempts: number,
      // What the attempt before left behind is no longer so.
      ...(number > 1 ? { finishedAt: null, error: null, quality: null } : {}),
    });
    end = tellAttempt(world, story, plan, number, startMs, spent, tally);
    const final =
      number > 1 || end.error?.category === undefined || !isTransient(end.error.category) || random.chance(0.35);
    tellEnd(story, plan, number, end, spent, final && end.status === 'succeeded' && !opensPullRequest(world, plan));
    if (final) break;
    startMs = Math.round(end.ms + random.between(25, 120) * SECOND);
    number++;
  }
  const endMs = Math.round(end.ms);
  tally.runs.push({
    project: project.name,
    createdMs,
    startedMs: firstStartMs,
    endMs,
    status: end.status,
    iterations: end.iterations,
  });

  let prUrl: string | undefined;
  if (end.status === 'succeeded') {
    const title = `${plan.name} finished`;
    tellNotification(story, random, endMs + SECOND, { type: 'run_completed', ...who, title });
    if (plan.origin === 'workflow' && random.chance(0.3)) {
      tellNotification(story, random, endMs + 2 * SECOND, {
        type: 'workflow_completed',
        ...who,
        title: `${workflow.name}: all steps finished`,
      });
    }
    if (opensPullRequest(world, plan)) prUrl = tellPullRequest(world, story, plan, endMs);
  } else if (end.status !== 'cancelled') {
    tellNotification(story, random, endMs + SECOND, { type: 'run_failed', ...who, title: `${plan.name} failed` });
    if (random.chance(0.45)) {
      const ms = endMs + Math.min(8 * HOUR, random.logNormal(14 * MINUTE, 0.9));
      story.tell('run', ms, `${runId}/acknowledged`, {
        runId,
        acknowledgedAt: instantOf(ms),
        acknowledgedBy: `${plan.user}@acme.example`,
      });
    }
  }
  return { status: end.status, startedMs: firstStartMs, ms: endMs, costUsd: spent.costUsd, prUrl };
}

function opensPullRequest(world: World, plan: RunPlan): boolean {
  return world.random('opens', plan.runId).chance(plan.workflow.opensPullRequest);
}

function tellEnd(story: Story, plan: RunPlan, number: number, end: AttemptEnd, spent: Spent, without: boolean): void {
  story.tell('run', end.ms, `${plan.runId}/finished/${number}`, {
    runId: plan.runId,
    status: end.status,
    rawStatus: SOURCE_WORDS[end.status],
    finishedAt: instantOf(end.ms),
    iterations: end.iterations,
    sandboxId: end.sandboxId,
    quality: end.quality,
    error: end.error,
    ...spent,
    exitCode: end.status === 'succeeded' ? 0 : 1,
    ...(without ? { pullRequest: { status: 'none' } } : {}),
  });
}

import type { Status } from '../../contract/status.ts';
import { SECOND } from '../calendar.ts';
import { failureOf, type RecordedError } from '../failures.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import type { WorkflowRunPlan } from './planRun.ts';
import { ADAPTER_FAILURES } from './workflows.ts';

/** What one job did for its run: how far it came, and when the next job may begin. */
export interface PieceEnd {
  readonly ms: number;
  readonly failed: boolean;
  /** The run was suspended and approved: the rest waits in the queue from then on. */
  readonly resumeMs?: number;
}

const SOURCE_WORDS: Readonly<Partial<Record<Status, string>>> = {
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  timed_out: 'FAILED',
  cancelled: 'CANCELLED',
  skipped: 'SKIPPED',
};

export function tellQueued(story: Story, plan: WorkflowRunPlan): void {
  const { runId, blueprint, createdMs } = plan;
  story.tell('run', createdMs, `${runId}/created`, {
    runId,
    project: blueprint.project,
    name: blueprint.name,
    origin: 'workflow',
    trigger: plan.trigger,
    workflow: blueprint.name,
    status: 'queued',
    rawStatus: 'PENDING',
    createdAt: instantOf(createdMs),
    attempts: 1,
    links: { trace: `https://logfire.example/northwind/trace/${runId.replaceAll('-', '')}` },
  });
}

/** Tells what a worker does in one go: from the start (or from after the approval) to the end or to a suspension. */
export function tellPiece(
  world: World,
  story: Story,
  plan: WorkflowRunPlan,
  startMs: number,
  resumed: boolean,
): PieceEnd {
  const random = world.random('demiton piece', plan.runId, resumed ? 1 : 0);
  const { runId, fate, suspension } = plan;
  story.tell('run', startMs, `${runId}/running/${resumed ? 1 : 0}`, {
    runId,
    status: 'running',
    rawStatus: 'RUNNING',
    ...(resumed ? {} : { startedAt: instantOf(startMs) }),
  });
  let ms = startMs + 40;
  let skipping = false;
  const first = resumed && suspension !== undefined ? suspension.at + 1 : 0;
  for (let index = first; index < plan.tasks.length; index++) {
    const task = plan.tasks[index];
    if (task === undefined) break;
    const { verb, name, adapter } = task.blueprint;
    const stepId = `${runId}.${index}`;
    const identity = { runId, stepId, index, name, verb, tool: adapter, attempt: 1 };
    if (skipping) {
      story.tell('step', ms, `${stepId}/skipped`, { ...identity, status: 'skipped', rawStatus: 'SKIPPED' });
      continue;
    }
    story.tell('step', ms, `${stepId}/running`, {
      ...identity,
      status: 'running',
      rawStatus: 'RUNNING',
      startedAt: instantOf(ms),
    });
    if (random.chance(0.012)) {
      // A word that the contract's list does not have, on the way to one that it has.
      story.tell('step', ms + 100, `${stepId}/odd`, { ...identity, status: 'unknown', rawStatus: 'COMPENSATING' });
    }
    const endMs = Math.round(ms + Math.max(200, task.seconds * SECOND));
    const expired = adapter !== undefined && world.incidents.at('adapter_auth_expired', ms, adapter) !== undefined;
    const error: RecordedError | undefined = expired
      ? { surface: 'run', category: 'api_key', message: `${adapter}: ${ADAPTER_FAILURES.auth}`, stepId }
      : fate.kind === 'fail' && fate.at === index
        ? failureOf(random, 'run', fate.category, name, stepId)
        : undefined;
    const cancelled = error === undefined && fate.kind === 'cancel' && fate.at === index;
    const status =
      error !== undefined
        ? error.category === 'timeout'
          ? 'timed_out'
          : 'failed'
        : cancelled
          ? 'cancelled'
          : 'succeeded';
    story.tell('step', endMs, `${stepId}/finished`, {
      ...identity,
      status,
      rawStatus: SOURCE_WORDS[status],
      finishedAt: instantOf(endMs),
      error: error === undefined ? undefined : { ...error, surface: 'step' },
    });
    if (task.blueprint.answer !== undefined)
      tellAgentOutput(story, runId, stepId, ms, endMs, name, task.blueprint.answer);
    ms = endMs + 30;
    if (status !== 'succeeded') {
      tellEnd(story, plan, ms, status, error);
      return { ms, failed: !cancelled };
    }
    if (fate.kind === 'gate' && fate.at === index) skipping = true;
    if (suspension?.at === index && !skipping) return tellSuspension(world, story, plan, suspension, ms);
  }
  tellEnd(story, plan, ms, 'succeeded', undefined);
  return { ms, failed: false };
}

function tellEnd(
  story: Story,
  plan: WorkflowRunPlan,
  ms: number,
  status: 'succeeded' | 'failed' | 'timed_out' | 'cancelled',
  error: RecordedError | undefined,
): void {
  story.tell('run', ms, `${plan.runId}/finished`, {
    runId: plan.runId,
    status,
    rawStatus: SOURCE_WORDS[status],
    finishedAt: instantOf(ms),
    // This platform meters no model usage: that is no gap in its figures.
    usageMissing: false,
    error,
  });
}

function tellSuspension(
  world: World,
  story: Story,
  plan: WorkflowRunPlan,
  suspension: NonNullable<WorkflowRunPlan['suspension']>,
  ms: number,
): PieceEnd {
  const random = world.random('approval', plan.runId);
  const { runId, blueprint } = plan;
  const approvalId = `apr_${random.token(16)}`;
  const actor = `${random.pick(['nora.lind', 'oscar.diaz', 'priya.rao', 'quentin.roux'])}@northwind.example`;
  story.tell('run', ms, `${runId}/suspended`, { runId, status: 'waiting', rawStatus: 'SUSPENDED' });
  story.tell('approval', ms, `${approvalId}/requested`, {
    approvalId,
    project: blueprint.project,
    workflow: blueprint.name,
    runId,
    requestedAt: instantOf(ms),
    policy: blueprint.policy,
    slaSeconds: blueprint.approvalSlaSeconds,
  });
  const decidedMs = Math.round(ms + suspension.waitMs);
  const { decision } = suspension;
  story.tell('approval', decidedMs, `${approvalId}/decided`, {
    approvalId,
    decidedAt: instantOf(decidedMs),
    decision,
    actor: decision === 'expired' ? 'system' : actor,
  });
  if (decision === 'approved') return { ms, failed: false, resumeMs: decidedMs + SECOND };
  const error: RecordedError = {
    surface: 'run',
    category: decision === 'expired' ? 'timeout' : 'other',
    message:
      decision === 'expired'
        ? 'The approval request timed out after 24 h'
        : `Rejected by ${actor}: ${blueprint.policy}`,
  };
  tellEnd(
    story,
    plan,
    decidedMs + SECOND,
    decision === 'expired' ? 'timed_out' : 'cancelled',
    decision === 'expired' ? error : undefined,
  );
  return { ms, failed: false };
}

function tellAgentOutput(
  story: Story,
  runId: string,
  stepId: string,
  fromMs: number,
  toMs: number,
  name: string,
  answer: string,
): void {
  const lines = [
    ['system', `${name}: 14 documents attached, answers must cite them.`],
    ['assistant', answer],
  ] as const;
  for (const [seq, [role, text]] of lines.entries()) {
    const ms = Math.round(fromMs + ((toMs - fromMs) * (seq + 1)) / 3);
    story.tell('output', ms, `out/${stepId}/${seq}`, {
      runId,
      stepId,
      seq,
      at: instantOf(ms),
      role,
      text,
      state: 'completed',
    });
  }
}

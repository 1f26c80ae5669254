import type { ErrorCategory, RunRecord, StepRecord } from '../../contract/records.ts';
import type { FinishedStatus } from '../../contract/status.ts';
import { MINUTE, SECOND } from '../calendar.ts';
import { failureOf, type RecordedError, usualFailure } from '../failures.ts';
import type { Random } from '../random.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { modelOf, ROLE_WORK, type Role } from './fleet.ts';
import { judgeQuality } from './judgeQuality.ts';
import type { RunPlan } from './runPlan.ts';
import { SandboxLife } from './sandboxLife.ts';
import { tellLine, tellStepOutput } from './stepOutput.ts';
import type { Tally } from './tally.ts';
import { verdictFeedback } from './transcript.ts';
import { type Spent, tellMachineUsage, tellStepUsage, type UsageScope } from './usage.ts';

/** How an attempt will go. */
type Fate =
  | { readonly kind: 'work' }
  | { readonly kind: 'fail'; readonly category: ErrorCategory; readonly early: boolean }
  | { readonly kind: 'cancel' }
  /** An agent that neither works nor ends: for more than two hours. */
  | { readonly kind: 'stall' };

interface PlannedStep {
  readonly role: Role;
  readonly iteration: number;
  readonly passed?: boolean;
  readonly skipped?: true;
}

export interface AttemptEnd {
  readonly status: FinishedStatus;
  readonly ms: number;
  readonly iterations: number;
  readonly sandboxId: string;
  readonly error?: RecordedError;
  readonly quality?: RunRecord['quality'];
}

function decideFate(world: World, random: Random, plan: RunPlan, startMs: number): Fate {
  const { incidents } = world;
  const project = plan.project.name;
  if (incidents.at('broken_template', startMs, project) && random.chance(0.9)) {
    return { kind: 'fail', category: 'template_not_found', early: true };
  }
  if (incidents.at('api_key_expired', startMs, project)) return { kind: 'fail', category: 'api_key', early: true };
  const { service } = plan.workflow.models.lead;
  if (incidents.at('rate_limit_storm', startMs, service) && random.chance(0.55)) {
    return { kind: 'fail', category: 'rate_limit', early: random.chance(0.5) };
  }
  return random.weighted<Fate>([
    [{ kind: 'work' }, 915],
    [{ kind: 'fail', category: usualFailure(random), early: false }, 56],
    [{ kind: 'cancel' }, 24],
    [{ kind: 'stall' }, 5],
  ]);
}

/** Which steps there will be, if nothing interrupts them; whether the last verdict is a pass. */
function planSteps(
  random: Random,
  plan: RunPlan,
  regressed: boolean,
): { steps: PlannedStep[]; passed: boolean; iterations: number } {
  const { workflow } = plan;
  const steps: PlannedStep[] = [];
  for (const role of workflow.opening) {
    if (role !== 'deep-dive' || random.chance(0.35)) steps.push({ role, iteration: 1 });
  }
  let passed = false;
  let iterations = 0;
  while (!passed && iterations < workflow.maxIterations) {
    iterations++;
    // Feedback helps: a later verdict is a pass more often than the first.
    passed = random.chance(Math.min(0.95, workflow.firstPass + 0.12 * (iterations - 1)) - (regressed ? 0.3 : 0));
    if (workflow.maxIterations === 1) passed = true;
    for (const role of workflow.loop) {
      steps.push(role === 'checker' ? { role, iteration: iterations, passed } : { role, iteration: iterations });
    }
  }
  for (const role of workflow.closing) {
    steps.push(passed ? { role, iteration: iterations } : { role, iteration: iterations, skipped: true });
  }
  return { steps, passed, iterations };
}

/** One attempt at a run, from its start: its sandbox, its steps and what they print and use. */
export function tellAttempt(
  world: World,
  story: Story,
  plan: RunPlan,
  number: number,
  startMs: number,
  spent: Spent,
  tally: Tally,
): AttemptEnd {
  const random = world.random('attempt', plan.runId, number);
  const fate = decideFate(world, random, plan, startMs);
  const sandbox = new SandboxLife(world, story, random, plan.project, plan.runId, plan.origin, startMs);
  const { sandboxId } = sandbox;
  if (fate.kind === 'fail' && fate.category === 'template_not_found') {
    const ms = startMs + random.between(3, 14) * SECOND;
    sandbox.refuse(ms, failureOf(random, 'sandbox', fate.category, random.token(6)));
    const error = failureOf(random, 'run', fate.category, random.token(6));
    return { status: 'failed', ms: ms + SECOND, iterations: 0, sandboxId, error };
  }

  const { workflow, task, project } = plan;
  const regressed = world.incidents.at('persona_regression', startMs, workflow.name) !== undefined;
  const planned = planSteps(random, plan, regressed);
  const lastStep = planned.steps.length - 1;
  const breaksAt = fate.kind === 'work' ? -1 : fate.kind === 'fail' && fate.early ? 0 : random.integer(0, lastStep);
  const scope: UsageScope = {
    project: project.name,
    runId: plan.runId,
    sandboxId,
    chainId: plan.chain?.chainId,
    issueSessionId: plan.issueSessionId,
  };
  let ms = sandbox.start(startMs) + SECOND;
  let quality: RunRecord['quality'];
  let end: Pick<AttemptEnd, 'status' | 'error'> | undefined;
  let iterations = 0;

  for (const [index, step] of planned.steps.entries()) {
    const stepId = `${plan.runId}.${number}.${index}`;
    const place = { runId: plan.runId, sandboxId, stepId };
    const model = modelOf(workflow, step.role);
    const identity = {
      runId: plan.runId,
      stepId,
      index,
      iteration: step.iteration,
      name: `${step.role} (iteration ${step.iteration})`,
      role: step.role,
      tool: model.tool,
      model: model.name,
      attempt: number,
    };
    const broken = index === breaksAt;
    if (step.skipped || end !== undefined) {
      if (step.skipped)
        story.tell('step', ms, `${stepId}/skipped`, { ...identity, status: 'skipped', rawStatus: 'skipped' });
      continue;
    }
    iterations = step.iteration;
    const slow = world.incidents.at('rate_limit_storm', ms, model.service) === undefined ? 1 : 1.7;
    const usual = random.logNormal(ROLE_WORK[step.role].seconds, 0.45) * slow;
    const seconds = Math.max(8, Math.min(3500, usual * (broken ? shareOf(random, fate) : 1)));
    const stalled = broken && fate.kind === 'stall';
    const endMs = ms + (stalled ? random.between(130, 235) * MINUTE : seconds * SECOND);

    story.tell('step', ms, `${stepId}/running`, {
      ...identity,
      status: 'running',
      rawStatus: 'running',
      startedAt: instantOf(ms),
    });
    if (index === 0) {
      tellLine(story, ms, place, 0, { role: 'user', text: plan.prompt });
      tellLine(story, ms + 200, place, 1, {
        role: 'system',
        text: `Sandbox ${sandboxId} is ready (template ${project.template}, 2 vCPU, 4 GiB). Cloned ${project.name} at ${random.hex(7)}.`,
      });
    }
    tellStepOutput(
      world,
      story,
      place,
      { role: step.role, task, language: project.language },
      ms,
      ms + Math.min(seconds * SECOND, endMs - ms),
      messagesOf(random, seconds),
    );

    const wholeMs = Math.round(endMs);
    const used = tellStepUsage(
      story,
      random,
      scope,
      { stepId, role: step.role, model, seconds: Math.round((wholeMs - ms) / SECOND), endMs: wholeMs },
      broken ? 0.3 : 1,
      spent,
    );
    if (broken) end = breakOff(random, fate, step.role, stepId);
    const verdict =
      step.passed === undefined
        ? undefined
        : { passed: step.passed, feedback: verdictFeedback(random, step.passed, task) };
    if (!broken && step.role === 'evaluator') quality = judgeQuality(random, workflow, regressed);
    const status: StepRecord['status'] = end?.status ?? 'succeeded';
    if (end?.error?.message !== undefined) {
      tellLine(story, wholeMs - 50, place, 99_000, { role: 'error', text: end.error.message });
    }
    story.tell('step', wholeMs, `${stepId}/finished`, {
      ...identity,
      status,
      rawStatus: status === 'succeeded' ? 'completed' : status,
      finishedAt: instantOf(wholeMs),
      ...(broken ? {} : { verdict, quality: step.role === 'evaluator' ? quality : undefined }),
      error: end?.error === undefined ? undefined : { ...end.error, surface: 'step' },
      ...used,
    });
    if (world.fine && !broken) {
      story.tell('run', wholeMs + 1, `${plan.runId}/progress/${number}.${index}`, {
        runId: plan.runId,
        ...spent,
        iterations,
      });
    }
    ms = wholeMs + random.between(0.8, 3) * SECOND;
  }

  if (end === undefined && !planned.passed) {
    end = {
      status: 'failed',
      error: {
        surface: 'run',
        category: 'other',
        message: `Maximum number of iterations (${workflow.maxIterations}) reached without a passing verdict`,
      },
    };
  }
  const dead =
    end?.error?.category === 'out_of_memory' ? failureOf(random, 'sandbox', 'out_of_memory', sandboxId) : undefined;
  sandbox.end(ms, tally, dead);
  tellMachineUsage(story, random, scope, { number, seconds: (ms - startMs) / SECOND, endMs: ms }, spent);
  return {
    status: end?.status ?? 'succeeded',
    ms,
    iterations,
    sandboxId,
    ...(end?.error ? { error: end.error } : {}),
    ...(quality ? { quality } : {}),
  };
}

/** How much of its usual time a step gets that does not end well: a timeout takes longer, a refused key no time. */
function shareOf(random: Random, fate: Fate): number {
  if (fate.kind !== 'fail') return random.between(0.2, 0.8);
  if (fate.category === 'timeout') return random.between(2, 4);
  return fate.early ? random.between(0.05, 0.15) : random.between(0.2, 0.9);
}

function messagesOf(random: Random, seconds: number): number {
  return seconds < 60 ? 1 : random.integer(1, 2);
}

function breakOff(random: Random, fate: Fate, role: Role, stepId: string): Pick<AttemptEnd, 'status' | 'error'> {
  if (fate.kind === 'cancel') return { status: 'cancelled' };
  if (fate.kind === 'stall' && random.chance(0.5)) return { status: 'cancelled' };
  const category = fate.kind === 'fail' ? fate.category : 'timeout';
  const status = category === 'timeout' && random.chance(0.7) ? 'timed_out' : 'failed';
  return { status, error: failureOf(random, 'run', category, role, stepId) };
}

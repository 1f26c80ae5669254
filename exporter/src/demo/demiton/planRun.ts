import type { ErrorCategory } from '../../contract/records.ts';
import { HOUR, MINUTE } from '../calendar.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import { type TaskBlueprint, WORKFLOWS, type WorkflowBlueprint } from './workflows.ts';

export interface PlannedTask {
  readonly blueprint: TaskBlueprint;
  readonly seconds: number;
}

/** How a run ends if no adapter is broken when its turn comes. */
export type Fate =
  | { readonly kind: 'succeed' }
  | { readonly kind: 'fail'; readonly at: number; readonly category: ErrorCategory }
  | { readonly kind: 'cancel'; readonly at: number }
  /** The logic gate says no: what follows is skipped. */
  | { readonly kind: 'gate'; readonly at: number };

export interface Suspension {
  readonly at: number;
  readonly decision: 'approved' | 'rejected' | 'expired';
  readonly waitMs: number;
}

export interface WorkflowRunPlan {
  readonly runId: string;
  readonly blueprint: WorkflowBlueprint;
  readonly trigger: 'user' | 'schedule' | 'api';
  readonly createdMs: number;
  readonly tasks: readonly PlannedTask[];
  readonly fate: Fate;
  readonly suspension?: Suspension;
  /** The worker put the job back once, before the run began. */
  readonly retried: boolean;
}

export function planWorkflowRun(
  world: World,
  runId: string,
  createdMs: number,
  trigger: WorkflowRunPlan['trigger'],
): WorkflowRunPlan {
  const random = world.random('demiton run', runId);
  const blueprint = random.weighted(WORKFLOWS.map((workflow) => [workflow, workflow.share] as const));
  const tasks = blueprint.tasks.map((task) => ({
    blueprint: task,
    seconds: Math.max(0.2, random.logNormal(task.seconds, 0.5)),
  }));
  const govern = blueprint.tasks.findIndex(({ verb }) => verb === 'GOVERN');
  const suspension = random.chance(0.16) ? planSuspension(random, govern, blueprint.approvalSlaSeconds) : undefined;
  return {
    runId,
    blueprint,
    trigger,
    createdMs,
    tasks,
    fate: planFate(random, blueprint),
    retried: random.chance(0.05),
    ...(suspension === undefined ? {} : { suspension }),
  };
}

function planFate(random: Random, blueprint: WorkflowBlueprint): Fate {
  const gate = blueprint.tasks.findIndex(({ verb }) => verb === 'LOGIC_GATE');
  if (gate >= 0 && random.chance(0.3)) return { kind: 'gate', at: gate };
  const at = random.integer(0, blueprint.tasks.length - 1);
  if (random.chance(0.02)) return { kind: 'cancel', at };
  if (!random.chance(0.045)) return { kind: 'succeed' };
  return {
    kind: 'fail',
    at,
    category: random.weighted([
      ['network', 4],
      ['timeout', 3],
      ['validation', 4],
      ['rate_limit', 2],
      ['other', 2],
    ]),
  };
}

function planSuspension(random: Random, at: number, slaSeconds: number): Suspension {
  const decision = random.weighted([
    ['approved', 82],
    ['rejected', 12],
    ['expired', 6],
  ] as const);
  // Most are decided well within the SLA, some after it; an unanswered request expires after a day.
  const waitMs =
    decision === 'expired' ? 24 * HOUR : Math.min(20 * HOUR, Math.max(MINUTE, random.logNormal(slaSeconds * 250, 1)));
  return { at, decision, waitMs };
}

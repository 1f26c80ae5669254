import { arrivals, DAY, MINUTE, OFFICE, ROUND_THE_CLOCK } from '../calendar.ts';
import type { Platform } from '../platform.ts';
import { instantOf, Story } from '../story.ts';
import type { World } from '../world.ts';
import { tellAdapterReadings } from './adapterReadings.ts';
import { type Job, type JobSpan, pollJobs, tellArqReadings, workThroughQueue } from './arqQueue.ts';
import { planWorkflowRun, type WorkflowRunPlan } from './planRun.ts';
import { tellPiece, tellQueued } from './tellWorkflowRun.ts';
import { DEMITON, WORKFLOWS } from './workflows.ts';

const RUNS_BY_PEOPLE = 28;
const RUNS_BY_SCHEDULE = 24;

interface Work {
  readonly stories: readonly Story[];
  readonly spans: readonly JobSpan[];
}

/** A platform of the kind of the WorkflowRun / TaskRun ledger: governed workflows, an ARQ queue, adapters. */
export function createDemiton(world: World): Platform {
  const days = new Map<number, Work>();
  const workOf = (day: number): Work => {
    let work = days.get(day);
    if (work === undefined) {
      work = planWork(world, day);
      days.set(day, work);
      days.delete(day - 2);
    }
    return work;
  };
  return (day) => {
    const spans = [...workOf(day - 1).spans, ...workOf(day).spans];
    const readings = new Story(DEMITON, day * DAY, { divisible: true });
    tellArqReadings(world, readings, day, spans);
    tellAdapterReadings(world, readings, day);
    tellWorkflows(world, readings, day);
    return [...workOf(day).stories, readings];
  };
}

function planWork(world: World, day: number): Work {
  const random = world.random('demiton', day);
  const jobs: Job[] = pollJobs(world, day);
  const asked = [
    ...arrivals(random, day, RUNS_BY_PEOPLE * world.scale, OFFICE).map(
      (ms) => [ms, random.chance(0.6) ? 'user' : 'api'] as const,
    ),
    ...arrivals(random, day, RUNS_BY_SCHEDULE * world.scale, ROUND_THE_CLOCK).map((ms) => [ms, 'schedule'] as const),
  ];
  for (const [ms, trigger] of asked) {
    const story = new Story(DEMITON, ms);
    const plan = planWorkflowRun(world, random.uuid(), ms, trigger);
    tellQueued(story, plan);
    jobs.push(firstJob(world, story, plan));
  }
  const spans = workThroughQueue(world, jobs);
  return { stories: jobs.map((job) => job.story), spans };
}

function firstJob(world: World, story: Story, plan: WorkflowRunPlan): Job {
  return {
    jobId: plan.runId,
    enqueuedMs: plan.createdMs,
    retried: plan.retried,
    brief: false,
    story,
    work: (startMs) => tellPiece(world, story, plan, startMs, false),
    next: (resumeMs) => ({
      jobId: `${plan.runId}:resume`,
      enqueuedMs: resumeMs,
      retried: false,
      brief: false,
      story,
      work: (startMs) => tellPiece(world, story, plan, startMs, true),
    }),
  };
}

function tellWorkflows(world: World, story: Story, day: number): void {
  const ms = day * DAY + 3 * MINUTE;
  for (const { name, project, approvalSlaSeconds } of WORKFLOWS) {
    story.tell('workflow', ms, `workflow/${name}/${day}`, {
      workflow: name,
      project,
      name,
      version: '7',
      approvalSlaSeconds,
      lastUsedAt: instantOf(ms - world.random('used', name, day).between(5, 120) * MINUTE),
    });
  }
}

import { arrivals, DAY, hourly, MINUTE, NIGHT, OFFICE } from '../calendar.ts';
import type { Platform } from '../platform.ts';
import type { Random } from '../random.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';
import {
  CODECOURIER,
  FEATURE_BUILDER,
  MERGE_AGENT,
  PEOPLE,
  PROJECTS,
  type Project,
  SANDBOX_SESSION,
  type Workflow,
} from './fleet.ts';
import { tellPipelineQueue } from './pipelineQueue.ts';
import { tellPipelineRun } from './pipelineRun.ts';
import { tellProjectRecords } from './projectRecords.ts';
import type { RunPlan } from './runPlan.ts';
import { tellSprintChain } from './sprintChain.ts';
import type { Tally } from './tally.ts';
import { pickTask } from './tasks.ts';

/** Runs and chains on a working day. */
const RUNS_BY_DAY = 58;
/** Minutes of every hour at which scheduled runs start (something of the backlog is one): there is work at any hour. */
const CHORES_MINUTE = 14;
const BACKLOG_MINUTE = 44;
const SANDBOX_SESSIONS = 6;
const MERGES = 5;
const CHAINS = 7;

/** The one project with sandbox sessions and a merge agent. */
const FLAGSHIP = PROJECTS[0] as Project;

interface Work {
  readonly stories: readonly Story[];
  readonly tally: Tally;
}

/** A platform of the kind of CodeCourier: pipelines of agents in sandboxes, sprint chains, pull requests, usage. */
export function createCodecourier(world: World): Platform {
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
    const yesterday = workOf(day - 1);
    const today = workOf(day);
    const tally: Tally = {
      runs: [...yesterday.tally.runs, ...today.tally.runs],
      sandboxes: [...yesterday.tally.sandboxes, ...today.tally.sandboxes],
    };
    const readings = new Story(CODECOURIER, day * DAY, { divisible: true });
    tellProjectRecords(world, readings, day, tally);
    tellPipelineQueue(world, readings, day, tally);
    return [...today.stories, readings];
  };
}

function planWork(world: World, day: number): Work {
  const random = world.random('codecourier', day);
  const tally: Tally = { runs: [], sandboxes: [] };
  const stories: Story[] = [];
  const begin = (ms: number, tell: (story: Story) => void) => {
    const story = new Story(CODECOURIER, ms);
    tell(story);
    stories.push(story);
  };
  const run = (ms: number, project: Project, workflow: Workflow, more: Pick<RunPlan, 'origin' | 'trigger'>) =>
    begin(ms, (story) => tellPipelineRun(world, story, planRun(random, ms, project, workflow, more), tally));

  for (const ms of arrivals(random, day, RUNS_BY_DAY * world.scale, OFFICE)) {
    const project = pickProject(random);
    run(ms, project, pickWorkflow(random, project), {
      origin: random.chance(0.22) ? 'issue' : 'workflow',
      trigger: random.chance(0.8) ? 'user' : 'api',
    });
  }
  const scheduled = { origin: 'workflow', trigger: 'schedule' } as const;
  for (const ms of hourly(day, CHORES_MINUTE)) {
    const project = pickProject(random);
    run(ms, project, pickWorkflow(random, project), scheduled);
  }
  for (const ms of hourly(day, BACKLOG_MINUTE)) run(ms, random.pick(PROJECTS.slice(0, 4)), FEATURE_BUILDER, scheduled);
  for (const ms of arrivals(random, day, SANDBOX_SESSIONS * world.scale, OFFICE)) {
    run(ms, FLAGSHIP, SANDBOX_SESSION, { origin: 'sandbox', trigger: 'user' });
  }
  for (const ms of arrivals(random, day, MERGES * world.scale, OFFICE)) {
    run(ms, FLAGSHIP, MERGE_AGENT, { origin: 'merge_agent' });
  }
  for (const ms of arrivals(random, day, CHAINS * world.scale, NIGHT)) {
    const project = random.pick(PROJECTS.slice(0, 4));
    begin(ms, (story) => tellSprintChain(world, story, `chn_${random.token(20)}`, project, ms, tally));
  }
  // Where every run fails at once, a client tries again every few minutes.
  for (const kind of ['api_key_expired', 'broken_template'] as const) {
    for (const { target, fromMs, toMs } of world.incidents.onDay(kind, day)) {
      const project = PROJECTS.find(({ name }) => name === target);
      if (project === undefined) throw new Error(`${kind}: found target ${target}, expected one of the projects`);
      for (let ms = fromMs + MINUTE; ms < toMs; ms += random.between(5, 8) * MINUTE) {
        run(Math.round(ms), project, pickWorkflow(random, project), { origin: 'workflow', trigger: 'api' });
      }
    }
  }
  return { stories, tally };
}

function pickProject(random: Random): Project {
  return random.weighted(PROJECTS.map((project) => [project, project.share] as const));
}

function pickWorkflow(random: Random, project: Project): Workflow {
  return random.weighted(project.workflows.map((workflow) => [workflow, workflow.share] as const));
}

function planRun(
  random: Random,
  createdMs: number,
  project: Project,
  workflow: Workflow,
  more: Pick<RunPlan, 'origin' | 'trigger'>,
): RunPlan {
  const task = pickTask(random, project, workflow);
  return {
    runId: `run_${random.token(24)}`,
    project,
    workflow,
    task,
    prompt: promptOf(random, task.prompt),
    name: task.title,
    user: random.pick(PEOPLE),
    createdMs,
    issueSessionId: more.origin === 'issue' ? `iss_${random.token(12)}` : undefined,
    ...more,
  };
}

/** Some people add a remark, and now and then somebody pastes a key: made up, of the right shape, for the redactor. */
function promptOf(random: Random, prompt: string): string {
  if (random.chance(0.02))
    return `${prompt}\n\nFor the staging server use ANTHROPIC_API_KEY=sk-ant-${random.token(32)}`;
  const remark = random.weighted([
    ['', 6],
    ['Keep the change small.', 2],
    ['Please add tests for the edge cases.', 2],
    ['Do not touch the public API.', 1],
    ['See the discussion in the linked issue.', 1],
  ] as const);
  return remark === '' ? prompt : `${prompt}\n\n${remark}`;
}

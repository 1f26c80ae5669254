import { DAY, HOUR, MINUTE, weekOf } from '../calendar.ts';
import { dateOf, instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { tellAudit } from './audit.ts';
import { PEOPLE, PROJECTS, type Project, personasOf, type Role, SCORE_THRESHOLD, SCORE_WEIGHTS } from './fleet.ts';
import { tellNotification } from './notify.ts';
import type { Tally } from './tally.ts';

/** Since when the platform has counted: its lifetime totals begin here. */
const FIRST_DAY = Date.UTC(2025, 0, 1) / DAY;
/** More runs than a project ever has on a day, by share: a day's end never lies above the next day's begin. */
const RUNS_A_DAY = 12;

/** Tells what the platform says of its projects on a day: counters, daily statistics, workflows, personas and their versions. */
export function tellProjectRecords(world: World, story: Story, day: number, tally: Tally): void {
  for (const project of PROJECTS) {
    for (const hour of [0, 6, 12, 18])
      tellCounters(world, story, project, day, day * DAY + hour * HOUR + 5 * MINUTE, tally);
    for (const hour of [6, 12, 18, 24])
      tellDailyStat(story, project, day, Math.min(day * DAY + hour * HOUR, (day + 1) * DAY - 1), tally);
    tellBlueprints(world, story, project, day);
    tellMembers(world, story, project, day);
    if (!world.fine) continue;
    for (let hour = 0; hour < 24; hour++) {
      const from = day * DAY + hour * HOUR;
      story.later(from, from + HOUR, `project/${project.name}/${from}/fine`, (live) => {
        for (let ms = from + 30_000; ms < from + HOUR; ms += MINUTE) tellCounters(world, live, project, day, ms, tally);
      });
    }
  }
  tellRegressions(world, story, day);
  tellBudgetOverride(world, story, day);
}

function tellCounters(world: World, story: Story, project: Project, day: number, ms: number, tally: Tally): void {
  const perDay = Math.ceil(project.share * RUNS_A_DAY * world.scale);
  const base = (day - FIRST_DAY) * perDay;
  const runs = tally.runs.filter((run) => run.project === project.name);
  const since = (times: readonly number[], share: number) => {
    const today = times.filter((time) => time >= day * DAY && time <= ms).length;
    return Math.floor(base * share) + Math.min(today, Math.floor(perDay * share));
  };
  const ended = (succeeded: boolean) =>
    runs.filter((r) => (r.status === 'succeeded') === succeeded).map((r) => r.endMs);
  const sandboxes = tally.sandboxes.filter((sandbox) => sandbox.project === project.name);
  story.tell('project', ms, `project/${project.name}/${ms}`, {
    project: project.name,
    name: project.title,
    repository: `https://github.com/${project.name}`,
    workflows: project.workflows.length,
    members: project.members,
    pendingInvitations: world.random('invitations', project.name, day).integer(0, 2),
    totalRuns: since(
      runs.map((r) => r.createdMs),
      1,
    ),
    completedRuns: since(ended(true), 0.88),
    failedRuns: since(ended(false), 0.12),
    totalSandboxes: since(
      sandboxes.map((s) => s.fromMs),
      1,
    ),
    activeSandboxes: sandboxes.filter((s) => s.fromMs <= ms && ms < s.toMs).length,
  });
}

function tellDailyStat(story: Story, project: Project, day: number, ms: number, tally: Tally): void {
  const isToday = (time: number) => time >= day * DAY && time <= ms;
  const runs = tally.runs.filter((run) => run.project === project.name);
  const ended = runs.filter((run) => isToday(run.endMs));
  story.tell('dailyStat', ms, `daily/${project.name}/${ms}`, {
    project: project.name,
    date: dateOf(day * DAY),
    sandboxesCreated: tally.sandboxes.filter((s) => s.project === project.name && isToday(s.fromMs)).length,
    runsCreated: runs.filter((run) => isToday(run.createdMs)).length,
    runsCompleted: ended.filter((run) => run.status === 'succeeded').length,
    runsFailed: ended.filter((run) => run.status === 'failed' || run.status === 'timed_out').length,
    iterations: ended.reduce((sum, run) => sum + run.iterations, 0),
    workflowsCreated: 0,
  });
}

function versionAt(ms: number, bump = 0): string {
  return `2.${weekOf(ms) - weekOf(FIRST_DAY * DAY)}.${bump}`;
}

function tellBlueprints(world: World, story: Story, project: Project, day: number): void {
  const ms = day * DAY + 2 * MINUTE;
  for (const workflow of project.workflows) {
    story.tell('workflow', ms, `workflow/${project.name}/${workflow.name}/${day}`, {
      workflow: workflow.name,
      project: project.name,
      name: workflow.name,
      version: versionAt(ms),
      maxIterations: workflow.maxIterations,
      scoreWeights: SCORE_WEIGHTS,
      scoreThreshold: SCORE_THRESHOLD,
      lastUsedAt: instantOf(ms - world.random('used', project.name, workflow.name, day).between(1, 8) * HOUR),
    });
  }
  for (const role of personasOf(project)) tellPersona(world, story, project, role, ms, versionAt(ms));
}

function tellPersona(world: World, story: Story, project: Project, role: Role, ms: number, version: string): void {
  const random = world.random('persona', project.name, role, ms);
  // Between 35 and 65 days ago, the same day for a month.
  const longAgo = (Math.floor(ms / DAY / 30) * 30 - 35) * DAY;
  const used = project.unused?.includes(role) ? longAgo : ms - random.between(0.5, 9) * HOUR;
  story.tell('persona', ms, `persona/${project.name}/${role}/${ms}`, {
    persona: role,
    project: project.name,
    name: role,
    version,
    lastUsedAt: instantOf(used),
  });
}

function tellMembers(world: World, story: Story, project: Project, day: number): void {
  const random = world.random('members', project.name, day);
  if (!random.chance(0.12)) return;
  const person = random.pick(PEOPLE);
  tellNotification(story, random, day * DAY + random.between(8, 17) * HOUR, {
    type: 'member_joined',
    project: project.name,
    title: `${person} joined ${project.title}`,
  });
}

/** A persona is edited; hours later, when its scores have fallen, it is rolled back. */
function tellRegressions(world: World, story: Story, day: number): void {
  for (const incident of world.incidents.onDay('persona_regression', day)) {
    const random = world.random('regression', day);
    for (const project of PROJECTS) {
      const workflow = project.workflows.find(({ name }) => name === incident.target);
      if (workflow === undefined) continue;
      const actor = `${random.pick(PEOPLE)}@acme.example`;
      for (const [ms, version, reason] of [
        [incident.fromMs, versionAt(incident.fromMs, 1), 'shorter instructions'],
        [incident.toMs, versionAt(incident.toMs), 'roll back: quality fell'],
      ] as const) {
        tellPersona(world, story, project, workflow.persona, ms, version);
        tellAudit(story, random, ms, {
          actor,
          action: 'persona_edit',
          project: project.name,
          target: workflow.persona,
          request: { version, reason },
        });
      }
    }
  }
}

function tellBudgetOverride(world: World, story: Story, day: number): void {
  const random = world.random('budget', day);
  if (!random.chance(0.3)) return;
  const project = random.pick(PROJECTS);
  tellAudit(story, random, day * DAY + random.between(9, 18) * HOUR, {
    actor: 'dora.novak@acme.example',
    action: 'budget_override',
    project: project.name,
    target: `repo_daily ${project.name}`,
    request: { limitUsd: 200, newLimitUsd: random.integer(5, 8) * 50, until: dateOf((day + 1) * DAY) },
  });
}

import type { ChainRecord } from '../../contract/records.ts';
import { MINUTE, SECOND } from '../calendar.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { FEATURE_BUILDER, PEOPLE, type Project } from './fleet.ts';
import { tellNotification } from './notify.ts';
import { tellPipelineRun } from './pipelineRun.ts';
import type { Tally } from './tally.ts';
import { pickTask } from './tasks.ts';
import { roundUsd } from './usage.ts';

type Sprint = NonNullable<ChainRecord['sprints']>[number];

const PHASES = ['Data model', 'Endpoints', 'Behaviour', 'Page', 'Browser tests', 'Documentation'] as const;

/** Tells a sprint chain: its sprints run one after the other; one that fails stops it, and it may be resumed from there. */
export function tellSprintChain(
  world: World,
  story: Story,
  chainId: string,
  project: Project,
  createdMs: number,
  tally: Tally,
): void {
  const random = world.random('chain', chainId);
  const task = pickTask(random, project, FEATURE_BUILDER);
  const sprintCount = random.integer(3, 6);
  const user = random.pick(PEOPLE);
  const sprints: Sprint[] = Array.from({ length: sprintCount }, (_, index) => ({
    index,
    name: `Sprint ${index + 1} of ${sprintCount} - ${task.title}`,
    status: 'queued',
  }));
  let costUsd = 0;
  const tell = (ms: number, what: string, more: Omit<ChainRecord, 'source'>) =>
    story.tell('chain', ms, `${chainId}/${what}`, { chainId, ...more, sprints: sprints.map((s) => ({ ...s })) });

  tell(createdMs, 'created', {
    project: project.name,
    name: task.title,
    workflow: FEATURE_BUILDER.name,
    status: 'queued',
    rawStatus: 'pending',
    sprintCount,
    currentSprintIndex: 0,
    createdAt: instantOf(createdMs),
  });

  let ms = Math.round(createdMs + random.between(4, 20) * SECOND);
  let resumed = false;
  for (let index = 0; index < sprintCount; ) {
    const sprint = sprints[index] as Sprint;
    const runId = `${chainId.replace('chn', 'run')}${index}${resumed ? 'r' : ''}`;
    Object.assign(sprint, { runId, status: 'running', startedAt: instantOf(ms) });
    delete sprint.finishedAt;
    tell(ms, `sprint/${runId}`, { status: 'running', rawStatus: 'running', currentSprintIndex: index });
    if (index === 1 && random.chance(0.05)) {
      // A word that the contract's list does not have: the chain waits for a look at its first pull request.
      tell(ms + SECOND, 'paused', { status: 'unknown', rawStatus: 'paused' });
      tell(ms + 50 * SECOND, 'unpaused', { status: 'running', rawStatus: 'running' });
    }
    const end = tellPipelineRun(
      world,
      story,
      {
        runId,
        project,
        workflow: FEATURE_BUILDER,
        task,
        prompt: `${task.prompt}\n\nThis is phase ${index + 1} of ${sprintCount}: ${PHASES[index]}. Leave the other phases alone.`,
        name: sprint.name ?? task.title,
        origin: 'sprint',
        user,
        createdMs: ms + SECOND,
        chain: { chainId, index },
      },
      tally,
    );
    costUsd = roundUsd(costUsd + end.costUsd);
    // The chain hears of a run's end a moment after it, and of its pull request with it.
    ms = end.ms + 40 * SECOND;
    Object.assign(sprint, { status: end.status, finishedAt: instantOf(end.ms), startedAt: instantOf(end.startedMs) });
    if (end.prUrl !== undefined) sprint.prUrl = end.prUrl;

    if (end.status !== 'succeeded') {
      const cancelled = end.status === 'cancelled';
      tell(ms, `ended/${runId}`, {
        status: cancelled ? 'cancelled' : 'failed',
        rawStatus: cancelled ? 'cancelled' : 'failed',
        failedSprintIndex: index,
        finishedAt: instantOf(ms),
        costUsd,
      });
      tellNotification(story, random, ms + SECOND, {
        type: 'sprint_failed',
        project: project.name,
        chainId,
        runId,
        user,
        title: `${sprint.name} stopped the chain`,
      });
      // A chain's attempt is numbered by the sprint that it resumes from: the first sprint cannot be told from no resumption.
      if (cancelled || resumed || index === 0 || !random.chance(0.7)) return;
      resumed = true;
      ms = Math.round(ms + random.logNormal(35 * MINUTE, 0.6));
      sprint.status = 'queued';
      delete sprint.startedAt;
      delete sprint.finishedAt;
      story.tell('chain', ms, `${chainId}/resumed`, {
        chainId,
        status: 'running',
        rawStatus: 'running',
        resumeFromSprint: index,
        failedSprintIndex: null,
        finishedAt: null,
        sprints: sprints.map((s) => ({ ...s })),
      });
      ms += 2 * SECOND;
      continue;
    }
    index++;
    ms += index < sprintCount ? Math.round(random.between(5, 40) * SECOND) : 0;
  }
  tell(ms, 'finished', { status: 'succeeded', rawStatus: 'completed', finishedAt: instantOf(ms), costUsd });
  tellNotification(story, random, ms + SECOND, {
    type: 'sprint_completed',
    project: project.name,
    chainId,
    user,
    title: `All ${sprintCount} sprints of ${task.title} finished`,
  });
}

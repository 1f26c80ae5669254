import { DAY, MINUTE, SECOND } from '../calendar.ts';
import { readThroughDay } from '../readings.ts';
import { instantOf, Story } from '../story.ts';
import type { World } from '../world.ts';
import type { PieceEnd } from './tellWorkflowRun.ts';
import { DEMITON } from './workflows.ts';

const QUEUE = 'arq:queue';
const WORKERS = 4;
const CONCURRENCY_LIMIT = 10;

/** A job in the queue. `work` says when it ends if it begins then, and what follows it. */
export interface Job {
  readonly jobId: string;
  readonly enqueuedMs: number;
  readonly retried: boolean;
  /** So short that its start and its end are told as one. */
  readonly brief: boolean;
  readonly story: Story;
  readonly work: (startMs: number) => PieceEnd;
  /** The job that goes on when a suspended run has been approved. */
  readonly next?: (resumeMs: number) => Job;
}

export interface JobSpan {
  readonly enqueuedMs: number;
  readonly startedMs: number;
  readonly endMs: number;
}

/**
 * Lets the workers of a day take jobs in order of arrival. Each of them has nothing to do at midnight.
 * @returns when each job waited and ran.
 */
export function workThroughQueue(world: World, jobs: readonly Job[]): JobSpan[] {
  const random = world.random('arq', jobs[0]?.jobId ?? '');
  const freeAt = new Array<number>(WORKERS).fill(0);
  const waiting = [...jobs].sort((a, b) => a.enqueuedMs - b.enqueuedMs);
  const spans: JobSpan[] = [];
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
    const worker = freeAt.indexOf(Math.min(...freeAt));
    let startMs = Math.max(job.enqueuedMs + random.between(15, 400), freeAt[worker] ?? 0);
    const outage = world.incidents.at('worker_down', startMs, QUEUE);
    if (outage !== undefined) startMs = outage.toMs + random.between(0.2, 4) * SECOND;
    startMs = Math.round(startMs);
    const span = tellJob(job, startMs);
    freeAt[worker] = span.endMs;
    spans.push(span);
    if (span.next !== undefined) {
      const { next } = span;
      const place = waiting.findIndex((other) => other.enqueuedMs > next.enqueuedMs);
      waiting.splice(place < 0 ? waiting.length : place, 0, next);
    }
  }
  return spans;
}

function tellJob(job: Job, startMs: number): JobSpan & { next?: Job } {
  const { story, jobId } = job;
  const who = { queue: QUEUE, jobId };
  story.tell('job', job.enqueuedMs, `job/${jobId}/enqueued`, { ...who, enqueuedAt: instantOf(job.enqueuedMs) });
  let workMs = startMs;
  let tries = 1;
  if (job.retried) {
    const backMs = startMs + 900;
    story.tell('job', startMs, `job/${jobId}/started/1`, { ...who, startedAt: instantOf(startMs), tries });
    story.tell('job', backMs, `job/${jobId}/retried`, { ...who, finishedAt: instantOf(backMs), result: 'retried' });
    tries = 2;
    workMs = backMs + 10 * SECOND;
  }
  const started = { startedAt: instantOf(workMs), tries };
  if (!job.brief) {
    story.tell('job', workMs, `job/${jobId}/started/${tries}`, {
      ...who,
      ...started,
      ...(tries > 1 ? { finishedAt: null, result: null } : {}),
    });
  }
  const end = job.work(workMs);
  const endMs = Math.round(end.ms) + 20;
  story.tell('job', endMs, `job/${jobId}/finished`, {
    ...who,
    ...(job.brief ? started : {}),
    finishedAt: instantOf(endMs),
    result: end.failed ? 'failed' : 'complete',
  });
  const next = end.resumeMs === undefined ? undefined : job.next?.(end.resumeMs);
  return { enqueuedMs: job.enqueuedMs, startedMs: workMs, endMs, ...(next ? { next } : {}) };
}

/** Every five minutes a job looks for new mail: it is what stands in the queue when no worker runs. */
export function pollJobs(world: World, day: number): Job[] {
  const jobs: Job[] = [];
  for (let ms = day * DAY + 2 * MINUTE; ms < (day + 1) * DAY; ms += 5 * MINUTE) {
    const random = world.random('poll', ms);
    const seconds = random.logNormal(2.2, 0.5);
    jobs.push({
      jobId: `cron:poll_mailbox:${ms}`,
      enqueuedMs: ms,
      retried: false,
      brief: true,
      story: new Story(DEMITON, ms),
      work: (startMs) => ({ ms: startMs + seconds * SECOND, failed: random.chance(0.01) }),
    });
  }
  return jobs;
}

/** Tells what can be read from Redis: how many jobs wait, run and are due later, and how many workers are alive. */
export function tellArqReadings(world: World, story: Story, day: number, spans: readonly JobSpan[]): void {
  readThroughDay(world, story, day, `queue/${QUEUE}`, world.incidents.onDay('worker_down', day), (reader, ms) => {
    const due = spans.filter((job) => job.enqueuedMs <= ms && ms < job.startedMs);
    const down = world.incidents.at('worker_down', ms, QUEUE) !== undefined;
    reader.tell('queue', ms, `queue/${QUEUE}/${ms}`, {
      queue: QUEUE,
      at: instantOf(ms),
      due: due.length,
      deferred: world.random('deferred', Math.floor(ms / DAY)).integer(1, 4),
      inProgress: spans.filter((job) => job.startedMs <= ms && ms < job.endMs).length,
      oldestDueAt: due.length === 0 ? null : instantOf(Math.min(...due.map((job) => job.enqueuedMs))),
      workers: down ? 0 : WORKERS,
      concurrencyLimit: CONCURRENCY_LIMIT,
    });
  });
}

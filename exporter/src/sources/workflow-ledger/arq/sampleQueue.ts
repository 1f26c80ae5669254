import type { Redis } from 'ioredis';
import { repliesOf, valueOrThrow } from '../../redis/pipelineReplies.ts';
import { defined } from '../../rows/textValues.ts';
import { readHealth } from './healthKey.ts';

/** Jobs at the head of a queue whose in-progress key is looked up in one go. */
const HEAD_CHUNK = 500;
/** At most so many: one poll of a queue costs the same whether 10,000 or 10 million jobs wait. */
const MAX_HEAD = 10_000;
/** A worker with capacity takes a due job within its poll delay (0.5 s by default). */
const STALLED_MS = 30_000;
/** Scores below are no times: an aborted job is moved to score 1. */
const EARLIEST_SCORE = 1e12;

interface HeadJob {
  readonly id: string;
  readonly inProgress: boolean;
  readonly tries: number;
}

export interface QueueSample {
  /** Fields of the record of kind `queue`. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly nowMs: number;
  /** Jobs at the head of the queue that were tried before or are being tried now. */
  readonly tried: readonly HeadJob[];
}

/**
 * Reads the state of one arq queue. Running jobs stay in the sorted set, so what is due is less by those that have an
 * in-progress key. Workers take the jobs with the lowest scores first: the running ones are at the head, and reading
 * stops at the first stretch of 500 without one.
 */
export async function sampleQueue(redis: Redis, queue: string, totals: boolean): Promise<QueueSample> {
  const head = redis.pipeline().time().get(`${queue}:health-check`).pttl(`${queue}:health-check`).type(queue);
  const [time, health, healthTtlMs, type] = await repliesOf(head);
  const [seconds, micros] = valueOrThrow(time) as [string, string];
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  if (valueOrThrow(type) !== 'zset' && type !== 'none') {
    throw new Error(`WRONGTYPE ${queue} is a ${String(type)}, expected the sorted set of an arq queue`);
  }
  const counts = await repliesOf(redis.pipeline().zcount(queue, '-inf', nowMs).zcount(queue, `(${nowMs}`, '+inf'));
  const [due, deferred] = counts.map((count) => Number(valueOrThrow(count)));
  const { inProgress, oldestDueMs, tried } = await readHead(redis, queue, nowMs);
  const waiting = Math.max(0, (due ?? 0) - inProgress);
  const worker = typeof health === 'string' ? readHealth(health) : undefined;
  const stalled = waiting > 0 && inProgress === 0 && oldestDueMs !== undefined && nowMs - oldestDueMs > STALLED_MS;
  return {
    nowMs,
    tried,
    data: defined({
      queue,
      due: waiting,
      deferred,
      inProgress,
      oldestDueAt: oldestDueMs === undefined ? undefined : new Date(oldestDueMs).toISOString(),
      // arq has one health key a queue, whatever the number of workers, and it survives a killed one: this is "any" or "none".
      workers: !stalled && (typeof health === 'string' || inProgress > 0) ? 1 : 0,
      ...(totals && worker !== undefined
        ? { completedTotal: worker.completed, failedTotal: worker.failed, retriedTotal: worker.retried }
        : {}),
      attributes:
        typeof healthTtlMs === 'number' && healthTtlMs > 0
          ? defined({ healthKeyTtlSeconds: Math.round(healthTtlMs / 1000), ongoing: worker?.ongoing })
          : undefined,
    }),
  };
}

async function readHead(
  redis: Redis,
  queue: string,
  nowMs: number,
): Promise<{ inProgress: number; oldestDueMs: number | undefined; tried: HeadJob[] }> {
  let inProgress = 0;
  let oldestDueMs: number | undefined;
  const tried: HeadJob[] = [];
  for (let offset = 0; offset < MAX_HEAD; offset += HEAD_CHUNK) {
    const members = await redis.zrangebyscore(queue, '-inf', nowMs, 'WITHSCORES', 'LIMIT', offset, HEAD_CHUNK);
    const jobs = scored(members);
    if (jobs.length === 0) break;
    const [running, retries] = await repliesOf(
      redis
        .pipeline()
        .mget(jobs.map(({ id }) => `arq:in-progress:${id}`))
        .mget(jobs.map(({ id }) => `arq:retry:${id}`)),
    );
    const runningKeys = valueOrThrow(running) as (string | null)[];
    const retryKeys = valueOrThrow(retries) as (string | null)[];
    let runningHere = 0;
    for (const [index, { id, score }] of jobs.entries()) {
      const isRunning = (runningKeys[index] ?? null) !== null;
      if (isRunning) runningHere++;
      else if (oldestDueMs === undefined && score >= EARLIEST_SCORE) oldestDueMs = Math.trunc(score);
      const tries = Number(retryKeys[index] ?? 0);
      if (Number.isSafeInteger(tries) && tries > 0) tried.push({ id, inProgress: isRunning, tries });
    }
    inProgress += runningHere;
    if (jobs.length < HEAD_CHUNK || (runningHere === 0 && oldestDueMs !== undefined)) break;
  }
  return { inProgress, oldestDueMs, tried };
}

/** @returns members with their scores, from the flat list that ZRANGEBYSCORE … WITHSCORES answers. */
export function scored(members: readonly string[]): { id: string; score: number }[] {
  const jobs: { id: string; score: number }[] = [];
  for (let i = 0; i + 1 < members.length; i += 2) jobs.push({ id: members[i] ?? '', score: Number(members[i + 1]) });
  return jobs;
}

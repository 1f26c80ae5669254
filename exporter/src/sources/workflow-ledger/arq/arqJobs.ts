import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { repliesOf, valueOrThrow } from '../../redis/pipelineReplies.ts';
import type { PulledRecord } from '../../source.ts';
import { enqueuedJob, finishedJob, retriedJob } from './jobRecords.ts';
import { type QueueSample, scored } from './sampleQueue.ts';
import { type JobFacts, skimPickle } from './skimPickle.ts';

/** Jobs and results whose value is larger are not read; only times and outcome are wanted of them. */
const MAX_VALUE_BYTES = 256 * 1024;
/** Values fetched in one go: at most 50 x 256 KiB are in memory. */
const FETCH_CHUNK = 50;
const WALK_CHUNK = 500;
/** Newly due jobs read in one poll; the rest follows in the next ones. */
const JOBS_A_POLL = 5_000;
/** Producers' clocks and writes on their way: jobs with slightly older scores may appear behind the place reached. */
const LATE_MS = 2_000;
const LATE_JOBS = 1_000;
const MAX_RECENT = 100_000;
/** Results remembered as read; beyond it the oldest are read again, which counts nothing twice. */
const MAX_SEEN = 500_000;

/** Where the walk through one queue's scores has come to. */
interface Walk {
  score: number;
  /**
   * Members of exactly that score already passed, where the walk stopped in the middle: a thousand jobs can share one
   * millisecond. Undefined: all were, and the walk goes on behind that score; a count would skip new jobs as old ones leave.
   */
  passed: number | undefined;
  recent: Map<string, number>;
  retries: Map<string, number>;
}

/**
 * Follows the jobs of arq queues with bounded work a poll, whatever the number of waiting jobs and kept results:
 * - a job is first read when it becomes due: the walk goes along the scores of the sorted set and reads each job once;
 * - a finished one by its kept result: SCAN goes round the key space, `scanKeys` keys a poll, and each result is read once.
 *   arq keeps results for an hour by default; they are found as long as one round takes less.
 */
export class ArqJobs {
  readonly #queues: ReadonlySet<string>;
  readonly #scanKeys: number;
  readonly #log: Logger;
  readonly #walks = new Map<string, Walk>();
  readonly #seen = new Map<string, number>();
  #scanCursor = '0';
  #unreadable = 0;

  constructor(queues: readonly string[], scanKeys: number, log: Logger) {
    this.#queues = new Set(queues);
    this.#scanKeys = scanKeys;
    this.#log = log;
  }

  /** Jobs that became due since the last call, at most {@link JOBS_A_POLL}; `complete`: all that are due now. */
  async *due(redis: Redis, queue: string, sample: QueueSample, complete: boolean): AsyncGenerator<PulledRecord[]> {
    const walk = this.#walkOf(queue);
    for (let read = 0; complete || read < JOBS_A_POLL; ) {
      const { score, passed } = walk;
      const from = !Number.isFinite(score) ? '-inf' : passed === undefined ? `(${score}` : score;
      const jobs = scored(
        await redis.zrangebyscore(queue, from, sample.nowMs, 'WITHSCORES', 'LIMIT', passed ?? 0, WALK_CHUNK),
      );
      yield* this.#readDue(redis, queue, walk, jobs);
      read += jobs.length;
      const last = jobs.at(-1);
      if (last !== undefined) {
        const sameScore = jobs.filter((job) => job.score === last.score).length;
        walk.passed = last.score === score ? (passed ?? 0) + sameScore : sameScore;
        walk.score = last.score;
      }
      if (jobs.length === WALK_CHUNK) continue;
      walk.passed = undefined;
      if (Number.isFinite(walk.score)) {
        const late = [queue, walk.score, walk.score - LATE_MS, 'WITHSCORES', 'LIMIT', 0, LATE_JOBS] as const;
        yield* this.#readDue(redis, queue, walk, scored(await redis.zrevrangebyscore(...late)));
      }
      break;
    }
    for (const [id, score] of walk.recent) {
      if (score < walk.score - LATE_MS || walk.recent.size > MAX_RECENT) walk.recent.delete(id);
    }
  }

  async *#readDue(
    redis: Redis,
    queue: string,
    walk: Walk,
    jobs: readonly { id: string; score: number }[],
  ): AsyncGenerator<PulledRecord[]> {
    const fresh = jobs.filter(({ id }) => !walk.recent.has(id));
    const keys = fresh.map(({ id }) => `arq:job:${id}`);
    const facts = await this.#read(redis, keys);
    const now = Date.now();
    const records = fresh.flatMap(({ id }, index) => {
      const job = facts[index]?.job;
      return job === undefined ? [] : enqueuedJob(queue, id, job, now);
    });
    if (records.length > 0) yield records;
    for (const { id, score } of fresh) walk.recent.set(id, score);
  }

  /** Tries that ended with another try, as the retry counters of the jobs at the head of the queue tell. */
  async retried(redis: Redis, queue: string, sample: QueueSample): Promise<PulledRecord[]> {
    const { retries } = this.#walkOf(queue);
    const current = new Map<string, number>();
    const grown: { id: string; from: number; to: number }[] = [];
    for (const { id, inProgress, tries } of sample.tried) {
      const ended = inProgress ? tries - 1 : tries;
      const known = retries.get(id) ?? 0;
      current.set(id, Math.max(ended, known));
      if (ended > known) grown.push({ id, from: known + 1, to: ended });
    }
    const facts = await this.#read(
      redis,
      grown.map(({ id }) => `arq:job:${id}`),
    );
    this.#walkOf(queue).retries = current;
    return grown.flatMap(({ id, from, to }, index) => {
      const job = facts[index]?.job;
      return job === undefined ? [] : retriedJob(queue, id, job, { from, to }, Date.now());
    });
  }

  /** Results that were not read before; `complete`: one whole round of SCAN. */
  async *results(redis: Redis, complete: boolean): AsyncGenerator<PulledRecord[]> {
    if (complete) this.#scanCursor = '0';
    const startMs = Date.now();
    for (let keys = 0; complete || keys < this.#scanKeys; ) {
      const [next, found] = await redis.scan(this.#scanCursor, 'MATCH', 'arq:result:*', 'COUNT', 1_000);
      keys += 1_000;
      const fresh = found.filter((key) => (this.#seen.get(key) ?? 0) <= startMs);
      const values = await this.#read(redis, fresh);
      const now = Date.now();
      const records = fresh.flatMap((key, index) => {
        const job = values[index]?.job;
        if (job?.queue === undefined || !this.#queues.has(job.queue)) return [];
        return finishedJob(key.slice('arq:result:'.length), job, now);
      });
      if (records.length > 0) yield records;
      for (const [index, key] of fresh.entries()) this.#remember(key, values[index]?.expiresMs ?? now);
      this.#scanCursor = next;
      if (next === '0') break;
    }
    this.#forgetExpired();
  }

  #walkOf(queue: string): Walk {
    let walk = this.#walks.get(queue);
    if (walk === undefined) {
      walk = { score: Number.NEGATIVE_INFINITY, passed: undefined, recent: new Map(), retries: new Map() };
      this.#walks.set(queue, walk);
    }
    return walk;
  }

  async #read(
    redis: Redis,
    keys: readonly string[],
  ): Promise<readonly { job: JobFacts | undefined; expiresMs: number }[]> {
    const values: { job: JobFacts | undefined; expiresMs: number }[] = [];
    for (let from = 0; from < keys.length; from += FETCH_CHUNK) {
      const chunk = keys.slice(from, from + FETCH_CHUNK);
      const pipeline = redis.pipeline();
      for (const key of chunk) pipeline.getrangeBuffer(key, 0, MAX_VALUE_BYTES).pttl(key);
      const answers = await repliesOf(pipeline);
      const now = Date.now();
      for (let i = 0; i < chunk.length; i++) {
        const bytes = answers[2 * i];
        const ttl = Number(valueOrThrow(answers[2 * i + 1]));
        values.push({
          job: this.#skim(bytes),
          expiresMs: ttl === -1 ? Number.POSITIVE_INFINITY : now + Math.max(0, ttl),
        });
      }
    }
    return values;
  }

  #skim(bytes: unknown): JobFacts | undefined {
    // A key of another type answers an error; one that is gone, no bytes.
    if (!(bytes instanceof Error) && (!Buffer.isBuffer(bytes) || bytes.length === 0)) return undefined;
    const facts = Buffer.isBuffer(bytes) && bytes.length <= MAX_VALUE_BYTES ? skimPickle(bytes) : undefined;
    if (facts === undefined) {
      this.#unreadable++;
      // The 1st, 10th, 100th … is worth a line.
      if (/^10*$/.test(String(this.#unreadable))) {
        this.#log.warn(
          { unreadable: this.#unreadable },
          'a job or result of arq cannot be read: it is larger than 256 KiB, damaged, or written by a custom serializer; set jobs_from: health to count by the worker’s own totals',
        );
      }
    }
    return facts;
  }

  #remember(key: string, expiresMs: number): void {
    this.#seen.set(key, expiresMs);
    if (this.#seen.size <= MAX_SEEN) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }

  /** An expired result's id may be used again. */
  #forgetExpired(): void {
    const now = Date.now();
    for (const [key, expiresMs] of this.#seen) if (expiresMs <= now) this.#seen.delete(key);
  }
}

import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../../../test/support/redis.ts';
import { waitFor } from '../../../../../test/support/waitFor.ts';
import { warnings } from '../../pollForTest.ts';
import type { PulledRecord } from '../../source.ts';
import { ArqQueues } from './arqQueues.ts';

const QUEUE = 'arq:queue';
const id = (number: number) => number.toString(16).padStart(32, '0');
const iso = (ms: number) => new Date(ms).toISOString();
const NOW = Date.now();

type Pickled = { readonly [key: string]: Pickled } | string | number | boolean | null;

/** As Python's pickle writes a dictionary of plain values, protocol 2. */
function pickle(value: Pickled): Buffer {
  const one = (item: Pickled): Buffer => {
    if (item === null) return Buffer.from('N');
    if (typeof item === 'boolean') return Buffer.from([item ? 0x88 : 0x89]);
    if (typeof item === 'number') {
      const bytes = Buffer.alloc(8);
      bytes[0] = 0x8a;
      bytes[1] = 6;
      bytes.writeUIntLE(item, 2, 6);
      return bytes;
    }
    if (typeof item === 'string') {
      const head = Buffer.alloc(5);
      head.write('X');
      head.writeUInt32LE(Buffer.byteLength(item), 1);
      return Buffer.concat([head, Buffer.from(item)]);
    }
    const items = Object.entries(item).flatMap(([key, inner]) => [one(key), one(inner)]);
    return Buffer.concat([Buffer.from('}('), ...items, Buffer.from('u')]);
  };
  return Buffer.concat([Buffer.from([0x80, 2]), one(value), Buffer.from('.')]);
}

/** What arq keeps of a job that waits, and of one that ended. */
const job = (enqueuedMs: number) => pickle({ t: null, f: 'work', a: {}, k: {}, et: enqueuedMs });
const result = (queue: string, enqueuedMs: number, tries = 1, succeeded = true) =>
  pickle({
    ...{ t: tries, f: 'work', a: {}, k: {}, et: enqueuedMs, s: succeeded, r: 'secret' },
    ...{ st: enqueuedMs + 5_000, ft: enqueuedMs + 9_000, q: queue },
  });

async function bed(config: object = {}) {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const { log, lines } = warnings();
  const queues = new ArqQueues(
    server.url,
    { queues: [QUEUE], jobs_from: 'results', scan_keys: 10_000, ...config },
    log,
  );
  onTestFinished(async () => {
    queues.close();
    redis.disconnect();
    await server.stop();
  });
  const signal = AbortSignal.timeout(90_000);
  return {
    queues,
    redis,
    lines,
    sample: () => queues.sample(signal, () => {}),
    async add(from: number, to: number) {
      const pipeline = redis.pipeline();
      for (let n = from; n < to; n++)
        pipeline.zadd(QUEUE, NOW - 60_000 + n, id(n)).set(`arq:job:${id(n)}`, job(NOW - 60_000));
      await pipeline.exec();
    },
    async jobs(complete = false) {
      const records: PulledRecord[] = [];
      for await (const page of queues.jobs(complete, signal, () => {})) records.push(...page);
      return records;
    },
  };
}
const told = (records: readonly PulledRecord[]) =>
  records.map(({ data }) => [data.jobId, data.result ?? 'enqueued', data.tries]);

it('a queue is told with what is due, deferred, worked on, and by whom; its Redis as a store', async () => {
  const { redis, sample } = await bed();
  await redis.zadd(QUEUE, 1, 'aborted', NOW - 90_000, 'running', NOW - 60_000, 'first', NOW - 50_000, 'second');
  await redis.zadd(QUEUE, NOW + 3_600_000, 'deferred');
  await redis.set('arq:in-progress:running', 1);
  await redis.set(`${QUEUE}:health-check`, 'Nov-20 22:16:57 j_complete=4 j_failed=1 j_retried=2 j_ongoing=3 queued=4');
  await redis.pexpire(`${QUEUE}:health-check`, 3_600_000);
  const [queue, store, ...others] = await sample();
  const at = queue?.at as string;
  expect(Date.parse(at)).toBeGreaterThan(NOW - 60_000);
  expect(queue).toEqual({
    kind: 'queue',
    at,
    data: {
      ...{ queue: QUEUE, at, due: 3, deferred: 1, inProgress: 1, oldestDueAt: iso(NOW - 60_000), workers: 1 },
      attributes: { healthKeyTtlSeconds: 3_600, ongoing: 3 },
    },
  });
  const number = expect.any(Number);
  expect(store).toEqual({
    kind: 'store',
    at,
    data: {
      ...{ store: 'redis', at, up: true, latencySeconds: number, memoryBytes: number, evictionsTotal: 0 },
      serverRunId: expect.stringMatching(/^[0-9a-f]{40}$/),
    },
  });
  expect(others).toEqual([]);
});

it('how long its Redis takes to answer is measured, with a question that costs it nothing', async () => {
  const { redis, sample } = await bed();
  await redis.config('RESETSTAT');
  await sample();
  expect(await redis.info('commandstats')).toMatch(/cmdstat_ping:calls=1,/);
});

it('a key that is no queue is named with what it is', async () => {
  const { redis, sample } = await bed();
  await redis.set(QUEUE, 'a string');
  await expect(sample()).rejects.toThrow(/arq:queue is a string, expected the sorted set of an arq queue/);
});

it('with jobs_from health the totals of the worker are told, and jobs only as they come', async () => {
  const { redis, sample, jobs } = await bed({ jobs_from: 'health' });
  await redis.set(`${QUEUE}:health-check`, 'Nov-20 22:16:57 j_complete=4 j_failed=1 j_retried=2 j_ongoing=0 queued=1');
  const [queue] = await sample();
  expect(queue?.data).toEqual({
    ...{ queue: QUEUE, at: queue?.at, due: 0, deferred: 0, inProgress: 0, workers: 1 },
    ...{ completedTotal: 4, failedTotal: 1, retriedTotal: 2 },
  });
  await redis.zadd(QUEUE, NOW - 1_000, id(1));
  await redis.set(`arq:job:${id(1)}`, job(NOW - 1_000));
  await redis.set(`arq:retry:${id(1)}`, 2);
  await redis.set(`arq:result:${id(2)}`, result(QUEUE, NOW - 60_000));
  expect(told(await jobs())).toEqual([[id(1), 'enqueued', undefined]]);
  await redis.set(`${QUEUE}:health-check`, 'nonsense');
  expect((await sample())[0]?.data).not.toHaveProperty('completedTotal');
});

it('the head of a queue is read until a stretch without a running job', async () => {
  const { redis, sample } = await bed();
  const pipeline = redis.pipeline();
  for (let n = 0; n < 1_300; n++) {
    pipeline.zadd(QUEUE, NOW - 60_000 + n, id(n));
    if (n < 700) pipeline.set(`arq:in-progress:${id(n)}`, 1);
  }
  // Behind a stretch of 500 that nobody works on.
  await pipeline.set(`arq:in-progress:${id(1_250)}`, 1).exec();
  const [queue] = await sample();
  expect(queue?.data).toMatchObject({ inProgress: 701, due: 599, oldestDueAt: iso(NOW - 60_000 + 700) });
  await redis.zadd(QUEUE, NOW - 60_000 + 1_300, id(1_300), NOW - 60_000 + 1_301, id(1_301));
  await redis.zremrangebyrank(QUEUE, 0, 699);
  expect((await sample())[0]?.data).toMatchObject({ inProgress: 0, due: 602, workers: 0 });
});

it('a job is told when it becomes due, once, also of many that share a moment, and one that comes late', async () => {
  const { redis, jobs, lines } = await bed();
  const pipeline = redis.pipeline();
  for (let n = 0; n < 900; n++) pipeline.zadd(QUEUE, NOW - 10_000, id(n)).set(`arq:job:${id(n)}`, job(NOW - 10_000));
  await pipeline.exec();
  const first = await jobs();
  expect(new Set(first.map(({ data }) => data.jobId)).size).toBe(900);
  expect(first).toHaveLength(900);
  expect(first[0]).toMatchObject({ kind: 'job', data: { queue: QUEUE, enqueuedAt: iso(NOW - 10_000) } });
  expect(await jobs()).toEqual([]);
  // A producer whose clock runs late; one that shares the moment; one that is deferred; one whose value is gone.
  await redis.zadd(
    QUEUE,
    NOW - 11_000,
    id(2_000),
    NOW - 10_000,
    id(2_001),
    NOW + 3_600_000,
    id(2_002),
    NOW - 9_000,
    id(2_003),
  );
  for (const n of [2_000, 2_001, 2_002]) await redis.set(`arq:job:${id(n)}`, job(NOW - 10_500));
  expect((await jobs()).map(({ data }) => data.jobId).sort()).toEqual([id(2_000), id(2_001)]);
  expect(await jobs()).toEqual([]);
  await redis.zadd(QUEUE, NOW - 5_000, id(2_004));
  await redis.set(`arq:job:${id(2_004)}`, job(NOW - 5_000));
  expect(told(await jobs())).toEqual([[id(2_004), 'enqueued', undefined]]);
  expect(lines).toEqual([]);
});

it('jobs that come after those of one moment have left the queue are told', async () => {
  const { redis, jobs } = await bed();
  const add = async (numbers: readonly number[], score: number) => {
    for (const n of numbers) {
      await redis.zadd(QUEUE, score, id(n));
      await redis.set(`arq:job:${id(n)}`, job(score));
    }
  };
  await add([1, 2, 3], NOW - 10_000);
  expect(await jobs()).toHaveLength(3);
  await redis.del(QUEUE);
  await add([4, 5, 6], NOW - 5_000);
  expect((await jobs()).map(({ data }) => data.jobId)).toEqual([id(4), id(5), id(6)]);
});

it('a live poll reads so many new jobs and goes on at the next; a first one reads all', async () => {
  const { jobs, add } = await bed();
  await add(0, 6_000);
  expect(await jobs(true)).toHaveLength(6_000);
  await add(6_000, 12_000);
  expect([(await jobs()).length, (await jobs()).length, (await jobs()).length]).toEqual([5_000, 1_000, 0]);
});

it('tries that ended with another one are told as the counter of the job grows', async () => {
  const { redis, jobs } = await bed();
  await redis.zadd(QUEUE, NOW - 1_000, id(1));
  await redis.set(`arq:job:${id(1)}`, job(NOW - 1_000));
  const retried = async () => told(await jobs()).filter(([, outcome]) => outcome === 'retried');
  await redis.set(`arq:retry:${id(1)}`, 2);
  await redis.set(`arq:in-progress:${id(1)}`, 1);
  // The second try goes on.
  expect(await retried()).toEqual([[id(1), 'retried', 1]]);
  expect(await retried()).toEqual([]);
  await redis.del(`arq:in-progress:${id(1)}`);
  expect(await retried()).toEqual([[id(1), 'retried', 2]]);
  await redis.set(`arq:retry:${id(1)}`, 5);
  expect(await retried()).toEqual([3, 4, 5].map((tries) => [id(1), 'retried', tries]));
  // A counter that falls behind for a moment is no new try.
  await redis.set(`arq:retry:${id(1)}`, 4);
  expect(await retried()).toEqual([]);
  await redis.set(`arq:retry:${id(1)}`, 6);
  expect(await retried()).toEqual([[id(1), 'retried', 6]]);
});

it('a kept result is told once, until it expires and its id is used again', async () => {
  const { redis, jobs, lines } = await bed();
  await redis.set(`arq:result:${id(1)}`, result(QUEUE, NOW - 60_000));
  await redis.set(`arq:result:${id(2)}`, result(QUEUE, NOW - 50_000, 2, false), 'PX', 500);
  await redis.set(`arq:result:${id(3)}`, result('arq:other', NOW - 40_000));
  await redis.set(`arq:result:${id(4)}`, 'x'.repeat(300_000));
  expect(told(await jobs()).sort()).toEqual([
    [id(1), 'complete', 1],
    [id(2), 'failed', 2],
    [id(2), 'retried', 1],
  ]);
  expect(lines).toMatchObject([{ unreadable: 1 }]);
  expect(told(await jobs())).toEqual([]);
  await waitFor(async () => (await redis.exists(`arq:result:${id(2)}`)) === 0, { what: 'the result to expire' });
  await redis.set(`arq:result:${id(2)}`, result(QUEUE, NOW - 5_000));
  await waitFor(async () => told(await jobs()).some(([jobId]) => jobId === id(2)), { what: 'the new result' });
});

it('results are looked for bit by bit; a first read looks at all, also where one looked before', async () => {
  const { redis, jobs } = await bed({ scan_keys: 1_000 });
  const add = async (from: number, to: number) => {
    const pipeline = redis.pipeline();
    for (let n = from; n < to; n++) pipeline.set(`arq:result:${id(n)}`, result(QUEUE, NOW - 60_000));
    await pipeline.exec();
  };
  await add(0, 3_000);
  const some = (await jobs()).length;
  expect(some).toBeGreaterThan(0);
  expect(some).toBeLessThan(3_000);
  await add(3_000, 4_000);
  const rest = (await jobs(true)).length;
  expect(some + rest).toBe(4_000);
  await redis.set(`arq:result:${id(4_001)}`, result(QUEUE, NOW - 60_000));
  let found = 0;
  for (let round = 0; round < 10; round++) found += (await jobs()).length;
  expect(found).toBe(1);
});

it('a poll that is given up reads no further, and that is no failure of its Redis; one that ended leaves the next alone', async () => {
  const { queues, add } = await bed();
  await add(0, 900);
  const counted: string[] = [];
  const [ended, givenUp] = [new AbortController(), new AbortController()];
  const poll = ({ signal }: AbortController) => queues.jobs(true, signal, (answer) => counted.push(answer));
  let jobs = 0;
  for await (const page of poll(ended)) jobs += page.length;
  expect(jobs).toBe(900);
  await add(900, 2_300);
  const pages = poll(givenUp);
  expect((await pages.next()).value).toHaveLength(500);
  ended.abort();
  expect((await pages.next()).value).toHaveLength(500);
  givenUp.abort(new Error('the exporter stops'));
  await expect(pages.next()).rejects.toThrow('the exporter stops');
  expect(counted).toEqual(['ok', 'ok']);
});

it('jobs that cannot be read count as a failed request', async () => {
  const { queues, redis } = await bed();
  await redis.set(QUEUE, 'a string');
  const counted: string[] = [];
  const pages = queues.jobs(false, AbortSignal.timeout(90_000), (answer) => counted.push(answer));
  await expect(pages.next()).rejects.toThrow(/arq:queue is a string/);
  expect(counted).toEqual(['ok', 'schema']);
});

it('closed, it leaves no connection behind', async () => {
  const { queues, redis, sample } = await bed();
  const connected = async () => String(await redis.client('LIST')).includes('name=fleetlens');
  await sample();
  expect(await connected()).toBe(true);
  queues.close();
  await waitFor(async () => !(await connected()), { what: 'the connection to be gone' });
});

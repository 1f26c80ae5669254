import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../../../test/support/redis.ts';
import { warnings } from '../../pollForTest.ts';
import { RedisSample } from './redisSample.ts';

async function bed({ scanKeys = 10_000 } = {}) {
  const server = await startRedis();
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.stop();
  });
  const { log, lines } = warnings();
  const open = () =>
    new RedisSample(
      {
        rate_limits: { max: 5, keys: ['rl:{repo}', 'ip:{ip}'] },
        run_status_prefix: 'run-status:',
        scan_keys: scanKeys,
      },
      log,
    );
  const sample = open();
  let stored: unknown;
  return {
    redis,
    lines,
    /** As the poller does: each read has the cursor of the one before. */
    async read(by = sample, cursor = stored, from = redis) {
      const { records, cursor: next } = await by.read(from, cursor);
      stored = JSON.parse(JSON.stringify(next));
      const [store, ...limits] = records;
      return { store, limits, cursor: next };
    },
    open,
  };
}

const number = expect.any(Number);
const time = expect.stringMatching(/^20\d\d-.*Z$/);

it('the store is told with all that its server says of itself', async () => {
  const { redis, read } = await bed();
  await redis.config('SET', 'maxmemory', '512mb');
  await redis.set('run-status:a', '{}');
  const { store, limits, cursor } = await read();
  const at = store?.at;
  const serverRunId = expect.stringMatching(/^[0-9a-f]{40}$/);
  expect(store).toEqual({
    kind: 'store',
    at: time,
    data: {
      ...{ store: 'redis', at, up: true, error: null, latencySeconds: number, keys: 1, serverRunId },
      ...{ hitsTotal: 0, missesTotal: 0, evictionsTotal: 0, memoryBytes: number },
      attributes: {
        version: expect.stringMatching(/^\d+\./),
        maxMemoryBytes: 512 * 2 ** 20,
        maxMemoryPolicy: 'noeviction',
        expiredTotal: 0,
        connectedClients: number,
        uptimeSeconds: number,
      },
    },
  });
  expect(limits).toEqual([]);
  expect(cursor).toEqual({ serverRunId, ownHits: 0, ownMisses: 0, windows: {} });
});

it('a limit is told with its subject, and again when it changed', async () => {
  const { redis, read, open } = await bed();
  await redis.set('rl:octo/cli', 7, 'PX', 3_600_000);
  await redis.set('ip:10.0.0.1', 3);
  const { limits, cursor } = await read();
  const at = limits[0]?.at;
  const bySubject = limits.toSorted((a, b) => String(a.data.layer).localeCompare(String(b.data.layer)));
  expect(bySubject).toEqual([
    {
      kind: 'rateLimit',
      at: time,
      data: {
        ...{ layer: 'ip', eventId: 'ip:10.0.0.1', at, limited: false, limit: 5, remaining: 2 },
        attributes: { key: 'ip:10.0.0.1', counted: 3, ip: '10.0.0.1' },
      },
    },
    {
      kind: 'rateLimit',
      at: time,
      data: {
        ...{ layer: 'repo', project: 'octo/cli', eventId: 'rl:octo/cli', at, limited: true, count: 2 },
        ...{ limit: 5, remaining: 0, resetAt: time },
        attributes: { key: 'rl:octo/cli', counted: 7 },
      },
    },
  ]);
  expect(cursor.windows).toEqual({ 'rl:octo/cli': { resetAt: number, refused: 2 } });
  expect((await read()).limits).toEqual([]);
  await redis.incr('rl:octo/cli');
  await redis.incr('ip:10.0.0.1');
  const told = ({ limits: found }: Awaited<ReturnType<typeof read>>) =>
    found.map(({ data }) => [data.eventId, data.limited, data.count, data.remaining]).sort();
  expect(told(await read())).toEqual([
    ['ip:10.0.0.1', false, undefined, 1],
    ['rl:octo/cli', true, 1, 0],
  ]);
  // A new process knows by the cursor what was told of a window, and by nothing what is left.
  expect(told(await read(open()))).toEqual([
    ['ip:10.0.0.1', false, undefined, 1],
    ['rl:octo/cli', false, undefined, 0],
  ]);
});

it('a key that went away and came back is told again, whatever it says', async () => {
  const { redis, read } = await bed();
  await redis.set('rl:a', 3);
  expect((await read()).limits).toHaveLength(1);
  await redis.del('rl:a');
  expect((await read()).limits).toEqual([]);
  await redis.set('rl:a', 3);
  expect((await read()).limits).toMatchObject([{ data: { eventId: 'rl:a', remaining: 2 } }]);
});

it('many keys are gone through bit by bit: their number is that of a whole round', async () => {
  const { redis, read } = await bed({ scanKeys: 1_000 });
  const names = (count: number) => Array.from({ length: count }, (_, i) => [`run-status:${i}`, '{}']).flat();
  await redis.mset(...names(5_000));
  const keys = async () => (await read()).store?.data.keys;
  const atLast = async () => {
    for (let polls = 0; polls < 7; polls++) await keys();
    return await keys();
  };
  expect(await keys()).toBeUndefined();
  expect(await atLast()).toBe(5_000);
  await redis.flushdb();
  await redis.mset(...names(3));
  // The round that was under way still counts what it met.
  expect(await atLast()).toBe(3);
});

it('a window is over when its time is, or its counter has begun anew', async () => {
  const { redis, read, open } = await bed();
  const refused = async (windows: object) => {
    const { cursor } = await read();
    const { limits } = await read(open(), { ...cursor, windows });
    return limits.map(({ data }) => data.count ?? 0);
  };
  await redis.set('rl:octo/cli', 7, 'PX', 3_600_000);
  const [past, future] = [Date.now() - 60_000, Date.now() + 3_600_000];
  expect(await refused({})).toEqual([2]);
  expect(await refused({ 'rl:octo/cli': { resetAt: future, refused: 1 } })).toEqual([1]);
  expect(await refused({ 'rl:octo/cli': { resetAt: null, refused: 1 } })).toEqual([1]);
  expect(await refused({ 'rl:octo/cli': { resetAt: past, refused: 1 } })).toEqual([2]);
  expect(await refused({ 'rl:octo/cli': { resetAt: future, refused: 3 } })).toEqual([2]);
  // A key that was not met is remembered until its window ends; one that never ends is there, or gone.
  await redis.del('rl:octo/cli');
  const { cursor } = await read();
  const windows = {
    'rl:a': { resetAt: future, refused: 1 },
    'rl:b': { resetAt: past, refused: 1 },
    'rl:c': { resetAt: null, refused: 1 },
  };
  expect((await read(open(), { ...cursor, windows })).cursor.windows).toEqual({ 'rl:a': windows['rl:a'] });
  await redis.set('rl:d', 6);
  expect((await read(open(), cursor)).cursor.windows).toMatchObject({ 'rl:d': { resetAt: null, refused: 1 } });
});

it('lookups of another server are none of this one; keys that hold no count are told once', async () => {
  const { redis, read, lines, open } = await bed();
  await redis.set('rl:a', 'oops');
  await redis.get('rl:a');
  await redis.get('gone');
  expect((await read()).store?.data).toMatchObject({ hitsTotal: 1, missesTotal: 1 });
  const { store, cursor } = await read();
  expect(store?.data).toMatchObject({ hitsTotal: 1, missesTotal: 1 });
  expect(cursor.ownHits).toBeGreaterThan(2);
  expect(lines).toMatchObject([{ keys: ['rl:a'] }]);
  const another = { serverRunId: 'f'.repeat(40), ownHits: 1_000, ownMisses: 1_000, windows: {} };
  const { cursor: anew } = await read(open(), another);
  expect(anew.ownHits).toBeLessThan(cursor.ownHits);
  expect(anew.ownMisses).toBe(0);
});

it('a key that goes between the scan and the look at it is a miss of ours, and none of the service', async () => {
  const { redis, read } = await bed();
  const racing = Object.create(redis, {
    scan: {
      value: async (...args: Parameters<typeof redis.scan>) => {
        const page = await redis.scan(...args);
        await redis.del('rl:a');
        return page;
      },
    },
  });
  for (const ownMisses of [2, 4]) {
    await redis.set('rl:a', 3);
    const { store, limits, cursor } = await read(undefined, undefined, racing);
    expect(limits).toEqual([]);
    expect(cursor.ownMisses).toBe(ownMisses);
    expect(store?.data.missesTotal).toBe(0);
  }
});

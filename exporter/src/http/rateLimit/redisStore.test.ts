import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../../../test/support/redis.ts';
import { waitFor } from '../../../../test/support/waitFor.ts';
import { RedisStore } from './redisStore.ts';

const HOUR_MS = 3_600_000;
const LIMIT = { max: 25, windowMs: HOUR_MS };

let server: RedisServer;
let admin: Redis;
const stores: RedisStore[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port);
});
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});
beforeEach(() => admin.flushall());
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

/** A store as a replica has it, and what it told of itself: a reason, or that Redis answers again. */
async function open(options: { password?: string; port?: number } = {}) {
  const told: (string | undefined)[] = [];
  const store = await RedisStore.open({
    host: '127.0.0.1',
    port: server.port,
    ...options,
    onState: (failure) => told.push(failure?.message),
  });
  stores.push(store);
  return { store, told };
}

it('of many requests at once to several replicas exactly as many pass as the limit says', async () => {
  const replicas = await Promise.all([open(), open(), open()]);
  const answers = await Promise.all(
    Array.from({ length: 150 }, (_, n) => replicas[n % 3]?.store.take(['a', `b${n % 2}`], LIMIT)),
  );
  expect(answers.filter((answer) => answer?.allowed)).toHaveLength(25);
  expect(answers.filter((answer) => answer?.allowed === false).every((answer) => answer?.key === 'a')).toBe(true);
  expect(replicas.flatMap(({ told }) => told)).toEqual([]);
});

it('says which counter decided, what is left and until when; what is refused counts nowhere', async () => {
  const { store } = await open();
  const limit = { max: 2, windowMs: HOUR_MS };
  expect(await store.take(['busy'], limit)).toMatchObject({ allowed: true, key: 'busy', remaining: 1 });
  expect(await store.take(['idle', 'busy'], limit)).toMatchObject({ allowed: true, key: 'busy', remaining: 0 });
  for (let n = 0; n < 5; n++) {
    const refused = await store.take(['idle', 'busy'], limit);
    expect(refused).toMatchObject({ allowed: false, key: 'busy', remaining: 0 });
    expect(refused?.resetMs).toBeGreaterThan(HOUR_MS / 2);
    expect(refused?.resetMs).toBeLessThanOrEqual(HOUR_MS);
  }
  expect(await store.take(['idle'], limit)).toMatchObject({ allowed: true, remaining: 0 });
});

it('a window ends by itself, and so does a counter that somebody made to stay', async () => {
  const { store } = await open();
  const limit = { max: 1, windowMs: 50 };
  const passes = async () => (await store.take(['a'], limit))?.allowed === true;
  expect(await passes()).toBe(true);
  await waitFor(passes, { what: 'the window to end' });
  await admin.set('fleetlens:rate_limit:a', '7');
  await waitFor(passes, { what: 'the counter without an end to end' });
});

it('what is kept in Redis has a name of its own and an end', async () => {
  const { store } = await open();
  await store.take(['ip:10.0.0.7', 'repo:push:ci:web'], LIMIT);
  const keys = (await admin.keys('*')).filter((key) => !key.endsWith(':probe')).sort();
  expect(keys).toEqual(['fleetlens:rate_limit:ip:10.0.0.7', 'fleetlens:rate_limit:repo:push:ci:web']);
  for (const key of keys) expect(await admin.pttl(key)).toBeGreaterThan(0);
});

it('without its password, or the right to run scripts, it says why, once, and answers nothing until it may', async () => {
  await admin.config('SET', 'requirepass', 'secret-of-redis');
  try {
    const right = await open({ password: 'secret-of-redis' });
    expect(await right.store.take(['a'], LIMIT)).toMatchObject({ remaining: 24 });
    const missing = await open();
    expect(missing.told).toEqual([expect.stringContaining('NOAUTH')]);
    expect(await missing.store.take(['a'], LIMIT)).toBeUndefined();
    await admin.config('SET', 'requirepass', '');
    await waitFor(() => missing.store.isUp, { what: 'Redis to be open' });
    expect(missing.told).toEqual([expect.stringContaining('NOAUTH'), undefined]);
    expect(await missing.store.take(['a'], LIMIT)).toMatchObject({ remaining: 23 });
  } finally {
    await admin.config('SET', 'requirepass', '');
  }
  await admin.acl('SETUSER', 'default', '-eval');
  try {
    const { store, told } = await open();
    expect(told).toEqual([expect.stringContaining('NOPERM')]);
    expect(await store.take(['a'], LIMIT)).toBeUndefined();
  } finally {
    await admin.acl('SETUSER', 'default', '+eval');
  }
});

it('a Redis that is not there at the start is used once it comes', async () => {
  const gone = await startRedis();
  await gone.stop();
  const { store, told } = await open({ port: gone.port });
  expect(told).toEqual([expect.stringContaining('ECONNREFUSED')]);
  expect(await store.take(['a'], LIMIT)).toBeUndefined();
  const back = await startRedis(gone.port);
  try {
    await waitFor(() => store.isUp, { what: 'Redis to be found' });
    expect(told).toEqual([expect.stringContaining('ECONNREFUSED'), undefined]);
    expect(await store.take(['a'], LIMIT)).toMatchObject({ allowed: true, remaining: 24 });
  } finally {
    await back.stop();
  }
});

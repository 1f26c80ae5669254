import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../../../test/support/redis.ts';
import { infoNumber } from '../../redis/infoFields.ts';
import { compileKeyPattern, type KeyPattern } from './keyPattern.ts';
import { readLimits } from './rateLimitKeys.ts';

it.each([
  ['rl:{repo}', 'rl:octo/cli', 'repo', 'octo/cli'],
  ['ip:{ip}:count', 'ip:10.0.0.1:count', 'ip', '10.0.0.1'],
  ['{repo}:limit', 'octo/cli:limit', 'repo', 'octo/cli'],
])('%s finds %s', (text, key, layer, subject) => {
  const pattern = compileKeyPattern(text);
  expect([pattern?.text, pattern?.layer, pattern?.subjectOf(key)]).toEqual([text, layer, subject]);
  expect(['other', `${text.split('{')[0]}${text.split('}')[1]}`].map((none) => pattern?.subjectOf(none))).toEqual([
    undefined,
    undefined,
  ]);
});

it.each(['rl:', '{repo}', 'rl:{repo}:{ip}', 'rl:{user}'])('%s is no pattern of keys', (text) => {
  expect(compileKeyPattern(text)).toBeUndefined();
});

it('a counter is a number, JSON with a count, or a set of requests; what was read of it is counted as the server counts it', async () => {
  const server = await startRedis();
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.stop();
  });
  const pattern = compileKeyPattern('rl:{repo}') as KeyPattern;
  const said: Record<string, string> = {
    number: '7',
    count: '{"count":2,"limit":9}',
    current: '{"current":3}',
    hits: '{"hits":4,"max":8}',
    remaining: '{"remaining":3,"limit":9}',
    'remaining of nothing': '{"remaining":3}',
    'no count': '{"count":-1}',
    part: '{"count":1.5}',
    list: '[1]',
    word: 'many',
  };
  for (const [name, value] of Object.entries(said)) await redis.set(`rl:${name}`, value);
  await redis.zadd('rl:set', 1, 'a', 2, 'b', 3, 'c');
  await redis.rpush('rl:another type', 'a');
  await redis.pexpire('rl:number', 60_000);
  const names = [...Object.keys(said), 'set', 'another type', 'gone'];
  const stats = async () => {
    const info = await redis.info('stats');
    return { hits: infoNumber(info, 'keyspace_hits') ?? 0, misses: infoNumber(info, 'keyspace_misses') ?? 0 };
  };
  const before = await stats();
  const keys = names.map((name) => ({ key: `rl:${name}`, pattern, subject: name }));
  const { readings, unreadable, nowMs, hits, misses } = await readLimits(redis, keys, 5);
  const after = await stats();
  expect(readings.map(({ subject, count, limit }) => [subject, count, limit])).toEqual([
    ['number', 7, 5],
    ['count', 2, 9],
    ['current', 3, 5],
    ['hits', 4, 8],
    ['remaining', 6, 9],
    ['set', 3, 5],
  ]);
  const [number, count] = readings;
  expect(number).toMatchObject({ key: 'rl:number', pattern });
  expect(nowMs).toBeGreaterThan(Date.UTC(2026, 0));
  expect((number?.resetAtMs ?? 0) - nowMs).toBeGreaterThan(30_000);
  expect((number?.resetAtMs ?? 0) - nowMs).toBeLessThanOrEqual(60_000);
  expect(count?.resetAtMs).toBeUndefined();
  expect(unreadable).toEqual(
    ['remaining of nothing', 'no count', 'part', 'list', 'word', 'another type'].map((name) => `rl:${name}`),
  );
  expect({ hits, misses }).toEqual({ hits: after.hits - before.hits, misses: after.misses - before.misses });
});

import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { type RedisServer, startRedis } from '../../../../test/support/redis.ts';
import { waitFor } from '../../../../test/support/waitFor.ts';
import { selfCounter, selfGauge } from '../../metrics/selfMetrics.ts';
import { type RateLimitConfig, RateLimits } from './rateLimits.ts';

interface Said {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

async function bed(config: Partial<RateLimitConfig> = {}) {
  const registry = new Registry();
  const [limited, storeUp] = [
    selfCounter(registry, 'fleetlens_rate_limited_total'),
    selfGauge(registry, 'fleetlens_rate_limit_store_up'),
  ];
  const said: Said[] = [];
  const say = (level: string) => (fields: object, message: string) => void said.push({ level, message, ...fields });
  const whole = { max: 2, project_max: 2, window: 60_000, redis_port: 6379, ...config };
  const limits = await RateLimits.open(whole, {
    log: { info: say('info'), warn: say('warn') } as never,
    limited,
    storeUp,
  });
  onTestFinished(() => limits.close());
  return {
    limits,
    whole,
    said,
    up: async () => (await storeUp.get()).values.map(({ value }) => value),
    counted: async () =>
      Object.fromEntries((await limited.get()).values.map(({ labels, value }) => [labels.layer, value])),
  };
}

async function redisServer(): Promise<RedisServer> {
  const server = await startRedis();
  onTestFinished(async () => {
    if (server.process.isRunning()) await server.stop();
  });
  return server;
}

it('refusals are counted from 0, by layer, and no store is up or down where there is none', async () => {
  const { limits, up, counted } = await bed();
  expect([await counted(), await up(), limits.health()]).toEqual([
    { ip: 0, repo: 0 },
    [],
    { status: 'ok', detail: 'counted in memory' },
  ]);
});

it.each([
  ['push', 'ci', 'web', 'pushes of source ci and project web'],
  ['read', 'ci', 'web', 'reads of source ci and project web'],
  ['read', 'ci', '', 'reads of source ci'],
  ['read', '', 'a:b', 'reads of project a:b'],
  ['push', '', '', 'pushes of nothing in particular'],
] as const)('a refused %s of %j and %j says what there was too much of', async (action, source, project, name) => {
  const { limits, said } = await bed();
  for (let n = 0; n < 2; n++) await limits.takeSubjects(action, [{ source, project }]);
  expect(await limits.takeSubjects(action, [{ source, project }])).toEqual({
    allowed: false,
    limit: 2,
    remaining: 0,
    resetMs: expect.any(Number),
    reason: expect.stringMatching(`^found more than 2 ${name} within 60 s; ask again in (60|59) s$`),
  });
  expect(said).toEqual([
    { level: 'warn', message: `rate limit reached: 2 ${name}`, layer: 'repo', max: 2, windowMs: 60_000 },
  ]);
});

it('what is allowed says what is left', async () => {
  const { limits } = await bed();
  const left = { allowed: true, limit: 2, resetMs: expect.any(Number), reason: '' };
  expect(await limits.takeClient('10.0.0.1')).toEqual({ ...left, remaining: 1 });
  expect(await limits.takeClient('10.0.0.1')).toEqual({ ...left, remaining: 0 });
  expect(await limits.takeSubjects('read', [])).toBeUndefined();
});

it('a Redis that goes away and comes back is told in the gauge, the health and the log, once each', async () => {
  const server = await redisServer();
  const { limits, said, up } = await bed({ redis_host: '127.0.0.1', redis_port: server.port });
  expect([await up(), limits.health(), said]).toEqual([[1], { status: 'ok', detail: 'counted in Redis' }, []]);
  for (let n = 0; n < 2; n++) expect(await limits.takeClient('10.0.0.1')).toMatchObject({ allowed: true });
  expect(await limits.takeClient('10.0.0.1')).toMatchObject({ allowed: false });
  await server.stop();
  expect(await limits.takeClient('10.0.0.2')).toBeUndefined();
  await waitFor(async () => (await up())[0] === 0, { what: 'the gauge to fall' });
  expect(limits.health()).toEqual({
    status: 'degraded',
    detail: 'Redis does not answer; requests are allowed unchecked',
  });
  const where = { host: '127.0.0.1', port: server.port };
  const down = {
    level: 'warn',
    message: 'rate limits: Redis does not answer; requests are allowed unchecked',
    ...where,
  };
  expect(said.slice(1)).toEqual([{ ...down, err: expect.any(Error) }]);
  const again = await startRedis(server.port);
  onTestFinished(() => again.stop());
  await waitFor(async () => (await up())[0] === 1, { what: 'the gauge to rise' });
  expect(said.slice(2)).toEqual([{ level: 'info', message: 'rate limits: Redis answers again', ...where }]);
});

it('wrong credentials are counted in Redis too, each once', async () => {
  const server = await redisServer();
  const { limits } = await bed({ redis_host: '127.0.0.1', redis_port: server.port });
  for (const guess of ['a', 'a', 'a']) limits.countWrongCredentials('10.0.0.1', guess);
  limits.countWrongCredentials('10.0.0.1', 'b');
  await waitFor(() => limits.refuseGuesser('10.0.0.1') !== undefined, { what: 'the guesser to be refused' });
  expect(limits.refuseGuesser('10.0.0.1')).toMatchObject({ allowed: false, limit: 2, remaining: 0 });
  expect(limits.refuseGuesser('10.0.0.2')).toBeUndefined();
});

it('a reload counts where the new configuration says, with its password', async () => {
  const server = await redisServer();
  const { limits, whole, up } = await bed();
  const inRedis = { ...whole, redis_host: '127.0.0.1', redis_port: server.port };
  await limits.reload(inRedis);
  expect([await up(), limits.health().detail]).toEqual([[1], 'counted in Redis']);
  await limits.reload(whole);
  expect([await up(), limits.health().detail]).toEqual([[], 'counted in memory']);
  const admin = new Redis(server.url);
  await admin.config('SET', 'requirepass', 'secret-of-redis');
  admin.disconnect();
  await limits.reload({ ...inRedis, redis_password: 'secret-of-redis' });
  expect(limits.health().detail).toBe('counted in Redis');
  await limits.reload(inRedis);
  expect(limits.health().status).toBe('degraded');
});

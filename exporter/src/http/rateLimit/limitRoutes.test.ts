import { createHash } from 'node:crypto';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import type { Role } from '../../config.ts';
import { selfCounter, selfGauge } from '../../metrics/selfMetrics.ts';
import { TokenRegistry } from '../auth.ts';
import { createServer } from '../createServer.ts';
import { HealthRegistry } from '../healthRegistry.ts';
import { limitPush } from './limitRoutes.ts';
import { type RateLimitConfig, RateLimits } from './rateLimits.ts';

const MINUTE_MS = 60_000;
const ROLES: readonly Role[] = ['ingest', 'viewer'];
const tokenOf = (role: Role) => `token-of-${role}-0123456789`;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const tokens = ROLES.map((role) => ({
  name: role,
  role,
  sha256: createHash('sha256').update(tokenOf(role)).digest('hex'),
}));

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

interface Bed {
  readonly app: FastifyInstance;
  readonly limits: RateLimits;
  readonly logs: string[];
  get(url: string, options?: InjectOptions): Promise<LightMyRequestResponse>;
  push(subjects: readonly (readonly [string, string])[], options?: InjectOptions): Promise<LightMyRequestResponse>;
  limited(layer: 'ip' | 'repo'): Promise<number>;
}

async function build(config: Partial<RateLimitConfig>, trustedProxies: readonly string[] = []): Promise<Bed> {
  const registry = new Registry();
  const counter = selfCounter(registry, 'fleetlens_rate_limited_total');
  const logs: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => logs.push(line) });
  const limits = await RateLimits.open(
    { max: 1_000, project_max: 1_000, window: MINUTE_MS, redis_port: 6379, ...config },
    { log, limited: counter, storeUp: selfGauge(registry, 'fleetlens_rate_limit_store_up') },
  );
  const app = createServer({
    log,
    version: '1',
    tokens: new TokenRegistry(tokens),
    health: new HealthRegistry({ version: '1', essential: [] }),
    metricsNeedToken: false,
    limits,
    trustedProxies,
  });
  const read = { config: { access: 'read' } } as const;
  app.get('/metrics', { config: { access: 'metrics', limit: 'none' } }, async () => 'up 1\n');
  app.get('/api/v1/runs', read, async () => ({ data: [] }));
  app.get('/api/v1/runs/:source/:id', read, async () => ({}));
  app.post('/api/v1/events', { config: { access: 'ingest', limit: 'repo' } }, async (request, reply) => {
    const subjects = request.body as [string, string][];
    await limitPush(
      reply,
      subjects.map(([source, project]) => ({ source, project })),
    );
    return {};
  });
  opened.push(app);
  return {
    app,
    limits,
    logs,
    get: (url, options = {}) => app.inject({ url, headers: bearer(tokenOf('viewer')), ...options }),
    push: (subjects, options = {}) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/events',
        payload: subjects,
        headers: bearer(tokenOf('ingest')),
        ...options,
      }),
    limited: async (layer) => {
      const { values } = await counter.get();
      return values.find(({ labels }) => labels.layer === layer)?.value ?? Number.NaN;
    },
  };
}

/** The statuses of `count` requests, one after the other. */
async function statuses(count: number, ask: (n: number) => Promise<LightMyRequestResponse>): Promise<number[]> {
  const found: number[] = [];
  for (let n = 0; n < count; n++) found.push((await ask(n)).statusCode);
  return found;
}

const RUNS = '/api/v1/runs';
const limitHeaders = ({ headers }: LightMyRequestResponse) =>
  ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'retry-after'].map((name) => headers[name]);

describe('the layer of the address', () => {
  it('refuses what exceeds the limit, with the shape of every error, when to come back and what the limit is', async () => {
    const { get, limited } = await build({ max: 2 });
    expect(limitHeaders(await get(RUNS))).toEqual(['2', '1', '60', undefined]);
    expect(limitHeaders(await get(RUNS))).toEqual(['2', '0', '60', undefined]);
    const refused = await get(RUNS);
    expect(refused.statusCode).toBe(429);
    expect(limitHeaders(refused)).toEqual(['2', '0', '60', '60']);
    expect(refused.json()).toEqual({
      error: {
        code: 'too_many_requests',
        message: 'found more than 2 requests of 127.0.0.1 within 60 s; ask again in 60 s',
        requestId: refused.headers['x-request-id'],
      },
    });
    expect([await limited('ip'), await limited('repo')]).toEqual([1, 0]);
  });

  it('says in the log once a window whom it refuses, not at each refusal', async () => {
    const { get, logs } = await build({ max: 1 });
    await statuses(20, () => get(RUNS));
    const said = logs.filter((line) => line.includes('rate limit reached'));
    expect(said.map((line) => JSON.parse(line).msg)).toEqual(['rate limit reached: 1 requests of 127.0.0.1']);
  });

  it('counts each address for itself, and the addresses of an IPv6 /64 as one', async () => {
    const { get } = await build({ max: 1 });
    const from = (remoteAddress: string) => get(RUNS, { remoteAddress });
    const answers = await statuses(6, (n) =>
      from(
        ['10.0.0.1', '10.0.0.2', '2001:db8:0:1::1', '2001:db8:0:1:ffff::2', '2001:db8:0:2::1', '::ffff:10.0.0.1'][
          n
        ] as string,
      ),
    );
    expect(answers).toEqual([200, 200, 200, 429, 200, 429]);
  });

  it('counts paths that do not exist, and requests without a token', async () => {
    const { get } = await build({ max: 3 });
    expect((await get('/nowhere')).statusCode).toBe(404);
    expect(limitHeaders(await get(RUNS, { headers: {} })).slice(0, 2)).toEqual(['3', '1']);
    expect((await get('/openapi-of-another')).statusCode).toBe(404);
    expect((await get(RUNS)).statusCode).toBe(429);
  });

  it.each(['/metrics', '/health', '/-/healthy', '/-/ready'])('never refuses %s, nor counts it', async (path) => {
    const { get, push } = await build({ max: 1, project_max: 1 });
    const expected = path === '/-/ready' ? 503 : 200;
    const before = await get(path);
    expect([before.statusCode, before.headers['x-ratelimit-limit']]).toEqual([expected, undefined]);
    await statuses(3, () => get(RUNS));
    await statuses(3, () => push([['ci', 'web']]));
    expect(await statuses(5, () => get(path))).toEqual([expected, expected, expected, expected, expected]);
    expect((await get(path, { headers: bearer('a-wrong-token-of-somebody') })).statusCode).toBe(expected);
  });
});

describe('the client behind a proxy', () => {
  const through = (client: string) => ({ headers: { ...bearer(tokenOf('viewer')), 'x-forwarded-for': client } });

  it('is not believed where no proxy is trusted: a client cannot choose its own address', async () => {
    const { get } = await build({ max: 2 });
    expect(await statuses(4, (n) => get(RUNS, through(`10.9.0.${n}`)))).toEqual([200, 200, 429, 429]);
  });

  it('is what a trusted proxy says', async () => {
    const { get } = await build({ max: 1 }, ['127.0.0.0/8']);
    const clients = ['10.9.0.1', '10.9.0.2', '10.9.0.1', '2001:db8::1', '2001:db8::2'];
    expect(await statuses(5, (n) => get(RUNS, through(clients[n] as string)))).toEqual([200, 200, 429, 200, 429]);
  });

  it('is the last address that no trusted proxy wrote, whatever the client wrote before it', async () => {
    const { get } = await build({ max: 1 }, ['127.0.0.1', '10.0.0.0/8']);
    const answers = await statuses(3, (n) => get(RUNS, through(`203.0.113.${n}, 198.51.100.7, 10.1.1.1`)));
    expect(answers).toEqual([200, 429, 429]);
  });

  it('is the proxy itself where what it forwards is no address', async () => {
    const { get } = await build({ max: 1 }, ['127.0.0.1']);
    expect(await statuses(3, (n) => get(RUNS, through(`made-up-${n}`)))).toEqual([200, 429, 429]);
  });

  it('is not believed when another machine than the proxy says it', async () => {
    const { get } = await build({ max: 1 }, ['10.0.0.1']);
    const answers = await statuses(3, (n) => get(RUNS, { remoteAddress: '10.0.0.2', ...through(`10.9.0.${n}`) }));
    expect(answers).toEqual([200, 429, 429]);
  });
});

describe('the layer of source and project', () => {
  it('limits pushes by the project they are about, whatever address they come from', async () => {
    const { push, limited } = await build({ project_max: 2 });
    const from = (n: number) => ({ remoteAddress: `10.0.0.${n}` });
    expect(await statuses(4, (n) => push([['ci', 'web']], from(n)))).toEqual([200, 200, 429, 429]);
    expect((await push([['ci', 'api']])).statusCode).toBe(200);
    expect((await push([['nightly', 'web']])).statusCode).toBe(200);
    const refused = await push([['ci', 'web']]);
    expect(limitHeaders(refused)).toEqual(['2', '0', '60', '60']);
    expect(refused.json().error.message).toBe(
      'found more than 2 pushes of source ci and project web within 60 s; ask again in 60 s',
    );
    expect([await limited('ip'), await limited('repo')]).toEqual([0, 3]);
  });

  it('a push counts once for each of its projects, and for none where one is full', async () => {
    const { push } = await build({ project_max: 3 });
    const many = Array.from({ length: 100 }, () => ['ci', 'web'] as const);
    expect(limitHeaders(await push([...many, ['ci', 'api'], ['ci', 'api']])).slice(0, 2)).toEqual(['3', '2']);
    await statuses(2, () => push([['ci', 'web']]));
    expect(
      (
        await push([
          ['ci', 'api'],
          ['ci', 'web'],
        ])
      ).statusCode,
    ).toBe(429); // prettier-ignore
    expect(limitHeaders(await push([['ci', 'api']])).slice(0, 2)).toEqual(['3', '1']);
  });

  it('counters for the subjects of one push are bounded', async () => {
    const { push } = await build({ project_max: 2 });
    const projects = Array.from({ length: 20_000 }, (_, n) => ['ci', `project-${n}`] as const);
    const of = (from: number, to: number) => push(projects.slice(from, to));
    expect((await of(0, 20_000)).statusCode).toBe(200);
    expect((await of(100, 200)).statusCode).toBe(200);
    expect((await of(300, 400)).statusCode).toBe(429); // what comes after the 50th shares a counter
    expect((await of(400, 410)).statusCode).toBe(200);
    expect(limitHeaders(await of(0, 1)).slice(0, 2)).toEqual(['2', '0']); // the first have their own all the same
  });

  it('limits reads by what they ask for, apart from pushes', async () => {
    const { get, push } = await build({ project_max: 2 });
    expect(await statuses(3, () => get(`${RUNS}?project=web`))).toEqual([200, 200, 429]);
    expect((await get(`${RUNS}?project=api`)).statusCode).toBe(200);
    expect((await get(`${RUNS}?project=api&project=web`)).statusCode).toBe(429);
    expect(await statuses(3, () => get(RUNS))).toEqual([200, 200, 200]);
    expect(await statuses(3, (n) => get(`${RUNS}/ci/run-${n}`))).toEqual([200, 200, 429]);
    expect((await get(`${RUNS}?source=ci`)).statusCode).toBe(429);
    expect((await get(`${RUNS}?source=nightly&source=ci`)).statusCode).toBe(429);
    expect((await get(`${RUNS}?source=ci&project=docs`)).statusCode).toBe(200);
    expect((await get(`${RUNS}/nightly/run-1`)).statusCode).toBe(200);
    expect((await push([['', 'web']])).statusCode).toBe(200);
    const long = 'x'.repeat(5_000);
    expect(await statuses(3, () => get(`${RUNS}?project=${long}`))).toEqual([200, 200, 429]);
  });

  it('tells of the layer that is nearest to its limit', async () => {
    const { get } = await build({ max: 10, project_max: 3 });
    expect(limitHeaders(await get(`${RUNS}?project=web`)).slice(0, 2)).toEqual(['3', '2']);
    await statuses(8, () => get(RUNS));
    expect(limitHeaders(await get(`${RUNS}?project=web`)).slice(0, 2)).toEqual(['10', '0']);
  });
});

describe('wrong credentials', () => {
  const wrong = (n: number) => ({ headers: bearer(`guess-${n}-0123456789`) });

  it('after too many different ones nothing of that address is heard, not even the right one', async () => {
    const { get, push, limited } = await build({});
    const guesses = await statuses(110, (n) => get(RUNS, wrong(n)));
    expect(guesses).toEqual([...new Array(100).fill(401), ...new Array(10).fill(429)]);
    const refused = await get(RUNS);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('60');
    expect(refused.json().error.message).toContain('100 different wrong credentials of 127.0.0.1');
    expect((await push([['ci', 'web']])).statusCode).toBe(429);
    expect((await get(RUNS, { remoteAddress: '10.0.0.9' })).statusCode).toBe(200);
    expect(await limited('ip')).toBe(12);
  });

  it('where pushes are taken, too', async () => {
    const { push } = await build({ max: 5 });
    expect(await statuses(7, (n) => push([['ci', 'web']], wrong(n)))).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await push([['ci', 'web']])).statusCode).toBe(429);
  });

  it('an address that is over its limit cannot go on guessing where pushes are taken', async () => {
    const { get, push } = await build({ max: 200 });
    await statuses(200, () => get(RUNS));
    expect(new Set(await statuses(100, (n) => push([['ci', 'web']], wrong(n))))).toEqual(new Set([429]));
    expect((await push([['ci', 'web']])).statusCode).toBe(429);
  });

  it('a token that may not push is none of them', async () => {
    const { push } = await build({ max: 3 });
    const viewer = { headers: bearer(tokenOf('viewer')) };
    expect(await statuses(5, () => push([['ci', 'web']], viewer))).toEqual([403, 403, 403, 429, 429]);
    expect((await push([['ci', 'web']])).statusCode).toBe(200);
  });

  it('one that is sent again and again locks nobody else at that address out', async () => {
    const { get, push } = await build({});
    await statuses(500, () => get(RUNS, wrong(1)));
    expect((await get(RUNS)).statusCode).toBe(200);
    expect((await push([['ci', 'web']])).statusCode).toBe(200);
  });
});

describe('the defaults', () => {
  const DEFAULTS = { max: 36_000, project_max: 1_200_000 };

  it('let ten people look at dashboards of 30 panels that refresh every 5 s, through one Grafana', async () => {
    const { get } = await build(DEFAULTS);
    const aMinute = 10 * 30 * (60 / 5);
    const answers = await statuses(aMinute, (n) => get(n % 2 === 0 ? `${RUNS}?project=web` : RUNS));
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  it('let one address push 5,000 times a second about one project', async () => {
    const { limits } = await build(DEFAULTS);
    const aMinute = 60 * 5_000;
    let refused = 0;
    for (let n = 0; n < aMinute; n++) {
      const verdict = await limits.takeSubjects('push', [{ source: 'ci', project: 'web' }]);
      if (verdict?.allowed !== true) refused += 1;
    }
    expect(refused).toBe(0);
  });

  it('a push with its token counts for no address, however many come from one', async () => {
    const { push, get } = await build({ ...DEFAULTS, max: 3 });
    const answers = await statuses(50, () => push([['ci', 'web']]));
    expect(new Set(answers)).toEqual(new Set([200]));
    expect((await get(RUNS)).headers['x-ratelimit-remaining']).toBe('2');
  });
});

it('a reload changes the limits and forgets what was refused', async () => {
  const { get, limits } = await build({ max: 1 });
  expect(await statuses(2, () => get(RUNS))).toEqual([200, 429]);
  await limits.reload({ max: 2, project_max: 2, window: MINUTE_MS, redis_port: 6379 });
  expect(await statuses(3, () => get(RUNS))).toEqual([200, 200, 429]);
});

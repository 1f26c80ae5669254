import { expect, it, onTestFinished } from 'vitest';
import {
  type GittinkererService,
  HEALTHY,
  rateLimited,
  startGittinkererService,
} from '../../../../../test/contract/gittinkerer/serviceServer.ts';
import { gittinkererDatabase } from '../../../../../test/support/gittinkererDatabase.ts';
import { pollForTest, warnings } from '../../pollForTest.ts';
import { RecordingLedger } from '../../recordingLedger.ts';
import { gittinkerer } from '../gittinkerer.ts';

async function bed(service: object = {}, others: object = {}) {
  const server = await startGittinkererService();
  const { log, lines } = warnings();
  const config = { service: { url: server.url, interval: '1ms', ...service }, ...others };
  const source = gittinkerer.create('gittinkerer', gittinkerer.configSchema.parse(config), log);
  onTestFinished(async () => {
    await source.close();
    await server.stop();
  });
  const ledger = new RecordingLedger();
  return { server, source, lines, ledger, poll: () => pollForTest(source, ledger) };
}

it('health and limits become records; a store that nobody else reads is one of them', async () => {
  const { ledger, poll, server, source } = await bed({ token: 'a-token-of-the-service' });
  expect(await poll()).toEqual(['ok', 'ok']);
  expect(server.requests.map(({ path }) => path)).toEqual(['/health', '/api/rate-limit']);
  expect(server.requests[0]?.authorization).toBe('Bearer a-token-of-the-service');
  expect(ledger.get('service', 'gittinkerer')).toMatchObject({
    up: true,
    rawStatus: 'ok',
    version: '1.4.2',
    uptimeSeconds: 86_400.5,
    components: { database: { up: true, latencySeconds: 0.003 }, redis: { up: true, latencySeconds: 0.0015 } },
    error: null,
    'attributes.saidAt': HEALTHY.timestamp,
  });
  expect(ledger.get('store', 'postgres')).toMatchObject({ up: true, latencySeconds: 0.003 });
  expect(ledger.get('store', 'redis')).toMatchObject({ up: true, latencySeconds: 0.0015 });
  expect(ledger.all('rateLimit')).toMatchObject([
    { layer: 'ip', limit: 5, remaining: 3, limited: false, resetAt: '2026-01-07T14:33:00.000Z' },
    { layer: 'repo', project: 'octo/cli', remaining: 0, limited: false, 'attributes.exhausted': true },
  ]);
  // The same limits again say nothing new.
  await poll();
  expect(ledger.all('rateLimit')).toHaveLength(2);
  expect((await source.probe(AbortSignal.timeout(90_000))).problems).toEqual([]);
});

it('it is asked on its own interval, whatever that of the source is', async () => {
  const { poll, server } = await bed({ interval: '1h' });
  for (let i = 0; i < 3; i++) await poll();
  expect(server.requests).toHaveLength(2);
});

it('what the service says of a store that is read here stays with the service', async () => {
  const database = await gittinkererDatabase();
  onTestFinished(() => database.drop());
  const { ledger, poll, server } = await bed({}, { database_url: database.connectionString });
  server.answer('/health', {
    status: 503,
    json: {
      ...HEALTHY,
      status: 'degraded',
      components: { database: { status: 'down', error: 'connection refused' }, redis: 'up' },
    },
  });
  await poll();
  expect(ledger.get('service', 'gittinkerer')).toMatchObject({
    up: false,
    rawStatus: 'degraded',
    error: { kind: 'other', message: 'database: connection refused' },
  });
  expect(ledger.get('store', 'postgres')).toMatchObject({ up: true });
  expect(ledger.get('store', 'redis')).toMatchObject({ up: true });
});

it.each([
  ['stopped', async (server: GittinkererService) => server.stop(), 'connection', 'network'],
  ['hanging', async (server: GittinkererService) => server.answer('/health', { hang: true }), 'timeout', 'network'],
  ['cut off', async (server: GittinkererService) => server.answer('/health', { cut: true }), 'connection', 'network'],
  [
    'without JSON at 502',
    async (server: GittinkererService) => server.answer('/health', { status: 502, text: '<html>' }),
    'connection',
    'server',
  ],
] as const)('a service that is %s is down; the source is not', async (_name, make, kind, result) => {
  const { ledger, poll, server } = await bed({ timeout: '2s', rate_limit_path: null });
  if (_name === 'stopped') {
    const other = await startGittinkererService();
    await other.stop();
    const { log } = warnings();
    const config = gittinkerer.configSchema.parse({ service: { url: other.url, rate_limit_path: null } });
    expect(await pollForTest(gittinkerer.create('g', config, log), ledger)).toEqual([result]);
  } else {
    await make(server);
    expect(await poll()).toEqual([result]);
  }
  expect(ledger.get('service', 'gittinkerer')).toMatchObject({ up: false, error: { kind } });
});

it('429: nothing is said of its health, and it is left alone for as long as it says', async () => {
  const { ledger, poll, server, lines } = await bed();
  server.answer('/health', rateLimited(3600));
  expect(await poll()).toEqual(['rate_limit']);
  expect(await poll()).toEqual([]);
  expect(server.requests).toHaveLength(1);
  expect(ledger.all('service')).toEqual([]);
  expect(lines).toMatchObject([{ retryAfterSeconds: 3600 }]);
});

it.each([
  [{ status: 401, json: { error: { code: 'UNAUTHORIZED', message: 'no' } } }, 'auth', /set service.token/],
  [{ json: { state: 'fine' } }, 'schema', /found HTTP 200 with the fields state, expected an object with a status/],
  [{ text: '{"status": "o' }, 'schema', /no JSON object/],
  [{ text: 'x'.repeat(1_200_000) }, 'schema', /more than 1048576 bytes/],
  [{ status: 404, json: {} }, 'schema', /check service.url/],
] as const)('an answer that is none of health fails the source and says why (%#)', async (answer, result, message) => {
  const { poll, server } = await bed();
  server.answer('/health', answer);
  await expect(poll()).rejects.toMatchObject({ result, message: expect.stringMatching(message) });
});

it.each([
  ['refused', rateLimited(3600), 'rate_limit', 1],
  ['unavailable', { status: 503, json: {} }, 'server', 0],
  ['cut off', { cut: true }, 'network', 0],
] as const)('limits that are %s are left out; health is told', async (_name, answer, result, warned) => {
  const { ledger, poll, server, lines } = await bed();
  server.answer('/api/rate-limit', answer);
  expect(await poll()).toEqual(['ok', result]);
  // Who is refused leaves the service alone.
  expect(await poll()).toEqual(result === 'rate_limit' ? [] : ['ok', result]);
  expect(ledger.get('service', 'gittinkerer')).toMatchObject({ up: true });
  expect(ledger.all('rateLimit')).toEqual([]);
  expect(lines).toHaveLength(warned);
});

it('limits without an end fail the source', async () => {
  const { poll, server } = await bed();
  server.answer('/api/rate-limit', { text: 'x'.repeat(1_200_000) });
  await expect(poll()).rejects.toMatchObject({ result: 'schema', message: expect.stringMatching(/more than 1048576/) });
});

it('limits of another shape are left out with one warning; health goes on', async () => {
  const { ledger, poll, server, lines, source } = await bed();
  server.answer('/api/rate-limit', { json: { quota: 'plenty' } });
  await poll();
  await poll();
  expect(ledger.get('service', 'gittinkerer')).toMatchObject({ up: true });
  expect(ledger.all('rateLimit')).toEqual([]);
  expect(lines).toHaveLength(1);
  expect((await source.probe(AbortSignal.timeout(90_000))).problems).toEqual([
    expect.stringMatching(/without limit and remaining; set service.rate_limit_path/),
  ]);
  // Headers alone will do.
  server.answer('/api/rate-limit', { json: {}, headers: { 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '4' } });
  await poll();
  expect(ledger.all('rateLimit')).toMatchObject([{ layer: 'ip', limit: 5, remaining: 4 }]);
});

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { freezeProcess } from '../support/freezeProcess.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKENS = { ci: 'ingest-token-for-tests', viewer: 'viewer-token-for-tests' };
/** No window ends while a test runs. */
const HOUR_S = '3600';
const MAX = 20;

let database: TestDatabase;
let redis: RedisServer;
let replicas: readonly [ExporterProcess, ExporterProcess];
let sequence = 0;

const config = (rateLimit?: object) => ({
  ledger: { database_url: database.connectionString },
  tokens: [
    { name: 'ci', role: 'ingest', token: TOKENS.ci },
    { name: 'viewer', role: 'viewer', token: TOKENS.viewer },
  ],
  web: { trusted_proxies: ['127.0.0.1'] },
  ...(rateLimit === undefined ? {} : { rate_limit: rateLimit }),
});

beforeAll(async () => {
  [database, redis] = await Promise.all([migratedDatabase({ synchronousCommit: 'off' }), startRedis()]);
  const env = {
    RATE_LIMIT_MAX: String(MAX),
    RATE_LIMIT_WINDOW: HOUR_S,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redis.port),
  };
  replicas = await Promise.all([startExporter({ config: config(), env }), startExporter({ config: config(), env })]);
});
afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  await redis?.stop();
  await database?.drop();
});

/** An event about a run of `project`. */
function event(project: string): PushedEvent {
  const id = `event-${++sequence}`;
  const at = new Date(Date.now() - 60_000).toISOString();
  return { id, source: 'pushed', kind: 'run', at, data: { runId: id, project, status: 'running', createdAt: at } };
}

/** Reads as a client behind the proxy that the exporters trust. */
const read = (exporter: ExporterProcess, client: string) =>
  fetch(`${exporter.url}/api/v1/runs?limit=1`, {
    headers: { authorization: `Bearer ${TOKENS.viewer}`, 'x-forwarded-for': client },
  });

/** How many of `count` requests, at once and in turn to both replicas, were answered with each status. */
async function tally(count: number, ask: (exporter: ExporterProcess) => Promise<{ status: number }>) {
  const answers = await Promise.all(Array.from({ length: count }, (_, n) => ask(replicas[n % 2 === 0 ? 0 : 1])));
  const found: Record<number, number> = {};
  for (const { status } of answers) found[status] = (found[status] ?? 0) + 1;
  return found;
}

const storeUp = async (exporter: ExporterProcess) =>
  parseExposition(await exporter.scrape()).get('fleetlens_rate_limit_store_up');
const limited = async (exporter: ExporterProcess, layer: string) =>
  parseExposition(await exporter.scrape()).get(`fleetlens_rate_limited_total{layer="${layer}"}`) ?? Number.NaN;
const said = (exporter: ExporterProcess, text: string) => exporter.logs().split(text).length - 1;
const partOfHealth = async (exporter: ExporterProcess) => {
  const report = (await (await fetch(`${exporter.url}/health`)).json()) as {
    status: string;
    parts: Record<string, { status: string }>;
  };
  return [report.status, report.parts['rate limits']?.status];
};
const everywhere = (state: number) =>
  waitFor(async () => (await Promise.all(replicas.map(storeUp))).every((up) => up === state), {
    what: `fleetlens_rate_limit_store_up ${state} on both replicas`,
  });

describe('two replicas that share a Redis', () => {
  it('let an address read as often as the limit says, whichever replica it asks', async () => {
    expect(await tally(50, (exporter) => read(exporter, '10.0.0.1'))).toEqual({ 200: MAX, 429: 30 });
    const refused = await read(replicas[0], '10.0.0.1');
    expect(refused.headers.get('x-ratelimit-limit')).toBe(String(MAX));
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
    expect((await read(replicas[1], '10.0.0.2')).status).toBe(200);
    const [first, second] = await Promise.all(replicas.map((replica) => limited(replica, 'ip')));
    expect((first ?? 0) + (second ?? 0)).toBe(31);
  });

  it('take as many pushes about a project; what is refused is not recorded', async () => {
    const push = (exporter: ExporterProcess) => pushEvents(exporter.url, TOKENS.ci, [event('web')]);
    expect(await tally(30, push)).toEqual({ 200: MAX, 429: 10 });
    const runs = await fetch(`${replicas[0].url}/api/v1/runs?project=web&limit=100`, {
      headers: { authorization: `Bearer ${TOKENS.viewer}`, 'x-forwarded-for': '10.0.0.3' },
    });
    expect(((await runs.json()) as { data: unknown[] }).data).toHaveLength(MAX);
    const other = await pushEvents(replicas[1].url, TOKENS.ci, [event('api')]);
    expect([other.status, other.accepted]).toEqual([200, 1]);
    const mixed = await pushEvents(replicas[1].url, TOKENS.ci, [event('api'), event('web')]);
    expect([mixed.status, mixed.accepted]).toEqual([429, 0]);
    expect(Number(mixed.retryAfter)).toBeGreaterThan(3_000);
  });

  it('count what POST /api/metrics/record takes as the pushes that it is', async () => {
    // The run is what tells which project its metrics are of.
    const run = { ...event('measured'), source: 'gittinkerer' };
    expect((await pushEvents(replicas[0].url, TOKENS.ci, [run])).status).toBe(200);
    const measure = (exporter: ExporterProcess) =>
      fetch(`${exporter.url}/api/metrics/record`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKENS.ci}`, 'content-type': 'application/json' },
        body: JSON.stringify({ run_id: run.id, metric_name: `round_${++sequence}`, metric_value: 3 }),
      });
    const recorded = async () => {
      const answer = await fetch(`${replicas[0].url}/api/v1/runs/gittinkerer/${run.id}`, {
        headers: { authorization: `Bearer ${TOKENS.viewer}`, 'x-forwarded-for': '10.0.0.4' },
      });
      const { attributes } = (await answer.json()) as { attributes: object };
      return Object.keys(attributes).filter((name) => name.startsWith('metrics.round_'));
    };
    expect(await tally(30, measure)).toEqual({ 200: MAX - 1, 429: 11 });
    expect(await recorded()).toHaveLength(MAX - 1);
    const again = { ...run, id: `${run.id}-again` };
    expect((await pushEvents(replicas[1].url, TOKENS.ci, [again])).status).toBe(429);
    expect((await measure(replicas[1])).headers.get('x-ratelimit-remaining')).toBe('0');
  });

  it('allow everything while Redis is away, say so once, and limit again when it is back', async () => {
    await redis.process.stop();
    expect(await tally(60, (exporter) => read(exporter, '10.0.1.1'))).toEqual({ 200: 60 });
    await everywhere(0);
    expect(await tally(60, (exporter) => read(exporter, '10.0.1.1'))).toEqual({ 200: 60 });
    expect(await tally(40, (e) => pushEvents(e.url, TOKENS.ci, [event('away')]))).toEqual({ 200: 40 });
    for (const replica of replicas) {
      expect(await partOfHealth(replica)).toEqual(['degraded', 'degraded']);
      expect(said(replica, 'Redis does not answer')).toBe(1);
    }
    const answer = await read(replicas[0], '10.0.1.1');
    expect(answer.headers.get('x-ratelimit-limit')).toBeNull();

    await redis.stop();
    redis = await startRedis(redis.port);
    await everywhere(1);
    expect(await tally(50, (exporter) => read(exporter, '10.0.1.1'))).toEqual({ 200: MAX, 429: 30 });
    for (const replica of replicas) {
      expect(await partOfHealth(replica)).toEqual(['ok', 'ok']);
      expect([said(replica, 'Redis does not answer'), said(replica, 'Redis answers again')]).toEqual([1, 1]);
    }
  });

  it('allow everything while Redis hangs, and limit again when it goes on', async () => {
    const told = replicas.map((replica) => said(replica, 'Redis does not answer'));
    const thaw = await freezeProcess(redis.process.pid);
    onTestFinished(thaw);
    expect(await tally(60, (exporter) => read(exporter, '10.0.2.1'))).toEqual({ 200: 60 });
    expect(await tally(60, (e) => pushEvents(e.url, TOKENS.ci, [event('frozen')]))).toEqual({ 200: 60 });
    await everywhere(0);
    expect(replicas.map((replica) => said(replica, 'Redis does not answer'))).toEqual(told.map((times) => times + 1));
    thaw();
    await everywhere(1);
    expect(await tally(50, (exporter) => read(exporter, '10.0.2.2'))).toEqual({ 200: MAX, 429: 30 });
  });

  it('stop a guesser of tokens, on each replica that it asks', async () => {
    // Pushes count for no address: what refuses the right token is that wrong ones came from there.
    const push = (exporter: ExporterProcess, client: string, token: string) =>
      fetch(`${exporter.url}/api/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'x-forwarded-for': client },
        body: JSON.stringify({ events: [event('guessed')] }),
      });
    const guess = (exporter: ExporterProcess) => push(exporter, '10.0.3.1', `guess-${++sequence}-0123456789`);
    const answers = await tally(200, guess);
    expect(answers[401]).toBeLessThanOrEqual(MAX);
    expect(answers[429]).toBeGreaterThanOrEqual(200 - MAX);
    for (const replica of replicas) {
      expect((await push(replica, '10.0.3.1', TOKENS.ci)).status).toBe(429);
      expect((await push(replica, '10.0.0.1', TOKENS.ci)).status).toBe(200); // over the limit of its address, and no guesser
    }
  });
});

it('one exporter counts in memory, and a reload changes its limits', async () => {
  const exporter = await startExporter({ config: config({ max: 3, window: '1h' }) });
  onTestFinished(() => exporter.stop());
  const statuses = async (client: string) => {
    const found: number[] = [];
    for (let n = 0; n < 5; n++) found.push((await read(exporter, client)).status);
    return found;
  };
  expect(await statuses('10.0.0.1')).toEqual([200, 200, 200, 429, 429]);
  expect([await limited(exporter, 'ip'), await limited(exporter, 'repo'), await storeUp(exporter)]).toEqual([
    2,
    0,
    undefined,
  ]);
  expect(await partOfHealth(exporter)).toEqual(['ok', 'ok']);

  await exporter.writeConfig(config({ max: 4, window: '1h' }));
  process.kill(exporter.pid(), 'SIGHUP');
  await waitFor(() => said(exporter, 'configuration reloaded'), { what: 'the reload' });
  expect(await statuses('10.0.0.1')).toEqual([200, 200, 200, 200, 429]);

  await exporter.writeConfig(config({ max: 2, window: '1h', redis_host: '127.0.0.1', redis_port: redis.port }));
  process.kill(exporter.pid(), 'SIGHUP');
  await waitFor(async () => (await storeUp(exporter)) === 1, { what: 'Redis to be in use' });
  expect(await statuses('10.0.4.1')).toEqual([200, 200, 429, 429, 429]);
});

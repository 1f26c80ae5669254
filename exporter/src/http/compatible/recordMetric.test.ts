import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { GroupCommit } from '../../ingest/groupCommit.ts';
import type { PushedEvent } from '../../ledger/findAddedTo.ts';
import { LedgerUnavailable } from '../../ledger/ledgerErrors.ts';
import type { PushResult } from '../../ledger/recordPushed.ts';
import { selfCounter, selfGauge } from '../../metrics/selfMetrics.ts';
import { DEFAULT_VALUE_LIMITS } from '../../normalise/normaliseEvent.ts';
import { TokenRegistry } from '../auth.ts';
import { createServer } from '../createServer.ts';
import { HealthRegistry } from '../healthRegistry.ts';
import { RateLimits } from '../rateLimit/rateLimits.ts';
import type { MetricsSource } from './metricsSource.ts';
import { recordMetric } from './recordMetric.ts';

const TOKEN = 'ingest-token-for-tests';
const AT = new Date(Date.now() - 60_000).toISOString();

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

interface Options {
  readonly source?: MetricsSource | undefined;
  /** What becomes of each event. */
  readonly commit?: (event: PushedEvent) => PushResult;
  readonly max?: number;
  readonly projectMax?: number;
}

async function bed({
  commit = () => ({ result: 'accepted' }),
  max = 1_000,
  projectMax = 1_000,
  ...options
}: Options = {}) {
  const registry = new Registry();
  const log = pino({ level: 'silent' });
  const limited = selfCounter(registry, 'fleetlens_rate_limited_total');
  const counted = selfCounter(registry, 'fleetlens_ingest_events_total');
  const limits = await RateLimits.open(
    { max, project_max: projectMax, window: 60_000, redis_port: 6379 },
    { log, limited, storeUp: selfGauge(registry, 'fleetlens_rate_limit_store_up') },
  );
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  const app = createServer({
    log,
    version: '1',
    tokens: new TokenRegistry([{ name: 'bash', role: 'ingest', sha256 }]),
    health: new HealthRegistry({ version: '1', essential: [] }),
    metricsNeedToken: false,
    limits,
  });
  opened.push(app);
  const events: PushedEvent[] = [];
  recordMetric(app, {
    sourceFor: () => ('source' in options ? options.source : { name: 'tinker', isPolled: false }),
    readMeasuredRuns: async (_source, ids) =>
      new Map(ids.includes('known') ? [['known', { project: 'octo/cli', counts: { linesAdded: 3 } }]] : []),
    commits: new GroupCommit({
      record: async (group) => {
        events.push(...group);
        return group.map(commit);
      },
      maxQueueBytes: 1_000_000,
    }),
    counted,
    values: DEFAULT_VALUE_LIMITS,
  });
  return {
    events,
    post: async (payload: object) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const response = await app.inject({ method: 'POST', url: '/api/metrics/record', payload, headers });
      return { status: response.statusCode, headers: response.headers, body: response.json() };
    },
    counted: async () =>
      Object.fromEntries(
        (await counted.get()).values.map(({ labels, value }) => [`${labels.source} ${labels.result}`, value]),
      ),
  };
}

const metric = (name: string, value: unknown, more: object = {}) => ({
  ...{ run_id: 'known', metric_name: name, metric_value: value, recorded_at: AT },
  ...more,
});

describe('a metric', () => {
  it('becomes what it adds to its run and to the usage of it, known by its id', async () => {
    const { post, events, counted } = await bed();
    expect(await post(metric('tokens_used', 1250, { id: 'm1' }))).toMatchObject({
      status: 200,
      body: { accepted: 1, duplicates: 0, rejected: [] },
    });
    const said = JSON.stringify(['known', 'tokens_used', 1250, AT]);
    const of = { source: 'tinker', at: AT, isPolled: false };
    expect(events).toMatchObject([
      {
        ...{ ...of, id: 'metric run m1', kind: 'run', said: `run ${said}` },
        fields: {
          usageMissing: false,
          'attributes.metrics.tokens_used': 1250,
          'attributes.metricsRecorded.tokens_used': { id: 'm1', at: AT },
        },
      },
      {
        ...{ ...of, id: 'metric usage m1', kind: 'usage', said: `usage ${said}` },
        fields: { project: 'octo/cli', quantity: 1250, unit: 'tokens' },
      },
    ]);
    expect(await counted()).toEqual({ 'tinker accepted': 1 });
  });

  it('of webhooks counts by itself, under the id that it has or is given', async () => {
    const { post, events } = await bed({ source: { name: 'gt', isPolled: true } });
    await post(metric('webhook_processed', 3, { id: 'w1', recorded_at: undefined }));
    await post([metric('webhook_processed', null), metric('webhook_processed', null)]);
    const [named, first, second] = events;
    expect(named).toMatchObject({
      ...{ id: 'metric adapter w1', source: 'gt', kind: 'adapter', isPolled: true },
      ...{ fields: { eventId: 'w1', count: 3 }, said: 'adapter ["known","webhook_processed",3,null]' },
    });
    expect(Math.abs(Date.parse(String(named?.at)) - Date.now())).toBeLessThan(60_000);
    const id = (event: PushedEvent | undefined) => String(Object(event?.fields).eventId);
    expect([first?.id, second?.id]).toEqual([first, second].map((event) => `metric adapter ${id(event)}`));
    expect(id(first)).not.toBe(id(second));
    expect(first?.fields).toMatchObject({ count: 1 });
  });

  it('adds to the counts that the run has', async () => {
    const { post, events } = await bed();
    await post(metric('files_changed', 4));
    expect(events[0]?.fields).toMatchObject({ counts: { linesAdded: 3, filesChanged: 4 } });
    // It has no id of its own, and is given none that a row of the table could have.
    expect(Object(events[0]?.fields)['attributes.metricsRecorded.files_changed']).toEqual({ at: AT });
  });
});

describe('what became of it', () => {
  const conflict = { result: 'conflict', reason: 'another value' } as const;

  it.each<[string, (event: PushedEvent) => PushResult, object, object]>([
    [
      'is new in part',
      ({ kind }) => ({ result: kind === 'run' ? 'duplicate' : 'accepted' }),
      { accepted: 1, duplicates: 0 },
      { 'tinker accepted': 1 },
    ],
    ['is known', () => ({ result: 'duplicate' }), { accepted: 0, duplicates: 1 }, { 'tinker duplicate': 1 }],
  ])('one that %s', async (_what, commit, answer, count) => {
    const { post, counted } = await bed({ commit });
    expect((await post(metric('tokens_used', 1))).body).toEqual({ ...answer, rejected: [] });
    expect(await counted()).toEqual(count);
  });

  it.each<[PushResult, number, string, string]>([
    [conflict, 409, 'conflict', 'tinker conflict'],
    [{ result: 'too_old', reason: 'too old' }, 400, 'too_old', 'tinker too_old'],
    [{ result: 'rejected', reason: 'no such field' }, 400, 'invalid_request', 'tinker rejected'],
  ])('one whose events are %j is refused as a whole', async (refused, status, code, count) => {
    const { post, counted } = await bed({
      commit: ({ kind }) => (kind === 'usage' ? refused : { result: 'accepted' }),
    });
    const reason = 'reason' in refused ? refused.reason : '';
    expect(await post(metric('tokens_used', 1, { id: 'm1' }))).toMatchObject({
      status,
      body: { error: { code, message: reason } },
    });
    expect(await counted()).toEqual({ [count]: 1 });
  });

  it('of several each is told by its place and its id; one alone with what was expected', async () => {
    const { post, counted } = await bed({
      commit: ({ id }) => (id.endsWith('c1') ? conflict : { result: 'accepted' }),
    });
    const several = [
      metric('tokens_used', 'many'),
      metric('rounds', 1, { id: 'c1' }),
      metric('webhook_processed', -1, { id: 'w1' }),
      metric('rounds', 2),
    ];
    expect(await post(several)).toMatchObject({
      status: 200,
      body: {
        accepted: 1,
        duplicates: 0,
        rejected: [
          { index: 0, reason: expect.stringContaining('metric_value: ') },
          { index: 1, id: 'c1', reason: 'another value' },
          { index: 2, id: 'w1', reason: expect.stringContaining('how many webhooks there were') },
        ],
      },
    });
    expect(await counted()).toEqual({ 'tinker accepted': 1, 'tinker conflict': 1, 'tinker rejected': 2 });
    const alone = await post(metric('tokens_used', 'many'));
    expect(alone.body.error).toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/metric_value: .*; expected \{"run_id"/),
    });
  });
});

describe('a request that is refused', () => {
  it('has no metric, or more than 1,000', async () => {
    const { post } = await bed();
    expect(await post([])).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('found none') } },
    });
    const many = Array.from({ length: 1_001 }, () => metric('rounds', 1));
    expect(await post(many)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request', message: 'found 1001 metrics, expected at most 1000 at once' } },
    });
  });

  it('may push for no source that takes metrics', async () => {
    const { post } = await bed({ source: undefined });
    expect(await post(metric('rounds', 1))).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
  });

  it('counts for its project alone: many senders stand behind one address', async () => {
    const { post } = await bed({ max: 1 });
    for (const id of ['a', 'b', 'c']) expect(await post(metric('exit_code', 0, { id }))).toMatchObject({ status: 200 });
  });

  it('is over the limit of its project, also where nothing of it can be read', async () => {
    const { post } = await bed({ projectMax: 2 });
    const statuses = async (...payloads: object[]) => {
      const found: number[] = [];
      for (const payload of payloads) found.push((await post(payload)).status);
      return found;
    };
    const [good, bad] = [metric('rounds', 1), metric('rounds', 'x')];
    expect(await statuses(good, good, good)).toEqual([200, 200, 429]);
    expect(await statuses(bad, bad, bad)).toEqual([400, 400, 429]);
    expect(await statuses(metric('rounds', 1, { run_id: 'unknown' }))).toEqual([429]);
  });

  it('comes while the ledger is away', async () => {
    const { post, counted } = await bed({
      commit: () => {
        throw new LedgerUnavailable('the ledger is away');
      },
    });
    const answer = await post([metric('rounds', 1), metric('rounds', 2)]);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
    expect(await counted()).toEqual({ 'tinker refused': 2 });
  });
});

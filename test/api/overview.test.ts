import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttentionAnswer, SourcesAnswer, StepBaselinesAnswer } from '../../exporter/src/contract/overview.ts';
import { overviewRoutes } from '../../exporter/src/http/overviewRoutes.ts';
import { type ServedLedger, type ServedReads, serveLedger, serveReads } from './servedLedger.ts';

const TEAM = 'acme/storefront';
const MINUTE_MS = 60_000;
const NOW = Date.now();
const ago = (minutes: number) => new Date(NOW - minutes * MINUTE_MS).toISOString();
let ledger: ServedLedger;
let served: ServedReads;

beforeAll(async () => {
  ledger = await serveLedger([TEAM]);
  served = await serveReads(ledger.ledger.pool, [TEAM], (app) => {
    overviewRoutes(app, {
      pool: ledger.ledger.pool,
      policy: () => undefined,
      sources: () => [
        { name: 'ci', type: 'codecourier' },
        { name: 'new', type: 'github' },
      ],
      health: async (prefix) => ({
        [`${prefix}ci`]: { status: 'degraded', latencyMs: 3, detail: 'last poll failed' },
        [`${prefix}new`]: { status: 'ok', latencyMs: 3 },
      }),
    });
  });
});
afterAll(async () => {
  await served?.close();
  await ledger?.close();
});

let ids = 0;
const event = (kind: string, data: object, minutesAgo = 1) => ({
  id: `e${++ids}`,
  source: 'ci',
  kind,
  at: ago(minutesAgo),
  data,
});
const run = (runId: string, minutesAgo: number, data: object = {}) =>
  event(
    'run',
    { runId, project: TEAM, workflow: 'build', createdAt: ago(minutesAgo), startedAt: ago(minutesAgo), ...data },
    minutesAgo,
  );
const ended = (runId: string, minutesAgo: number, status: string, data: object = {}) =>
  run(runId, minutesAgo, { status, finishedAt: ago(minutesAgo - 1), ...data });

async function attention(query = '', token?: 'all' | 'team'): Promise<AttentionAnswer> {
  const { status, body } = await served.get(`/api/v1/attention${query}`, token);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

describe('GET /api/v1/runs/{source}/{id}/step-baselines', () => {
  it('says how long each step took in runs that succeeded, and leaves out the others', async () => {
    const seconds = [10, 20, 30, 40];
    for (const [i, length] of seconds.entries()) {
      const runId = `good ${i}`;
      await ledger.record([
        ended(runId, 600 - i, 'succeeded', { workflow: 'timed' }),
        event('step', {
          runId,
          stepId: 'a',
          name: 'plan',
          role: 'designer',
          status: 'succeeded',
          startedAt: ago(600),
          finishedAt: new Date(NOW - 600 * MINUTE_MS + length * 1_000).toISOString(),
        }),
      ]);
    }
    await ledger.record([
      ended('bad', 500, 'failed', { workflow: 'timed' }),
      event('step', {
        runId: 'bad',
        stepId: 'a',
        name: 'plan',
        role: 'designer',
        status: 'failed',
        startedAt: ago(600),
        finishedAt: ago(1),
      }),
      run('looked at', 2, { workflow: 'timed', status: 'running' }),
    ]);
    const ask = async (query: string) =>
      (await served.get(`/api/v1/runs/ci/looked%20at/step-baselines${query}`)).body as StepBaselinesAnswer;
    expect(await ask('')).toEqual({
      runs: 4,
      data: [{ name: 'plan', role: 'designer', count: 4, p50Seconds: 20, p95Seconds: 40 }],
    });
    expect((await ask('?last=1')).data).toEqual([
      { name: 'plan', role: 'designer', count: 1, p50Seconds: 40, p95Seconds: 40 },
    ]);
    expect((await served.get('/api/v1/runs/ci/never/step-baselines')).status).toBe(404);
  });
});

describe('GET /api/v1/sources', () => {
  it('says of each source how far it is and whether it is stale', async () => {
    const { body }: { body: SourcesAnswer } = await served.get('/api/v1/sources');
    expect(body.data).toEqual([
      expect.objectContaining({
        source: 'ci',
        type: 'codecourier',
        way: 'push',
        stale: true,
        polling: { status: 'degraded', detail: 'last poll failed' },
      }),
      {
        source: 'new',
        type: 'github',
        backfilled: false,
        catchingUp: true,
        deadLetters: 0,
        stale: false,
        polling: { status: 'ok' },
      },
    ]);
    const team: { body: SourcesAnswer } = await served.get('/api/v1/sources', 'team');
    expect(team.body.data.map(({ source }) => source)).toEqual(['ci']);
  });
});

describe('GET /api/v1/attention', () => {
  it('names what waits for somebody, the most severe first, and nothing of other projects', async () => {
    await ledger.record([
      run('stuck', 180, { status: 'running' }),
      run('fresh', 5, { status: 'running' }),
      run('stuck elsewhere', 300, { status: 'running', project: 'acme/secret' }),
      run('blocked', 200, { status: 'waiting', pullRequest: { status: 'blocked_on_ci', blockedSince: ago(90) } }),
      ended('broken', 30, 'failed', { workflow: 'deploy', name: 'Deploy' }),
      event('approval', { approvalId: 'late', project: TEAM, requestedAt: ago(30), slaSeconds: 60 }),
      event('approval', { approvalId: 'in time', project: TEAM, requestedAt: ago(30), slaSeconds: 6_000 }),
    ]);
    const { data } = await attention('', 'team');
    expect(data.find(({ kind }) => kind === 'runs_stuck')).toMatchObject({
      count: 1,
      runs: [{ runId: 'stuck' }],
      since: ago(180),
    });
    expect(data.find(({ kind }) => kind === 'blocked_on_ci')).toMatchObject({ count: 1, runs: [{ runId: 'blocked' }] });
    expect(data.find(({ kind }) => kind === 'failures_unattended')?.runs).toContainEqual(
      expect.objectContaining({ runId: 'broken', title: 'Deploy' }),
    );
    expect(data.find(({ kind }) => kind === 'approvals_overdue')).toMatchObject({ count: 1, since: ago(30) });
    expect(data.find(({ kind }) => kind === 'source_stale')).toMatchObject({ severity: 'ticket', source: 'ci' });
    const ranks = data.map(({ severity }) => ['critical', 'warning', 'ticket'].indexOf(severity));
    expect(ranks).toEqual([...ranks].sort());
    expect((await attention()).data.find(({ kind }) => kind === 'runs_stuck')?.count).toBe(2);
    expect((await attention('?project=acme/secret', 'team')).data).toEqual([]);
  });

  it('tells a sudden change against the window before, and none where nothing changed', async () => {
    const project = 'acme/sudden';
    const calm = 'acme/calm';
    await ledger.record(
      Array.from({ length: 10 }, (_, i) => [
        ended(`before ${i}`, 100 + i, 'succeeded', { project }),
        ended(`now ${i}`, 10 + i, i < 5 ? 'failed' : 'succeeded', { project }),
        ended(`calm before ${i}`, 100 + i, 'succeeded', { project: calm }),
        ended(`calm now ${i}`, 10 + i, 'succeeded', { project: calm }),
      ]).flat(),
    );
    const { data } = await attention(`?hours=1&project=${project}&project=${calm}`);
    expect(data.filter(({ before }) => before !== undefined)).toEqual([
      { kind: 'failure_rate_rose', severity: 'critical', project, now: 0.5, before: 0 },
    ]);
  });
});

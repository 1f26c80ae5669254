import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTION_NAMES } from '../../exporter/src/contract/actions.ts';
import { type Json, type ServedActions, serveActions } from './servedActions.ts';

const UNRESOLVED = 'fleet_run_oldest_unresolved_failure_timestamp_seconds';
const NOW = Date.now();
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
let served: ServedActions;

beforeAll(async () => {
  served = await serveActions();
});
afterAll(async () => served?.close());

function run(runId: string, status: string, minutesAgo: number, more: Json = {}) {
  const at = ago(minutesAgo);
  const data = {
    runId,
    project: 'acme/storefront',
    workflow: runId,
    status,
    createdAt: ago(60),
    finishedAt: at,
    ...more,
  };
  return { id: `${runId} ${status} ${minutesAgo}`, source: 'ci', kind: 'run', at, data };
}

const acknowledge = (runId: string, note = 'the template was gone; restored it') => ({
  action: 'acknowledge_run',
  source: 'ci',
  runId,
  note,
});
const entriesAbout = async (target: string) => (await served.audit()).filter((entry) => entry.target === target);

describe('acknowledge_run', () => {
  it('keeps who, when and the note with the run, and nobody is paged for it any more', async () => {
    await served.record([run('broken', 'failed', 30)]);
    expect(await served.gauge(UNRESOLVED)).toEqual([(NOW - 30 * 60_000) / 1000]);

    const { status, body } = await served.act('operator', acknowledge('broken'));

    expect(status, JSON.stringify(body)).toBe(200);
    const found = (await served.get('viewer', '/api/v1/runs/ci/broken')).body;
    expect(found).toMatchObject({ acknowledgedBy: 'operator', acknowledgedNote: 'the template was gone; restored it' });
    expect(await served.gauge(UNRESOLVED)).toEqual([]);
    expect(await entriesAbout('run ci/broken')).toEqual([
      expect.objectContaining({
        source: 'fleetlens',
        actor: 'operator',
        action: 'run_acknowledge',
        project: 'acme/storefront',
        at: found.acknowledgedAt,
        request: acknowledge('broken'),
      }),
    ]);
  });

  it('pages again where the run is tried again and fails again', async () => {
    await served.record([run('again', 'failed', 30)]);
    await served.act('operator', acknowledge('again'));
    expect(await served.gauge(UNRESOLVED)).toEqual([]);
    const later = new Date(Date.now() + 60_000).toISOString();
    await served.record([{ ...run('again', 'failed', 0, { attempts: 2, finishedAt: later }), at: later }]);
    expect(await served.gauge(UNRESOLVED)).toHaveLength(1);
  });

  it('is said once: whoever comes second reads who was first, and a request that is repeated changes nothing', async () => {
    await served.record([run('twice', 'timed_out', 20)]);
    const first = await served.act('operator', acknowledge('twice'));
    expect(await served.act('operator', acknowledge('twice'))).toEqual(first);
    const second = await served.act('admin', acknowledge('twice', 'me too'));
    expect(second).toMatchObject({ status: 409, body: { error: { code: 'already_acknowledged' } } });
    expect(JSON.stringify(second.body)).toContain('operator');
    expect(await entriesAbout('run ci/twice')).toHaveLength(1);
  });

  it.each([
    ['a run that did not fail', 'fine', 'succeeded', 'not_failed', 409],
    ['a run that is under way', 'busy', 'running', 'not_failed', 409],
  ])('refuses %s', async (_what, runId, status, code, expected) => {
    await served.record([run(runId, status, 5)]);
    expect(await served.act('operator', acknowledge(runId))).toMatchObject({
      status: expected,
      body: { error: { code } },
    });
  });

  it('shows a team nothing of the runs of others, and says in the audit trail that it asked', async () => {
    await served.record([run('secret', 'failed', 20, { project: 'acme/secret' })]);
    const unknown = await served.act('team', acknowledge('no such run'));
    const hidden = await served.act('team', acknowledge('secret'));
    expect(hidden.status).toBe(404);
    expect(JSON.stringify(hidden.body).replaceAll('secret', 'X').length).toBeLessThanOrEqual(
      JSON.stringify(unknown.body).length,
    );
    expect((await served.get('viewer', '/api/v1/runs/ci/secret')).body.acknowledgedAt).toBeUndefined();
    expect(await entriesAbout('acknowledge_run')).toContainEqual(
      expect.objectContaining({ actor: 'team', action: 'action_refused', request: acknowledge('secret') }),
    );
  });

  it('keeps no secret that somebody pasted into the note', async () => {
    await served.record([run('leaky', 'failed', 20)]);
    await served.act('operator', acknowledge('leaky', 'key was sk-abcdefghijklmnopqrstuvwxyz0123'));
    const kept = JSON.stringify([
      (await served.get('viewer', '/api/v1/runs/ci/leaky')).body,
      await entriesAbout('run ci/leaky'),
    ]);
    expect(kept).toContain('key was [REDACTED]');
    expect(kept).not.toContain('abcdefghijklmnop');
  });
});

describe('a person', () => {
  it('acts under their own name, with the role that Grafana gives them', async () => {
    await served.record([run('of ann', 'failed', 20)]);
    const viewer = await served.act({ login: 'ann', role: 'Viewer' }, acknowledge('of ann'));
    expect(viewer).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
    expect((await served.act({ login: 'ann', role: 'Editor' }, acknowledge('of ann'))).status).toBe(200);
    expect(await entriesAbout('run ci/of ann')).toMatchObject([{ actor: 'ann', action: 'run_acknowledge' }]);
    expect(await entriesAbout('acknowledge_run')).toContainEqual(
      expect.objectContaining({ actor: 'ann', action: 'action_refused', request: acknowledge('of ann') }),
    );
  });
});

describe('POST /api/v1/actions', () => {
  it.each(['viewer', 'ingest'] as const)('refuses a token of role %s', async (who) => {
    await served.record([run(`of ${who}`, 'failed', 20)]);
    expect((await served.act(who, acknowledge(`of ${who}`))).status).toBe(403);
    expect((await served.get('viewer', `/api/v1/runs/ci/of%20${who}`)).body.acknowledgedAt).toBeUndefined();
  });

  it('reads the audit trail to nobody but admins', async () => {
    for (const who of ['viewer', 'operator', 'builder', { login: 'ann', role: 'Editor' }] as const) {
      expect((await served.get(who, '/api/v1/audit')).status).toBe(403);
      expect((await served.get(who, '/api/v1/audit/fleetlens/x')).status).toBe(403);
    }
    const { body } = await served.get('admin', '/api/v1/audit?actor=ann&action=run_acknowledge&target=run ci/of ann');
    expect(body.data).toHaveLength(1);
  });

  it.each([
    ['no action', { source: 'ci' }, 'action: found nothing, expected one of acknowledge_run, '],
    ['an unknown one', { action: 'launch' }, 'action: found "launch", expected one of acknowledge_run, '],
    ['input of a wrong type', { ...acknowledge('broken'), note: 3 }, 'note: found 3, expected text'],
    ['input that is missing', { action: 'acknowledge_run', source: 'ci', runId: 'x' }, 'note: found nothing'],
    ['input that nothing knows', { ...acknowledge('broken'), force: true }, 'force: unknown key'],
    ['a list', [], 'expected a JSON object'],
  ])('says of %s what it expects', async (_what, body, message) => {
    const answer = await served.act('admin', body);
    expect(answer.status).toBe(400);
    expect((answer.body.error as Json).message).toContain(message);
  });
});

describe('GET /api/v1/me', () => {
  it.each([
    ['viewer', {}],
    ['operator', {}],
    ['builder', {}],
    ['admin', {}],
    ['team', { role: 'operator', projects: ['acme/storefront'] }],
    [
      { login: 'ann', role: 'Viewer' },
      { name: 'ann', role: 'viewer' },
    ],
    [
      { login: 'ann', role: 'Editor' },
      { name: 'ann', role: 'operator' },
    ],
    [
      { login: 'ann', role: 'Admin' },
      { name: 'ann', role: 'admin' },
    ],
  ] as const)('tells %j what they are, and the very actions that they are not refused', async (who, more) => {
    const { status, body } = await served.get(who, '/api/v1/me');
    expect(status).toBe(200);
    expect(body).toMatchObject(typeof who === 'string' ? { name: who, ...more } : more);
    const allowed: string[] = [];
    // Input that no action takes: who may is told so.
    for (const action of ACTION_NAMES) {
      if ((await served.act(who, { action, nonsense: 1 })).status === 400) allowed.push(action);
    }
    expect(body.actions).toEqual(allowed);
  });
});

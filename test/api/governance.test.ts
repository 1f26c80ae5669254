import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOTIFICATION_TYPES } from '../../exporter/src/contract/records.ts';
import { inheritSla } from '../../exporter/src/ledger/inheritSla.ts';
import { type Json, type ServedActions, serveActions, type Who } from './servedActions.ts';

const TEAM = 'acme/storefront';
const NOW = Date.now();
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
let served: ServedActions;
beforeAll(async () => {
  served = await serveActions();
});
afterAll(async () => served?.close());

let count = 0;
function event(kind: string, data: Json, at = ago(30), source = 'platform') {
  count += 1;
  return { id: `e${count}`, source, kind, at, data };
}
async function list(path: string, who: Who = 'operator'): Promise<Json[]> {
  const { status, body } = await served.get(who, path);
  expect(status, `${path}: ${JSON.stringify(body)}`).toBe(200);
  return body.data as Json[];
}

describe('GET /api/v1/runs?unattended', () => {
  const run = (runId: string, status: string, minutes: number, more: Json = {}) =>
    event(
      'run',
      { runId, project: TEAM, workflow: 'nightly', status, createdAt: ago(90), finishedAt: ago(minutes), ...more },
      ago(minutes),
    );
  const unattended = async (more = '') =>
    (await list(`/api/v1/runs?unattended=true${more}`)).map((r) => r.runId).sort();

  it('lists what failed and waits for somebody: not what was acknowledged, nor what a later success resolved', async () => {
    await served.record([
      run('fixed by the next', 'failed', 60),
      run('the next', 'succeeded', 50),
      run('after it', 'timed_out', 40),
      run('seen', 'failed', 30),
      run('of others', 'failed', 30, { project: 'acme/secret' }),
      run('stopped', 'cancelled', 20),
      run('goes on', 'running', 20),
    ]);
    await served.act('operator', { action: 'acknowledge_run', source: 'platform', runId: 'seen', note: 'known' });
    // A failure that is heard of only after the success that came later.
    await served.record([run('told late', 'failed', 70)]);
    expect(await unattended()).toEqual(['after it', 'of others']);
    expect((await list('/api/v1/runs?unattended=true', 'team')).map((r) => r.runId)).toEqual(['after it']);
    expect(await unattended('&status=timed_out&sort=finished_at')).toEqual(['after it']);
    expect((await list('/api/v1/runs?unattended=false')).map((r) => r.runId).sort()).toEqual(
      ['fixed by the next', 'goes on', 'seen', 'stopped', 'the next', 'told late'].sort(),
    );
    await served.record([run('at last', 'succeeded', 5)]);
    expect(await unattended()).toEqual(['of others']);
  });
});

describe('GET /api/v1/approvals', () => {
  const approval = (approvalId: string, workflow: string, minutes: number, more: Json = {}) =>
    event('approval', { approvalId, project: TEAM, workflow, requestedAt: ago(minutes), ...more });
  const hour = 3_600_000;
  const configured = (approvals: { sla?: number; sla_by_workflow?: Record<string, number> }) =>
    inheritSla(served.ledger, { sla_by_workflow: {}, sla: undefined, ...approvals } as never);
  const slaGauge = () => served.gauge('fleet_approval_sla_seconds');

  beforeAll(async () => {
    await served.record([
      event('workflow', { workflow: 'deploy', project: TEAM, approvalSlaSeconds: 600 }),
      event('workflow', { workflow: 'everywhere', approvalSlaSeconds: 7200 }),
      approval('own', 'deploy', 30, { slaSeconds: 3600 }),
      approval('by workflow', 'deploy', 20),
      approval('fresh', 'deploy', 1),
      approval('in all projects', 'everywhere', 30),
      approval('nobody says', 'research', 90),
      approval('over', 'deploy', 60, { decision: 'approved', decidedAt: ago(10), slaSeconds: 600 }),
    ]);
  });

  it('tells how old each pending one is, and whether that is more than its SLA or that of its workflow', async () => {
    await configured({});
    const pending = await list('/api/v1/approvals?state=pending');
    const byId = Object.fromEntries(pending.map((found) => [found.approvalId, found]));
    expect(Object.keys(byId).sort()).toEqual(['by workflow', 'fresh', 'in all projects', 'nobody says', 'own']);
    expect(byId.own).toMatchObject({ slaSeconds: 3600, overdue: false });
    expect(byId['by workflow']).toMatchObject({ slaSeconds: 600, overdue: true });
    expect(byId.fresh).toMatchObject({ slaSeconds: 600, overdue: false });
    expect(byId['in all projects']).toMatchObject({ slaSeconds: 7200, overdue: false });
    expect(byId['nobody says']).not.toHaveProperty('slaSeconds');
    expect(byId['nobody says']).not.toHaveProperty('overdue');
    for (const { ageSeconds, requestedAt } of pending) {
      const seconds = (Date.now() - Date.parse(requestedAt as string)) / 1000;
      expect(Math.abs((ageSeconds as number) - seconds)).toBeLessThan(30);
    }
    const [over] = await list('/api/v1/approvals?state=decided');
    expect(over).toMatchObject({ approvalId: 'over', slaSeconds: 600 });
    expect(over).not.toHaveProperty('ageSeconds');
    expect((await list('/api/v1/approvals?state=overdue')).map((a) => a.approvalId)).toEqual(['by workflow']);
    expect((await served.get('viewer', '/api/v1/approvals/platform/own')).body).toMatchObject({ overdue: false });
  });

  it('takes the configured SLA where nobody says one, for the metric too, and follows the configuration', async () => {
    const before = await slaGauge();
    await configured({ sla: 2 * hour });
    const overdue = async () => (await list('/api/v1/approvals?state=overdue')).map((a) => a.approvalId).sort();
    expect(await overdue()).toEqual(['by workflow']);
    expect(await slaGauge()).toEqual([...before, 7200].sort((a, b) => a - b));

    await configured({ sla: 2 * hour, sla_by_workflow: { research: hour } });
    expect(await overdue()).toEqual(['by workflow', 'nobody says']);
    // What the workflow says of itself stands, however early it said so.
    await served.record([
      event('workflow', { workflow: 'research', project: TEAM, approvalSlaSeconds: 30_000 }, ago(500)),
    ]);
    await configured({ sla: 2 * hour, sla_by_workflow: { research: hour } });
    expect(await overdue()).toEqual(['by workflow']);

    await served.record([
      event('workflow', { workflow: 'research', project: TEAM, approvalSlaSeconds: null }, ago(400)),
    ]);
    await configured({});
    expect(await slaGauge()).toEqual(before);
  });
});

describe('notifications', () => {
  const ann: Who = { login: 'ann', role: 'Viewer' };
  const notification = (id: string, user: string, more: Json = {}, at = ago(30)) =>
    event(
      'notification',
      { notificationId: id, user, project: TEAM, type: 'run_failed', createdAt: ago(40), ...more },
      at,
    );
  const unread = async (who: Who, query = '') =>
    (await served.get(who, `/api/v1/notifications/unread-count${query}`)).body.unread;
  const ids = async (query: string, who: Who = ann) =>
    (await list(`/api/v1/notifications?${query}`, who)).map((n) => n.notificationId).sort();

  beforeAll(async () => {
    await served.record([
      ...NOTIFICATION_TYPES.map((type) => notification(`ann ${type}`, 'ann', { type })),
      notification('ann by mail', 'ann@fleet.example'),
      notification('of bob', 'bob'),
    ]);
  });

  it('of all nine types are a person’s own: by login or address, and nobody else’s', async () => {
    const own = [...NOTIFICATION_TYPES.map((type) => `ann ${type}`), 'ann by mail'].sort();
    expect(await ids('limit=50')).toEqual(own);
    expect(await ids('state=unread&type=pr_failed&type=sprint_failed')).toEqual(['ann pr_failed', 'ann sprint_failed']);
    expect(await unread(ann)).toBe(10);
    expect((await served.get(ann, '/api/v1/notifications?user=bob')).status).toBe(403);
    expect((await served.get(ann, '/api/v1/notifications/unread-count?user=bob')).status).toBe(403);
    expect((await served.get(ann, '/api/v1/notifications/platform/of%20bob')).status).toBe(404);
    expect((await served.get(ann, '/api/v1/notifications/platform/ann%20by%20mail')).status).toBe(200);
    // Their role in Grafana does not open the letters of others.
    expect((await served.get({ login: 'ann', role: 'Admin' }, '/api/v1/notifications?user=bob')).status).toBe(403);
  });

  it('are read by programs from role operator on, for the users that they name', async () => {
    expect(await ids('user=bob', 'operator')).toEqual(['of bob']);
    expect(await unread('operator', '?user=bob&user=ann')).toBe(10);
    expect((await served.get('viewer', '/api/v1/notifications?user=bob')).status).toBe(403);
    expect((await served.get('viewer', '/api/v1/notifications/unread-count')).status).toBe(403);
  });

  it('are marked as read and dismissed, once', async () => {
    const one = { source: 'platform', notificationId: 'ann run_failed' };
    const read = await served.act(ann, { action: 'read_notification', ...one });
    expect(read.status, JSON.stringify(read.body)).toBe(200);
    expect(await served.act(ann, { action: 'read_notification', ...one })).toEqual(read);
    expect(await ids('state=read')).toEqual(['ann run_failed']);
    await served.act(ann, { action: 'dismiss_notification', ...one });
    expect(await ids('state=read')).toEqual([]);
    expect(await ids('state=dismissed')).toEqual(['ann run_failed']);
    expect(await unread(ann)).toBe(9);
  });

  it('of others can neither be read nor dismissed, by a person or a program that names nobody', async () => {
    const ofBob = { source: 'platform', notificationId: 'of bob' };
    expect((await served.act(ann, { action: 'dismiss_notification', ...ofBob })).status).toBe(404);
    expect((await served.act(ann, { action: 'dismiss_notification', ...ofBob, user: 'bob' })).status).toBe(403);
    expect((await served.act('operator', { action: 'read_all_notifications' })).status).toBe(400);
    expect(await unread('operator', '?user=bob')).toBe(1);
    expect((await served.act('operator', { action: 'read_notification', ...ofBob, user: 'bob' })).status).toBe(200);
    expect(await unread('operator', '?user=bob')).toBe(0);
  });

  it('are marked as read all at once, and only those of the person', async () => {
    await served.record([notification('bob again', 'bob')]);
    const { body } = await served.act(ann, { action: 'read_all_notifications' });
    expect(body).toEqual({ read: 9 });
    expect(await unread(ann)).toBe(0);
    expect(await unread('operator', '?user=bob')).toBe(1);
  });

  it('stay as a person marked them when the platform says something older or something else, and follow its later word', async () => {
    await served.record([notification('merged', 'ann', {}, ago(30))]);
    await served.act(ann, { action: 'read_notification', source: 'platform', notificationId: 'merged' });
    const state = async () => (await served.get(ann, '/api/v1/notifications/platform/merged')).body;
    const { readAt } = await state();

    await served.record([notification('merged', 'ann', { readAt: null, title: 'older' }, ago(20))]);
    const later = new Date(Date.now() + 60_000).toISOString();
    await served.record([notification('merged', 'ann', { title: 'newer' }, later)]);
    expect(await state()).toMatchObject({ readAt, title: 'newer' });

    await served.record([notification('merged', 'ann', { readAt: null }, later)]);
    expect(await state()).not.toHaveProperty('readAt');
    // Marked here before the platform's later word came: that word stands.
    await served.act(ann, { action: 'read_notification', source: 'platform', notificationId: 'merged' });
    expect(await state()).not.toHaveProperty('readAt');
  });
});

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWN_SOURCE } from '../../exporter/src/contract/ownSource.ts';
import { pruneLedger } from '../../exporter/src/ledger/retention/pruneLedger.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { writeAudit } from '../../exporter/src/ledger/writeAudit.ts';
import { normaliseEvent } from '../../exporter/src/normalise/normaliseEvent.ts';
import { type Json, type ServedActions, serveActions } from '../api/servedActions.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
let served: ServedActions;
let database: pg.Client;

beforeAll(async () => {
  served = await serveActions();
  database = new pg.Client({ connectionString: served.connectionString });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await served?.close();
});

let count = 0;
function merge(auditId: string, more: Json = {}, at = daysAgo(0)) {
  count += 1;
  const data = { auditId, actor: 'ann', action: 'pr_merge', project: 'acme/storefront', at, ...more };
  return { id: `e${count}`, source: 'platform', kind: 'audit', at, data };
}
const push = async (event: unknown) =>
  (await served.ledger.recordPushed([normaliseEvent(event, Date.now())])).map(({ result }) => result);
const entry = async (auditId: string) => (await served.get('admin', `/api/v1/audit/platform/${auditId}`)).body;
const corrections = async () => {
  const { rows } = await database.query<{ n: string }>(
    `select round(value / 1e9) as n from fleetlens.rollup where family = 'fleetlens_corrections_total' and labels = '{fleet_audit_events_total}'`,
  );
  return Number(rows[0]?.n ?? 0);
};

describe('the audit trail', () => {
  it.each([
    ['update', `update fleetlens.audit set doc = doc || '{"actor":"nobody"}'`],
    ['delete', 'delete from fleetlens.audit'],
    ['truncate', 'truncate fleetlens.audit'],
    [
      'a merge that updates',
      `insert into fleetlens.audit select * from fleetlens.audit on conflict (source, key) do update set doc = '{}'`,
    ],
  ])('cannot be changed by the role that the exporter connects as: %s', async (what, statement) => {
    await push(merge(`stays ${what}`));
    await expect(database.query(statement)).rejects.toThrow('the audit trail is only added to');
    expect(await entry(`stays ${what}`)).toMatchObject({ actor: 'ann' });
  });

  it('keeps the first entry of an id; another one under it is a conflict that a person can look at, counted once', async () => {
    const first = merge('twice', { request: { title: 'as it was' } });
    const other = merge('twice', { actor: 'mallory', request: { title: 'as it should look' } });
    expect(await push(first)).toEqual(['accepted']);
    expect(await push({ ...first, id: 'told once more' })).toEqual(['accepted']);
    const before = await corrections();

    expect(await push(other)).toEqual(['conflict']);
    expect(await push({ ...other, id: 'told yet again' })).toEqual(['conflict']);

    expect(await entry('twice')).toMatchObject({ actor: 'ann', request: { title: 'as it was' } });
    expect(await corrections()).toBe(before + 1);
    const { rows } = await database.query<{ payload: string }>(
      `select payload from fleetlens.dead_letter where kind = 'audit'`,
    );
    expect(rows.map((row) => JSON.parse(row.payload).actor)).toEqual(['mallory']);
    expect((await verifyLedger(served.ledger.pool)).differences).toEqual([]);
  });

  it('of two entries under one id in one batch keeps the first', async () => {
    const events = [merge('at once'), merge('at once', { actor: 'mallory' })];
    const results = await served.ledger.recordPushed(events.map((event) => normaliseEvent(event, Date.now())));
    expect(results.map(({ result }) => result)).toEqual(['accepted', 'conflict']);
    expect(await entry('at once')).toMatchObject({ actor: 'ann' });
  });

  it('is kept for ever, unless a retention says otherwise; then old entries go, and what they counted stays', async () => {
    const retention = { output: DAY_MS, output_bytes_per_run: 1e9, samples: DAY_MS, runs: DAY_MS, changes: DAY_MS };
    await push(merge('old', {}, daysAgo(120)));
    await push(merge('young', {}, daysAgo(80)));
    const counted = async () =>
      (
        await database.query(
          `select sum(value)::text as n from fleetlens.rollup where family = 'fleet_audit_events_total'`,
        )
      ).rows[0];
    const before = await counted();

    await pruneLedger(served.ledger, retention);
    expect(await entry('old')).toMatchObject({ actor: 'ann' });

    await pruneLedger(served.ledger, { ...retention, audit: 100 * DAY_MS });
    expect(await entry('old')).toMatchObject({ error: { code: 'not_found' } });
    expect(await entry('young')).toMatchObject({ actor: 'ann' });
    expect(await counted()).toEqual(before);
    expect((await verifyLedger(served.ledger.pool)).differences).toEqual([]);
    // Read again from its source, what went counts nothing and does not come back.
    await push(merge('old', {}, daysAgo(120)));
    expect(await counted()).toEqual(before);
    expect(await entry('old')).toMatchObject({ error: { code: 'not_found' } });

    await pruneLedger(served.ledger, retention);
    await expect(database.query(`delete from fleetlens.audit where key = 'young'`)).rejects.toThrow('only added to');
  });

  it('cannot be told to forget what is younger than 90 days', async () => {
    await push(merge('recent', {}, daysAgo(60)));
    await expect(
      database.query(`insert into fleetlens.audit_retention (keep) values (interval '1 day')`),
    ).rejects.toThrow(/check constraint/);
  });

  it('has no secret of a request, whole or inside a text', async () => {
    await served.ledger.transaction((tx) =>
      writeAudit(tx, {
        actor: 'ann',
        action: 'budget_override',
        target: 'budget of acme',
        request: {
          token: 'abc',
          headers: { authorization: 'x' },
          note: 'see ghp_abcdefghijklmnopqrstuvwx1234',
          usd: 5,
        },
      }),
    );
    const [own] = (await served.audit()).filter((found) => found.target === 'budget of acme');
    expect(own).toMatchObject({
      source: OWN_SOURCE,
      request: { token: '[REDACTED]', headers: { authorization: '[REDACTED]' }, note: 'see [REDACTED]', usd: 5 },
    });
  });
});

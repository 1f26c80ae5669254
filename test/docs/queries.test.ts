import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRIC_CATALOGUE } from '../../exporter/src/contract/metricCatalogue.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { withClient } from '../support/ledgerContents.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';
import { agentFleet } from './agentFleet.ts';

const DOCUMENT = readFileSync(new URL('../../docs/queries.md', import.meta.url), 'utf8');
const STATEMENTS = [...DOCUMENT.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql = '']) => sql);
const QUESTIONS = STATEMENTS.filter((sql) => sql.startsWith('select'));
const TOKENS = {
  ingest: 'ingest-token-of-the-fleet',
  admin: 'admin-token-of-on-call',
  logs: 'secret-of-the-log-shipper',
};

let database: TestDatabase;
let exporter: ExporterProcess;
const inLedger = <T>(work: (client: Client) => Promise<T>) => withClient(database.connectionString, work);

beforeAll(async () => {
  database = await migratedDatabase({ synchronousCommit: 'off' });
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString, settle_after: '0s' },
      tokens: (['ingest', 'admin'] as const).map((role) => ({ name: role, role, token: TOKENS[role] })),
      sources: [{ name: 'logs', type: 'pino-logs', webhook_secret: TOKENS.logs }],
      budgets: {
        per_repo_daily_usd: 20,
        // Nobody listens there: the message waits.
        notify: [{ name: 'finance', url: 'http://127.0.0.1:9/' }],
      },
      actions_on_exceed: ['notify finance', 'pause new sessions on the affected scope'],
    },
  });
  const now = Date.now();
  const ago = (hours: number) => new Date(now - hours * 3_600_000).toISOString();
  const blocked = { status: 'blocked_on_ci', url: 'https://github.com/acme/payments/pull/7', blockedSince: ago(3) };
  const run = {
    runId: 'run_301',
    project: 'acme/payments',
    status: 'succeeded',
    createdAt: ago(5),
    finishedAt: ago(4),
  };
  const events = [
    ...agentFleet(now),
    { id: 'blocked', source: 'platform', kind: 'run', at: ago(3), data: { ...run, pullRequest: blocked } },
  ];
  await pushEvents(exporter.url, TOKENS.ingest, events);
  const record = await fetch(`${exporter.url}/api/metrics/record`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKENS.ingest}`, 'content-type': 'application/json' },
    body: JSON.stringify({ run_id: 'gt-1', metric_name: 'duration_ms', metric_value: 5432 }),
  });
  expect(record.ok, await record.text()).toBe(true);
  // A line of a log that is none is kept aside.
  const line = await fetch(`${exporter.url}/api/v1/webhooks/logs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKENS.logs}`, 'content-type': 'application/x-ndjson' },
    body: '{"level":50,\n',
  });
  expect(line.ok, await line.text()).toBe(true);
  await waitFor(
    () => inLedger(async (client) => (await client.query('select 1 from fleetlens.budget_pause')).rowCount === 1),
    { what: 'the pause' },
  );
}, 120_000);
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
});

describe('docs/queries.md', () => {
  it.each(QUESTIONS)('%s', async (sql) => {
    const { rows } = await inLedger((client) => client.query(sql));
    expect(rows.length).toBeGreaterThan(0);
  });

  it('makes a role that reads and cannot write, and removes dead letters', async () => {
    const others = STATEMENTS.filter((sql) => !QUESTIONS.includes(sql));
    expect(others.length).toBe(2);
    const [role = '', remove = ''] = others;
    await inLedger(async (client) => {
      await client.query('begin');
      await client.query(role);
      await client.query('set local role on_call');
      expect((await client.query('select 1 from fleetlens.run limit 1')).rowCount).toBe(1);
      await client.query('savepoint before');
      await expect(client.query(remove, ['logs', '9'])).rejects.toThrow('permission denied');
      await client.query('rollback to before');
      await client.query('reset role');
      expect((await client.query(remove, ['logs', '9223372036854775807'])).rowCount).toBe(1);
      // Roles are of the whole server, which other tests use too.
      await client.query('rollback');
    });
  });

  it('names metrics that there are', () => {
    const names = [...DOCUMENT.matchAll(/`(fleet_\w+)`/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(4);
    expect(names.filter((name) => !METRIC_CATALOGUE.some((family) => family.name === name))).toEqual([]);
  });
});

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKENS = { ingest: 'an-ingest-token-for-tests', admin: 'an-admin-token-for-tests' };
const role = `writer_${randomBytes(4).toString('hex')}`;
const old = new Date(Date.now() - 200 * 86_400_000).toISOString();
let database: TestDatabase;
let owner: pg.Client;
let writer: pg.Client;
let exporter: ExporterProcess;

beforeAll(async () => {
  database = await migratedDatabase();
  owner = new pg.Client({ connectionString: database.connectionString });
  await owner.connect();
  await owner.query(`create role ${role} login password 'writes-only'`);
  await owner.query('select fleetlens.grant_writer($1)', [role]);
  const url = new URL(database.connectionString);
  url.username = role;
  url.password = 'writes-only';
  writer = new pg.Client({ connectionString: url.href });
  await writer.connect();
  await owner.query(
    `insert into fleetlens.audit (source, key, doc, stamps, at, seq) values ('platform', 'old', $1, '[]', $2, 0)`,
    [JSON.stringify({ source: 'platform', auditId: 'old', at: old }), old],
  );
  await owner.query(`insert into fleetlens.source_state (source, way, live_at) values ('platform', 'push', now())`);
  exporter = await startExporter({
    config: {
      ledger: { database_url: url.href },
      tokens: Object.entries(TOKENS).map(([name, token]) => ({ name, role: name, token })),
      audit: { retention: '100d' },
    },
  });
});
afterAll(async () => {
  await exporter?.stop();
  await writer?.end();
  await owner?.query(`drop owned by ${role}`);
  await owner?.query(`drop role ${role}`);
  await owner?.end();
  await database?.drop();
});

describe('a database role that only writes the ledger', () => {
  it('is all that the exporter needs: it records, and old entries of the audit trail go in the one way', async () => {
    const at = new Date().toISOString();
    const events = [
      { id: 'r', source: 'ci', kind: 'run', at, data: { runId: 'r', status: 'failed', createdAt: at, finishedAt: at } },
      { id: 'a', source: 'ci', kind: 'audit', at, data: { auditId: 'a', actor: 'ann', action: 'pr_merge' } },
    ];
    expect(await pushEvents(exporter.url, TOKENS.ingest, events)).toMatchObject({ accepted: 2, rejected: [] });
    const ids = async () => {
      const headers = { authorization: `Bearer ${TOKENS.admin}` };
      const answer = await fetch(`${exporter.url}/api/v1/audit?limit=500`, { headers });
      return ((await answer.json()) as { data: { auditId: string }[] }).data.map(({ auditId }) => auditId);
    };
    await waitFor(async () => (await ids()).includes('a') && !(await ids()).includes('old'), { what: 'the old to go' });
    expect(exporter.logs()).not.toContain('permission denied');
  });

  it.each([
    ['change an entry', `update fleetlens.audit set doc = '{}'`],
    ['remove one', 'delete from fleetlens.audit'],
    ['remove all', 'truncate fleetlens.audit'],
    ['switch off what keeps them', 'alter table fleetlens.audit disable trigger all'],
    ['let others in', `select fleetlens.grant_writer('public')`],
    ['undo a migration', 'delete from fleetlens.migration'],
  ])('cannot %s', async (_what, statement) => {
    await expect(writer.query(statement)).rejects.toThrow(/permission denied|must be owner/);
  });
});

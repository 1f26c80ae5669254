import { afterEach, describe, expect, it } from 'vitest';
import { AuditReceiver } from '../support/auditReceiver.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKENS = {
  ingest: 'an-ingest-token-for-tests',
  viewer: 'a-viewer-token-for-tests',
  admin: 'an-admin-token-for-tests',
};
const FAILING = 'fleetlens_audit_webhook_failing_timestamp_seconds';
type Entry = Record<string, unknown>;

const running: { stop(): Promise<void> }[] = [];
const databases: TestDatabase[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((exporter) => exporter.stop()));
  for (const database of databases.splice(0)) await database.drop();
});

async function newDatabase(): Promise<TestDatabase> {
  const database = await migratedDatabase();
  databases.push(database);
  return database;
}

const configOf = (database: TestDatabase, webhook: object | undefined, more: object = {}) => ({
  ledger: { database_url: database.connectionString },
  tokens: Object.entries(TOKENS).map(([role, token]) => ({ name: `the ${role}`.replace(' ', '-'), role, token })),
  audit: webhook === undefined ? {} : { webhook },
  ...more,
});

async function start(config: ReturnType<typeof configOf>): Promise<ExporterProcess> {
  const exporter = await startExporter({ config });
  running.push(exporter);
  return exporter;
}

async function read(exporter: ExporterProcess, path: string, token = TOKENS.admin): Promise<Entry> {
  const response = await fetch(exporter.url + path, { headers: { authorization: `Bearer ${token}` } });
  return (await response.json()) as Entry;
}

/** The audit trail in the order of commits. */
async function trail(exporter: ExporterProcess): Promise<Entry[]> {
  return (await read(exporter, '/api/v1/audit?order=recorded&limit=500')).data as Entry[];
}

const healthOf = async (exporter: ExporterProcess) =>
  ((await read(exporter, '/health')).parts as Record<string, { status: string; detail: string }>)['audit webhook'];

let count = 0;
function entries(many: number): PushedEvent[] {
  return Array.from({ length: many }, () => {
    count += 1;
    const at = new Date(Date.now() - 60_000).toISOString();
    const data = { auditId: `a${count}`, actor: 'ann', action: 'pr_merge', target: `pr ${count}`, request: { count } };
    return { id: `e${count}`, source: 'platform', kind: 'audit', at, data };
  });
}

const idOf = (entry: Entry) => `${entry.source}/${entry.auditId}`;
const firsts = (all: readonly Entry[]) => [...new Set(all.map(idOf))];

describe('the audit webhook', () => {
  it('has every entry in the order of commits, though the replica that delivers is killed in between', async () => {
    await using receiver = await AuditReceiver.start();
    const database = await newDatabase();
    const config = configOf(database, { url: receiver.url });
    const first = await start(config);
    await waitFor(async () => (await healthOf(first))?.detail === 'this replica delivers', {
      what: 'the first to lead',
    });
    const second = await start(config);

    for (let i = 0; i < 5; i++) await pushEvents(i % 2 ? second.url : first.url, TOKENS.ingest, entries(20));
    await waitFor(() => receiver.entries().length >= 100, { what: 'the first hundred' });
    // Taken, but the sender dies before it learns of it.
    let isKilled = false;
    receiver.verdict = () => (isKilled ? { status: 200 } : 'hang');
    const before = receiver.posts.length;
    for (let i = 0; i < 5; i++) await pushEvents(second.url, TOKENS.ingest, entries(20));
    await waitFor(() => receiver.posts.length > before, { what: 'a delivery that is under way' });
    await first.kill('SIGKILL');
    isKilled = true;
    for (let i = 0; i < 5; i++) await pushEvents(second.url, TOKENS.ingest, entries(20));

    await waitFor(() => firsts(receiver.entries()).length >= 302, { what: 'all entries' });
    const recorded = (await trail(second)).map(idOf);
    expect(firsts(receiver.entries())).toEqual(recorded);
    expect(recorded.filter((id) => id.startsWith('platform/'))).toHaveLength(300);
    // At least once: what was under way came again.
    expect(receiver.entries().length).toBeGreaterThan(recorded.length);
  });

  it('waits as long as the receiver asks, says meanwhile that it is behind, and then delivers in the receiver’s format', async () => {
    await using receiver = await AuditReceiver.start();
    let isUp = false;
    receiver.verdict = () => (isUp ? { status: 202 } : { status: 429, headers: { 'retry-after': '1' } });
    const database = await newDatabase();
    const exporter = await start(
      configOf(database, {
        url: receiver.url,
        format: 'json',
        headers: { 'DD-API-KEY': 'the-key-of-the-collector' },
      }),
    );
    await pushEvents(exporter.url, TOKENS.ingest, entries(3));
    const health = await waitFor(
      async () => {
        const part = await healthOf(exporter);
        return part?.status === 'degraded' && part;
      },
      { what: 'a degraded part' },
    );
    expect(health.detail).toContain('found status 429');
    expect(health.detail).not.toContain('secret-path');
    const failing = async () => parseExposition(await exporter.scrape()).get(FAILING);
    expect(await failing()).toBeDefined();

    isUp = true;
    await waitFor(() => receiver.taken.length, { what: 'a delivery' });
    await waitFor(async () => (await healthOf(exporter))?.status === 'ok', { what: 'a part that is well again' });
    expect(await failing()).toBeUndefined();
    const delivered = receiver.taken.flatMap((body) => JSON.parse(body) as Entry[]);
    expect(delivered).toEqual(await trail(exporter));
    expect(receiver.posts.at(-1)?.headers).toMatchObject({
      'content-type': 'application/json',
      'dd-api-key': 'the-key-of-the-collector',
    });
    expect(exporter.logs()).not.toMatch(/the-key-of-the-collector|secret-path/);
  });

  it('sends less at once to a receiver that takes little', async () => {
    await using receiver = await AuditReceiver.start();
    receiver.verdict = ({ body }) => ({ status: body.length > 2_000 ? 413 : 200 });
    const database = await newDatabase();
    const exporter = await start(configOf(database, undefined));
    await pushEvents(exporter.url, TOKENS.ingest, entries(40));
    await exporter.writeConfig(configOf(database, { url: receiver.url, token: 'the-token-of-the-collector' }));
    process.kill(exporter.pid(), 'SIGHUP');

    await waitFor(() => firsts(receiver.entries()).length >= 42, { what: 'all entries' });
    expect(firsts(receiver.entries())).toEqual((await trail(exporter)).map(idOf));
    expect(receiver.posts[0]?.headers.authorization).toBe('Bearer the-token-of-the-collector');
  });
});

describe('the exporter’s own entries', () => {
  it('say with which configuration it started, and what a reload changed, without any secret', async () => {
    const database = await newDatabase();
    const before = configOf(database, undefined, { log: { level: 'info' } });
    const exporter = await start(before);
    const [started] = await waitFor(() => trail(exporter), { what: 'the entry of the start' });
    expect(started).toMatchObject({
      source: 'fleetlens',
      action: 'configuration_change',
      target: 'start',
      request: { configuration: { log: { level: 'info' } } },
    });

    const [ingest, ...others] = before.tokens;
    const fresh = 'another-ingest-token-0123456789';
    await exporter.writeConfig({
      ...before,
      tokens: [{ ...ingest, token: fresh }, ...others],
      sources: [{ name: 'ci-runs', type: 'e2b', api_key: 'e2b_0123456789abcdef0123' }],
      metrics: { max_series: 30_000 },
    });
    process.kill(exporter.pid(), 'SIGHUP');
    const [, reloaded] = await waitFor(
      async () => {
        const found = await trail(exporter);
        return found.length >= 2 && found;
      },
      { what: 'the entry of the reload' },
    );
    expect(reloaded).toMatchObject({
      action: 'configuration_change',
      target: 'reload',
      request: {
        changed: ['metrics.max_series', 'sources.ci-runs', 'tokens.the-ingest.token'],
        needRestart: ['metrics.max_series'],
      },
    });
    const kept = JSON.stringify([started, reloaded]);
    for (const secret of [...Object.values(TOKENS), fresh, 'e2b_0123456789']) expect(kept).not.toContain(secret);
    expect(kept).not.toContain(new URL(database.connectionString).password || 'no password');
  });

  it('name credentials that were refused: whose, where, from which address and why, never what was presented', async () => {
    const exporter = await start(configOf(await newDatabase(), undefined));
    const ask = async (token: string, path: string) =>
      (await fetch(exporter.url + path, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await ask(TOKENS.viewer, '/api/v1/audit')).toBe(403);
    const wrong = 'a-token-that-nobody-has-0123456789';
    for (let i = 0; i < 40; i++) expect(await ask(wrong, `/api/v1/runs?q=${i}`)).toBe(401);
    // No credentials, no use of them.
    expect((await fetch(`${exporter.url}/api/v1/runs`)).status).toBe(401);

    // In one millisecond, or more: their order is that of their times.
    const [viewer, nobody] = await waitFor(
      async () => {
        const found = (await trail(exporter)).filter((entry) => entry.action === 'token_refused');
        const both = ['GET /api/v1/audit', 'GET /api/v1/runs'].map((target) => found.find((e) => e.target === target));
        return both.every((entry) => entry !== undefined) && both;
      },
      { what: 'the entries' },
    );
    expect(viewer).toMatchObject({ actor: 'the-viewer', attributes: { address: '127.0.0.1' } });
    expect(nobody).toMatchObject({ actor: 'unknown' });
    const all = (await trail(exporter)).filter((entry) => entry.target === 'GET /api/v1/runs');
    expect(all.length).toBeLessThan(40);
    expect(JSON.stringify(all)).not.toContain(wrong);
  });
});

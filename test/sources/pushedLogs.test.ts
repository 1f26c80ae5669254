import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { withClient } from '../support/ledgerContents.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';

const SECRET = 'secret-of-the-log-shipper';
const nowMs = Date.now() - 60_000;
let sequence = 0;
const at = () => nowMs + sequence++ * 10;

/** What pino itself writes. */
function byPino(write: (log: pino.Logger) => void): string[] {
  const lines: string[] = [];
  write(pino({ timestamp: () => `,"time":${at()}` }, { write: (line: string) => void lines.push(line.trim()) }));
  return lines;
}

const said = (msg: string, more: object = {}) =>
  JSON.stringify({ level: 30, time: at(), pid: 7, hostname: 'h', msg, ...more });

let exporter: ExporterProcess;
let database: TestDatabase;
beforeAll(async () => {
  const logs = await temporaryDirectory('logs');
  database = await migratedDatabase();
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      ingest: { max_body_bytes: '1MB' },
      sources: ['tinker', 'vector', 'fluent', 'cache', 'broken', 'twice', 'limits']
        .map((name) => ({
          name,
          type: 'pino-logs',
          webhook_secret: SECRET,
          max_line: '4KiB',
          poll_interval: '200ms',
          ...(name === 'twice' && { path: logs.path }),
        }))
        .concat({ name: 'files', type: 'pino-logs', path: logs.path, poll_interval: '200ms' } as never),
    },
  });
  directory = logs.path;
  return async () => {
    await exporter.stop();
    await database.drop();
    await logs.remove();
  };
});
let directory: string;

// biome-ignore lint/suspicious/noExplicitAny: what a record holds is what the tests ask.
type Body = any;

async function post(
  source: string,
  lines: readonly string[] | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${exporter.url}/api/v1/webhooks/${source}`, {
    method: 'POST',
    body: lines instanceof Uint8Array ? lines : lines.map((line) => `${line}\n`).join(''),
    headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${SECRET}`, ...headers },
  });
  return { status: response.status, body: await response.json() };
}

async function records(list: string, source: string): Promise<Body[]> {
  const response = await fetch(`${exporter.url}/api/v1/${list}?source=${source}&limit=100`);
  return ((await response.json()) as Body).data;
}

async function sample(series: string): Promise<number | undefined> {
  const line = (await exporter.scrape()).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe('lines that are pushed', () => {
  it('become what they become from files: errors, limits, failures of stores', async () => {
    const lines = [
      ...byPino((log) => {
        const child = log.child({ requestId: 'req-1', repo: 'octo/cli', run_id: 'r1' });
        child.info('Processing issue comment');
        child.error({ err: new TypeError('x is null'), handler: 'handleIssueComment' }, 'failed');
      }),
      said('[rate-limit] Repo octo/cli limit exceeded: 0/5 remaining', { level: 40, requestId: 'req-2' }),
      said('request completed', { requestId: 'req-2', res: { statusCode: 429 } }),
      said('[redis] Connection failed: ECONNREFUSED', { level: 50 }),
      said('[db] Migration completed in 234ms'),
    ];
    expect(await post('tinker', lines)).toEqual({ status: 200, body: { accepted: 5, duplicates: 0, rejected: [] } });
    expect(await records('platform-errors', 'tinker')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          component: 'handleIssueComment',
          requestId: 'req-1',
          runId: 'r1',
          project: 'octo/cli',
        }),
        expect.objectContaining({ component: 'redis', message: 'Connection failed: ECONNREFUSED' }),
      ]),
    );
    expect(await records('rate-limits', 'tinker')).toMatchObject([
      { layer: 'repo', project: 'octo/cli', limited: true },
    ]);
    const stores = await records('stores', 'tinker');
    expect(stores).toContainEqual(
      expect.objectContaining({ store: 'redis', error: expect.objectContaining({ kind: 'connection' }) }),
    );
    expect(stores).toContainEqual(
      expect.objectContaining({ store: 'postgres', attributes: { lastMigrationSeconds: 0.234 } }),
    );
    // The same lines again, and in another batch, under another order.
    expect((await post('tinker', lines)).body).toEqual({ accepted: 0, duplicates: 5, rejected: [] });
    expect((await post('tinker', lines.toReversed())).body).toMatchObject({ accepted: 0, duplicates: 5 });
    await waitFor(async () => (await sample('fleet_errors_total{source="tinker",component="redis"}')) !== undefined, {
      what: 'the error to be exposed',
    });
    const counted = await withClient(database.connectionString, async (client) =>
      (
        await client.query<{ family: string; n: string }>(
          `select family, sum(value) / 1e9 as n from fleetlens.rollup where labels[1] = 'tinker' and value <> 0 group by 1 order by 1`,
        )
      ).rows.map(({ family, n }) => [family, Number(n)]),
    );
    expect(counted).toEqual(
      expect.arrayContaining([
        ['fleet_errors_total', 2],
        ['fleet_rate_limited_total', 1],
        ['fleet_store_errors_total', 1],
      ]),
    );
  });

  it('a refusal is told once, whichever batch its response comes in', async () => {
    const limited = said('[rate-limit] IP 10.0.0.7 limit exceeded: 0/5 remaining', { level: 40, requestId: 'q1' });
    const answered = said('request completed', { requestId: 'q1', res: { statusCode: 429 } });
    const other = said('request completed', { requestId: 'q2', res: { statusCode: 429 } });
    expect((await post('limits', [limited])).body).toMatchObject({ accepted: 1 });
    expect((await post('limits', [answered])).status).toBe(202);
    expect((await post('limits', [other])).body).toMatchObject({ accepted: 1 });
    expect((await post('limits', [other])).body).toMatchObject({ duplicates: 1 });
    expect(await records('rate-limits', 'limits')).toHaveLength(2);
  });

  it('as shippers wrap them: Vector and Fluent Bit, in gzip too', async () => {
    const line = (n: number) => JSON.stringify({ level: 50, time: at(), msg: `as written ${n}`, component: 'api' });
    const time = new Date(at()).toISOString();
    const vector = [
      JSON.stringify({ message: line(1), timestamp: time, host: 'h', source_type: 'file' }),
      JSON.stringify({ message: '\u001b[31m[redis] Connection failed: ETIMEDOUT\u001b[0m', timestamp: time }),
    ];
    const packed = Uint8Array.from(gzipSync(`${vector.join('\n')}\n`));
    expect((await post('vector', packed, { 'content-encoding': 'gzip' })).body).toMatchObject({
      accepted: 3,
      rejected: [],
    });
    expect((await records('platform-errors', 'vector')).map(({ message }) => message).sort()).toEqual([
      'Connection failed: ETIMEDOUT',
      'as written 1',
    ]);
    const fluent = [
      JSON.stringify({ date: at() / 1000, log: line(2) }),
      JSON.stringify({ date: at() / 1000, log: '[redis] Connection failed: ECONNREFUSED', stream: 'stderr' }),
      JSON.stringify({ date: new Date(at()).toISOString(), log: '[db] connection timeout' }),
    ];
    expect((await post('fluent', fluent)).body).toMatchObject({ accepted: 5, rejected: [] });
    const errors = await records('platform-errors', 'fluent');
    expect(errors.map(({ component }) => component).sort()).toEqual(['api', 'db', 'redis']);
    expect(errors.every((error) => Math.abs(Date.parse(error.at) - nowMs) < 60_000)).toBe(true);
  });

  it('cache lookups are counted line by line', async () => {
    // The first reading of a total is where counting begins.
    await post('cache', [said('[cache] Cache hit for run-status:0')]);
    const lines = [
      said('[cache] Cache hit for run-status:1'),
      said('[cache] Cache miss for run-status:2'),
      said('[cache] Cache hit for run-status:1'),
      said('[cache] Evicting stale entries: 3 keys'),
      said('[cache] Cache hit for run-status:3'),
    ];
    expect((await post('cache', lines)).body).toMatchObject({ accepted: 5 });
    expect((await post('cache', [...lines].reverse().slice(0, 2))).body).toMatchObject({ accepted: 0, duplicates: 2 });
    const total = async (family: string) =>
      withClient(database.connectionString, async (client) =>
        Number(
          (
            await client.query(
              `select value / 1e9 as n from fleetlens.rollup where family = $1 and labels[1] = 'cache'`,
              [family],
            )
          ).rows[0]?.n,
        ),
      );
    expect([
      await total('fleet_cache_hits_total'),
      await total('fleet_cache_misses_total'),
      await total('fleet_cache_evictions_total'),
    ]).toEqual([3, 1, 3]);
  });

  it('a line that cannot be read is rejected by its place and kept aside; the others are recorded', async () => {
    const bad = [
      '{"level":50,"time":1,"msg":"cut of',
      '[1, 2]',
      JSON.stringify({ level: 50, msg: 'without a time' }),
      JSON.stringify({ level: 50, time: Date.now() + 3_600_000, msg: 'from tomorrow' }),
      JSON.stringify({ level: 50, time: at(), msg: 'x'.repeat(5_000) }),
      JSON.stringify({ date: at() / 1000, log: '{"level":50,"msg":"cut' }),
      JSON.stringify({ level: 50, msg: 'without a time, password=hunter2hunter2' }),
    ];
    const good = [said('first', { level: 50 }), said('second', { level: 50 })];
    const { status, body } = await post('broken', [good[0] as string, '', ...bad, '  ', good[1] as string]);
    expect([status, body.accepted, body.duplicates]).toEqual([200, 2, 0]);
    expect(body.rejected.map(({ index, reason }: Body) => [index, reason])).toEqual([
      [1, expect.stringMatching(/^not valid JSON: /)],
      [2, expect.stringMatching(/^expected an object with a time, found \[1, 2\]/)],
      [3, expect.stringMatching(/^expected a time: .*found none/)],
      [4, expect.stringMatching(/at most 5 minutes ahead/)],
      [5, expect.stringMatching(/^found a line of \d+ bytes, expected at most 4096 \(max_line\)/)],
      [6, 'the line that the shipper read is cut off'],
      [7, expect.stringMatching(/^expected a time/)],
    ]);
    const letters = await withClient(
      database.connectionString,
      async (client) =>
        (await client.query<{ payload: string }>(`select payload from fleetlens.dead_letter where source = 'broken'`))
          .rows,
    );
    expect(letters).toHaveLength(6);
    expect(letters).toContainEqual({ payload: '[1, 2]' });
    expect(JSON.stringify(letters)).not.toContain('hunter2');
    await waitFor(async () => (await sample('fleetlens_dead_letters{source="broken"}')) === 6, {
      what: 'the letters to be shown',
    });
    expect(await sample('fleetlens_ingest_events_total{source="broken",result="rejected"}')).toBe(7);
    // A batch of which nothing can be read is told so, and not answered as one of no interest.
    expect(await post('broken', ['{'])).toMatchObject({ status: 200, body: { accepted: 0, rejected: [{ index: 0 }] } });
    expect(await post('broken', [said('of no interest')])).toMatchObject({ status: 202, body: { rejected: [] } });
  });

  it('files and pushes may come to one source', async () => {
    await appendFile(join(directory, 'prod.log'), `${said('from a file', { level: 50 })}\n`);
    await post('twice', [said('pushed', { level: 50 })]);
    await waitFor(async () => (await records('platform-errors', 'twice')).length === 2, { what: 'both errors' });
  });
});

describe('who may push', () => {
  const basic = (password: string) => `Basic ${Buffer.from(`vector:${password}`).toString('base64')}`;

  it('whoever has the secret, as bearer token or as password', async () => {
    expect((await post('tinker', [said('x')], { authorization: `bearer  ${SECRET}` })).status).toBe(202);
    expect((await post('tinker', [said('x')], { authorization: basic(SECRET) })).status).toBe(202);
  });

  it.each([
    ['nothing', ''],
    ['another token', 'Bearer another-secret-of-somebody'],
    ['a part of it', `Bearer ${SECRET.slice(0, -1)}`],
    ['more than it', `Bearer ${SECRET}x`],
    ['another password', basic('another')],
    ['it as the user', `Basic ${Buffer.from(`${SECRET}:`).toString('base64')}`],
    ['another scheme', `Digest ${SECRET}`],
  ])('%s: 401, and nothing is recorded', async (_what, authorization) => {
    const error = said('of a stranger', { level: 50 });
    const { status, body } = await post('tinker', [error], { authorization });
    expect([status, body.error.code]).toEqual([401, 'token_invalid']);
    expect(JSON.stringify(body)).not.toContain(SECRET);
    expect((await records('platform-errors', 'tinker')).map(({ message }) => message)).not.toContain('of a stranger');
  });

  it('a source without a secret takes none', async () => {
    expect(await post('files', [said('x')])).toMatchObject({ status: 404 });
  });

  it('what cannot be unpacked, and what is too large', async () => {
    const bad = Uint8Array.from(Buffer.from('no gzip'));
    expect(await post('tinker', bad, { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 });
    expect(await post('tinker', bad, { 'content-encoding': 'zstd' })).toMatchObject({ status: 400 });
    expect(await post('tinker', ['x'.repeat(1_100_000)])).toMatchObject({ status: 413 });
  });
});

it('a shipper that is told to wait loses nothing', async () => {
  const own = await migratedDatabase();
  const waiting = await startExporter({
    config: {
      ledger: { database_url: own.connectionString },
      sources: [{ name: 'tinker', type: 'pino-logs', webhook_secret: SECRET }],
    },
  });
  onTestFinished(async () => {
    await waiting.stop();
    await own.drop();
  });
  await withClient(own.connectionString, (client) => client.query('alter table fleetlens.dead_letter rename to away'));
  const body = `${said('kept', { level: 50 })}\n{\n`;
  const send = async () =>
    await fetch(`${waiting.url}/api/v1/webhooks/tinker`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${SECRET}` },
    });
  expect((await send()).status).toBeGreaterThanOrEqual(500);
  await withClient(own.connectionString, (client) => client.query('alter table fleetlens.away rename to dead_letter'));
  expect(await (await send()).json()).toMatchObject({ accepted: 0, duplicates: 1, rejected: [{ index: 1 }] });
});

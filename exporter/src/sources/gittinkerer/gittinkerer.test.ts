import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import {
  artifactFiles,
  type GittinkererDatabase,
  gittinkererDatabase,
  writeArtifacts,
} from '../../../../test/support/gittinkererDatabase.ts';
import { startRedis } from '../../../../test/support/redis.ts';
import { temporaryDirectory } from '../../../../test/support/temporaryDirectory.ts';
import { type Logged, pollForTest, warnings } from '../pollForTest.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import type { Source } from '../source.ts';
import { gittinkerer } from './gittinkerer.ts';

const CREATED = '2026-01-03T14:26:26.000Z';
const FINISHED = '2026-01-03T14:26:50.476Z';
const DIRECTORY = '20260103T142626Z';
const RUN = '550e8400-e29b-41d4-a716-446655440000';

function open(config: object): { source: Source; lines: Logged[] } {
  const { log, lines } = warnings();
  const source = gittinkerer.create('gittinkerer', gittinkerer.configSchema.parse(config), log);
  onTestFinished(() => source.close());
  return { source, lines };
}

async function database(): Promise<GittinkererDatabase> {
  const made = await gittinkererDatabase();
  onTestFinished(() => made.drop());
  return made;
}

async function root(): Promise<string> {
  const directory = await temporaryDirectory('artifacts');
  onTestFinished(() => directory.remove());
  return directory.path;
}

async function redis() {
  const server = await startRedis();
  const client = new Redis(server.url);
  onTestFinished(async () => {
    client.disconnect();
    await server.stop();
  });
  return { server, client };
}

const insertRun = (
  db: GittinkererDatabase,
  run: {
    id?: string;
    status?: string;
    source?: string;
    created?: string;
    finished?: string | null;
    dir?: string | null;
  },
) =>
  db.execute(
    'insert into runs (run_id, status, source, created_at, finished_at, artifacts_dir) values ($1, $2, $3, $4, $5, $6)',
    [
      run.id ?? RUN,
      run.status ?? 'succeeded',
      run.source ?? 'pr',
      run.created ?? CREATED,
      run.finished === undefined ? FINISHED : run.finished,
      run.dir === undefined ? `/srv/artifacts/${DIRECTORY}/` : run.dir,
    ],
  );
const metric = (db: GittinkererDatabase, name: string, value: number, at: string | null = FINISHED, id = RUN) =>
  db.execute('insert into run_metrics (run_id, metric_name, metric_value, recorded_at) values ($1, $2, $3, $4)', [
    id,
    name,
    value,
    at,
  ]);

it('a run is its row, its metrics and its directory; read again unchanged it is not sent again', async () => {
  const db = await database();
  const path = await root();
  await insertRun(db, {});
  await writeArtifacts(path, DIRECTORY, artifactFiles(RUN, DIRECTORY));
  await metric(db, 'tokens_used', 900, '2026-01-03T14:26:40Z');
  for (const [name, value] of Object.entries({
    duration_ms: 23_781,
    exit_code: 0,
    tokens_used: 1250,
    files_changed: 2,
    cost_usd: 0.0025,
    review_rounds: 3,
  }))
    await metric(db, name, value);
  // Written later, about an earlier moment: not the latest.
  await metric(db, 'cost_usd', 99, '2026-01-03T14:26:41Z');
  const { source, lines } = open({ database_url: db.connectionString, artifacts: { path } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({
    project: 'octo/cli',
    name: 'Rename the flag',
    origin: 'pr',
    workflow: 'handleIssueComment',
    status: 'succeeded',
    rawStatus: 'succeeded',
    createdAt: CREATED,
    finishedAt: FINISHED,
    prompt: 'Rename --dry to --dry-run.\nKeep the old name.',
    promptPreview: 'Rename --dry to --dry-run.\nKeep the old name.',
    pullRequest: { url: 'https://github.com/octo/cli/pull/17', number: 17 },
    exitCode: 0,
    costUsd: 0.0025,
    counts: { filesChanged: 2, linesAdded: 3, linesRemoved: 1 },
    commitSha: '9fceb02d0ae598e95dc970b74767f19372d61af8',
    usageMissing: false,
    links: { source: 'https://github.com/octo/cli/pull/17#issuecomment-1' },
    metadata: { action: 'created', sender: 'hubot', author: 'mona', installationId: 4242 },
    'attributes.metrics.tokens_used': 1250,
    'attributes.metrics.duration_ms': 23_781,
    'attributes.metrics.review_rounds': 3,
    'attributes.prComment': 'Done: renamed the flag.',
    'attributes.summary': '# Summary\nOne flag was renamed.',
    'attributes.filesChanged': ['src/flags.ts', 'docs/README.md'],
    // By the platform's own patterns: `+` alone and `+++counter` are none, `--- dry` is none, the notice is one.
    'attributes.diffLoc': 2,
    diff: artifactFiles(RUN, DIRECTORY)['agent-run/diff.patch'],
  });
  expect(ledger.get('run', RUN)?.artifacts).toEqual(
    Object.entries(artifactFiles(RUN, DIRECTORY))
      .map(([name, content]) => ({ name, path: `${DIRECTORY}/${name}`, bytes: content.length }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
  expect(ledger.get('usage', `${RUN}:completion`)).toMatchObject({
    runId: RUN,
    project: 'octo/cli',
    quantity: 1250,
    unit: 'tokens',
    costUsd: 0.0025,
    durationSeconds: 23.781,
    date: '2026-01-03',
  });
  expect(lines).toEqual([]);
  const before = ledger.batches.length;
  await pollForTest(source, ledger);
  expect(ledger.batches.slice(before).flatMap(({ records }) => records.map(({ kind }) => kind))).toEqual(['store']);
});

it.each([
  ['running', 'running'],
  ['succeeded', 'succeeded'],
  ['completed', 'succeeded'],
  ['COMPLETED', 'succeeded'],
  ['failed', 'failed'],
  ['archived', 'unknown'],
])('status %s is %s', async (word, status) => {
  const db = await database();
  await insertRun(db, { status: word, source: 'web' });
  const { source } = open({ database_url: db.connectionString });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ status, rawStatus: word, origin: 'web', workflow: 'createRun' });
});

it('a run is followed: its row, late metrics, late files', async () => {
  const db = await database();
  const path = await root();
  const now = Date.now();
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
  await insertRun(db, { status: 'running', created: at(-100), finished: null, dir: null });
  const { source } = open({ database_url: db.connectionString, artifacts: { path } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  const name = at(-100).replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'running' });
  expect(ledger.get('run', RUN)).not.toHaveProperty('artifacts');
  // The row names no directory; the directory names the run.
  await writeArtifacts(path, name, { 'run.json': JSON.stringify({ run_id: RUN, started_at: at(-99) }) });
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ startedAt: at(-99), artifacts: [{ name: 'run.json' }] });
  await db.execute(`update runs set status = 'failed', finished_at = $1, artifacts_dir = $2`, [at(-10), name]);
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'failed', 'attributes.artifactsMissing': ['payload.json'] });
  expect(ledger.get('run', RUN)).not.toHaveProperty('usageMissing');
  await metric(db, 'exit_code', 137, at(-5));
  await metric(db, 'tokens_used', 10, at(-5));
  await writeArtifacts(path, name, { 'payload.json': '{}' });
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({
    exitCode: 137,
    error: { surface: 'run', category: 'out_of_memory', message: 'exit code 137' },
    usageMissing: false,
    'attributes.artifactsMissing': null,
  });
  // A figure may still be replaced; what is counted of it waits.
  expect(ledger.all('usage')).toEqual([]);
  await db.execute('delete from runs');
  await pollForTest(source, ledger);
  expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual([RUN]);
});

it('a metric that is recorded long after the end is found', async () => {
  const db = await database();
  await insertRun(db, {});
  const { source } = open({ database_url: db.connectionString });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ usageMissing: true });
  await metric(db, 'cost_usd', 1.5, new Date().toISOString());
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ costUsd: 1.5, usageMissing: false });
});

it('of a metric the row that was recorded last counts: by time, then by id; one without a time where there is no other', async () => {
  const db = await database();
  await insertRun(db, {});
  await insertRun(db, { id: 'r2' });
  await metric(db, 'exit_code', 1, '2026-01-03T14:26:40Z');
  await metric(db, 'exit_code', 2);
  await metric(db, 'exit_code', 3);
  await metric(db, 'exit_code', 4, null);
  await metric(db, 'review_rounds', 5, null);
  await metric(db, 'webhook_processed', 6);
  await metric(db, 'exit_code', 7, FINISHED, 'r2');
  const ledger = new RecordingLedger();
  await pollForTest(open({ database_url: db.connectionString }).source, ledger);
  expect(ledger.all('run').map(({ runId, exitCode }) => [runId, exitCode])).toEqual([
    [RUN, 3],
    ['r2', 7],
  ]);
  const run = ledger.get('run', RUN) ?? {};
  expect(run).toMatchObject({
    'attributes.metrics.review_rounds': 5,
    'attributes.metricsRecorded.review_rounds': { id: '5' },
    'attributes.metricsRecorded.exit_code': { id: '3', at: FINISHED },
  });
  expect(Object.keys(run).filter((field) => field.includes('webhook_processed'))).toEqual([]);
  const webhooks = ledger.batches.flatMap(({ records }) => records.filter(({ kind }) => kind === 'adapter'));
  expect(webhooks).toMatchObject([{ data: { count: 6, attributes: { runId: RUN } } }]);
});

it('a run has at most 200 metrics, whatever names its callers make up', async () => {
  const db = await database();
  await insertRun(db, {});
  await db.execute(
    `insert into run_metrics (run_id, metric_name, metric_value) select '${RUN}', 'made up ' || i, i from generate_series(1, 250) i`,
  );
  const ledger = new RecordingLedger();
  await pollForTest(open({ database_url: db.connectionString }).source, ledger);
  const names = Object.keys(ledger.get('run', RUN) ?? {}).filter((field) => field.startsWith('attributes.metrics.'));
  expect(names).toHaveLength(200);
});

it('late metrics of many runs are all found in one poll, and sent once', async () => {
  const db = await database();
  const ids = ['r1', 'r2', 'r3', 'r4', 'r5'];
  for (const id of ids) await insertRun(db, { id });
  const { source } = open({ database_url: db.connectionString, page_size: 2, overlap: '1s' });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  for (const [i, id] of ids.entries()) await metric(db, 'cost_usd', i + 1, new Date().toISOString(), id);
  const sent = async () => {
    const before = ledger.batches.length;
    await pollForTest(source, ledger);
    return ledger.batches.slice(before).flatMap(({ records }) => records.filter(({ kind }) => kind === 'run'));
  };
  const costs = (await sent()).map(({ data }) => [data.runId, data.costUsd]);
  // Those of one millisecond come in any order.
  expect(costs.sort()).toEqual(ids.map((id, i) => [id, i + 1]));
  expect(await sent()).toEqual([]);
});

it('a cursor of another version has everything read anew, and that is said', async () => {
  const db = await database();
  await insertRun(db, {});
  const { log, lines } = warnings();
  const ledger = new RecordingLedger();
  ledger.readCursor = async () => ({ cursor: { v: 2, live: true }, backfilled: true });
  await pollForTest(open({ database_url: db.connectionString }).source, ledger, { log });
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'succeeded' });
  expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(/another version.*from its beginning/)]);
});

it('the first read says how far it is', async () => {
  const db = await database();
  for (const id of ['r1', 'r2', 'r3']) await insertRun(db, { id });
  const ledger = new RecordingLedger();
  await pollForTest(open({ database_url: db.connectionString, page_size: 2 }).source, ledger);
  expect(ledger.batches.flatMap(({ progress }) => progress ?? [])).toEqual([
    { done: 2, total: 3 },
    { done: 3, total: 3 },
  ]);
});

it('where metrics are pushed, that this reads none does not say that there are none', async () => {
  const db = await database();
  await insertRun(db, {});
  const ledger = new RecordingLedger();
  await pollForTest(open({ database_url: db.connectionString, run_metrics: null }).source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'succeeded' });
  expect(ledger.get('run', RUN)).not.toHaveProperty('usageMissing');
});

it.each(['finished_at', 'updated_at'])(
  'a view has no transactions: what changed in it is found by %s',
  async (column) => {
    const db = await database();
    const old = new Date(Date.now() - 3_600_000).toISOString();
    await insertRun(db, { created: old, finished: old });
    await db.execute('alter table runs add updated_at timestamptz');
    await db.execute('update runs set updated_at = $1', [old]);
    await db.execute('create view shown as select * from runs');
    const { source } = open({ database_url: db.connectionString, runs: { table: 'shown' }, overlap: '1s' });
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.get('run', RUN)).toMatchObject({ status: 'succeeded' });
    await db.execute(`update runs set status = 'failed', ${column} = now()`);
    await pollForTest(source, ledger);
    expect(ledger.get('run', RUN)).toMatchObject({ status: 'failed' });
  },
);

it('what another replica recorded in between is said again where it is so again', async () => {
  const db = await database();
  await insertRun(db, { status: 'running', finished: null });
  const config = { database_url: db.connectionString, overlap: '1ms' };
  const [one, other] = [open(config).source, open(config).source];
  const ledger = new RecordingLedger();
  await pollForTest(one, ledger);
  await db.execute(`update runs set status = 'failed'`);
  await pollForTest(other, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'failed' });
  await db.execute(`update runs set status = 'running'`);
  await pollForTest(one, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'running' });
});

it('a column that may not be read is left out; a status that may not be is missed', async () => {
  const db = await database();
  await insertRun(db, {});
  await db.execute('alter table runs add secret text; alter table paused_repos add secret text');
  await db.execute(`insert into paused_repos (repo, secret) values ('octo/cli', 'x')`);
  const role = `reader_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(db.connectionString);
  [url.username, url.password] = [role, 'reads'];
  const statusOf = async () => {
    const ledger = new RecordingLedger();
    await pollForTest(open({ database_url: url.href }).source, ledger);
    return [ledger.get('run', RUN)?.status, ledger.get('project', 'octo/cli')?.['attributes.paused']];
  };
  await db.execute(`create role ${role} login password 'reads'`);
  try {
    await db.execute(`grant select (run_id, created_at) on runs to ${role}`);
    await expect(statusOf()).rejects.toMatchObject({
      result: 'schema',
      message: 'runs has no readable column for status; set runs.columns or grant SELECT',
    });
    await db.execute(`grant select (status) on runs to ${role}; grant select (repo) on paused_repos to ${role}`);
    expect(await statusOf()).toEqual(['succeeded', true]);
    await db.execute(`revoke select (run_id, status) on runs from ${role}`);
    await expect(statusOf()).rejects.toMatchObject({
      message: 'runs has no readable column for run_id and status; set runs.columns or grant SELECT',
    });
  } finally {
    await db.execute(`drop owned by ${role}; drop role ${role}`);
  }
});

it('metrics are left out where their table lacks a column; the run is read', async () => {
  const db = await database();
  await insertRun(db, {});
  await metric(db, 'cost_usd', 1.5);
  const costOf = async () => {
    const ledger = new RecordingLedger();
    await pollForTest(open({ database_url: db.connectionString }).source, ledger);
    return ledger.get('run', RUN)?.costUsd;
  };
  expect(await costOf()).toBe(1.5);
  for (const column of ['id', 'run_id', 'metric_name', 'metric_value', 'recorded_at']) {
    await db.execute(`alter table run_metrics rename column ${column} to other`);
    expect(await costOf(), column).toBeUndefined();
    await db.execute(`alter table run_metrics rename column other to ${column}`);
  }
});

it('a finished run without a directory has no artifacts; one whose path is refused, or whose root is gone, is unknown', async () => {
  const db = await database();
  const path = await root();
  const outside = await root();
  await writeArtifacts(outside, '20260104T000000Z', artifactFiles('linked', '20260104T000000Z'));
  await symlink(join(outside, '20260104T000000Z'), join(path, '20260104T000000Z'));
  await writeArtifacts(path, '20260105T000000Z', artifactFiles('somebody', '20260105T000000Z'));
  const runs: Record<string, string | null> = {
    missing: '/srv/artifacts/20260103T000000Z',
    unnamed: null,
    linked: '/srv/artifacts/20260104T000000Z/',
    foreign: '20260105T000000Z',
    upwards: '../../etc/20260105T000000Z',
    encoded: '/srv/artifacts/%2e%2e/20260105T000000Z',
    elsewhere: '/etc/passwd',
  };
  for (const [id, dir] of Object.entries(runs))
    await insertRun(db, { id, dir, created: '2026-01-06T00:00:00Z', finished: '2026-01-06T00:01:00Z' });
  await insertRun(db, { id: 'open', status: 'running', finished: null, dir: null });
  const { source } = open({ database_url: db.connectionString, artifacts: { path } });
  const ledger = new RecordingLedger();
  await rename(path, `${path}-away`);
  expect(await pollForTest(source, ledger).catch((error: Error) => error.message)).toMatch(
    /ENOENT.*expected a directory/,
  );
  expect(ledger.all('run')).toHaveLength(8);
  expect(ledger.all('run').filter((run) => 'artifacts' in run)).toEqual([]);
  await rename(`${path}-away`, path);
  const again = open({ database_url: db.connectionString, artifacts: { path } });
  const fresh = new RecordingLedger();
  await pollForTest(again.source, fresh);
  expect(fresh.get('run', 'missing')?.artifacts).toEqual([]);
  expect(fresh.get('run', 'unnamed')?.artifacts).toEqual([]);
  expect(fresh.get('run', 'open')).not.toHaveProperty('artifacts');
  for (const id of ['foreign', 'linked', 'upwards', 'encoded', 'elsewhere']) {
    expect(fresh.get('run', id), id).not.toHaveProperty('artifacts');
    expect(fresh.get('run', id)?.['attributes.artifactsRefused'], id).toEqual(expect.any(String));
  }
  expect(fresh.get('run', 'linked')?.['attributes.artifactsRefused']).toMatch(/symbolic link/);
  // `somebody` has no row: its directory tells of it.
  expect(fresh.get('run', 'somebody')).toMatchObject({ status: 'succeeded', project: 'octo/cli' });
});

it('after a start the directories that rows own are not read again', async () => {
  const db = await database();
  const path = await root();
  for (let i = 0; i < 20; i++) {
    const name = `20260103T${String(i).padStart(2, '0')}0000Z`;
    await insertRun(db, { id: `r${i}`, dir: name });
    await writeArtifacts(path, name, { 'run.json': JSON.stringify({ run_id: `r${i}`, status: 'succeeded' }) });
  }
  const config = { database_url: db.connectionString, artifacts: { path } };
  const ledger = new RecordingLedger();
  await pollForTest(open(config).source, ledger);
  const before = ledger.batches.length;
  await pollForTest(open(config).source, ledger);
  // By their rows and metrics nothing changed; what lies within the overlap is looked at again.
  const again = ledger.batches.slice(before).flatMap(({ records }) => records.filter(({ kind }) => kind === 'run'));
  expect(again.map(({ data }) => data.runId)).toEqual(['r19']);
});

it('a run whose end nobody wrote down is settled by its last metric', async () => {
  const db = await database();
  await insertRun(db, { finished: null, created: '2026-01-03T14:00:00Z' });
  await metric(db, 'cost_usd', 0.5);
  const { source } = open({ database_url: db.connectionString });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('usage', `${RUN}:completion`)).toMatchObject({ costUsd: 0.5, date: '2026-01-03' });
});

it('without a database the directories tell of the runs, page by page, each once', async () => {
  const path = await root();
  for (let i = 0; i < 250; i++) {
    const name = `202601${String(1 + Math.floor(i / 20)).padStart(2, '0')}T0000${String(i % 20).padStart(2, '0')}Z`;
    await writeArtifacts(path, name, {
      'run.json': JSON.stringify({
        run_id: `r${i}`,
        status: 'completed',
        started_at: '2026-01-01T00:00:00Z',
        finished_at: '2026-01-01T00:00:09Z',
        exit_code: 0,
      }),
    });
  }
  for (const name of ['latest', '20260231T000000Z', '20260101T000000', '..20260101T000000Z'])
    await mkdir(join(path, name));
  const { source } = open({ artifacts: { path } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.all('run')).toHaveLength(250);
  expect(ledger.get('run', 'r7')).toMatchObject({
    status: 'succeeded',
    exitCode: 0,
    createdAt: '2026-01-01T00:00:07.000Z',
  });
  expect(ledger.batches.length).toBeGreaterThan(3);
  const sent = ledger.recordsSince(0);
  await pollForTest(source, ledger);
  // A new process knows from the cursor what was read; and a directory that comes late is found, however old its name.
  await writeArtifacts(path, '20250101T000000Z', { 'run.json': '{"run_id":"late","status":"failed","exit_code":1}' });
  await pollForTest(source, ledger);
  expect(ledger.recordsSince(0)).toBe(sent + 1);
  expect(ledger.get('run', 'late')).toMatchObject({ status: 'failed', error: { message: 'exit code 1' } });
  const { source: restarted } = open({ artifacts: { path } });
  await writeArtifacts(path, '20260301T000000Z', { 'run.json': '{"run_id":"new","status":"running"}' });
  const before = ledger.batches.length;
  await pollForTest(restarted, ledger);
  expect(ledger.batches.slice(before).flatMap(({ records }) => records.map(({ data }) => data.runId))).toEqual(
    expect.arrayContaining(['new']),
  );
});

it('files that are too large, no JSON, or pipes hide nothing else', async () => {
  const path = await root();
  const files = artifactFiles(RUN, DIRECTORY);
  await writeArtifacts(path, DIRECTORY, {
    ...files,
    'payload.json': '{"repository": {"full_na',
    'agent-run/prompt.txt': 'x'.repeat(300_000),
    'agent-run/commit_sha.txt': 'nothing was committed',
    'agent-run/log.txt': 'a run log',
  });
  await rm(join(path, DIRECTORY, 'agent-run/summary.md'));
  await symlink('/etc/passwd', join(path, DIRECTORY, 'agent-run/summary.md'));
  const { source } = open({ artifacts: { path, max_file: '200kB' } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  const run = ledger.get('run', RUN);
  expect(run).toMatchObject({
    status: 'succeeded',
    counts: { linesAdded: 3 },
    'attributes.prComment': 'Done: renamed the flag.',
  });
  for (const field of ['prompt', 'project', 'commitSha', 'attributes.summary']) expect(run).not.toHaveProperty([field]);
  expect(run?.['attributes.artifactsProblems']).toEqual([
    expect.stringMatching(/summary.md: found a symbolic link/),
    expect.stringMatching(/payload.json: found no JSON/),
    expect.stringMatching(/commit_sha.txt: found no commit hash/),
    expect.stringMatching(/prompt.txt: found 300000 bytes, read are at most 200000/),
  ]);
  expect(run?.artifacts).toContainEqual({
    name: 'agent-run/log.txt',
    path: `${DIRECTORY}/agent-run/log.txt`,
    bytes: 9,
  });
});

it('a prompt that is longer than a record may hold is cut, and says so', async () => {
  const path = await root();
  await writeArtifacts(path, DIRECTORY, {
    ...artifactFiles(RUN, DIRECTORY),
    'agent-run/prompt.txt': 'y'.repeat(1_200_000),
  });
  const { source } = open({ artifacts: { path } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  const run = ledger.get('run', RUN);
  expect(String(run?.prompt)).toHaveLength(100_000);
  expect(run).toMatchObject({ 'attributes.promptTruncated': true, commitSha: expect.any(String) });
});

it('pauses are attributes of their project until they end', async () => {
  const db = await database();
  await db.execute(`insert into paused_repos values ('octo/cli', 'too noisy', '2026-01-03T00:00:00Z')`);
  await db.execute(`insert into paused_run_targets (target, paused_by) values ('octo/docs#12', 'mona')`);
  const { source } = open({ database_url: db.connectionString });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('project', 'octo/cli')).toMatchObject({
    'attributes.paused': true,
    'attributes.pause': { repo: 'octo/cli', reason: 'too noisy', pausedAt: '2026-01-03T00:00:00.000000Z' },
  });
  expect(ledger.get('project', 'octo/docs')).toMatchObject({
    'attributes.paused': false,
    'attributes.pausedRunTargets': [{ id: 1, target: 'octo/docs#12', pausedBy: 'mona' }],
  });
  await db.execute('delete from paused_repos');
  await pollForTest(source, ledger);
  expect(ledger.get('project', 'octo/cli')).toMatchObject({ 'attributes.paused': false, 'attributes.pause': null });
  await db.execute('drop table paused_repos');
  await pollForTest(source, ledger);
});

it('a pause is found whatever the column of its repository or target is called', async () => {
  const db = await database();
  const ledger = new RecordingLedger();
  const pauses = async (kind: string, column: string, value: string) => {
    const table = `${kind}_${column}`;
    await db.execute(
      `create table ${table} (id serial, ${column} text); insert into ${table} (${column}) values ('${value}')`,
    );
    await pollForTest(open({ database_url: db.connectionString, [kind]: { table } }).source, ledger);
  };
  for (const column of ['repo', 'repository', 'repo_full_name', 'full_name', 'repo_name', 'project']) {
    await pauses('paused_repos', column, `octo/${column}`);
    expect(ledger.get('project', `octo/${column}`)).toMatchObject({ 'attributes.paused': true });
  }
  for (const column of ['target', 'run_target', 'target_id', 'name']) {
    await pauses('paused_run_targets', column, `docs/${column}#12`);
    expect(ledger.get('project', `docs/${column}`)).toMatchObject({ 'attributes.pausedRunTargets': [{ id: 1 }] });
  }
});

it('Redis: hits and misses are those of the service, not of this reading; run statuses are counted', async () => {
  const { server, client } = await redis();
  const { source } = open({ redis_url: server.url });
  const ledger = new RecordingLedger();
  await client.setex('run-status:a', 86_400, '{"status":"running"}');
  await client.setex('run-status:b', 86_400, '{"status":"running"}');
  await client.set('rate-limit:octo/cli', 2, 'EX', 60);
  await client.get('run-status:a');
  await client.get('run-status:gone');
  for (let i = 0; i < 5; i++) await pollForTest(source, ledger);
  expect(ledger.get('store', 'redis')).toMatchObject({
    up: true,
    keys: 2,
    hitsTotal: 1,
    missesTotal: 1,
    evictionsTotal: 0,
    memoryBytes: expect.any(Number),
    serverRunId: expect.stringMatching(/^[0-9a-f]{40}$/),
  });
  // The cursor carries what was read, so that a new process does not take it for lookups of the service.
  const { source: restarted } = open({ redis_url: server.url });
  await client.get('run-status:b');
  await pollForTest(restarted, ledger);
  expect(ledger.get('store', 'redis')).toMatchObject({ hitsTotal: 2, missesTotal: 1 });
});

it('Redis: a big key space is counted over several polls', async () => {
  const { server, client } = await redis();
  const pipeline = client.pipeline();
  for (let i = 0; i < 5_000; i++) pipeline.set(`other:${i}`, 1);
  for (let i = 0; i < 70; i++) pipeline.set(`run-status:${i}`, 1);
  await pipeline.exec();
  const { source } = open({ redis_url: server.url, scan_keys: 2_000 });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('store', 'redis')).not.toHaveProperty('keys');
  for (let i = 0; i < 3; i++) await pollForTest(source, ledger);
  expect(ledger.get('store', 'redis')).toMatchObject({ keys: 70 });
});

it('Redis: requests over the limit are counted once, whatever is read again', async () => {
  const { server, client } = await redis();
  const config = { redis_url: server.url, rate_limits: { max: 5, keys: ['rl:{repo}', 'ip:{ip}:count'] } };
  const { source } = open(config);
  const ledger = new RecordingLedger();
  const refused = () =>
    ledger.batches
      .flatMap(({ records }) => records)
      .filter(({ kind, data }) => kind === 'rateLimit' && data.limited === true)
      .reduce((sum, { data }) => sum + Number(data.count), 0);
  await client.set('rl:octo/cli', 4, 'EX', 60);
  await client.set('ip:10.0.0.1:count', 5, 'EX', 60);
  await pollForTest(source, ledger);
  expect(refused()).toBe(0);
  expect(ledger.all('rateLimit')).toContainEqual(
    expect.objectContaining({ layer: 'repo', project: 'octo/cli', limited: false, remaining: 1, limit: 5 }),
  );
  await client.incrby('rl:octo/cli', 4);
  await client.incrby('ip:10.0.0.1:count', 2);
  await pollForTest(source, ledger);
  await pollForTest(source, ledger);
  expect(refused()).toBe(3 + 2);
  await client.incr('rl:octo/cli');
  await pollForTest(open(config).source, ledger);
  expect(refused()).toBe(3 + 2 + 1);
  // The next window.
  await client.set('rl:octo/cli', 7, 'EX', 60);
  await pollForTest(source, ledger);
  expect(refused()).toBe(3 + 2 + 1 + 2);
  const ip = ledger.all('rateLimit').find(({ layer }) => layer === 'ip');
  expect(ip).toMatchObject({ 'attributes.ip': '10.0.0.1' });
  expect(ip).not.toHaveProperty('project');
});

it('deliveries of webhooks: each once, with its outcome', async () => {
  const path = await root();
  const directory = join(path, 'runs', 'github-deliveries');
  await mkdir(directory, { recursive: true });
  const put = (name: string, content: unknown) =>
    writeFile(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
  const delivery = { event: 'issue_comment', repository: 'octo/cli', timestamp: '2026-01-03T14:26:25Z' };
  await put('a.json', { ...delivery, delivery_id: 'd1', status: 200, duration_ms: 120 });
  await put('b.json', { ...delivery, delivery_id: 'd2', status: 429 });
  await put('c.json', {
    ...delivery,
    delivery_id: 'd3',
    event: 'pull_request',
    status: 500,
    error: 'boom',
    run_id: RUN,
  });
  await put('d.json', { ...delivery, delivery_id: 'd4', status: 401 });
  await put('e.jsonl', `${JSON.stringify({ ...delivery, delivery_id: 'd5', status: 202 })}\n{"delivery_id":"cut`);
  await put('f.json', 'no JSON at all');
  await symlink('/etc/passwd', join(directory, 'g.json'));
  const { source, lines } = open({ artifacts: { path } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  await pollForTest(source, ledger);
  expect(ledger.all('adapter').map(({ eventId, result, project }) => [eventId, result, project])).toEqual([
    ['d1', 'ok', 'octo/cli'],
    ['d2', 'rate_limit', 'octo/cli'],
    ['d3', 'server', 'octo/cli'],
    ['d4', 'auth', 'octo/cli'],
    ['d5', 'ok', 'octo/cli'],
  ]);
  expect(ledger.all('adapter')[0]).toMatchObject({
    adapter: 'github-webhook',
    latencySeconds: 0.12,
    at: '2026-01-03T14:26:25.000Z',
  });
  expect(ledger.all('rateLimit')).toMatchObject([{ layer: 'repo', project: 'octo/cli', limited: true }]);
  expect(ledger.all('platformError')).toMatchObject([
    { component: 'handlePullRequest', message: 'boom', runId: RUN, project: 'octo/cli' },
  ]);
  expect(lines.map(({ file }) => file)).toEqual(['f.json']);
  // A line that is appended is another delivery; the one before is the same.
  await put(
    'e.jsonl',
    [5, 6].map((i) => JSON.stringify({ ...delivery, delivery_id: `d${i}`, status: 202 })).join('\n'),
  );
  await pollForTest(open({ artifacts: { path } }).source, ledger);
  expect(ledger.all('adapter').map(({ eventId }) => eventId)).toEqual(['d1', 'd2', 'd3', 'd4', 'd5', 'd6']);
});

it('deliveries that were read are not read again, by a new process neither; one that comes late is', async () => {
  const path = await root();
  const directory = join(path, 'runs', 'github-deliveries');
  await mkdir(directory, { recursive: true });
  const now = Math.floor(Date.now() / 1000);
  const put = async (id: string, secondsAgo: number) => {
    const file = join(directory, `${id}.json`);
    await writeFile(file, JSON.stringify({ guid: id, status: 200 }));
    await utimes(file, now - secondsAgo, now - secondsAgo);
  };
  await put('old', 1_800);
  await put('one', 300);
  await put('another', 300);
  const ledger = new RecordingLedger();
  const readBy = async (source: Source) => {
    const before = ledger.batches.length;
    await pollForTest(source, ledger);
    const records = ledger.batches.slice(before).flatMap((batch) => batch.records);
    return records.map(({ data }) => data.eventId).sort();
  };
  const { source } = open({ artifacts: { path } });
  expect(await readBy(source)).toEqual(['another', 'old', 'one']);
  expect(await readBy(source)).toEqual([]);
  expect(await readBy(open({ artifacts: { path } }).source)).toEqual([]);
  // Its writer began before the newest of those that were read was done.
  await put('late', 330);
  expect(await readBy(open({ artifacts: { path } }).source)).toEqual(['late']);
});

it('webhook_processed is counted row by row', async () => {
  const db = await database();
  await insertRun(db, {});
  await metric(db, 'webhook_processed', 1);
  await metric(db, 'webhook_processed', 2, '2026-01-03T14:26:51Z');
  const { source } = open({ database_url: db.connectionString });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.all('adapter').map(({ adapter, count, result }) => [adapter, count, result])).toEqual([
    ['webhook_processed', 1, 'ok'],
    ['webhook_processed', 2, 'ok'],
  ]);
});

it('one part that is down leaves the others standing, and comes back', async () => {
  const db = await database();
  const path = await root();
  const { server } = await redis();
  await insertRun(db, {});
  await writeArtifacts(path, DIRECTORY, artifactFiles(RUN, DIRECTORY));
  const config = { database_url: db.connectionString, redis_url: server.url, artifacts: { path } };
  const down = open({ ...config, redis_url: 'redis://127.0.0.1:1' });
  const ledger = new RecordingLedger();
  const failure = await pollForTest(down.source, ledger).catch((error: unknown) => error);
  expect(failure).toMatchObject({ result: 'network', partial: true });
  expect(ledger.get('store', 'redis')).toMatchObject({ up: false, error: { kind: 'connection' } });
  expect(ledger.get('run', RUN)).toMatchObject({ status: 'succeeded' });
  await pollForTest(open(config).source, ledger);
  expect(ledger.get('store', 'redis')).toMatchObject({ up: true, error: null });
  const noDatabase = open({ ...config, database_url: 'postgres://nobody@127.0.0.1:1/none' });
  const other = new RecordingLedger();
  await expect(pollForTest(noDatabase.source, other)).rejects.toMatchObject({ result: 'network', partial: true });
  expect(other.get('store', 'postgres')).toMatchObject({ up: false });
  expect(other.get('store', 'redis')).toMatchObject({ up: true });
  // Its directory waits for its row: without it a run would be counted without its origin.
  expect(other.all('run')).toEqual([]);
  await pollForTest(open(config).source, other);
  expect(other.get('run', RUN)).toMatchObject({ origin: 'pr', commitSha: expect.any(String) });
  await db.execute('alter table runs rename to runs_old');
  await expect(pollForTest(open(config).source, new RecordingLedger())).rejects.toMatchObject({
    result: 'schema',
    partial: true,
    message: expect.stringMatching(/there is no table runs; set schema or runs.table/),
  });
});

it('columns that the document does not name are read: a repository as the project, the rest as attributes', async () => {
  const db = await database();
  await db.execute(
    'alter table runs add repo text, add pr_number int, add extra jsonb, add retried boolean, add error text',
  );
  await insertRun(db, { status: 'failed' });
  await db.execute(
    `update runs set repo = 'octo/web', pr_number = 9, extra = '{"a": [1]}', retried = true, error = 'git push rejected'`,
  );
  const { source } = open({ database_url: db.connectionString, runs: { columns: { finished_at: null } } });
  const ledger = new RecordingLedger();
  await pollForTest(source, ledger);
  expect(ledger.get('run', RUN)).toMatchObject({
    project: 'octo/web',
    pullRequest: { number: 9 },
    error: { message: 'git push rejected', category: 'git_push' },
    'attributes.extra': { a: [1] },
    'attributes.retried': true,
    'attributes.artifactsDir': `/srv/artifacts/${DIRECTORY}/`,
    'attributes.finishedAt': expect.stringContaining('2026-01-03'),
  });
});

it('the probe tells what was found, and what is missing with its remedy', async () => {
  const db = await database();
  const path = await root();
  const { server, client } = await redis();
  await insertRun(db, { status: 'archived' });
  await writeArtifacts(path, DIRECTORY, { 'run.json': 'oops' });
  await client.set('run-status:a', 1);
  await db.execute('drop table paused_repos; alter table run_metrics drop column recorded_at');
  const { source } = open({ database_url: db.connectionString, redis_url: server.url, artifacts: { path } });
  const report = await source.probe(AbortSignal.timeout(90_000));
  expect(report.reachable).toBe(true);
  expect(report.found.join('\n')).toMatch(
    /PostgreSQL 15[\s\S]*no table paused_repos[\s\S]*Redis 7[\s\S]*1 keys run-status:[\s\S]*1 directories of runs, the newest 20260103T142626Z/,
  );
  expect(report.problems).toEqual([
    expect.stringMatching(/statuses archived are not known/),
    expect.stringMatching(/run_metrics is not there or lacks a column/),
    expect.stringMatching(/1 of 1 run statuses never expire/),
    expect.stringMatching(/run.json: found no JSON/),
    expect.stringMatching(/names no run_id/),
  ]);
  const dead = open({ artifacts: { path: join(path, 'absent') } });
  expect(await dead.source.probe(AbortSignal.timeout(90_000))).toMatchObject({ reachable: false });
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulateFleet } from '../../exporter/src/demo/index.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { runCli, runShell, startCli } from './runCli.ts';

const INGEST = 'ingest-token-of-the-tests';
const VIEWER = 'viewer-token-of-the-tests';
const ADMIN = 'admin-token-of-the-tests';
const HOUR_MS = 3_600_000;
const NOW = Date.now();
const ESC = String.fromCharCode(27);

let exporter: ExporterProcess;
let database: TestDatabase;
let directory: TemporaryDirectory;
let env: Record<string, string>;

beforeAll(async () => {
  directory = await temporaryDirectory('cli');
  database = await migratedDatabase({ synchronousCommit: 'off' });
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      tokens: [
        { name: 'platform', role: 'ingest', token: INGEST },
        { name: 'viewer', role: 'viewer', token: VIEWER },
        { name: 'security', role: 'admin', token: ADMIN },
      ],
    },
  });
  env = { FLEETLENS_URL: exporter.url, FLEETLENS_TOKEN: VIEWER };
  await push([...simulateFleet({ seed: 3, from: new Date(NOW - 24 * HOUR_MS), to: new Date(NOW) })]);
  const at = new Date(NOW - 60_000).toISOString();
  const run = (runId: string, data: object) => ({
    id: runId,
    source: 'own',
    kind: 'run',
    at,
    data: { runId, ...data },
  });
  await push([
    run('broken', {
      name: `Evil ${ESC}[31mname\u202e`,
      project: 'acme/own',
      status: 'failed',
      rawStatus: 'CRASHED',
      createdAt: new Date(NOW - 120_000).toISOString(),
      startedAt: new Date(NOW - 110_000).toISOString(),
      finishedAt: at,
      costUsd: 1.5,
      error: { message: 'git push was rejected: non-fast-forward' },
      pullRequest: { status: 'created', url: 'https://github.example/pr/7' },
      ci: { status: 'failing', checks: [{ name: 'lint', conclusion: 'failure', url: 'https://ci.example/9' }] },
      quality: { composite: 61, threshold: 80, correctness: 70 },
    }),
    run('open', { project: 'acme/own', status: 'running', startedAt: at }),
    {
      id: 'step',
      source: 'own',
      kind: 'step',
      at,
      data: {
        runId: 'broken',
        stepId: 's1',
        index: 0,
        name: 'checker',
        status: 'failed',
        startedAt: new Date(NOW - 100_000).toISOString(),
        finishedAt: at,
        verdict: { passed: false, feedback: 'no tests' },
        costUsd: 0.25,
      },
    },
  ]);
});
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
  await directory?.remove();
});

async function push(events: readonly unknown[]): Promise<void> {
  for (let i = 0; i < events.length; i += 2_000) {
    const response = await fetch(`${exporter.url}/api/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${INGEST}`, 'content-type': 'application/x-ndjson' },
      body: events
        .slice(i, i + 2_000)
        .map((event) => JSON.stringify(event))
        .join('\n'),
    });
    const answer = (await response.json()) as { rejected: unknown[] };
    expect(response.status, JSON.stringify(answer)).toBe(200);
    expect(answer.rejected).toEqual([]);
  }
}

describe('runs list', () => {
  it('prints a table for people: no colour and no control characters in a pipe', async () => {
    const { code, stdout, stderr } = await runCli(['runs', 'list', '--source', 'own'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^STATUS +RUN +NAME +PROJECT +CREATED +TOOK +COST +QUALITY +PR +CI +ERROR$/);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/)[1])).toEqual(['own/open', 'own/broken']);
    expect(lines[2]).toMatch(
      /^failed +own\/broken +Evil name +acme\/own +\S+ ago +50s +\$1\.50 +61 +created +failing +git_push$/,
    );
    expect(stdout).not.toContain(ESC);
    expect(stdout).not.toContain('\u202e');
  });

  it('colours where it is forced to, and not with NO_COLOR', async () => {
    const args = ['runs', 'list', '--source', 'own'];
    expect((await runCli(args, { env: { ...env, FORCE_COLOR: '1' } })).stdout).toContain(`${ESC}[31mfailed`);
    expect((await runCli(args, { env: { ...env, NO_COLOR: '1' } })).stdout).not.toContain(ESC);
  });

  it('prints JSON for programs, past the size of a page', async () => {
    const { stdout } = await runCli(['runs', 'list', '--format', 'json', '--limit', '100000'], { env });
    const { data, nextCursor } = JSON.parse(stdout) as { data: { runId: string }[]; nextCursor: null };
    expect(nextCursor).toBeNull();
    const { rows } = await query<{ runs: string }>('select count(*) as runs from fleetlens.run');
    expect(data).toHaveLength(Number(rows[0]?.runs));
    expect(data.length).toBeGreaterThan(100);
  });

  it.each([
    [['--status', 'CRASHED,EXPIRED', '--project-id', 'acme/own'], ['broken']],
    [['--status', 'running', '--project', 'acme/own', '--since-hours', '1'], []],
    [['--status', 'RUNNING', '--source', 'own'], ['open']],
    [['--source', 'own', '--limit', '1'], ['open']],
  ])('understands %j', async (args, expected) => {
    const { stdout } = await runCli(['runs', 'list', '--format', 'json', ...args], { env });
    const { data } = JSON.parse(stdout) as { data: { runId: string; createdAt?: string }[] };
    // A run that says no creation time counts from its start; with since it has to be in the window.
    expect(data.map(({ runId }) => runId)).toEqual(args.includes('--since-hours') ? ['open'] : expected);
  });

  it('says on stderr that there is nothing, or more', async () => {
    const none = await runCli(['runs', 'list', '--project-id', 'nobody/nothing'], { env });
    expect(none).toEqual({ code: 0, stdout: '', stderr: 'No run matches.\n' });
    expect((await runCli(['runs', 'list', '--limit', '3'], { env })).stderr).toContain('There are more');
  });

  it.each([
    [['runs', 'list', '--limit', 'many'], 'Expected a whole number'],
    [['runs', 'list', '--status', 'sleeping'], 'Found sleeping, expected one of queued'],
    [['runs', 'list', '--format', 'xml'], 'Allowed choices are table, json'],
    [['runs', 'lst'], "unknown command 'lst'"],
    [['runs', 'view', 'no-slash'], 'Expected <source>/<id>'],
    [['runs', 'list', '--url', 'localhost'], '--url: found localhost'],
    [['export', '--since', 'yesterday'], 'Expected an RFC 3339 time'],
  ])('%j is wrong usage: 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args, { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('ends with 1 and a remedy where the exporter cannot be reached or refuses', async () => {
    const away = await runCli(['runs', 'list', '--url', 'http://127.0.0.1:1']);
    expect(away).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Is it running?') });
    const refused = await runCli(['runs', 'list'], { env: { FLEETLENS_URL: exporter.url } });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--token-file or FLEETLENS_TOKEN') });
    const absent = await runCli(['runs', 'view', 'own/none'], { env });
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('404') });
  });

  it('takes a token from a file', async () => {
    const file = join(directory.path, 'token');
    await writeFile(file, `${VIEWER}\n`);
    const { code } = await runCli(['runs', 'list', '--token-file', file, '--url', exporter.url]);
    expect(code).toBe(0);
  });

  it.each(['runs list --format json --limit 1000', 'audit export', 'export --config "$CONFIG"'])(
    'a reader that has seen enough is no failure: %s | head',
    async (command) => {
      const { code, stdout, stderr } = await runShell(`fleetlens ${command} | head -c 20`, {
        ...env,
        FLEETLENS_TOKEN: ADMIN,
        CONFIG: exporter.configFile,
      });
      expect(stdout).toHaveLength(20);
      expect(stderr).not.toContain('EPIPE');
      expect(code).toBe(0);
    },
  );
});

describe('runs view and chains', () => {
  it('shows error with remedy, checks, quality and the steps over time', async () => {
    const { stdout } = await runCli(['runs', 'view', 'own/broken'], { env });
    for (const part of [
      'failed (CRASHED)',
      'took          50s',
      'Error (git_push)\n  git push was rejected: non-fast-forward\n  Remedy: Check that the GitHub token has write access.',
      '61 (threshold 80 missed)',
      'CI failing\n  lint: failure  https://ci.example/9',
      'created  https://github.example/pr/7',
      '━━━━',
      'fail no tests',
    ]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).not.toContain(ESC);
    const { stdout: json } = await runCli(['runs', 'view', 'own/broken', '--format', 'json'], { env });
    expect(JSON.parse(json)).toMatchObject({ runId: 'broken', steps: [{ stepId: 's1', costUsd: 0.25 }], usage: [] });
  });

  it('lists chains and shows one with its sprints', async () => {
    const { stdout } = await runCli(['chains', 'list', '--format', 'json', '--limit', '1'], { env });
    const [chain] = (
      JSON.parse(stdout) as { data: { source: string; chainId: string; sprints: { runId?: string }[] }[] }
    ).data;
    expect((await runCli(['chains', 'list'], { env })).stdout).toContain(`${chain?.source}/${chain?.chainId}`);
    const view = await runCli(['chains', 'view', `${chain?.source}/${chain?.chainId}`], { env });
    expect(view.code).toBe(0);
    for (const { runId } of chain?.sprints ?? []) if (runId) expect(view.stdout).toContain(`${chain?.source}/${runId}`);
  });
});

describe('runs watch', () => {
  const told = (runId: string, status: string, id: string) => ({
    id,
    source: 'watched',
    kind: 'run',
    at: new Date().toISOString(),
    data: {
      runId,
      project: `acme/${runId}`,
      status,
      startedAt: new Date(NOW).toISOString(),
      ...(status === 'running' ? {} : { finishedAt: new Date().toISOString() }),
    },
  });

  it.each([
    ['succeeded', 0],
    ['failed', 1],
  ])('ends when the run has %s', async (status, expected) => {
    await push([told(status, 'running', `${status} 1`)]);
    const child = startCli(['runs', 'watch', '--project-id', `acme/${status}`], { env });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await waitFor(() => output.includes(`watched/${status} running`), { what: 'the first line' });
    await push([told(status, status, `${status} 2`)]);
    expect(await ended).toBe(expected);
    expect(output.trimEnd().split('\n').at(-1)).toContain(`watched/${status} ${status} after`);
  });

  it('has nothing to wait for where all have ended', async () => {
    expect((await runCli(['runs', 'watch', 'own/broken'], { env })).code).toBe(1);
    expect(await runCli(['runs', 'watch', '--project-id', 'nobody/nothing'], { env })).toMatchObject({
      code: 0,
      stderr: 'No open run matches.\n',
    });
  });
});

describe('config check', () => {
  async function check(yaml: string, ...args: string[]) {
    const file = join(directory.path, 'check.yaml');
    await writeFile(file, yaml);
    return await runCli(['config', 'check', '--config', file, ...args]);
  }

  it('is satisfied with a right file, and prints it with secrets hidden', async () => {
    const yaml = `ledger: {database_url: "${database.connectionString}"}\ntokens: [{name: ci, role: ingest, token: ${INGEST}}]\n`;
    expect(await check(yaml, '--probe')).toMatchObject({ code: 0, stdout: expect.stringContaining('a ledger') });
    const { stdout } = await check(yaml, '--print');
    expect(stdout).toContain('dedupe_window: 35d');
    expect(stdout).not.toContain(INGEST);
  });

  it('ends with 1 for a wrong file, and says where', async () => {
    const { code, stderr } = await check('web: {listen_adress: ":1"}\n');
    expect(code).toBe(1);
    expect(stderr).toContain('web.listen_adress: unknown key');
  });

  it('ends with 1 for a source that cannot be reached', async () => {
    const url = 'postgres://nobody@127.0.0.1:1/crucible';
    const yaml = `sources: [{name: c1, type: int-crucible, database_url: "${url}"}]\n`;
    expect((await check(yaml)).code).toBe(0);
    const { code, stdout, stderr } = await check(yaml, '--probe');
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ c1 \(int-crucible\): not reached\n {4}problem: /);
    expect(stderr).toContain('have problems: c1');
  });
});

describe('audit export', () => {
  it('goes on where it stopped, and gets what arrives late', async () => {
    const cursorFile = join(directory.path, 'audit.cursor');
    const exported = async () => {
      const { code, stdout } = await runCli(['audit', 'export', '--cursor-file', cursorFile], {
        env: { ...env, FLEETLENS_TOKEN: ADMIN },
      });
      expect(code).toBe(0);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { auditId: string });
    };
    const first = await exported();
    const { rows } = await query<{ events: string }>('select count(*) as events from fleetlens.audit');
    expect(first).toHaveLength(Number(rows[0]?.events));
    expect(first.length).toBeGreaterThan(10);
    expect(await exported()).toEqual([]);
    const at = new Date(NOW - 20 * HOUR_MS).toISOString();
    await push([{ id: 'late', source: 'own', kind: 'audit', at, data: { auditId: 'late', action: 'pr_merge' } }]);
    expect(await exported()).toMatchObject([{ auditId: 'late' }]);
    expect((await readFile(cursorFile, 'utf8')).trim()).not.toBe('');
  });
});

describe('ledger', () => {
  it('verify finds what is wrong, rebuild repairs it', async () => {
    const args = ['--config', exporter.configFile];
    expect(await runCli(['ledger', 'verify', ...args])).toMatchObject({ code: 0, stdout: '' });
    await query(`update fleetlens.rollup set value = value + 2000000000
      where id = (select min(id) from fleetlens.rollup where family = 'fleet_runs_finished_total' and value > 0)`);
    const wrong = await runCli(['ledger', 'verify', ...args]);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/^fleet_runs_finished_total\{source="[^"]+",.*\} value: found (\d+), expected \d+\n$/);
    expect(await runCli(['ledger', 'rebuild', ...args])).toMatchObject({ code: 0 });
    expect((await runCli(['ledger', 'verify', ...args])).code).toBe(0);
  });

  it('backup and restore carry it into another database', async () => {
    const file = join(directory.path, 'ledger.tar');
    expect((await runCli(['ledger', 'backup', file, '--config', exporter.configFile])).code).toBe(0);
    const target = await migratedDatabase({ synchronousCommit: 'off' });
    try {
      const other = { DATABASE_URL: target.connectionString };
      expect(await runCli(['ledger', 'restore', file], { env: other, cwd: directory.path })).toMatchObject({ code: 0 });
      expect((await runCli(['ledger', 'verify'], { env: other, cwd: directory.path })).code).toBe(0);
      const again = await runCli(['ledger', 'restore', file], { env: other, cwd: directory.path });
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') });
    } finally {
      await target.drop();
    }
  });

  it('does not make a ledger where none is', async () => {
    const { code, stderr } = await runCli(['ledger', 'verify'], { cwd: directory.path });
    expect(code).toBe(1);
    expect(stderr).toContain('found no ledger');
  });
});

describe('help', () => {
  it.each([
    [[]],
    [['serve']],
    [['demo']],
    [['config', 'check']],
    [['runs', 'list']],
    [['runs', 'view']],
    [['runs', 'watch']],
    [['chains', 'list']],
    [['chains', 'view']],
    [['import']],
    [['export']],
    [['audit', 'export']],
    [['ledger', 'verify']],
    [['ledger', 'rebuild']],
    [['ledger', 'backup']],
    [['ledger', 'restore']],
  ])('%j has exit codes and examples', async (command) => {
    const { code, stdout, stderr } = await runCli([...command, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Exit codes:');
    expect(stdout).toMatch(/(Examples?|First steps):\n {2}/);
  });
});

async function query<Row extends object>(text: string): Promise<pg.QueryResult<Row & pg.QueryResultRow>> {
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  try {
    return await client.query<Row & pg.QueryResultRow>(text);
  } finally {
    await client.end();
  }
}

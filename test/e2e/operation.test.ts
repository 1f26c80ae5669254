import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { get as httpsGet } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import bcrypt from 'bcrypt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../cli/runCli.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { freePort } from '../support/freePort.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { processesNaming } from '../support/processesNaming.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKENS = { old: 'the-first-ingest-token', fresh: 'the-second-ingest-token', viewer: 'a-viewer-token-for-tests' };
const UNREACHABLE = 'postgres://reader:password-of-the-source@127.0.0.1:1/crucible';
const STACK_TRACE = /^\s+at .*:\d+:\d+/m;

let database: TestDatabase;
let directory: TemporaryDirectory;
beforeAll(async () => {
  database = await migratedDatabase();
});
afterAll(() => database?.drop());
beforeEach(async () => {
  directory = await temporaryDirectory('operation');
  // As root the embedded Postgres runs under another account, which has to pass through.
  await chmod(directory.path, 0o711);
});
afterEach(() => directory.remove());

const logLines = (exporter: ExporterProcess): Record<string, unknown>[] =>
  exporter
    .logs()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

async function writeFileHere(name: string, content: string): Promise<string> {
  const path = join(directory.path, name);
  await writeFile(path, content);
  return path;
}

/** A configuration that keeps to this test: no fixed port, data in its directory. */
const embedded = async (more = '') =>
  writeFileHere(
    'fleetlens.yaml',
    `web: {listen_address: "127.0.0.1:0"}\nledger: {data_dir: ${join(directory.path, 'data')}}\n${more}`,
  );

describe('a running exporter', () => {
  let exporter: ExporterProcess;
  const config = (token: string, more: object = {}) => ({
    ledger: { database_url: database.connectionString },
    tokens: [
      { name: 'ci', role: 'ingest', token },
      { name: 'reader', role: 'viewer', token: TOKENS.viewer },
    ],
    log: { level: 'debug', requests: true, health_requests: true },
    sources: [{ name: 'crucible', type: 'int-crucible', database_url: UNREACHABLE, poll_interval: '1s' }],
    ...more,
  });
  beforeAll(async () => {
    exporter = await startExporter({ config: config(TOKENS.old) });
  });
  afterAll(() => exporter?.stop());
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${exporter.url}${path}`, { headers });
  const mayPush = async (token: string) => (await pushEvents(exporter.url, token, [])).status;
  const reloadSuccess = async () =>
    parseExposition(await exporter.scrape()).get('fleetlens_config_last_reload_success');

  it('keeps the request id of its client, in the answer, in an error and in the log', async () => {
    const id = 'trace-me_1.2.3';
    for (const path of ['/metrics', '/-/ready', '/nowhere', '/api/v1/runs']) {
      const response = await get(path, { 'x-request-id': id });
      expect(response.headers.get('x-request-id')).toBe(id);
      const body = await response.text();
      if (!response.ok) expect(JSON.parse(body)).toMatchObject({ error: { requestId: id } });
    }
    // The line of a request is written when its answer has been sent.
    const logged = () =>
      logLines(exporter)
        .filter(({ reqId }) => reqId === id)
        .map(({ path, status }) => `${path} ${status}`);
    await expect.poll(logged).toEqual(['/metrics 200', '/-/ready 200', '/nowhere 404', '/api/v1/runs 401']);
  });

  it('makes one where there is none, or none that can stand in a log', async () => {
    for (const headers of [{}, { 'x-request-id': 'with a space' }, { 'x-request-id': 'x'.repeat(129) }]) {
      const id = (await get('/-/healthy', headers)).headers.get('x-request-id');
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    }
  });

  it('sends its security headers with every answer', async () => {
    for (const path of ['/', '/metrics', '/health', '/nowhere', '/api/v1/runs', '/%']) {
      const { headers } = await get(path);
      expect(Object.fromEntries(headers), path).toMatchObject({
        'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'deny',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers.has('x-powered-by')).toBe(false);
    }
  });

  it('/health lists every part with its state and latency', async () => {
    const health = await waitFor(
      async () => {
        const report = (await (await get('/health')).json()) as { parts: Record<string, { status: string }> };
        return report.parts['source crucible']?.status === 'degraded' && report;
      },
      { what: 'the first poll to fail' },
    );
    const part = (status: string) => ({ status, latencyMs: expect.any(Number), detail: expect.any(String) });
    expect(health).toEqual({
      status: 'degraded',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      uptimeSeconds: expect.any(Number),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      parts: {
        ledger: part('ok'),
        ingest: part('ok'),
        'grafana identity': part('ok'),
        'rate limits': part('ok'),
        'platform counters': part('ok'),
        'source crucible': part('degraded'),
      },
    });
    expect((await get('/health')).status).toBe(200);
  });

  it('SIGHUP replaces tokens; a broken file leaves the old configuration in force, and says so', async () => {
    const reload = async (message: string, change: () => Promise<void>) => {
      const seen = logLines(exporter).filter(({ msg }) => msg === message).length;
      await change();
      process.kill(exporter.pid(), 'SIGHUP');
      await waitFor(() => logLines(exporter).filter(({ msg }) => msg === message).length > seen, { what: message });
    };
    const RELOADED = 'configuration reloaded';
    const REFUSED = 'the configuration was not reloaded; the old one stays in force';
    expect(await reloadSuccess()).toBe(1);
    expect([await mayPush(TOKENS.old), await mayPush(TOKENS.fresh)]).toEqual([200, 401]);

    await reload(RELOADED, () => exporter.writeConfig(config(TOKENS.fresh)));
    expect([await mayPush(TOKENS.old), await mayPush(TOKENS.fresh)]).toEqual([401, 200]);
    expect(await reloadSuccess()).toBe(1);

    await reload(REFUSED, () =>
      exporter.writeConfig({ ...config(TOKENS.old), no_such_key: 1, metrics: { max_series: -5 } }),
    );
    expect(await reloadSuccess()).toBe(0);
    expect([await mayPush(TOKENS.old), await mayPush(TOKENS.fresh)]).toEqual([401, 200]);
    const told = logLines(exporter).find(({ msg }) => msg === REFUSED);
    expect(JSON.stringify(told)).toMatch(/no_such_key.*metrics\.max_series|metrics\.max_series.*no_such_key/);

    await reload(REFUSED, () => writeFile(exporter.configFile, 'web: [this is: {no yaml'));
    expect(await reloadSuccess()).toBe(0);

    const unlike = { metrics: { max_series: 7 }, sources: [], log: { level: 'info', requests: false } };
    await reload(RELOADED, () => exporter.writeConfig(config(TOKENS.old, unlike)));
    expect(await reloadSuccess()).toBe(1);
    expect([await mayPush(TOKENS.old), await mayPush(TOKENS.fresh)]).toEqual([200, 401]);
    expect(logLines(exporter).findLast(({ msg }) => msg === RELOADED)).toMatchObject({
      applied: ['tokens', 'sources', 'log'],
      needRestart: ['metrics.max_series'],
    });
    // What was taken out is gone, and what is no longer logged is not.
    expect(await (await get('/health')).json()).toMatchObject({ status: 'ok', parts: { ledger: {}, ingest: {} } });
    const lines = logLines(exporter).length;
    await get('/metrics');
    await get('/-/healthy');
    expect(
      logLines(exporter)
        .slice(lines)
        .filter(({ path }) => path === '/metrics'),
    ).toEqual([]);

    // Two at once: the newest file is the one that counts.
    await exporter.writeConfig(config(TOKENS.fresh));
    process.kill(exporter.pid(), 'SIGHUP');
    await exporter.writeConfig(config(TOKENS.old));
    process.kill(exporter.pid(), 'SIGHUP');
    await waitFor(async () => (await mayPush(TOKENS.old)) === 200, { what: 'the last file' });
    // A source that comes (back) with a reload is read.
    const parts = async () =>
      ((await (await get('/health')).json()) as { parts: Record<string, { status: string }> }).parts;
    await waitFor(async () => (await parts())['source crucible']?.status === 'degraded', {
      what: 'the source to be read',
    });
  });

  it('writes no secret to its log, at the level debug', async () => {
    const secrets = [
      'a-token-that-nobody-configured',
      'basic-password-of-somebody',
      'token-in-a-query',
      'sk-ant-api03-pasted-into-a-path',
    ];
    await get('/api/v1/runs', { authorization: `Bearer ${secrets[0]}` });
    await get('/api/v1/runs', { authorization: `Basic ${btoa(`ann:${secrets[1]}`)}` });
    await get(`/api/v1/runs?token=${secrets[2]}`, {
      authorization: `Bearer ${TOKENS.viewer}`,
      cookie: `session=${secrets[0]}`,
    });
    await get(`/nowhere?access_token=${secrets[2]}`);
    await get(`/nowhere/${secrets[3]}`);
    // A broken file is told of, not quoted.
    await exporter.writeConfig({
      ...config('short-secret'),
      ledger: { database_url: 'mysql://u:password-of-mysql@h/d' },
    });
    process.kill(exporter.pid(), 'SIGHUP');
    await waitFor(() => exporter.logs().includes('starts with postgres://'), { what: 'the refused reload' });

    const password = new URL(database.connectionString).password;
    expect(password.length).toBeGreaterThan(10);
    const all = [
      ...secrets,
      btoa(`ann:${secrets[1]}`),
      ...Object.values(TOKENS),
      'password-of-the-source',
      'short-secret',
    ];
    for (const secret of [...all, 'password-of-mysql', password]) expect(exporter.logs()).not.toContain(secret);
    expect(exporter.logs()).toContain('crucible');
  });
});

describe('stopping', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with 0, and the embedded Postgres with it', async (signal) => {
    const exporter = await startExporter();
    const data = join(exporter.directory, 'data');
    expect((await processesNaming(join(data, 'postgres'))).length).toBeGreaterThan(0);
    expect(await exporter.kill(signal)).toEqual({ code: 0, signal: null });
    expect(await processesNaming(data)).toEqual([]);
    await exporter.stop();
  });

  it('a signal during the start ends what was started, and SIGHUP then ends nothing', async () => {
    const child = startCli(['serve', '--config', await embedded()]);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    await waitFor(() => output.includes('creating the embedded Postgres cluster'), { what: 'the start of Postgres' });
    child.kill('SIGHUP');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(await processesNaming(directory.path)).toEqual([]);
  });
});

describe('what cannot start says why, without a stack trace', () => {
  it('a second exporter on the same embedded directory: 1, with the pid of the first and the remedies', async () => {
    const first = await startExporter();
    try {
      const second = await runCli(['serve', '--config', first.configFile, '--web.listen-address', '127.0.0.1:0']);
      expect(second).toMatchObject({ code: 1, stdout: '' });
      expect(second.stderr).toContain(`in use by the exporter with pid ${first.pid()}`);
      expect(second.stderr).toMatch(/Stop that exporter.*another ledger\.data_dir.*DATABASE_URL/);
      expect(second.stderr).not.toMatch(STACK_TRACE);
      expect(await first.scrape()).toMatch(/^fleetlens_ledger_up 1$/m);
    } finally {
      await first.stop();
    }
  });

  it('a port in use: 1, with the address and the remedy; the embedded Postgres is stopped again', async () => {
    const other = createServer().listen({ port: 0, host: '127.0.0.1' });
    await once(other, 'listening');
    const address = other.address();
    if (address === null || typeof address === 'string') throw new Error('expected a TCP server');
    try {
      const flag = `127.0.0.1:${address.port}`;
      const result = await runCli(['serve', '--config', await embedded(), '--web.listen-address', flag]);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(
        `cannot listen on ${flag}: another process listens there; stop it or choose another`,
      );
      expect(result.stderr).not.toMatch(STACK_TRACE);
      expect(await processesNaming(directory.path)).toEqual([]);
    } finally {
      other.close();
    }
  });

  it('a wrong configuration: 2, with every key, what was found and what was expected', async () => {
    const file = await writeFileHere(
      'wrong.yaml',
      [
        'web: {listen_adress: ":9960"}',
        'ledger: {lost_after: soon}',
        'metrics: {max_series: many}',
        'tokens:',
        '  - {name: ci, role: writer, token: a-secret-nobody-should-see}',
        'sources:',
        '  - {name: a, type: no-such-source}',
      ].join('\n'),
    );
    const { code, stdout, stderr } = await runCli(['serve', '--config', file]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const problem of [
      /wrong\.yaml: \d problems/,
      /line 1, web\.listen_adress: unknown key.*listen_address/,
      /line 2, ledger\.lost_after: .*"?soon"?.*expected/,
      /line 3, metrics\.max_series: .*"?many"?.*expected/,
      /line 5, tokens\[0\]\.role: .*"?writer"?.*expected.*ingest/,
      /line 7, sources\[0\]\.type: found "no-such-source", expected one of .*int-crucible/,
    ])
      expect(stderr).toMatch(problem);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(stderr).not.toContain('a-secret-nobody-should-see');
  });

  it.each<[string, () => Promise<string[]>, number, RegExp]>([
    ['no such file', async () => ['--config', join(directory.path, 'none.yaml')], 2, /none\.yaml.*no such file/s],
    ['no YAML', async () => ['--config', await writeFileHere('a.yaml', 'web: [')], 2, /a\.yaml: \d problem/],
    ['an unknown flag', async () => ['--web.listen-adress', ':1'], 2, /unknown option '--web\.listen-adress'/],
    ['a flag without its value', async () => ['--config'], 2, /argument missing/],
    [
      'a wrong listen address',
      async () => ['--config', await embedded(), '--web.listen-address', 'x:y:z'],
      2,
      /x:y:z.*expected/,
    ],
    [
      'no such web configuration',
      async () => ['--config', await embedded(), '--web.config.file', 'none.yaml'],
      2,
      /none\.yaml/,
    ],
    [
      'a wrong web configuration',
      async () => [
        ...['--config', await embedded()],
        ...['--web.config.file', await writeFileHere('web.yaml', 'basic_auth_users: {ann: not-a-hash}')],
      ],
      2,
      /web\.yaml: 1 problem.*basic_auth_users\.ann/s,
    ],
  ])('%s', async (_name, args, code, reason) => {
    const result = await runCli(['serve', ...(await args())], { cwd: directory.path });
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(reason) });
    expect(result.stderr).not.toMatch(STACK_TRACE);
    expect(await processesNaming(directory.path)).toEqual([]);
  });

  it('serve --help names the exit codes and the signals', async () => {
    const { code, stdout } = await runCli(['serve', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/SIGHUP reloads.*0 stopped by a signal, 1 could not start, 2 wrong usage or configuration/s);
  });
});

describe('flags', () => {
  it('--web.config.file brings TLS and basic authentication, --web.listen-address wins over the file', async () => {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
        ...[
          '-subj',
          '/CN=localhost',
          '-addext',
          'subjectAltName=IP:127.0.0.1',
          '-keyout',
          'key.pem',
          '-out',
          'cert.pem',
        ],
      ],
      { cwd: directory.path, stdio: 'pipe' },
    );
    const webConfig = await writeFileHere(
      'web.yaml',
      `tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {ann: "${await bcrypt.hash('tell-nobody', 4)}"}\n`,
    );
    const config = await writeFileHere('fleetlens.yaml', `web: {listen_address: "127.0.0.1:1"}\n`);
    const port = await freePort();
    const child = startCli(
      ['serve', '--config', config, '--web.config.file', webConfig, '--web.listen-address', `127.0.0.1:${port}`],
      { env: { DATABASE_URL: database.connectionString } },
    );
    const output = text(child.stderr);
    const closed = once(child, 'close');
    const ca = await readFile(join(directory.path, 'cert.pem'));
    const ask = (path: string, auth?: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>();
      httpsGet(
        { host: '127.0.0.1', port, path, ca, agent: false, ...(auth === undefined ? {} : { auth }) },
        (response) => text(response).then((body) => resolve({ status: response.statusCode, body }), reject),
      ).on('error', reject);
      return promise;
    };
    try {
      await waitFor(async () => (await ask('/-/ready', 'ann:tell-nobody')).status === 200, { what: 'it to be ready' });
      expect(await ask('/metrics', 'ann:tell-nobody')).toMatchObject({
        status: 200,
        body: expect.stringMatching(/^fleetlens_ledger_up 1$/m),
      });
      expect((await ask('/metrics')).status).toBe(401);
      expect((await ask('/metrics', 'ann:wrong')).status).toBe(401);
      await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
    } finally {
      child.kill('SIGTERM');
    }
    expect(await closed).toEqual([0, null]);
    expect(await output).toContain(`"url":"https://127.0.0.1:${port}"`);
    expect(await output).not.toContain('tell-nobody');
  });

  it('the environment configures what no file says', async () => {
    const port = await freePort();
    const child = startCli(['serve', '--web.listen-address', `127.0.0.1:${port}`], {
      cwd: directory.path,
      env: { DATABASE_URL: database.connectionString, LOG_LEVEL: 'warn', LOG_REQUESTS: 'true' },
    });
    const output = text(child.stderr);
    const closed = once(child, 'close');
    await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok, { what: 'it to be ready' });
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    expect(await output).not.toContain('"level":"info"');
    expect(await processesNaming(directory.path)).toEqual([]);
  });
});

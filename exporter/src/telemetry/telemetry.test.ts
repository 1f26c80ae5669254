import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { startSentry } from './sentry.ts';
import { startTracing } from './tracing.ts';

const run = promisify(execFile);
const receivers: Server[] = [];
afterEach(() => {
  for (const server of receivers.splice(0)) server.close();
});

/** Runs a script of fixtures/ in a process of its own, with nothing in its environment but `env`. */
async function runFixture(name: string, env: Record<string, string>): Promise<string> {
  const script = join(import.meta.dirname, 'fixtures', name);
  const { stdout } = await run(process.execPath, [script], { env: { PATH: process.env.PATH ?? '', ...env } });
  return stdout.trim();
}

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that takes whatever is sent to it. */
async function receive(): Promise<{ port: number; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8');
    received.push({ path: request.url ?? '', headers: request.headers, body });
    response.end();
  }).listen(0, '127.0.0.1');
  receivers.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  return { port: address.port, received };
}

describe('without SENTRY_DSN and OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  it('nothing of Sentry or OpenTelemetry is even loaded', async () => {
    expect(JSON.parse(await runFixture('loadedModules.ts', {}))).toEqual([]);
    expect(
      JSON.parse(await runFixture('loadedModules.ts', { SENTRY_DSN: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' })),
    ).toEqual([]);
  });

  it('as opposed to with them', async () => {
    const { port } = await receive();
    const loaded = await runFixture('loadedModules.ts', {
      SENTRY_DSN: `http://key@127.0.0.1:${port}/1`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    });
    expect(JSON.parse(loaded)).toEqual(expect.arrayContaining(['@sentry/node', '@opentelemetry/sdk-node']));
  });

  it('both say that they are off', async () => {
    expect(await startSentry({ env: {}, release: '0', tracingElsewhere: false })).toBeUndefined();
    expect(await startTracing({ env: {}, version: '0', ignoredPaths: new Set() })).toBeUndefined();
  });
});

describe('Sentry', () => {
  it('receives unexpected errors with request id, route, environment and release, and no secret', async () => {
    const { port, received } = await receive();
    await runFixture('failingServer.ts', {
      SENTRY_DSN: `http://public@127.0.0.1:${port}/7`,
      SENTRY_ENVIRONMENT: 'staging',
      SECRET: 'hunter2hunter2',
      BODY: '{"prompt":"data of the fleet"}',
      SENTRY_TRACES_SAMPLE_RATE: '1',
    });
    const envelopes = received.filter(({ path }) => path.startsWith('/api/7/envelope/'));
    const items = envelopes.flatMap(({ body }) =>
      body
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    );
    const [event] = items.filter((item) => item.exception !== undefined);
    expect(event).toMatchObject({
      environment: 'staging',
      release: 'fleetlens@1.2.3',
      tags: { requestId: 'r-sentry', route: '/fail' },
      exception: { values: [{ type: 'Error', value: 'cannot reach postgres://me:[REDACTED]@db/x' }] },
    });
    expect(items.some((item) => item.type === 'transaction')).toBe(true);
    expect(JSON.stringify(items)).not.toContain('hunter2');
    expect(JSON.stringify(items)).not.toContain('data of the fleet');
  });

  it.each(['2', '-1', 'often'])('refuses a sample rate of %s', async (rate) => {
    const env = { SENTRY_DSN: 'http://key@127.0.0.1:1/1', SENTRY_TRACES_SAMPLE_RATE: rate };
    const starting = startSentry({ env, release: '0', tracingElsewhere: false });
    await expect(starting).rejects.toThrow(`SENTRY_TRACES_SAMPLE_RATE: found "${rate}", expected a number from 0 to 1`);
  });
});

describe('OpenTelemetry', () => {
  it('sends spans of requests and queries, linked, by OTLP in protobuf', async () => {
    const { port, received } = await receive();
    await using postgres = await startPostgres();
    const printed = await runFixture('tracedServer.ts', {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=staging',
      DATABASE_URL: postgres.url,
    });
    expect(printed).toBe('[{"traced_answer":"a-value-of-the-fleet"}]');
    expect(received.map(({ path }) => path)).not.toContain('/v1/metrics');
    expect(received.map(({ path }) => path)).not.toContain('/v1/logs');
    const traces = received.filter(({ path }) => path === '/v1/traces');
    expect(new Set(traces.map(({ headers }) => headers['content-type']))).toEqual(new Set(['application/x-protobuf']));
    // Texts stand in protobuf as they are.
    const sent = traces.map(({ body }) => body).join('\n');
    for (const text of [
      'fleetlens',
      '1.2.3',
      'staging',
      'GET /runs/:id',
      'http.route',
      'select $1::text as traced_answer',
    ]) {
      expect(sent).toContain(text);
    }
    expect(sent).not.toContain('/-/healthy');
    expect(sent).not.toContain('a-value-of-the-fleet');
  });
});

/** A Postgres of its own on a free port, from the system's packages. */
async function startPostgres(): Promise<{ url: string } & AsyncDisposable> {
  const versions = '/usr/lib/postgresql';
  const version = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (version === undefined) throw new Error(`expected Postgres under ${versions}; install the package postgresql`);
  const bin = join(versions, version, 'bin');
  const directory = mkdtempSync(join(tmpdir(), 'fleetlens-pg-'));
  // Postgres refuses to run as root.
  const asRoot = process.getuid?.() === 0;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  const user = asRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'fleet', '-A', 'trust', '-N'], { ...user, stdio: 'ignore' });
  const port = await freePort();
  const settings = ['-p', String(port), '-k', directory, '-h', '127.0.0.1', '-F'];
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings], { ...user, stdio: 'ignore' });
  const stop = async () => {
    server.kill('SIGINT');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    rmSync(directory, { recursive: true });
  };
  await expect.poll(() => run(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)])).toBeTruthy();
  return { url: `postgres://fleet@127.0.0.1:${port}/postgres`, [Symbol.asyncDispose]: stop };
}

async function freePort(): Promise<number> {
  const { port } = await receive();
  const server = receivers.pop();
  await new Promise((resolve) => server?.close(resolve));
  return port;
}

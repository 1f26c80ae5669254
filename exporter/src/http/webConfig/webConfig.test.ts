import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import bcrypt from 'bcrypt';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenRegistry } from '../auth.ts';
import { createServer } from '../createServer.ts';
import { HealthRegistry } from '../healthRegistry.ts';
import { listen } from '../listen.ts';
import { alternativeNames } from './clientCertificate.ts';
import { WebConfigFile } from './webConfigFile.ts';

const TOKEN = 'a-token-of-a-viewer-0123456789';
let directory: string;
let app: ReturnType<typeof createServer> | undefined;
const problems: Error[] = [];
const config = () => join(directory, 'web.yaml');
const pem = (name: string) => readFileSync(join(directory, name));

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A CA, or a certificate of that CA with the given subject alternative name. */
function makeCertificate(name: string, san: string, ca?: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const sign = ca === undefined ? [] : ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`, '-days', '2', '-out', `${name}.crt`];
  openssl('req', '-x509', ...key, ...sign, ...subject);
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetlens-web-'));
  makeCertificate('ca', 'DNS:ca');
  makeCertificate('server', 'DNS:localhost,IP:127.0.0.1', 'ca');
  makeCertificate('renewed', 'DNS:localhost,IP:127.0.0.1', 'ca');
  makeCertificate('client', 'DNS:prometheus,email:sre@fleet.example', 'ca');
  makeCertificate('stranger', 'DNS:prometheus');
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  problems.length = 0;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app?.close();
  app = undefined;
});

async function serve(yaml: string): Promise<number> {
  writeFileSync(config(), yaml);
  app = createServer({
    log: pino({ level: 'silent' }),
    version: '0',
    tokens: new TokenRegistry([
      { name: 'v', role: 'viewer', sha256: createHash('sha256').update(TOKEN).digest('hex') },
    ]),
    health: new HealthRegistry({ version: '0' }),
    metricsNeedToken: false,
    webConfig: new WebConfigFile(config(), (error) => problems.push(error)),
  });
  app.get('/metrics', { config: { access: 'metrics' } }, async () => 'up 1\n');
  app.get('/read', { config: { access: 'read' } }, async ({ principal }) => principal);
  app.post('/write', { config: { access: 'ingest' } }, async () => ({}));
  const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
  return address?.port ?? 0;
}

/** A request over TLS on a connection of its own. Rejects where the handshake or the connection fails. */
function ask(port: number, options: RequestOptions = {}) {
  return new Promise<{
    status: number | undefined;
    certificate: PeerCertificate;
    protocol: string | null;
    cipher: string;
  }>((resolve, reject) => {
    const request = httpsRequest({
      port,
      host: '127.0.0.1',
      path: '/metrics',
      ca: pem('ca.crt'),
      agent: false,
      ...options,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      if (!(response.socket instanceof TLSSocket)) throw new Error('expected TLS');
      const { socket } = response;
      const [certificate, protocol, cipher] = [
        socket.getPeerCertificate(),
        socket.getProtocol(),
        socket.getCipher().name,
      ];
      response.resume().on('end', () => resolve({ status: response.statusCode, certificate, protocol, cipher }));
    });
    request.end();
  });
}

const clientOf = (name: string) => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });
const tls = (more = '') => `tls_server_config: {cert_file: server.crt, key_file: server.key${more}}\n`;

describe('TLS', () => {
  it('serves with the configured certificate, from TLS 1.2 on', async () => {
    const port = await serve(tls());
    const answer = await ask(port);
    expect([answer.status, answer.certificate.subject.CN, answer.protocol]).toEqual([200, 'server', 'TLSv1.3']);
    expect((await ask(port, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    await expect(ask(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })).rejects.toThrow(
      /protocol/i,
    );
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed');
  });

  it('takes certificate and key inline', async () => {
    const block = (name: string) => pem(name).toString().trim().replaceAll('\n', '\n    ');
    const port = await serve(
      `tls_server_config:\n  cert: |\n    ${block('server.crt')}\n  key: |\n    ${block('server.key')}\n`,
    );
    expect((await ask(port)).status).toBe(200);
  });

  it('keeps to the configured versions, ciphers and curves', async () => {
    let port = await serve(tls(', min_version: TLS13'));
    await expect(ask(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol/i);
    await app?.close();
    port = await serve(
      tls(', cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], curve_preferences: [CurveP384]'),
    );
    expect((await ask(port, { maxVersion: 'TLSv1.2' })).cipher).toBe('ECDHE-ECDSA-AES256-GCM-SHA384');
    // As in Go, the list does not switch TLS 1.3 off.
    expect((await ask(port)).protocol).toBe('TLSv1.3');
    await expect(ask(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow(
      /handshake/i,
    );
    await expect(ask(port, { ecdhCurve: 'P-256' })).rejects.toThrow(/handshake/i);
  });

  it('gives the next connection a renewed certificate, and keeps the old one while the new one is half there', async () => {
    copyFileSync(join(directory, 'server.crt'), join(directory, 'live.crt'));
    copyFileSync(join(directory, 'server.key'), join(directory, 'live.key'));
    const port = await serve('tls_server_config: {cert_file: live.crt, key_file: live.key}\n');
    expect((await ask(port)).certificate.subject.CN).toBe('server');
    copyFileSync(join(directory, 'renewed.crt'), join(directory, 'live.crt'));
    expect((await ask(port)).certificate.subject.CN).toBe('server');
    expect((await ask(port)).status).toBe(200);
    expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/belong together: .*mismatch/)]);
    copyFileSync(join(directory, 'renewed.key'), join(directory, 'live.key'));
    expect((await ask(port)).certificate.subject.CN).toBe('renewed');
    expect(problems).toHaveLength(1);
  });

  it('needs a restart to be switched off, and says so', async () => {
    const port = await serve(tls());
    writeFileSync(config(), '{}\n');
    expect((await ask(port)).status).toBe(200);
    expect(problems[0]?.message).toContain('TLS was switched off; restart to apply it');
  });
});

describe('client certificates', () => {
  const refused = /alert|ECONNRESET|socket hang up|disconnected/;
  const cases = [
    // policy, no certificate, one of our CA, one of nobody's CA
    ['RequestClientCert', true, true, true],
    ['RequireAnyClientCert', false, true, true],
    ['RequireClientCert', false, true, true],
    ['VerifyClientCertIfGiven', true, true, false],
    ['RequireAndVerifyClientCert', false, true, false],
  ] as const;
  it.each(cases)('%s', async (policy, none, ours, foreign) => {
    const port = await serve(tls(`, client_auth_type: ${policy}, client_ca_file: ca.crt`));
    for (const [passes, client] of [
      [none, {}],
      [ours, clientOf('client')],
      [foreign, clientOf('stranger')],
    ] as const) {
      if (passes) expect((await ask(port, client)).status).toBe(200);
      else await expect(ask(port, client)).rejects.toThrow(refused);
    }
  });

  it('pass by their names where those are listed', async () => {
    const listed = (san: string) =>
      tls(`, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: ["${san}"]`);
    const port = await serve(listed('sre@fleet.example'));
    expect((await ask(port, clientOf('client'))).status).toBe(200);
    // The file is followed: the same server now lists another name.
    writeFileSync(config(), listed('prometheus.fleet.example'));
    await expect(ask(port, clientOf('client'))).rejects.toThrow(refused);
    writeFileSync(config(), tls());
    expect((await ask(port)).status).toBe(200);
  });
});

it('names of certificates with special characters stay one name each', () => {
  expect(alternativeNames('DNS:a.b, IP Address:0:0:0:0:0:0:0:1, URI:"https://x/a, DNS:evil", email:m@x')).toEqual([
    'a.b',
    '::1',
    'https://x/a, DNS:evil',
    'm@x',
  ]);
});

describe('basic authentication', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const hashes = new Map<string, string>();
  beforeAll(async () => {
    // htpasswd writes $2y$.
    hashes.set('prom', (await bcrypt.hash('s3cret: with colon', 4)).replace('$2b$', '$2y$'));
    hashes.set('other', await bcrypt.hash('other', 4));
  });
  const yaml = (...names: string[]) =>
    `basic_auth_users:\n${names.map((name) => `  ${name}: ${hashes.get(name)}\n`).join('')}`;
  const status = async (port: number, path: string, init: RequestInit = {}) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, init)).status;

  it('is asked for everywhere, probes and unknown paths included', async () => {
    const port = await serve(yaml('prom'));
    for (const path of ['/metrics', '/-/healthy', '/', '/nowhere']) expect(await status(port, path)).toBe(401);
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="fleetlens"');
    expect(await status(port, '/metrics', { headers: basic('prom:s3cret: with colon') })).toBe(200);
  });

  it.each(['prom:wrong', 'nobody:s3cret: with colon', 'prom:', 'prom', 'constructor:x', '__proto__:x'])(
    'refuses %s, also the second time',
    async (credentials) => {
      const port = await serve(yaml('prom'));
      for (const _ of [1, 2]) expect(await status(port, '/metrics', { headers: basic(credentials) })).toBe(401);
    },
  );

  it('lets a user read and not write, and a bearer token pass in its place', async () => {
    const port = await serve(yaml('prom'));
    const headers = basic('prom:s3cret: with colon');
    const answer = await fetch(`http://127.0.0.1:${port}/read`, { headers });
    expect(await answer.json()).toEqual({ kind: 'basic', name: 'prom', role: 'viewer' });
    expect(await status(port, '/write', { method: 'POST', headers })).toBe(403);
    expect(await status(port, '/read', { headers: { authorization: `Bearer ${TOKEN}` } })).toBe(200);
    expect(await status(port, '/read', { headers: { authorization: `Bearer ${TOKEN}x` } })).toBe(401);
  });

  it('computes one hash for any number of scrapes, and one more when the hash changes', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');
    const port = await serve(yaml('other'));
    const headers = basic('other:other');
    for (const _ of [1, 2, 3]) expect(await status(port, '/metrics', { headers })).toBe(200);
    expect(compare).toHaveBeenCalledTimes(1);
    hashes.set('other', await bcrypt.hash('changed', 4));
    writeFileSync(config(), yaml('other'));
    expect(await status(port, '/metrics', { headers })).toBe(401);
    expect(compare).toHaveBeenCalledTimes(2);
  });

  it('costs an unknown user the same comparison as a known one', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');
    const port = await serve(yaml('prom'));
    await status(port, '/metrics', { headers: basic('nobody:x') });
    expect(compare).toHaveBeenCalledTimes(1);
    expect(bcrypt.getRounds(String(compare.mock.calls[0]?.[1]))).toBe(4);
  });

  it('keeps the last good users when the file breaks, and follows it again when it is put right', async () => {
    const port = await serve(yaml('prom'));
    const headers = basic('prom:s3cret: with colon');
    writeFileSync(config(), 'basic_auth_users: {prom: plain}\n');
    expect(await status(port, '/metrics')).toBe(401);
    expect(await status(port, '/metrics', { headers })).toBe(200);
    expect(problems).toHaveLength(1);
    writeFileSync(config(), '# open\n');
    expect(await status(port, '/metrics')).toBe(200);
  });
});

describe('headers and rate limit', () => {
  it('sets the configured headers on every answer, in place of its own', async () => {
    const port = await serve(
      'http_server_config: {headers: {X-Frame-Options: sameorigin, Strict-Transport-Security: max-age=60, Content-Security-Policy: ""}}\n',
    );
    for (const path of ['/metrics', '/nowhere']) {
      const { headers } = await fetch(`http://127.0.0.1:${port}${path}`);
      expect(headers.get('x-frame-options')).toBe('sameorigin');
      expect(headers.get('strict-transport-security')).toBe('max-age=60');
      expect(headers.has('content-security-policy')).toBe(false);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('turns away what is over the limit', async () => {
    const port = await serve('rate_limit: {interval: 1h, burst: 2}\n');
    const answers = [];
    for (const _ of [1, 2, 3]) answers.push(await fetch(`http://127.0.0.1:${port}/metrics`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(3500);
  });
});

describe('a file that cannot be used is refused by name', () => {
  const hash = `$2y$10$${'a'.repeat(53)}`;
  it.each([
    [
      'tls_server_config: {cert_file: server.crt}',
      /tls_server_config\.key_file: found nothing, expected key_file or key/,
    ],
    ['tls_server_config: {cert_file: nowhere.crt, key_file: server.key}', /tls_server_config\.cert_file: .*ENOENT/],
    ['tls_server_config: {cert_file: server.crt, key_file: client.key}', /tls_server_config: .*belong together/],
    ['tls_server_config: {cert_file: server.crt, key_file: server.key, cert: x}', /both cert and cert_file/],
    [
      'tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt}',
      /client_auth_type: a client CA/,
    ],
    [
      'tls_server_config: {cert_file: server.crt, key_file: server.key, client_allowed_sans: [a]}',
      /client_allowed_sans: needs/,
    ],
    [
      'tls_server_config: {cert_file: server.crt, key_file: server.key, min_version: SSL3}',
      /min_version: found "SSL3", expected one of TLS10/,
    ],
    [
      'http_server_config: {http2: true}',
      /http_server_config\.http2: found true, expected false: this server speaks HTTP\/1\.1/,
    ],
    [
      'http_server_config: {headers: {X-Powered-By: me}}',
      /http_server_config\.headers\.X-Powered-By: unknown key, expected one of Content-Sec/,
    ],
    [
      'http_server_config: {headers: {X-Frame-Options: maybe}}',
      /X-Frame-Options: found "maybe", expected one of deny, sameorigin/,
    ],
    ['basic_auth_users: {a: plain}', /basic_auth_users\.a: found a secret \(not shown\), expected a bcrypt hash/],
    ['rate_limit: {interval: 1s}', /rate_limit\.burst: found nothing/],
    [`basic_auth_user: {a: "${hash}"}`, /line 1, basic_auth_user: unknown key, expected one of tls_server_config/],
    ['{', /line 1: not valid YAML|line 2: not valid YAML/],
  ])('%s', (yaml, message) => {
    writeFileSync(config(), yaml);
    expect(() => new WebConfigFile(config(), () => undefined)).toThrow(message);
  });

  it('when there is none', () => {
    expect(() => new WebConfigFile(join(directory, 'none.yaml'), () => undefined)).toThrow(/can be read: ENOENT/);
  });
});

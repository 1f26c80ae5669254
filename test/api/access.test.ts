import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../exporter/src/config.ts';
import {
  RECORD_LIST_NAMES,
  type RecordListName,
  recordListOf,
  SAMPLE_LISTS,
  SINGLE_KEY_LISTS,
} from '../../exporter/src/contract/api.ts';
import { definitionOf } from '../../exporter/src/contract/records.ts';
import type { Access } from '../../exporter/src/http/auth.ts';
import { type RunningExporter, startExporter } from '../../exporter/src/serve.ts';
import { sourceSchemas } from '../../exporter/src/sources/createSource.ts';
import { type Claims, GrafanaServer } from '../contract/grafana/grafanaServer.ts';
import { ApiDescription } from '../support/apiDescription.ts';
import { everyKind } from '../support/everyKind.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { waitFor } from '../support/waitFor.ts';

/** Of everything that is recorded here (test/support/everyKind.ts) and belongs to a project. */
const PROJECT = 'web';
const OTHER_PROJECT = 'other';

/** What a route is for and how it is asked. */
interface Line {
  readonly access: Access;
  readonly path: string;
  readonly body?: unknown;
  /** Of the answer to who may. Default 200. */
  readonly status?: number;
  /**
   * `one`: it is about one record, and 404 for who may not see that. A function: how much of the records an answer shows, nothing
   * to who may see none of them.
   */
  readonly shows?: 'one' | ((body: string) => number);
  /** A person sees of it what is their own, a token of role operator or above that of everybody. What there is is ann's. */
  readonly own?: true;
}

const open = (path: string): Line => ({ access: 'public', path });
const page = (body: string) => (JSON.parse(body) as { data: unknown[] }).data.length;
const list = (path: string, shows: (body: string) => number = page): Line => ({ access: 'read', path, shows });
const one = (path: string): Line => ({ access: 'read', path, shows: 'one' });

/** Records that are not for every reader. */
const SPECIAL: Readonly<Partial<Record<RecordListName, Partial<Line>>>> = {
  audit: { access: 'admin' },
  notifications: { own: true },
};

/** The one table: what every route of the running server asks for. A route without a line fails, and a line without a route. */
const TABLE: Readonly<Record<string, Line>> = {
  'GET /': open('/'),
  'GET /health': open('/health'),
  'GET /-/healthy': open('/-/healthy'),
  'GET /-/ready': open('/-/ready'),
  'GET /openapi.json': open('/openapi.json'),
  'GET /metrics': { access: 'metrics', path: '/metrics' },
  'POST /api/v1/events': { access: 'ingest', path: '/api/v1/events', body: { events: [] } },
  'POST /api/v1/webhooks/:source': { access: 'public', path: '/api/v1/webhooks/nobody', body: {}, status: 404 },
  'POST /api/metrics/record': { access: 'ingest', path: '/api/metrics/record', body: [], status: 400 },
  'POST /api/v1/actions': { access: 'act', path: '/api/v1/actions', body: { action: 'none' }, status: 400 },
  'GET /api/v1/me': { access: 'read', path: '/api/v1/me' },
  'GET /api/v1/gate': { access: 'read', path: '/api/v1/gate' },
  'GET /api/v1/budgets': list('/api/v1/budgets'),
  'GET /api/v1/notifications/unread-count': {
    ...list('/api/v1/notifications/unread-count', (body) => (JSON.parse(body) as { unread: number }).unread),
    own: true,
  },
  'GET /api/v1/runs/counts': list('/api/v1/runs/counts', (body) => (JSON.parse(body) as { total: number }).total),
  'GET /api/v1/sources': list('/api/v1/sources'),
  'GET /api/v1/attention': list('/api/v1/attention'),
  'GET /api/v1/runs/:source/:id/step-baselines': one('/api/v1/runs/ci/good/step-baselines'),
  'GET /api/v1/find': list('/api/v1/find?q=good'),
  'GET /api/v1/stream': { access: 'read', path: '/api/v1/stream?topics=runs' },
  'GET /api/v1/changes': list(
    '/api/v1/changes?since=1&topics=runs,chains',
    (body) => (JSON.parse(body) as { events: unknown[] }).events.length,
  ),
  'GET /api/v1/runs': list('/api/v1/runs'),
  'GET /api/v1/runs/:source/:id': one('/api/v1/runs/ci/good'),
  'GET /api/v1/runs/:source/:id/steps': one('/api/v1/runs/ci/good/steps'),
  'GET /api/v1/runs/:source/:id/output': one('/api/v1/runs/ci/good/output'),
  'GET /api/v1/runs/:source/:id/output/download': one('/api/v1/runs/ci/good/output/download'),
  'GET /api/v1/sandboxes/:source/:id/output': one('/api/v1/sandboxes/ci/<key>/output'),
  'GET /api/v1/sandboxes/:source/:id/output/download': one('/api/v1/sandboxes/ci/<key>/output/download'),
  'GET /api/v1/analytics/runs': list('/api/v1/analytics/runs?by=project'),
  'GET /api/v1/analytics/failures': list('/api/v1/analytics/failures'),
  'GET /api/v1/analytics/spend': list('/api/v1/analytics/spend?by=project'),
  'GET /api/v1/analytics/timeseries': list('/api/v1/analytics/timeseries?by=project'),
  'GET /api/v1/analytics/personas': list('/api/v1/analytics/personas'),
  'GET /api/v1/analytics/budgets': list('/api/v1/analytics/budgets'),
  'GET /api/v1/quality/trend': list('/api/v1/quality/trend'),
  'GET /api/v1/quality/baselines': list('/api/v1/quality/baselines'),
  'GET /projects/:id/runs/summary': list(
    `/projects/${PROJECT}/runs/summary`,
    (body) => (JSON.parse(body) as { total: number }).total,
  ),
  'GET /api/analytics/metrics': list(
    '/api/analytics/metrics?metricName=duration_ms&aggregation=count',
    (body) => (JSON.parse(body) as { count: number }).count,
  ),
  'GET /api/analytics/export': list('/api/analytics/export', (body) => body.trim().split('\n').length - 1),
  ...Object.fromEntries(
    RECORD_LIST_NAMES.map((name) => [`GET /api/v1/${name}`, { ...list(`/api/v1/${name}`), ...SPECIAL[name] }]),
  ),
  ...Object.fromEntries(
    SINGLE_KEY_LISTS.map((name) => [
      `GET /api/v1/${name}/:source/:id`,
      { ...one(`/api/v1/${name}/ci/<key>`), ...SPECIAL[name] },
    ]),
  ),
  ...Object.fromEntries(
    SAMPLE_LISTS.map((name) => [`GET /api/v1/${name}/:source/:id/samples`, list(`/api/v1/${name}/ci/<key>/samples`)]),
  ),
};

type TokenName = 'ingest' | 'viewer' | 'operator' | 'builder' | 'admin' | 'otherTeam' | 'grafana';
const tokenOf = (name: TokenName) => `token-of-${name}-0123456789`;

/** Who asks, and what is known of them: nothing means that they are not to be believed. */
interface Caller {
  readonly token?: TokenName | 'wrong';
  readonly identity?: () => string;
  readonly known?: {
    readonly token: 'ingest' | 'viewer' | 'operator' | 'builder' | 'admin';
    readonly person?: 'viewer' | 'operator' | 'builder' | 'admin' | 'nobody';
    /** Default ann. */
    readonly login?: string;
    /** Sees another project only. */
    readonly elsewhere?: true;
  };
}

let grafana: GrafanaServer;
const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
/** Through Grafana's proxy, with its token. */
const through = (identity: () => string, known?: Caller['known']): Caller => ({
  token: 'grafana',
  identity,
  ...(known === undefined ? {} : { known }),
});
const person = (login: string, changes: Claims = {}) => grafana.identityOf(login, changes);

const CALLERS: Readonly<Record<string, Caller>> = {
  none: {},
  'a wrong token': { token: 'wrong' },
  ingest: { token: 'ingest', known: { token: 'ingest' } },
  viewer: { token: 'viewer', known: { token: 'viewer' } },
  operator: { token: 'operator', known: { token: 'operator' } },
  builder: { token: 'builder', known: { token: 'builder' } },
  admin: { token: 'admin', known: { token: 'admin' } },
  'another team’s token': { token: 'otherTeam', known: { token: 'viewer', elsewhere: true } },
  'Grafana’s token without an identity': { token: 'grafana' },
  'an identity without a token': { identity: () => person('ann') },
  'a Grafana Viewer': through(() => person('ann'), { token: 'viewer', person: 'viewer' }),
  'a Grafana Editor': through(() => person('ann', { role: 'Editor' }), { token: 'viewer', person: 'operator' }),
  'a Grafana Admin': through(() => person('ann', { role: 'Admin' }), { token: 'viewer', person: 'admin' }),
  'a Grafana user who is a builder here': through(() => person('bea'), {
    token: 'viewer',
    person: 'builder',
    login: 'bea',
  }),
  'a Grafana user of another team': through(() => person('olga'), {
    token: 'viewer',
    person: 'admin',
    login: 'olga',
    elsewhere: true,
  }),
  'a Grafana user without a role': through(() => person('ann', { role: 'None' }), {
    token: 'viewer',
    person: 'nobody',
  }),
  'a Grafana Admin with an admin’s token': {
    token: 'admin',
    identity: () => person('ann', { role: 'Admin' }),
    known: { token: 'admin', person: 'admin' },
  },
  'a Grafana Viewer with an admin’s token': {
    token: 'admin',
    identity: () => person('ann'),
    known: { token: 'admin', person: 'viewer' },
  },
  'a Grafana Viewer with another team’s token': {
    token: 'otherTeam',
    identity: () => person('ann'),
    known: { token: 'viewer', person: 'viewer', elsewhere: true },
  },
  // Each of the two lists alone would show something.
  'a Grafana user of one team with the token of another': {
    token: 'otherTeam',
    identity: () => person('wil'),
    known: { token: 'viewer', person: 'viewer', login: 'wil', elsewhere: true },
  },
  expired: through(() => person('ann', { iat: ago(700), exp: ago(100) })),
  'not yet valid': through(() => person('ann', { nbf: ago(-100) })),
  'another organisation': through(() => person('ann', { aud: 'org:2', role: 'Admin' })),
  'another issuer': through(() => person('ann', { iss: 'https://grafana.elsewhere/' })),
  forged: through(() => grafana.forged(grafana.claimsOf('ann'))),
  'alg none': through(() => grafana.unsigned(grafana.claimsOf('ann'))),
  'HS256 with the public key': through(() => grafana.signedWithPublicKey(grafana.claimsOf('ann'))),
  'a key of nobody': through(() => grafana.sign(grafana.claimsOf('ann'), { kid: 'made-up' })),
  'forged, with an admin’s token': { token: 'admin', identity: () => grafana.forged(grafana.claimsOf('ann')) },
};

const READERS = ['viewer', 'operator', 'builder', 'admin'];
const ALLOWED: Readonly<Record<Exclude<Access, 'public'>, readonly string[]>> = {
  metrics: READERS,
  read: READERS,
  ingest: ['ingest', 'admin'],
  operator: ['operator', 'builder', 'admin'],
  builder: ['builder', 'admin'],
  admin: ['admin'],
  act: ['operator', 'builder', 'admin'],
};

/** What the table means for a caller. */
function expectedStatus({ access, status = 200, shows, own }: Line, { known }: Caller): number {
  if (access === 'public') return status;
  if (known === undefined) return 401;
  const { token, person: role, elsewhere = false, login = 'ann' } = known;
  if (role === undefined) {
    if (!ALLOWED[access].includes(token)) return 403;
  } else {
    // Of a person their own role counts (to act any: the action itself looks at it), and the token need only read.
    const ofToken = access === 'ingest' ? ALLOWED.ingest : READERS;
    const ofPerson = access === 'act' ? READERS : ALLOWED[access];
    if (!ofToken.includes(token) || !ofPerson.includes(role)) return 403;
  }
  if (access === 'metrics' && elsewhere) return 403;
  if (own && role === undefined && !ALLOWED.operator.includes(token)) return 403;
  if (shows !== 'one') return status;
  return elsewhere || (own && role !== undefined && login !== 'ann') ? 404 : status;
}

let database: TestDatabase;
let exporter: RunningExporter;
let directory: string;
let description: ApiDescription;

beforeAll(async () => {
  grafana = await GrafanaServer.start();
  database = await migratedDatabase({ synchronousCommit: 'off' });
  directory = await mkdtemp(join(tmpdir(), 'fleetlens-access-'));
  const token = (name: TokenName, role: string, more: object = {}) => ({ name, role, token: tokenOf(name), ...more });
  const config = {
    web: { listen_address: '127.0.0.1:0' },
    ledger: { database_url: database.connectionString },
    metrics: { require_token: true },
    budgets: { per_repo_daily_usd: 100 },
    tokens: [
      token('ingest', 'ingest'),
      token('viewer', 'viewer'),
      token('operator', 'operator'),
      token('builder', 'builder'),
      token('admin', 'admin'),
      token('otherTeam', 'viewer', { projects: [OTHER_PROJECT] }),
      token('grafana', 'viewer', { require_identity: true }),
    ],
    grafana: {
      url: grafana.url,
      users: [
        { login: 'bea', role: 'builder' },
        { login: 'olga', role: 'admin', projects: [OTHER_PROJECT] },
        { login: 'wil', projects: [PROJECT] },
      ],
    },
  };
  await writeFile(join(directory, 'fleetlens.yaml'), stringify(config));
  exporter = await startExporter(
    await loadConfig('fleetlens.yaml', { sourceSchemas, env: {}, cwd: directory }),
    pino({ level: 'silent' }),
  );
  await waitFor(async () => (await fetch(`${exporter.url}/-/ready`)).ok, { what: 'the exporter to be ready' });
  description = await ApiDescription.load(exporter.url);
  await push('/api/v1/events', { events: everyKind('ci', Date.now()) });
  const ofAnn = { notificationId: 'of-ann', project: PROJECT, user: 'ann', title: 'Run failed', createdAt: now() };
  await push('/api/v1/events', {
    events: [{ id: 'of-ann', source: 'ci', kind: 'notification', at: now(), data: ofAnn }],
  });
  await push('/api/metrics/record', { run_id: 'measured', metric_name: 'duration_ms', metric_value: 5 });
  await push('/api/v1/events', {
    events: [
      { id: 'of-web', source: 'gittinkerer', kind: 'run', at: now(), data: { runId: 'measured', project: PROJECT } },
    ],
  });
});
afterAll(async () => {
  await exporter?.close();
  await grafana?.[Symbol.asyncDispose]();
  await database?.drop();
  if (directory !== undefined) await rm(directory, { recursive: true });
});

const now = () => new Date().toISOString();

async function push(path: string, body: unknown): Promise<void> {
  const answer = await ask({ access: 'ingest', path, body }, { token: 'ingest' });
  const { rejected } = JSON.parse(answer.body) as { rejected?: unknown[] };
  if (answer.status !== 200 || rejected?.length !== 0) throw new Error(`${path}: ${answer.status} ${answer.body}`);
}

/** @throws where the answer is not as the API's description says. */
async function ask({ path, body }: Line, { token, identity }: Caller): Promise<{ status: number; body: string }> {
  const method = body === undefined ? 'GET' : 'POST';
  const response = await fetch(exporter.url + path, {
    method,
    headers: {
      ...(token === undefined
        ? {}
        : { authorization: `Bearer ${token === 'wrong' ? 'nobody’s-token' : tokenOf(token)}`.replace('’', '-') }),
      ...(identity === undefined ? {} : { 'x-grafana-id': identity() }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status } = response;
  // A stream does not end; what it tells is for test/api/stream.test.ts.
  const isStream = status === 200 && response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (isStream) await response.body?.cancel();
  const text = isStream ? '' : await response.text();
  const contentType = response.headers.get('content-type');
  const problem = description.problemOf({ method, path, status, contentType, body: text });
  if (problem !== undefined) throw new Error(problem);
  return { status, body: text };
}

/** The path with the key of the first record of its list. */
async function withKey(line: Line): Promise<Line> {
  if (!line.path.includes('<key>')) return line;
  const name = RECORD_LIST_NAMES.find((one) => line.path.startsWith(`/api/v1/${one}/`));
  if (name === undefined) throw new Error(`${line.path} is of no list`);
  const { body } = await ask({ access: 'read', path: `/api/v1/${name}?source=ci` }, { token: 'admin' });
  const [record] = (JSON.parse(body) as { data: Record<string, string>[] }).data;
  const [field = ''] = definitionOf(recordListOf(name).kind).key;
  return { ...line, path: line.path.replace('<key>', encodeURIComponent(record?.[field] ?? 'nothing was recorded')) };
}

it('every route of the running server has a line in the table, and says what it asks for', () => {
  // HEAD comes with GET and is guarded as that.
  const routes = exporter.routes.filter(({ method }) => method !== 'HEAD');
  const stated = routes.map(({ method, url, access }) => [`${method} ${url}`, access]);
  const expected = Object.entries(TABLE).map(([route, { access }]) => [route, access]);
  expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(expected));
  expect(
    exporter.routes.filter(({ method, url, access }) => method === 'HEAD' && access !== TABLE[`GET ${url}`]?.access),
  ).toEqual([]);
});

it('every route is described, and what is described is there', () => {
  const routes = exporter.routes.filter(({ method }) => method !== 'HEAD');
  expect(description.routes().sort()).toEqual(routes.map(({ method, url }) => `${method} ${url}`).sort());
});

describe.each(Object.entries(TABLE))('%s', (_route, line) => {
  it('answers each caller as the table says', async () => {
    const asked = await withKey(line);
    const answers: Record<string, number> = {};
    for (const [name, caller] of Object.entries(CALLERS)) answers[name] = (await ask(asked, caller)).status;
    const expected = Object.entries(CALLERS).map(([name, caller]) => [name, expectedStatus(line, caller)]);
    expect(answers).toEqual(Object.fromEntries(expected));
  });

  const { shows } = line;
  if (typeof shows !== 'function') return;
  it('shows what is recorded, and nothing of it to who may see other projects only', async () => {
    const asked = await withKey(line);
    for (const [name, caller] of Object.entries(CALLERS)) {
      if (expectedStatus(line, caller) !== 200) continue;
      const found = shows((await ask(asked, caller)).body);
      const isHidden = caller.known?.elsewhere || (line.own && (caller.known?.login ?? 'ann') !== 'ann');
      if (isHidden) expect(found, name).toBe(0);
      else expect(found, name).toBeGreaterThan(0);
    }
  });
});

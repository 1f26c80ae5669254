import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Role, TokenRule } from '../config.ts';
import { type Access, TokenRegistry } from './auth.ts';
import { createServer } from './createServer.ts';
import { HealthRegistry } from './healthRegistry.ts';
import { HttpError } from './httpError.ts';
import { listen } from './listen.ts';
import type { RefusedUseReport } from './refusedUse.ts';

const ROLES: readonly Role[] = ['ingest', 'viewer', 'operator', 'builder', 'admin'];
const tokenOf = (role: Role) => `token-of-${role}-0123456789`;
const rules: TokenRule[] = ROLES.map((role) => ({
  name: role,
  role,
  sha256: createHash('sha256').update(tokenOf(role)).digest('hex'),
  ...(role === 'ingest' ? { sources: ['ci'] } : { projects: ['web'] }),
}));

function build(tokens: TokenRule[], metricsNeedToken = false, trustedProxies: readonly string[] = []): FastifyInstance {
  const app = createServer({
    log: pino({ level: 'silent' }),
    version: '0',
    tokens: new TokenRegistry(tokens),
    health: new HealthRegistry({ version: '0' }),
    metricsNeedToken,
    trustedProxies,
    externalUrl: 'https://fleet.example/lens',
  });
  for (const access of ['public', 'metrics', 'read', 'ingest', 'operator', 'builder', 'admin', 'act'] as const) {
    const handler = async ({ principal }: { principal: unknown }) => principal;
    app.route({ method: ['GET', 'POST'], url: `/${access}`, config: { access }, handler });
  }
  return app;
}

interface From {
  readonly method?: 'GET' | 'POST';
  readonly peer?: string;
  readonly host?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(app: FastifyInstance, path: string, from: From = {}) {
  const answer = await app.inject({
    method: from.method ?? 'GET',
    url: path,
    remoteAddress: from.peer ?? '127.0.0.1',
    headers: {
      host: from.host ?? 'localhost:9960',
      ...(from.token === undefined ? {} : { authorization: `Bearer ${from.token}` }),
      ...from.headers,
    },
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

describe('with tokens', () => {
  const allowed: Record<Exclude<Access, 'public' | 'metrics'>, readonly Role[]> = {
    read: ['viewer', 'operator', 'builder', 'admin'],
    ingest: ['ingest', 'admin'],
    operator: ['operator', 'builder', 'admin'],
    builder: ['builder', 'admin'],
    admin: ['admin'],
    act: ['operator', 'builder', 'admin'],
  };
  const cases = Object.entries(allowed).flatMap(([access, roles]) =>
    ROLES.map((role) => [access, role, roles.includes(role) ? 200 : 403] as const),
  );
  it.each(cases)('%s with a token of role %s: %d', async (access, role, status) => {
    expect((await ask(build(rules), `/${access}`, { token: tokenOf(role) })).status).toBe(status);
  });

  it('a handler learns whose token it is and what it is bound to', async () => {
    const { body } = await ask(build(rules), '/ingest', { token: tokenOf('ingest') });
    expect(body).toEqual({ kind: 'token', name: 'ingest', role: 'ingest', sources: ['ci'] });
  });

  it('reads need one even on loopback, and the answer says which', async () => {
    const { status, headers, body } = await ask(build(rules), '/read');
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer realm="fleetlens"');
    expect(body.error).toMatchObject({ code: 'token_missing', message: expect.stringContaining('viewer, operator') });
  });

  it.each(['wrong-token-wrong-token', `${tokenOf('admin')}x`, tokenOf('admin').slice(1), ''])(
    'refuses %j',
    async (token) => {
      const { status, body } = await ask(build(rules), '/read', { token });
      expect([status, body.error.code]).toEqual([401, 'token_invalid']);
    },
  );

  it('a forbidden answer names the token and the roles, never the token itself', async () => {
    const { body } = await ask(build(rules), '/admin', { token: tokenOf('viewer') });
    expect(body.error).toMatchObject({
      code: 'forbidden',
      message: 'found token "viewer" of role viewer, expected one of admin',
    });
  });

  it('works over a real socket', async () => {
    const app = build(rules);
    const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
    const url = `http://127.0.0.1:${address?.port}/read`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { authorization: `bearer ${tokenOf('viewer')}` } })).status).toBe(200);
    await app.close();
  });

  it('a reload replaces them', async () => {
    const registry = new TokenRegistry(rules);
    registry.replace(rules.filter(({ role }) => role === 'viewer'));
    expect(registry.find(tokenOf('viewer'))).toMatchObject({ name: 'viewer' });
    expect(registry.find(tokenOf('admin'))).toBeUndefined();
  });
});

describe('without tokens', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('%s may read', async (peer) => {
    expect(await ask(build([]), '/read', { peer })).toMatchObject({ status: 200, body: { kind: 'local' } });
  });

  it.each(['10.0.0.7', '::ffff:10.0.0.7', '2001:db8::1', '192.168.1.1'])('%s may not', async (peer) => {
    const { status, body } = await ask(build([]), '/read', { peer });
    expect([status, body.error.code]).toEqual([401, 'no_tokens_configured']);
    expect(body.error.message).toContain('under tokens: in the configuration');
  });

  it.each(['ingest', 'operator', 'builder', 'act'])('%s is refused, on loopback too', async (access) => {
    const { status, body } = await ask(build([]), `/${access}`);
    expect([status, body.error.code]).toEqual([401, 'no_tokens_configured']);
  });

  it('what only admins read is open to this machine as all reads are, and changes nothing', async () => {
    expect((await ask(build([]), '/admin')).status).toBe(200);
    expect((await ask(build([]), '/admin', { peer: '10.0.0.7' })).status).toBe(401);
    expect((await ask(build([]), '/admin', { method: 'POST' })).status).toBe(401);
  });

  it('a page of another site cannot read through the browser of this machine', async () => {
    expect((await ask(build([]), '/read', { host: 'evil.example:9960' })).status).toBe(401);
    for (const host of ['localhost', '127.0.0.1:9960', '[::1]:9960', 'fleet.example']) {
      expect((await ask(build([]), '/read', { host })).status).toBe(200);
    }
  });

  it.each<[string, Record<string, string>, readonly string[], boolean]>([
    ['an unknown proxy of this machine', { 'x-forwarded-for': '203.0.113.7' }, [], false],
    ['an unknown proxy that says it is from here', { 'x-forwarded-for': '127.0.0.1' }, [], false],
    ['an unknown proxy, in the standard header', { forwarded: 'for=127.0.0.1' }, [], false],
    ['a proxy of which another one is trusted', { 'x-forwarded-for': '127.0.0.1' }, ['10.0.0.1'], false],
    ['a trusted proxy, from elsewhere', { 'x-forwarded-for': '203.0.113.7' }, ['127.0.0.1'], false],
    ['a trusted proxy, from here', { 'x-forwarded-for': '127.0.0.1' }, ['127.0.0.1'], true],
    [
      'a trusted proxy, from here under another name',
      { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'evil.example' },
      ['127.0.0.1'],
      false,
    ],
    ['a trusted proxy, in a header that is not read', { forwarded: 'for=127.0.0.1' }, ['127.0.0.1'], false],
  ])('what is forwarded by %s is local only where that is known', async (_what, headers, trusted, isLocal) => {
    const { status } = await ask(build([], false, trusted), '/read', { headers });
    expect(status).toBe(isLocal ? 200 : 401);
  });

  it('a token that nobody has is refused rather than ignored', async () => {
    expect((await ask(build([]), '/read', { token: 'somebody-s-old-token' })).status).toBe(401);
  });
});

describe('public routes', () => {
  it.each(['/', '/-/healthy', '/public', '/metrics'])('%s is open to everyone', async (path) => {
    for (const tokens of [rules, []]) {
      expect((await build(tokens).inject({ url: path, remoteAddress: '10.0.0.7' })).statusCode).toBe(200);
    }
  });

  it('/metrics needs a token where the configuration says so', async () => {
    expect((await ask(build(rules, true), '/metrics')).status).toBe(401);
    const ofAll = rules.map(({ projects: _, ...rule }) => rule);
    expect((await ask(build(ofAll, true), '/metrics', { token: tokenOf('viewer') })).status).toBe(200);
    expect((await ask(build(ofAll, true), '/metrics', { token: tokenOf('ingest') })).status).toBe(403);
  });

  it('/metrics are of all projects: not for a token that may read some', async () => {
    const { status, body } = await ask(build(rules, true), '/metrics', { token: tokenOf('viewer') });
    expect([status, body.error.code]).toEqual([403, 'forbidden']);
    expect(body.error.message).toContain('a token without projects');
  });
});

it('a route that states no access rule does not start', () => {
  expect(() => build([]).get('/forgotten', async () => 'secret')).toThrow('GET /forgotten states no access rule');
});

describe('refused use is told', () => {
  async function refusals(asks: (app: FastifyInstance) => Promise<unknown>) {
    const told: RefusedUseReport[] = [];
    const app = createServer({
      log: pino({ level: 'silent' }),
      version: '0',
      tokens: new TokenRegistry(rules),
      health: new HealthRegistry({ version: '0' }),
      metricsNeedToken: false,
      onRefused: (report) => told.push(report),
    });
    const refuse = async () => {
      throw new HttpError(403, 'forbidden', 'found source a, expected b');
    };
    app.get('/admin/:id', { config: { access: 'admin' } }, async () => 'secret');
    app.get('/read', { config: { access: 'read' } }, async () => ({}));
    app.get('/refusing', { config: { access: 'ingest' } }, refuse);
    app.get('/acting', { config: { access: 'act' } }, refuse);
    await asks(app);
    return told;
  }

  it('of a known token by its name, of an unknown one without, with route, reason and address', async () => {
    const told = await refusals(async (app) => {
      await ask(app, '/admin/7', { token: tokenOf('viewer'), peer: '10.0.0.7' });
      await ask(app, '/read', { token: 'nobody-s-token', peer: '10.0.0.8' });
    });
    expect(told).toEqual([
      {
        principalName: 'viewer',
        route: 'GET /admin/:id',
        reason: 'found token "viewer" of role viewer, expected one of admin',
        address: '10.0.0.7',
        unreported: 0,
      },
      {
        principalName: undefined,
        route: 'GET /read',
        reason: 'found an Authorization header without a token of this exporter, expected "Bearer <token>"',
        address: '10.0.0.8',
        unreported: 0,
      },
    ]);
  });

  it('also by a handler; an action audits itself whom it lets in, and not whom it never sees', async () => {
    const told = await refusals(async (app) => {
      await ask(app, '/refusing', { token: tokenOf('ingest') });
      await ask(app, '/acting', { token: tokenOf('operator') });
      await ask(app, '/acting', { token: tokenOf('viewer') });
    });
    expect(told.map(({ principalName, route }) => [principalName, route])).toEqual([
      ['ingest', 'GET /refusing'],
      ['viewer', 'GET /acting'],
    ]);
  });

  it('not where nothing was presented, nor where all is well', async () => {
    const told = await refusals(async (app) => {
      await ask(app, '/read');
      await ask(app, '/read', { token: tokenOf('viewer') });
      await ask(app, '/nowhere', { token: 'nobody-s-token' });
    });
    expect(told).toEqual([]);
  });
});

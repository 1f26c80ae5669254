import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GrafanaConfig, grafanaSchema } from '../../../exporter/src/config/grafanaSchema.ts';
import { HttpError } from '../../../exporter/src/http/httpError.ts';
import { GrafanaIdentity } from '../../../exporter/src/http/identity/grafanaIdentity.ts';
import { type Claims, GrafanaServer } from './grafanaServer.ts';

const MINUTE_MS = 60_000;
let grafana: GrafanaServer;
let nowMs: number;

beforeEach(async () => {
  grafana = await GrafanaServer.start();
  nowMs = 0;
});
afterEach(() => grafana[Symbol.asyncDispose]());

const configured = (more: Record<string, unknown> = {}): GrafanaConfig =>
  grafanaSchema.parse({ url: grafana.url, ...more });
const identity = (more?: Record<string, unknown>) => new GrafanaIdentity(configured(more), () => nowMs);

/** @returns the status, code and message of the refusal. */
async function refusal(verifying: Promise<unknown>): Promise<[number, string, string]> {
  const error = await verifying.then(
    (person) => new Error(`was not refused: ${JSON.stringify(person)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof HttpError)) throw error;
  return [error.statusCode, error.code, error.message];
}

describe('a person', () => {
  it.each([
    ['Viewer', 'viewer'],
    ['Editor', 'operator'],
    ['Admin', 'admin'],
  ])('of basic role %s is a %s', async (basic, role) => {
    const person = await identity().verify(grafana.identityOf('ann', { role: basic }));
    expect(person).toEqual({
      role,
      user: { login: 'ann', email: 'ann@fleet.example', id: 'user:ann-id', orgId: 1 },
    });
  });

  it.each(['None', 'Grafana Admin', '__proto__', undefined])(
    'of basic role %s is refused with their name',
    async (role) => {
      const [status, code, message] = await refusal(identity().verify(grafana.identityOf('ann', { role })));
      expect([status, code]).toEqual([403, 'forbidden']);
      expect(message).toContain('"ann"');
    },
  );

  it('is known where root_url was written with a slash, or another issuer', async () => {
    const slash = new GrafanaIdentity(grafanaSchema.parse({ url: `${grafana.url}/` }));
    expect((await slash.verify(grafana.identityOf('ann'))).user?.login).toBe('ann');
    const other = identity({ issuer: 'https://grafana.example/fleet' });
    const iss = 'https://grafana.example/fleet/';
    expect((await other.verify(grafana.identityOf('ann', { iss }))).user?.login).toBe('ann');
  });

  it('whose clock is a few seconds off is believed', async () => {
    const now = Date.now() / 1000;
    const claims = grafana.claimsOf('ann', { iat: Math.floor(now + 5), nbf: Math.floor(now + 5) });
    expect((await identity().verify(grafana.sign(claims))).role).toBe('viewer');
  });

  it('of a second organisation is known where that is configured', async () => {
    const person = await identity({ org_id: 7 }).verify(grafana.identityOf('ann', { aud: 'org:7' }));
    expect(person.user?.orgId).toBe(7);
  });
});

describe('no person', () => {
  it.each([
    ['service-account:4', 'service-account'],
    ['anonymous:0', 'anonymous'],
    // A name that looks like a person's does not make one.
    ['user:4', 'service-account'],
  ])('%s may read and nothing else, whatever its role in Grafana', async (sub, type) => {
    const claims = grafana.claimsOf('bot', { sub, type, role: 'Admin' });
    const verified = await identity().verify(grafana.sign(claims));
    expect(verified).toEqual({ role: 'viewer' });
  });
});

describe('not believed', () => {
  const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
  const cases: readonly [string, (claims: Claims) => string, string, RegExp][] = [
    ['forged', (claims) => grafana.forged(claims), 'identity_invalid', /signature that is not of its key/],
    ['alg none', (claims) => grafana.unsigned(claims), 'identity_invalid', /is not signed with ES256/],
    ['HS256 with the public key', (claims) => grafana.signedWithPublicKey(claims), 'identity_invalid', /ES256/],
    ['a kid of nobody', (c) => grafana.sign(c, { kid: 'x' }), 'identity_invalid', /key that Grafana does not have/],
    ['no kid', (claims) => grafana.sign(claims, { kid: undefined }), 'identity_invalid', /names no key/],
    ['an access token', (c) => grafana.sign(c, { typ: 'at+jwt' }), 'identity_invalid', /type "at\+jwt"/],
    ['expired', (c) => grafana.sign({ ...c, exp: ago(11) }), 'identity_expired', /has expired/],
    ['never expiring', (c) => grafana.sign({ ...c, exp: undefined }), 'identity_invalid', /no valid exp/],
    ['old, and long to live', (c) => grafana.sign({ ...c, iat: ago(7200) }), 'identity_expired', /has expired/],
    ['not valid yet', (c) => grafana.sign({ ...c, nbf: ago(-60) }), 'identity_invalid', /not valid yet/],
    ['signed in the future', (c) => grafana.sign({ ...c, iat: ago(-60) }), 'identity_invalid', /of the future/],
    [
      'another issuer',
      (c) => grafana.sign({ ...c, iss: 'https://evil/' }),
      'identity_invalid',
      /issued by "https:\/\/evil\/", exp/,
    ],
    [
      'another organisation',
      (c) => grafana.sign({ ...c, aud: 'org:2' }),
      'identity_invalid',
      /"org:2", expected org:1/,
    ],
    [
      'for something else',
      (c) => grafana.sign({ ...c, aud: undefined }),
      'identity_invalid',
      /for nothing, expected org:1/,
    ],
    ['of nobody', (claims) => grafana.sign({ ...claims, sub: undefined }), 'identity_invalid', /no valid sub/],
    ['no token', () => 'ann', 'identity_invalid', /no signed token/],
    ['two headers', (c) => `${grafana.sign(c)}, ${grafana.sign(c)}`, 'identity_invalid', /no signed token|signature/],
    ['changed claims', (c) => withClaims(grafana.sign(c), { ...c, role: 'Admin' }), 'identity_invalid', /signature/],
  ];
  it.each(cases)('%s: 401 with the reason', async (_name, make, code, reason) => {
    const people = identity();
    const token = make(grafana.claimsOf('ann'));
    const [status, found, message] = await refusal(people.verify(token));
    expect([status, found]).toEqual([401, code]);
    expect(message).toMatch(reason);
    expect(message).not.toContain(token.split('.')[2] || 'no signature');
    expect((await people.verify(grafana.identityOf('ann'))).user?.login).toBe('ann');
  });

  function withClaims(token: string, claims: Claims): string {
    const [header, , signature] = token.split('.');
    return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
  }
});

describe('the keys', () => {
  it('are fetched once for many who ask at once', async () => {
    const people = identity();
    await Promise.all(Array.from({ length: 30 }, (_, at) => people.verify(grafana.identityOf(`user${at}`))));
    expect(grafana.keysAsked).toBe(1);
  });

  it('are fetched anew when a new one signs', async () => {
    const people = identity();
    await people.verify(grafana.identityOf('ann'));
    nowMs += 11_000;
    grafana.rotate();
    expect((await people.verify(grafana.identityOf('ann'))).user?.login).toBe('ann');
    expect(grafana.keysAsked).toBe(2);
  });

  it('are not fetched for every key that somebody makes up', async () => {
    const people = identity();
    for (let at = 0; at < 50; at++) {
      nowMs += 100;
      await refusal(people.verify(grafana.sign(grafana.claimsOf('ann'), { kid: `made-up-${at}` })));
    }
    expect(grafana.keysAsked).toBe(1);
  });

  it('that Grafana took back are believed for ten minutes at most', async () => {
    const people = identity();
    const old = grafana.identityOf('ann');
    await people.verify(old);
    grafana.rotate();
    grafana.revokeOlder();
    nowMs += 10 * MINUTE_MS + 1;
    expect((await refusal(people.verify(old)))[2]).toContain('a key that Grafana does not have');
  });

  it('are used on for an hour while Grafana does not answer, then 503 says why', async () => {
    const people = identity();
    await people.verify(grafana.identityOf('ann'));
    grafana.hosted.fail(/keys$/, { kind: 'reset' }, 1_000);
    nowMs += 59 * MINUTE_MS;
    expect((await people.verify(grafana.identityOf('ann'))).user?.login).toBe('ann');
    expect(await people.health()).toMatchObject({
      status: 'degraded',
      detail: expect.stringContaining('socket hang up'),
    });
    nowMs += 2 * MINUTE_MS;
    const [status, code, message] = await refusal(people.verify(grafana.identityOf('ann')));
    expect([status, code]).toEqual([503, 'grafana_unavailable']);
    expect(message).toContain(`${grafana.url}/api/signing-keys/keys: socket hang up`);

    grafana.hosted.heal();
    nowMs += 11_000;
    expect((await people.verify(grafana.identityOf('ann'))).user?.login).toBe('ann');
    expect(await people.health()).toEqual({ status: 'ok' });
  });

  it('that Grafana cannot be asked for are 503, not a refusal: the next one may be real', async () => {
    const people = identity();
    await people.verify(grafana.identityOf('ann'));
    grafana.rotate();
    grafana.hosted.fail(/keys$/, { kind: 'status', status: 502 }, 1_000);
    nowMs += 11_000;
    expect((await refusal(people.verify(grafana.identityOf('ann')))).slice(0, 2)).toEqual([503, 'grafana_unavailable']);
  });

  it.each([
    ['an error', { kind: 'status', status: 500 } as const, 'answered 500, expected 200'],
    ['a page', { kind: 'truncated' } as const, 'answered what is no JSON'],
    ['a redirect', { kind: 'status', status: 302, headers: { location: '/login' } } as const, 'answered 302'],
    ['no keys', { kind: 'drift', change: () => ({ keys: [] }) } as const, 'found no ES256 key'],
    [
      'keys of RSA',
      { kind: 'drift', change: () => ({ keys: [{ kty: 'RSA', kid: 'a' }] }) } as const,
      'found no ES256 key',
    ],
  ])('%s instead of them: 503', async (_name, fault, reason) => {
    grafana.hosted.fail(/keys$/, fault);
    const [status, , message] = await refusal(identity().verify(grafana.identityOf('ann')));
    expect(status).toBe(503);
    expect(message).toContain(reason);
  });

  it('of a new Grafana, which has none before its first visitor, are there a second later', async () => {
    const people = identity();
    grafana.hosted.fail(/keys$/, { kind: 'drift', change: () => ({ keys: [] }) }, 1_000);
    for (let at = 0; at < 50; at++) {
      const refused = await people.verify(grafana.identityOf('ann')).catch((error: HttpError) => error);
      expect(refused).toMatchObject({ statusCode: 503, headers: { 'Retry-After': '1' } });
      nowMs += 100;
    }
    expect(grafana.keysAsked).toBe(5);
    grafana.hosted.heal();
    expect((await people.verify(grafana.identityOf('ann'))).user?.login).toBe('ann');
  });

  it('are kept over a reload of the same Grafana, and forgotten with another', async () => {
    await using other = await GrafanaServer.start();
    const people = identity();
    await people.verify(grafana.identityOf('ann', { role: 'Editor' }));
    people.replace(configured({ role_map: { Editor: 'builder' } }));
    expect((await people.verify(grafana.identityOf('ann', { role: 'Editor' }))).role).toBe('builder');
    expect(grafana.keysAsked).toBe(1);
    people.replace(grafanaSchema.parse({ url: other.url }));
    expect((await refusal(people.verify(grafana.identityOf('ann'))))[0]).toBe(401);
    expect((await people.verify(other.identityOf('ann'))).user?.login).toBe('ann');
  });
});

describe('teams', () => {
  const teams = [
    { name: 'Storefront', projects: ['acme/storefront'] },
    { name: 'SRE', role: 'admin', projects: 'all' },
    { name: 'Checkout', projects: ['acme/checkout'] },
  ];
  const people = () =>
    identity({
      teams,
      role_map: { Viewer: { role: 'viewer', projects: ['acme/open'] } },
      service_account_token: grafana.serviceAccountToken,
    });
  beforeEach(() => {
    grafana.teams.set('Storefront', ['ann', 'Cleo']);
    grafana.teams.set('SRE', ['bob', 'cleo']);
    grafana.teams.set('Checkout', ['ann']);
  });

  it.each([
    ['ann', { role: 'viewer', projects: ['acme/storefront', 'acme/checkout'] }],
    ['bob', { role: 'admin' }],
    ['cleo', { role: 'admin' }],
    ['dora', { role: 'viewer', projects: ['acme/open'] }],
  ])('%s gets what their teams get', async (login, expected) => {
    const { user, ...grant } = await people().verify(grafana.identityOf(login));
    expect([user?.login, grant]).toEqual([login, expected]);
  });

  it('are asked for at most once a minute, and a new member is seen after it', async () => {
    const verifier = people();
    await Promise.all([1, 2, 3].map(() => verifier.verify(grafana.identityOf('dora'))));
    grafana.teams.set('SRE', ['dora']);
    expect((await verifier.verify(grafana.identityOf('dora'))).role).toBe('viewer');
    expect(grafana.hosted.countsSince(0)['/api/teams/search']).toBe(3);
    nowMs += MINUTE_MS + 1;
    expect((await verifier.verify(grafana.identityOf('dora'))).role).toBe('admin');
  });

  it('that cannot be had refuse rather than show too much', async () => {
    grafana.hosted.fail(/teams/, { kind: 'status', status: 500 }, 1_000);
    const [status, code] = await refusal(people().verify(grafana.identityOf('ann')));
    expect([status, code]).toEqual([503, 'grafana_unavailable']);
  });

  it.each([
    ['that are not there', { teams: [{ name: 'Storefrnt', projects: ['x'] }] }, 'found no team "Storefrnt"'],
    ['whose token is wrong', { service_account_token: 'glsa_wrong' }, 'check grafana.service_account_token'],
  ])('%s are told by name', async (_name, more, reason) => {
    const verifier = identity({ teams, service_account_token: grafana.serviceAccountToken, ...more });
    const [status, , message] = await refusal(verifier.verify(grafana.identityOf('ann')));
    expect(status).toBe(503);
    expect(message).toContain(reason);
    expect((await verifier.health()).detail).toContain(reason);
  });

  it('are not asked for somebody with an entry of their own', async () => {
    const verifier = identity({
      teams,
      users: [{ login: 'ANN', role: 'builder' }],
      service_account_token: grafana.serviceAccountToken,
    });
    expect((await verifier.verify(grafana.identityOf('ann'))).role).toBe('builder');
    expect(grafana.hosted.countsSince(0)['/api/teams/search']).toBeUndefined();
  });
});

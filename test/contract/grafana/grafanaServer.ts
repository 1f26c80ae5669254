import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { type AskedFor, type HostedAnswer, HostedServer } from '../hostedServer.ts';

export type Claims = Readonly<Record<string, unknown>>;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const TTL_SECONDS = 600;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function newKey(): SigningKey {
  return { kid: randomUUID(), ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

/**
 * Grafana 12.3's part in who asks: its signing keys, the identities that it signs with them, and its teams. Signs with
 * node:crypto, so that the library that verifies is not asked about itself.
 */
export class GrafanaServer implements AsyncDisposable {
  /** Logins of the members of each team. */
  readonly teams = new Map<string, readonly string[]>();
  readonly serviceAccountToken = 'glsa_of-the-contract-server';
  #keys: readonly SigningKey[] = [newKey()];
  #hosted: HostedServer | undefined;

  static async start(): Promise<GrafanaServer> {
    const grafana = new GrafanaServer();
    grafana.#hosted = await HostedServer.start((asked) => grafana.#answer(asked));
    return grafana;
  }

  get hosted(): HostedServer {
    if (this.#hosted === undefined) throw new Error('start it with GrafanaServer.start()');
    return this.#hosted;
  }

  get url(): string {
    return this.hosted.url;
  }

  get #newest(): SigningKey {
    return this.#keys[0] as SigningKey;
  }

  /** A new key signs from now on; those before stay published. */
  rotate(): void {
    this.#keys = [newKey(), ...this.#keys];
  }

  /** Takes back all keys but the newest. */
  revokeOlder(): void {
    this.#keys = [this.#newest];
  }

  /** How often the keys were asked for. */
  get keysAsked(): number {
    return this.hosted.countsSince(0)['/api/signing-keys/keys'] ?? 0;
  }

  /** The claims of a person, as Grafana 12.3 writes them; undefined takes one out. */
  claimsOf(login: string, changes: Claims = {}): Claims {
    const now = Math.floor(Date.now() / 1000);
    return {
      aud: 'org:1',
      iss: `${this.url}/`,
      sub: `user:${login}-id`,
      iat: now,
      exp: now + TTL_SECONDS,
      type: 'user',
      role: 'Viewer',
      username: login,
      name: login.toUpperCase(),
      email: `${login}@fleet.example`,
      identifier: `${login}-id`,
      namespace: 'default',
      authenticatedBy: 'password',
      ...changes,
    };
  }

  /** An identity as the data source proxy forwards it. */
  sign(claims: Claims, header: Claims = {}, key: KeyObject = this.#newest.privateKey): string {
    const content = `${encode({ alg: 'ES256', kid: this.#newest.kid, ...header })}.${encode(claims)}`;
    return `${content}.${sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  }

  /** The identity of a person. */
  identityOf(login: string, changes: Claims = {}): string {
    return this.sign(this.claimsOf(login, changes));
  }

  /** Signed by somebody else, under the name of Grafana's own key. */
  forged(claims: Claims): string {
    return this.sign(claims, {}, newKey().privateKey);
  }

  /** Not signed at all, and saying so. */
  unsigned(claims: Claims): string {
    return `${encode({ alg: 'none', kid: this.#newest.kid })}.${encode(claims)}.`;
  }

  /** "Signed" with what everybody can read, for a verifier that lets the token choose what a key is. */
  signedWithPublicKey(claims: Claims): string {
    const secret = this.#newest.publicKey.export({ type: 'spki', format: 'pem' });
    const content = `${encode({ alg: 'HS256', kid: this.#newest.kid })}.${encode(claims)}`;
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hosted[Symbol.asyncDispose]();
  }

  #answer({ path, query, headers }: AskedFor): HostedAnswer {
    if (path === '/api/signing-keys/keys') {
      const keys = this.#keys.map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        alg: 'ES256',
        use: 'sig',
      }));
      return { body: { keys } };
    }
    if (headers.authorization !== `Bearer ${this.serviceAccountToken}`) {
      return { status: 401, body: { message: 'Invalid API key', messageId: 'api-key.invalid', statusCode: 401 } };
    }
    const names = [...this.teams.keys()];
    if (path === '/api/teams/search') {
      const found = names.filter((name) => query.get('name') === null || name === query.get('name'));
      const teams = found.map((name) => ({ id: names.indexOf(name) + 1, orgId: 1, name, memberCount: 1 }));
      return { body: { totalCount: teams.length, teams, page: 1, perPage: 1000 } };
    }
    const [, id] = /^\/api\/teams\/(\d+)\/members$/.exec(path) ?? [];
    const members = id === undefined ? undefined : this.teams.get(names[Number(id) - 1] ?? '');
    if (members === undefined) return { status: 404, body: { message: 'Not found' } };
    return { body: members.map((login, at) => ({ orgId: 1, teamId: Number(id), userId: at + 1, login })) };
  }
}

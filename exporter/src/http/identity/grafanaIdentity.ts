import { isDeepStrictEqual } from 'node:util';
import {
  errors,
  type FlattenedJWSInput,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import type { GrafanaConfig } from '../../config/grafanaSchema.ts';
import type { PartState } from '../healthRegistry.ts';
import { HttpError } from '../httpError.ts';
import { CachedAnswer, type CacheTimes } from './cachedAnswer.ts';
import { ALGORITHM, fetchKeys, type GrafanaKeys } from './grafanaKeys.ts';
import { fetchTeams, type TeamMembers } from './grafanaTeams.ts';
import { type Claimed, type Grant, grantOf } from './grantOf.ts';

/** The header with the identity that Grafana signs, in Node's spelling. */
export const IDENTITY_HEADER = 'x-grafana-id';

/** A person of Grafana. */
export interface GrafanaUser {
  readonly login: string;
  readonly email?: string;
  /** The subject of the identity, `user:<id>`. */
  readonly id: string;
  readonly orgId: number;
}

/** Whom Grafana vouches for, and what they may here. */
export interface VerifiedIdentity extends Grant {
  /** Absent: a service account or an anonymous visitor, who may read as a viewer at most. */
  readonly user?: GrafanaUser;
}

/** How far clocks may be apart. */
const CLOCK_TOLERANCE_SECONDS = 10;
/** Grafana signs for 10 minutes. */
const MAX_AGE = '1h';
/** A new Grafana has no signing key until it signs for its first visitor, who waits no longer than the short cooldown. */
const KEY_TIMES: CacheTimes = {
  refreshMs: 600_000,
  keepMs: 3_600_000,
  cooldownMs: 10_000,
  emptyCooldownMs: 1_000,
};
const TEAM_TIMES: CacheTimes = { refreshMs: 60_000, keepMs: 900_000, cooldownMs: 10_000, emptyCooldownMs: 10_000 };

const claimsSchema = z.object({
  sub: z.string().min(1),
  type: z.string().optional(),
  role: z.string().optional(),
  username: z.string().min(1).optional(),
  email: z.string().min(1).optional(),
});

/** Verifies the identities that a Grafana signs. A reload replaces whose. */
export class GrafanaIdentity {
  readonly #now: (() => number) | undefined;
  #grafana: GrafanaConfig | undefined;
  #keys: CachedAnswer<GrafanaKeys>;
  #teams: CachedAnswer<TeamMembers>;

  /** @param now milliseconds of a clock that never goes back, for the age of what is cached. */
  constructor(grafana: GrafanaConfig | undefined, now?: () => number) {
    this.#now = now;
    this.#grafana = grafana;
    this.#keys = this.#cacheKeys();
    this.#teams = this.#cacheTeams();
  }

  /** Keys and members that were fetched are kept where they are still the same Grafana's. */
  replace(grafana: GrafanaConfig | undefined): void {
    const before = this.#grafana;
    this.#grafana = grafana;
    const same = (key: keyof GrafanaConfig) => isDeepStrictEqual(before?.[key], grafana?.[key]);
    const isSameServer = same('url') && same('ca_file');
    if (!isSameServer || !same('jwks_url')) this.#keys = this.#cacheKeys();
    if (!isSameServer || !same('teams') || !same('service_account_token')) this.#teams = this.#cacheTeams();
  }

  /** Off: the header means nothing here. */
  get isConfigured(): boolean {
    return this.#grafana !== undefined;
  }

  /** For /health: whether Grafana can be asked for what is needed to believe its people. */
  async health(): Promise<PartState> {
    if (this.#grafana === undefined) return { status: 'ok', detail: 'not configured' };
    const caches = [this.#keys, ...(this.#grafana.teams.length === 0 ? [] : [this.#teams])];
    // Failures are told below, together with what is still used.
    await Promise.allSettled(caches.map((cache) => cache.get()));
    const failed = caches.find(({ failure }) => failure !== undefined);
    if (failed === undefined) return { status: 'ok' };
    const kept =
      failed.ageMs === undefined
        ? 'nothing is known from before'
        : `an answer of ${Math.round(failed.ageMs / 1000)} s ago is used for a while`;
    return { status: 'degraded', detail: `${failed.failure?.message}; ${kept}` };
  }

  /**
   * @param header the value of {@link IDENTITY_HEADER}.
   * @throws HttpError 401 for an identity that is not to be believed, 403 for one that no role is given to, 503 where Grafana
   * cannot be asked for what the answer needs.
   */
  async verify(header: string): Promise<VerifiedIdentity> {
    const grafana = this.#configured();
    const claims = await this.#verifyClaims(header, grafana);
    const { sub: subject, type = 'user', username, email, role } = claims;
    const isPerson = type === 'user' && subject.startsWith('user:');
    const claimed: Claimed = { subject, login: username, email, role };
    const grant = await grantOf(claimed, grafana, () => this.#teamsOf(isPerson ? username : undefined));
    if (grant === undefined) {
      const who = JSON.stringify(username ?? subject);
      const message = `found ${who} of Grafana's basic role ${role ?? 'unknown'}, to whom grafana.role_map, users and teams give no role`;
      throw new HttpError(403, 'forbidden', message);
    }
    if (!isPerson) return { ...grant, role: 'viewer' };
    const user = { login: username ?? email ?? subject, id: subject, orgId: grafana.org_id };
    return { ...grant, user: email === undefined ? user : { ...user, email } };
  }

  #cacheKeys(): CachedAnswer<GrafanaKeys> {
    return new CachedAnswer(() => fetchKeys(this.#configured()), KEY_TIMES, this.#now);
  }

  #cacheTeams(): CachedAnswer<TeamMembers> {
    return new CachedAnswer(() => fetchTeams(this.#configured()), TEAM_TIMES, this.#now);
  }

  #configured(): GrafanaConfig {
    if (this.#grafana === undefined) throw new Error('no Grafana is configured; ask isConfigured before');
    return this.#grafana;
  }

  async #keyOf(header: JWTHeaderParameters, jws: FlattenedJWSInput): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    const { kid, typ } = header;
    if (typ !== undefined && typ.toLowerCase() !== 'jwt') {
      throw invalid(`is a token of type ${JSON.stringify(typ.slice(0, 20))}, no identity`);
    }
    if (kid === undefined) throw invalid('names no key');
    try {
      const keys = await this.#keys.get();
      if (keys.ids.has(kid)) return await keys.keyOf(header, jws);
      // A key that was made since; or none of Grafana's.
      const anew = await this.#keys.getAnew();
      if (anew.ids.has(kid) || this.#keys.failure === undefined) return await anew.keyOf(header, jws);
    } catch (error) {
      if (error instanceof errors.JOSEError) throw error;
      throw unavailable("Grafana's signing keys", error, KEY_TIMES.emptyCooldownMs);
    }
    const what = `the key ${JSON.stringify(kid.slice(0, 40))} of the identity`;
    throw unavailable(what, this.#keys.failure, KEY_TIMES.cooldownMs);
  }

  async #teamsOf(login: string | undefined): Promise<ReadonlySet<string>> {
    if (login === undefined) return new Set();
    const members = await this.#teams.get().catch((error: unknown) => {
      throw unavailable("the members of Grafana's teams", error, TEAM_TIMES.emptyCooldownMs);
    });
    return new Set([...members].filter(([, logins]) => logins.has(login.toLowerCase())).map(([team]) => team));
  }

  async #verifyClaims(token: string, grafana: GrafanaConfig): Promise<z.output<typeof claimsSchema>> {
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, (header, jws) => this.#keyOf(header, jws), {
        algorithms: [ALGORITHM],
        issuer: issuersOf(grafana),
        audience: `org:${grafana.org_id}`,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        maxTokenAge: MAX_AGE,
        requiredClaims: ['exp', 'iat', 'sub'],
      }));
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      throw refusalOf(error, grafana);
    }
    const parsed = claimsSchema.safeParse(payload);
    if (parsed.success) return parsed.data;
    throw invalid('has claims of other types than Grafana 12 writes', parsed.error);
  }
}

/** `root_url` may be written with a slash at its end or without; Grafana signs with one. */
function issuersOf({ url, issuer }: GrafanaConfig): string[] {
  const name = (issuer ?? url).replace(/\/+$/, '');
  return [name, `${name}/`];
}

function invalid(why: string, cause?: unknown, code = 'identity_invalid'): HttpError {
  return new HttpError(
    401,
    code,
    `found an X-Grafana-Id that ${why}; expected one that the configured Grafana signed just now`,
    {
      cause,
      headers: { 'WWW-Authenticate': 'Bearer realm="fleetlens"' },
    },
  );
}

function unavailable(what: string, cause: unknown, retryMs: number): HttpError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HttpError(503, 'grafana_unavailable', `${what} cannot be had, so nobody can be verified: ${why}`, {
    cause,
    headers: { 'Retry-After': String(retryMs / 1_000) },
  });
}

/** In the reader's words: the library's own name neither what was expected nor where to set it. */
function refusalOf(error: errors.JOSEError, grafana: GrafanaConfig): HttpError {
  if (error instanceof errors.JWTExpired)
    return invalid('has expired; load the page again, and check the clocks', error, 'identity_expired');
  if (error instanceof errors.JOSEAlgNotAllowed) return invalid(`is not signed with ${ALGORITHM}`, error);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return invalid('has a signature that is not of its key', error);
  if (error instanceof errors.JWKSNoMatchingKey)
    return invalid('is signed with a key that Grafana does not have', error);
  if (!(error instanceof errors.JWTClaimValidationFailed)) return invalid('is no signed token', error);
  const found = JSON.stringify(error.payload[error.claim])?.slice(0, 100) ?? 'nothing';
  const expected: Readonly<Record<string, string>> = {
    iss: `is issued by ${found}, expected ${issuersOf(grafana)[1]} (grafana.issuer)`,
    aud: `is for ${found}, expected org:${grafana.org_id} (grafana.org_id)`,
    nbf: 'is not valid yet; check the clocks',
    iat: 'is of the future; check the clocks',
  };
  return invalid(expected[error.claim] ?? `has no valid ${error.claim}`, error);
}

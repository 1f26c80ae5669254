import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import { READING_ROLES, rolesFrom } from '../config/roles.ts';
import type { Role, TokenRule } from '../config.ts';
import { HttpError } from './httpError.ts';
import {
  type GrafanaIdentity,
  type GrafanaUser,
  IDENTITY_HEADER,
  type VerifiedIdentity,
} from './identity/grafanaIdentity.ts';
import { isLoopback, isOwnHost } from './loopback.ts';
import { RefusedUse, type RefusedUseReport } from './refusedUse.ts';

/** What a route may ask for. */
const ACCESS = ['public', 'metrics', 'read', 'ingest', 'operator', 'builder', 'admin', 'act'] as const;
/**
 * What a route asks for. `read`: a viewer or above; `ingest`: an ingest or admin token; `operator`, `builder`, `admin`: that
 * role or above; `act`: a verified person, or a token of role operator or above, and the single action decides which role it
 * needs; `metrics`: nothing, or `read` where `metrics.require_token` is set; `public`: nothing.
 */
export type Access = (typeof ACCESS)[number];
/** What somebody has to be somebody for. */
type GuardedAccess = Exclude<Access, 'public' | 'metrics'>;

/** Who asks, as far as a request shows. Route handlers find it at `request.principal`. */
export interface Principal {
  /**
   * `user`: a person whom Grafana vouches for, through a token that may read. `local`: a read from this machine while no tokens
   * are configured. `none`: a public route, nobody known.
   */
  readonly kind: 'token' | 'user' | 'basic' | 'local' | 'none';
  /** The token's name, or the person's login. */
  readonly name?: string;
  readonly role?: Role;
  /** Sources that it may push for; absent: all. */
  readonly sources?: readonly string[];
  /** Projects that it may read; absent: all. What belongs to no project is for those who may read all. */
  readonly projects?: readonly string[];
  /** Of a person. */
  readonly user?: GrafanaUser;
}

export interface GuardedRoute {
  readonly method: string;
  /** As the framework has it: `/api/v1/runs/:source/:id`. */
  readonly url: string;
  readonly access: Access;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this route. Every route states it; one that does not fails at start-up. */
    access?: Access;
  }
  interface FastifyRequest {
    principal: Principal;
  }
  interface FastifyInstance {
    /** Every route and its rule. */
    guardedRoutes: readonly GuardedRoute[];
  }
}

const NOBODY: Principal = { kind: 'none' };
const REALM = 'Bearer realm="fleetlens"';

const ROLES_OF: Readonly<Record<GuardedAccess, readonly Role[]>> = {
  read: READING_ROLES,
  ingest: ['ingest', 'admin'],
  operator: rolesFrom('operator'),
  builder: rolesFrom('builder'),
  admin: rolesFrom('admin'),
  act: rolesFrom('operator'),
};

/** The configured tokens. Only their SHA-256 is kept; a reload replaces them. */
export class TokenRegistry {
  #rules: readonly { readonly digest: Buffer; readonly principal: Principal }[] = [];
  /** Tokens that are good only together with Grafana's identity. */
  readonly #needIdentity = new WeakSet<Principal>();
  readonly #asked = new WeakMap<object, Principal | undefined>();

  constructor(tokens: readonly TokenRule[]) {
    this.replace(tokens);
  }

  replace(tokens: readonly TokenRule[]): void {
    this.#rules = tokens.map(({ sha256, require_identity, ...rule }) => {
      const principal: Principal = { kind: 'token', ...rule };
      if (require_identity) this.#needIdentity.add(principal);
      return { digest: Buffer.from(sha256, 'hex'), principal };
    });
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** @returns whose token this is. Compares with every rule in constant time, so that the answer's time tells nothing. */
  find(token: string): Principal | undefined {
    const digest = hash('sha256', token, 'buffer');
    let found: Principal | undefined;
    for (const rule of this.#rules) {
      if (timingSafeEqual(rule.digest, digest)) found = rule.principal;
    }
    return found;
  }

  /** @returns whose token the request carries; looked up once, however many hooks ask. */
  of(request: Pick<FastifyRequest, 'headers'>): Principal | undefined {
    if (this.#asked.has(request)) return this.#asked.get(request);
    const token = bearerToken(request);
    const principal = token === undefined ? undefined : this.find(token);
    this.#asked.set(request, principal);
    return principal;
  }

  /** @returns whether the token that this is the principal of is good only together with Grafana's identity. */
  needsIdentity(principal: Principal): boolean {
    return this.#needIdentity.has(principal);
  }
}

/** @returns the token of an `Authorization: Bearer …` header. */
export function bearerToken(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

export function mayPush(principal: Principal | undefined): boolean {
  return ROLES_OF.ingest.some((role) => role === principal?.role);
}

/** @returns whether whoever a read route let in would be let through to an action, too: it takes a token. */
export function mayAct(request: Pick<FastifyRequest, 'headers' | 'principal'>): boolean {
  const { kind, role } = request.principal;
  return bearerToken(request) !== undefined && (kind === 'user' || ROLES_OF.act.some((one) => one === role));
}

export interface AuthOptions {
  readonly tokens: TokenRegistry;
  /** Verifies the people of a Grafana. Default: none is believed, and the header means nothing. */
  readonly people?: GrafanaIdentity;
  /** `metrics.require_token`. */
  readonly metricsNeedToken: boolean;
  /** `web.external_url`: its name counts as this exporter's own. */
  readonly externalUrl?: string;
  /** The user that basic authentication of the web configuration found in this request, if any. */
  basicUserOf?(request: FastifyRequest): string | undefined;
  /** Told of credentials that were refused, so often at most that whoever tries many cannot fill a disk. */
  onRefused?(report: RefusedUseReport): void;
}

/**
 * Guards every route by the rule that it states in `config.access`, and refuses at start-up a route that states none.
 *
 * With tokens configured, reads need one. With none, reads are open to this machine and everything else is refused. A
 * user of the web configuration's basic authentication reads as a viewer; writing needs a token. Where a Grafana is configured
 * and a request carries its signed identity, the token has to read, the person's role decides, and both lists of projects
 * count; an identity that is not to be believed is refused, never ignored.
 */
export function guardRoutes(app: FastifyInstance, options: AuthOptions): void {
  app.decorateRequest('principal', null as unknown as Principal); // set by the hook below before any handler runs
  const guarded: GuardedRoute[] = [];
  app.decorate('guardedRoutes', guarded);
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) {
      const expected = ACCESS.map((access) => `'${access}'`).join(' | ');
      throw new Error(
        `route ${[method].flat().join(',')} ${url} states no access rule; expected config: { access: ${expected} }`,
      );
    }
    for (const name of [method].flat()) guarded.push({ method: name, url, access: config.access });
  });
  const acting = new WeakSet<FastifyRequest>();
  app.addHook('onRequest', requireRole(options, acting));
  const { onRefused } = options;
  if (onRefused !== undefined) reportRefusals(app, new RefusedUse((report) => onRefused(report)), acting);
}

/**
 * Whoever refuses, a hook or a handler: credentials were presented, and were not good for what was asked.
 * @param acting requests that were let through to an action, which audits itself what it refuses.
 */
function reportRefusals(app: FastifyInstance, refused: RefusedUse, acting: WeakSet<FastifyRequest>): void {
  app.addHook('onError', (request, _reply, error, done) => {
    const { authorization, [IDENTITY_HEADER]: identity } = request.headers;
    const isRefusal = error instanceof HttpError && (error.statusCode === 401 || error.statusCode === 403);
    if (isRefusal && !acting.has(request) && (authorization !== undefined || identity !== undefined)) {
      refused.report({
        principalName: request.principal?.name,
        route: `${request.method} ${request.routeOptions.url ?? 'none'}`,
        reason: error.message,
        address: request.ip,
      });
    }
    done();
  });
}

/** The hook that {@link guardRoutes} puts before every route: 401 without a valid identity, 403 with one that may not. */
function requireRole(options: AuthOptions, acting: WeakSet<FastifyRequest>): onRequestHookHandler {
  const { people } = options;
  // Callbacks where they can: a promise for each request costs more than what is done.
  return (request, _reply, done) => {
    const rule = request.routeOptions.config.access ?? 'public';
    const access = rule === 'metrics' ? (options.metricsNeedToken ? 'read' : 'public') : rule;
    const caller = identify(request, options);
    request.principal = caller ?? NOBODY;
    if (access === 'public') return done();
    const identity = people?.isConfigured ? request.headers[IDENTITY_HEADER]?.toString() : undefined;
    const unknown = whyUnknown(request, access, caller, identity !== undefined, options);
    if (unknown !== undefined || caller === undefined) return done(unknown);
    const authorise = () => {
      const refusal = whyRefused(access, caller, request.principal) ?? whyRefusedProjects(rule, request.principal);
      if (refusal === undefined && access === 'act') acting.add(request);
      done(refusal);
    };
    if (people === undefined || identity === undefined) return authorise();
    people.verify(identity).then((person) => {
      request.principal = speakFor(caller, person);
      authorise();
    }, done);
  };
}

/** The credentials are of nobody, or no good alone. */
function whyUnknown(
  request: FastifyRequest,
  access: GuardedAccess,
  caller: Principal | undefined,
  hasIdentity: boolean,
  options: AuthOptions,
): HttpError | undefined {
  // Without tokens nobody is an admin: what only they read is open to this machine as all reads are.
  const isLocalRead = access === 'read' || (access === 'admin' && ['GET', 'HEAD'].includes(request.method));
  if (caller === undefined || (caller.kind === 'local' && !isLocalRead)) {
    return nobodyError(request, access, options);
  }
  if (hasIdentity || !options.tokens.needsIdentity(caller)) return undefined;
  const message = `found token "${caller.name}" without X-Grafana-Id, expected it beside (require_identity): ask through Grafana's data source, or use another token`;
  return new HttpError(401, 'identity_missing', message, { headers: { 'WWW-Authenticate': REALM } });
}

/** Of a person it is their own role that counts, and what they come with need only read; to act it has to be a token. */
function whyRefused(access: GuardedAccess, caller: Principal, principal: Principal): HttpError | undefined {
  const isPerson = principal.kind === 'user';
  const isCarried = isPerson && access !== 'ingest' && (access !== 'act' || caller.kind === 'token');
  const ofCaller = ROLES_OF[isCarried ? 'read' : access];
  if (caller.kind !== 'local' && !ofCaller.some((role) => role === caller.role)) {
    return forbidden(`${caller.kind === 'basic' ? 'user' : 'token'} "${caller.name}"`, caller, ofCaller);
  }
  const own = ROLES_OF[isPerson && access === 'act' ? 'read' : access];
  if (principal === caller || own.some((role) => role === principal.role)) return undefined;
  const who = isPerson ? `Grafana user "${principal.name}"` : 'a service account or visitor of Grafana';
  return forbidden(who, principal, own);
}

function forbidden(who: string, { role }: Principal, expected: readonly Role[]): HttpError {
  return new HttpError(403, 'forbidden', `found ${who} of role ${role}, expected one of ${expected.join(', ')}`);
}

/** What the token and the person may both do. */
function speakFor(caller: Principal, { user, role, projects }: VerifiedIdentity): Principal {
  const { projects: ownProjects, name, ...rest } = caller;
  const both =
    ownProjects === undefined || projects === undefined
      ? (ownProjects ?? projects)
      : ownProjects.filter((project) => projects.includes(project));
  const limits = both === undefined ? {} : { projects: both };
  if (user === undefined) return { ...rest, ...(name === undefined ? {} : { name }), role, ...limits };
  return { ...rest, kind: 'user', name: user.login, role, user, ...limits };
}

/** Metrics are of all projects at once. */
function whyRefusedProjects(rule: Access, { name, projects }: Principal): HttpError | undefined {
  if (rule !== 'metrics' || projects === undefined) return undefined;
  const message = `found "${name}", who may read some projects only, expected a token without projects: metrics are of all`;
  return new HttpError(403, 'forbidden', message);
}

function identify(request: FastifyRequest, options: AuthOptions): Principal | undefined {
  const token = bearerToken(request);
  const byToken = options.tokens.of(request);
  if (byToken !== undefined) return byToken;
  const user = options.basicUserOf?.(request);
  if (user !== undefined) return { kind: 'basic', name: user, role: 'viewer' };
  const { host, 'x-forwarded-host': forwardedHost } = request.headers;
  const isLocal =
    comesFromHere(request) && [host, forwardedHost?.toString()].every((name) => isOwnHost(name, options.externalUrl));
  // A wrong token is refused even where none is needed: its owner believes to be somebody.
  return options.tokens.isEmpty && token === undefined && isLocal ? { kind: 'local' } : undefined;
}

/**
 * A proxy on this machine is a loopback peer too, whoever asks it: what was forwarded is from here only where a trusted proxy says
 * so, in the one header that is read of it (X-Forwarded-For).
 */
function comesFromHere(request: FastifyRequest): boolean {
  const { 'x-forwarded-for': forwardedFor, forwarded } = request.headers;
  if (!isLoopback(request.socket.remoteAddress)) return false;
  if (forwardedFor === undefined && forwarded === undefined) return true;
  return (request.ips?.length ?? 0) > 1 && isLoopback(request.ip);
}

function nobodyError(request: FastifyRequest, access: GuardedAccess, options: AuthOptions): HttpError {
  const headers = { 'WWW-Authenticate': REALM };
  const roles = ROLES_OF[access].join(', ');
  if (options.tokens.isEmpty) {
    const remedy = `add one of role ${roles} under tokens: in the configuration and send it as "Authorization: Bearer <token>"`;
    const found =
      access === 'read' ? 'found a read from another machine or host name' : `found a request that needs role ${roles}`;
    return new HttpError(401, 'no_tokens_configured', `${found} and no tokens configured; ${remedy}`, { headers });
  }
  if (request.headers.authorization === undefined) {
    const message = `found no Authorization header, expected "Bearer <token>" with a token of role ${roles}`;
    return new HttpError(401, 'token_missing', message, { headers });
  }
  const message = 'found an Authorization header without a token of this exporter, expected "Bearer <token>"';
  return new HttpError(401, 'token_invalid', message, {
    headers: { 'WWW-Authenticate': `${REALM}, error="invalid_token"` },
  });
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Role, TokenRule } from '../config.ts';
import { HttpError } from './httpError.ts';
import { isLoopback, isOwnHost } from './loopback.ts';

/**
 * What a route asks for. `read`: a viewer or above; `ingest`: an ingest or admin token; `operator`: an operator or above;
 * `admin`: an admin; `metrics`: nothing, or `read` where `metrics.require_token` is set; `public`: nothing.
 */
export type Access = 'public' | 'metrics' | 'read' | 'ingest' | 'operator' | 'admin';

/** Who asks, as far as a request shows. Route handlers find it at `request.principal`. */
export interface Principal {
  /** `local`: a read from this machine while no tokens are configured. `none`: a public route, nobody known. */
  readonly kind: 'token' | 'basic' | 'local' | 'none';
  /** The token's or user's name. */
  readonly name?: string;
  readonly role?: Role;
  /** Sources that it may push for; absent: all. */
  readonly sources?: readonly string[];
  /** Projects that it may read; absent: all. */
  readonly projects?: readonly string[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this route. Every route states it; one that does not fails at start-up. */
    access?: Access;
  }
  interface FastifyRequest {
    principal: Principal;
  }
}

const NOBODY: Principal = { kind: 'none' };
const REALM = 'Bearer realm="fleetlens"';

const ROLES_OF: Readonly<Record<Exclude<Access, 'public' | 'metrics'>, readonly Role[]>> = {
  read: ['viewer', 'operator', 'builder', 'admin'],
  ingest: ['ingest', 'admin'],
  operator: ['operator', 'builder', 'admin'],
  admin: ['admin'],
};

/** The configured tokens. Only their SHA-256 is kept; a reload replaces them. */
export class TokenRegistry {
  #rules: readonly { readonly digest: Buffer; readonly principal: Principal }[] = [];
  readonly #asked = new WeakMap<object, Principal | undefined>();

  constructor(tokens: readonly TokenRule[]) {
    this.replace(tokens);
  }

  replace(tokens: readonly TokenRule[]): void {
    this.#rules = tokens.map(({ sha256, ...rule }) => ({
      digest: Buffer.from(sha256, 'hex'),
      principal: { kind: 'token', ...rule },
    }));
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** @returns whose token the request carries; looked up once, however many hooks ask. */
  of(request: Pick<FastifyRequest, 'headers'>): Principal | undefined {
    if (this.#asked.has(request)) return this.#asked.get(request);
    const token = bearerToken(request);
    const principal = token === undefined ? undefined : this.find(token);
    this.#asked.set(request, principal);
    return principal;
  }

  /** @returns whose token this is. Compares with every rule in constant time, so that the answer's time tells nothing. */
  find(token: string): Principal | undefined {
    const digest = createHash('sha256').update(token).digest();
    let found: Principal | undefined;
    for (const rule of this.#rules) {
      if (timingSafeEqual(rule.digest, digest)) found = rule.principal;
    }
    return found;
  }
}

/** @returns the token of an `Authorization: Bearer …` header. */
export function bearerToken(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

export function mayPush(principal: Principal | undefined): boolean {
  return ROLES_OF.ingest.some((role) => role === principal?.role);
}

export interface AuthOptions {
  readonly tokens: TokenRegistry;
  /** `metrics.require_token`. */
  readonly metricsNeedToken: boolean;
  /** `web.external_url`: its name counts as this exporter's own. */
  readonly externalUrl?: string;
  /** The user that basic authentication of the web configuration found in this request, if any. */
  basicUserOf?(request: FastifyRequest): string | undefined;
}

/**
 * Guards every route by the rule that it states in `config.access`, and refuses at start-up a route that states none.
 *
 * With tokens configured, reads need one. With none, reads are open to this machine and everything else is refused. A
 * user of the web configuration's basic authentication reads as a viewer; writing needs a token.
 */
export function guardRoutes(app: FastifyInstance, options: AuthOptions): void {
  app.decorateRequest('principal', null as unknown as Principal); // set by the hook below before any handler runs
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) {
      throw new Error(
        `route ${[method].flat().join(',')} ${url} states no access rule; expected config: { access: 'public' | 'metrics' | 'read' | 'ingest' | 'operator' | 'admin' }`,
      );
    }
  });
  app.addHook('onRequest', requireRole(options));
}

/** The hook that {@link guardRoutes} puts before every route: 401 without a valid identity, 403 with one that may not. */
function requireRole(options: AuthOptions): onRequestHookHandler {
  return (request, _reply, done) => {
    const rule = request.routeOptions.config.access ?? 'public';
    const access = rule === 'metrics' ? (options.metricsNeedToken ? 'read' : 'public') : rule;
    const principal = identify(request, options);
    const refusal = access === 'public' ? undefined : whyRefused(request, access, principal, options);
    request.principal = principal ?? NOBODY;
    if (refusal === undefined) done();
    else done(refusal);
  };
}

function whyRefused(
  request: FastifyRequest,
  access: keyof typeof ROLES_OF,
  principal: Principal | undefined,
  options: AuthOptions,
): HttpError | undefined {
  if (principal === undefined) return nobodyError(request, access, options);
  if (principal.kind === 'local') return access === 'read' ? undefined : nobodyError(request, access, options);
  if (ROLES_OF[access].some((role) => role === principal.role)) return undefined;
  const found = `found ${principal.kind === 'basic' ? 'user' : 'token'} "${principal.name}" of role ${principal.role}`;
  return new HttpError(403, 'forbidden', `${found}, expected one of ${ROLES_OF[access].join(', ')}`);
}

function identify(request: FastifyRequest, options: AuthOptions): Principal | undefined {
  const token = bearerToken(request);
  const byToken = options.tokens.of(request);
  if (byToken !== undefined) return byToken;
  const user = options.basicUserOf?.(request);
  if (user !== undefined) return { kind: 'basic', name: user, role: 'viewer' };
  const isLocal = isLoopback(request.socket.remoteAddress) && isOwnHost(request.headers.host, options.externalUrl);
  // A wrong token is refused even where none is needed: its owner believes to be somebody.
  return options.tokens.isEmpty && token === undefined && isLocal ? { kind: 'local' } : undefined;
}

function nobodyError(request: FastifyRequest, access: keyof typeof ROLES_OF, options: AuthOptions): HttpError {
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

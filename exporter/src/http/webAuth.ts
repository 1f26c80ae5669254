import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TokenRegistry } from './auth.ts';
import { HttpError } from './httpError.ts';
import { BasicAuth, BasicAuthBusy } from './webConfig/basicAuth.ts';
import { RateLimiter } from './webConfig/rateLimiter.ts';
import type { WebConfigFile, WebConfigState } from './webConfig/webConfigFile.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Its handler tells who sends, by a signature or a secret: basic authentication is not asked for, since a code host can send no
     * password and a log shipper has its secret in the Authorization header. Default: it is.
     */
    verifiesSender?: true;
  }
}

/**
 * Applies rate limit, response headers and basic authentication of the web configuration, in the exporter-toolkit's
 * order, to every request (also to paths that do not exist). With users configured, every request but those to routes
 * that verify their senders themselves needs one of them, or a valid bearer token: both travel in the Authorization
 * header, so a client can send but one.
 * @returns who a request's basic authentication named, for the route guard.
 */
export function guardByWebConfig(
  app: FastifyInstance,
  webConfig: WebConfigFile,
  tokens: TokenRegistry,
): (request: FastifyRequest) => string | undefined {
  const users = new WeakMap<FastifyRequest, string>();
  const basicAuth = new BasicAuth();
  const limit = createLimit();

  app.addHook('onRequest', async (request, reply) => {
    const state = webConfig.current();
    applyHeaders(reply, state.headers);
    const waitMs = limit(state.rateLimit);
    if (waitMs !== undefined) {
      const headers = { 'Retry-After': String(Math.ceil(waitMs / 1000)) };
      throw new HttpError(429, 'too_many_requests', 'more requests than rate_limit allows', { headers });
    }
    if (Object.keys(state.users).length === 0 || request.routeOptions.config.verifiesSender) return;
    const user = await identify(request, state);
    if (user !== undefined) users.set(request, user);
    else if (tokens.of(request) === undefined) {
      const message = 'expected a user and password of the web configuration, or a valid bearer token';
      throw new HttpError(401, 'unauthorized', message, { headers: { 'WWW-Authenticate': 'Basic realm="fleetlens"' } });
    }
  });

  async function identify(request: FastifyRequest, state: WebConfigState): Promise<string | undefined> {
    try {
      return await basicAuth.identify(request.headers.authorization, state.users);
    } catch (error) {
      if (!(error instanceof BasicAuthBusy)) throw error;
      throw new HttpError(429, 'too_many_requests', error.message, { headers: { 'Retry-After': '1' }, cause: error });
    }
  }

  return (request) => users.get(request);
}

function applyHeaders(reply: FastifyReply, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value === '') reply.removeHeader(name);
    else reply.header(name, value);
  }
}

/** A limiter that starts anew when the configured limit changes. */
function createLimit(): (configured: WebConfigState['rateLimit']) => number | undefined {
  let configuredBefore: WebConfigState['rateLimit'];
  let limiter: RateLimiter | undefined;
  return (configured) => {
    if (configured !== configuredBefore) {
      configuredBefore = configured;
      limiter = configured === undefined ? undefined : new RateLimiter(configured, performance.now());
    }
    return limiter?.take(performance.now());
  };
}

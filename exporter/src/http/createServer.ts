import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { type AuthOptions, guardRoutes, type TokenRegistry } from './auth.ts';
import { answerClientError, answerError, answerErrors, type ErrorReporter } from './errorAnswers.ts';
import type { HealthRegistry } from './healthRegistry.ts';
import { healthRoutes } from './healthRoutes.ts';
import { HttpError } from './httpError.ts';
import { LANDING_STYLE_HASH, landingPage } from './landingPage.ts';
import { ServerGroup } from './listen.ts';
import { createNodeServer, DEFAULT_TIMEOUTS, type NodeServerOptions, type ServerTimeouts } from './nodeServer.ts';
import { limitRoutes } from './rateLimit/limitRoutes.ts';
import type { RateLimits } from './rateLimit/rateLimits.ts';
import { requestIdOf } from './requestId.ts';
import { logRequests, type RequestLogOptions } from './requestLog.ts';
import { guardByWebConfig } from './webAuth.ts';
import type { WebConfigFile } from './webConfig/webConfigFile.ts';

export interface ServerDeps {
  /** A pino logger. */
  readonly log: FastifyBaseLogger;
  readonly version: string;
  readonly tokens: TokenRegistry;
  readonly health: HealthRegistry;
  /** `metrics.require_token`. */
  readonly metricsNeedToken: boolean;
  readonly externalUrl?: string;
  /** TLS, basic authentication, headers and rate limit of `--web.config.file`. */
  readonly webConfig?: WebConfigFile;
  /** Verifies the people of a Grafana. Default: none is believed. */
  readonly people?: AuthOptions['people'];
  /** Told of credentials that were refused. */
  readonly onRefused?: AuthOptions['onRefused'];
  /** Default: none. */
  readonly limits?: RateLimits;
  /** `web.trusted_proxies`. Default: what a client says of its address is not believed. */
  readonly trustedProxies?: readonly string[];
  /** Read at each request. Default: nothing is logged but failures. */
  readonly requestLog?: () => RequestLogOptions;
  /** Where unexpected errors are reported besides the log. */
  readonly errors?: ErrorReporter;
  readonly timeouts?: ServerTimeouts;
}

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  // Nothing here loads anything; the landing page applies its one style.
  'Content-Security-Policy': `default-src 'none'; style-src ${LANDING_STYLE_HASH}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'deny',
};

/** A source's own id in a path may be long (a branch, a URL); the framework's default of 100 would answer 404. */
const MAX_PARAM_LENGTH = 1024;
/** For routes that say nothing else; ingest states its own. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/**
 * The HTTP server without its data: request ids, guarded routes, errors in one shape, security headers, health and
 * landing page. Add routes by functions `(app, deps) => void` before {@link listen}; each states `config: { access }`.
 * Listen with `listen()`, stop with `drainServer()`.
 */
export function createServer(deps: ServerDeps): FastifyInstance {
  const nodeServerOptions: NodeServerOptions = {
    timeouts: deps.timeouts ?? DEFAULT_TIMEOUTS,
    ...(deps.webConfig === undefined ? {} : { webConfig: deps.webConfig }),
    onRefusedClient: (reason, peer) => deps.log.warn({ peer }, `connection refused: ${reason}`),
  };
  const app: FastifyInstance = fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    requestIdHeader: false,
    ...(deps.trustedProxies?.length ? { trustProxy: [...deps.trustedProxies] } : {}),
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: 'idle',
    // Its 503 has another shape; ours is in the hook below.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      reply.header('X-Request-ID', request.id).headers(SECURITY_HEADERS);
      answerError(error, request, reply);
    },
    clientErrorHandler: answerClientError,
    serverFactory: (handler) => createNodeServer(handler, nodeServerOptions),
  });
  serveSiblings(app, nodeServerOptions);

  // Hooks of every request call `done` where they can: a promise each costs more than what they do.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-ID', request.id).headers(SECURITY_HEADERS);
    if (!app.serverGroup.isDraining) return done();
    done(new HttpError(503, 'draining', 'this exporter is stopping; ask again', { headers: { 'Retry-After': '1' } }));
  });
  if (deps.requestLog !== undefined) logRequests(app, deps.requestLog);
  answerErrors(app, deps.errors);
  limitRoutes(app, deps.limits, deps.tokens);
  const basicUserOf = deps.webConfig && guardByWebConfig(app, deps.webConfig, deps.tokens);
  const auth: AuthOptions = {
    tokens: deps.tokens,
    metricsNeedToken: deps.metricsNeedToken,
    ...(deps.externalUrl === undefined ? {} : { externalUrl: deps.externalUrl }),
    ...(basicUserOf === undefined ? {} : { basicUserOf }),
    ...(deps.people === undefined ? {} : { people: deps.people }),
    ...(deps.onRefused === undefined ? {} : { onRefused: deps.onRefused }),
  };
  guardRoutes(app, auth);
  healthRoutes(app, deps.health);
  landingPage(app, deps.version);
  return app;
}

/** Further listen addresses are further servers with the same handler, limits and end. */
function serveSiblings(app: FastifyInstance, options: NodeServerOptions): void {
  const group = new ServerGroup(() => {
    const server = createNodeServer((request, response) => app.routing(request, response), options);
    return server.on('clientError', answerClientError);
  });
  app.decorate('serverGroup', group);
  let siblingsClosed: Promise<void> | undefined;
  app.addHook('preClose', async () => {
    group.isDraining = true;
    siblingsClosed = group.closeSiblings();
  });
  app.addHook('onClose', async () => siblingsClosed);
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Else the client keeps the connection for its next request, and the end waits for its idle time-out.
    if (group.isDraining) reply.header('connection', 'close');
    done();
  });
}

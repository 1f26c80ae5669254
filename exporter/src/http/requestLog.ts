import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HEALTH_PATHS } from './healthRoutes.ts';

/** Which requests are logged. Read at each request, so that a reload applies. */
export interface RequestLogOptions {
  /** `log.requests` (LOG_REQUESTS): all but probes. Off by default: a scraper alone makes a line every few seconds. */
  readonly requests: boolean;
  /** `log.health_requests` (LOG_HEALTH_REQUESTS): `/health`, `/-/healthy`, `/-/ready`. */
  readonly healthRequests: boolean;
}

/** One line a request, when its answer is sent, with its reqId. Answers of 500 and above are logged by the error handler anyway. */
export function logRequests(app: FastifyInstance, options: () => RequestLogOptions): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { requests, healthRequests } = options();
    // The path alone: a query may hold what somebody searched for, or a token where none belongs.
    const path = request.url.split('?', 1)[0] ?? '';
    if (HEALTH_PATHS.has(path) ? healthRequests : requests) logRequest(request, reply, path);
    done();
  });
}

function logRequest(request: FastifyRequest, reply: FastifyReply, path: string): void {
  request.log.info(
    {
      method: request.method,
      path,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      peer: request.socket.remoteAddress,
      principal: request.principal?.name,
    },
    'request',
  );
}

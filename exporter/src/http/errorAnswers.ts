import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, HttpError } from './httpError.ts';
import { createRequestId } from './requestId.ts';

/** What the framework's own refusals are called here, by its error code. */
const CODES: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_BAD_URL: 'bad_url',
  FST_ERR_MAX_PARAM_LENGTH: 'bad_url',
  FST_ERR_VALIDATION: 'invalid_request',
};

const CODES_BY_STATUS: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  408: 'request_timeout',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  503: 'unavailable',
};

export interface ErrorReporter {
  /** Hands an unexpected error to whoever watches them (Sentry). */
  captureException(error: unknown, context: { readonly requestId: string; readonly route: string }): void;
}

/** Makes every answer that is no success `{"error":{"code","message","requestId"}}`, without internals. */
export function answerErrors(app: FastifyInstance, reporter: ErrorReporter | undefined): void {
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => answerError(error, request, reply, reporter));
  const allowedMethods = collectRoutes(app);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const allowed = allowedMethods(path);
    if (allowed.length === 0) {
      return sendError(request, reply, new HttpError(404, 'not_found', `found no ${path} here; / lists what there is`));
    }
    const message = `found ${request.method}, expected ${allowed.join(' or ')} for ${path}`;
    const headers = { Allow: allowed.join(', ') };
    return sendError(request, reply, new HttpError(405, 'method_not_allowed', message, { headers }));
  });
}

/** For refusals that the framework makes before a route is known (an undecodable URL). */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  reporter?: ErrorReporter,
): FastifyReply {
  const known = toHttpError(error);
  if (known.statusCode >= 500) request.log.error({ err: error }, 'request failed');
  if (known.statusCode === 500) {
    reporter?.captureException(error, { requestId: request.id, route: request.routeOptions.url ?? 'none' });
  }
  return sendError(request, reply, known);
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  // A body that was refused unread would be read as the next request of a kept connection.
  if (error.statusCode === 413) reply.header('connection', 'close');
  return reply
    .code(error.statusCode)
    .headers(error.headers)
    .type('application/json; charset=utf-8')
    .send(errorBody(error.code, error.message, request.id));
}

function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500) {
    const code = 'code' in error && typeof error.code === 'string' ? CODES[error.code] : undefined;
    return new HttpError(status, code ?? CODES_BY_STATUS[status] ?? 'bad_request', error.message, { cause: error });
  }
  const message = 'the exporter failed to answer; its log has the cause under this requestId';
  return new HttpError(500, 'internal', message, { cause: error });
}

/** Remembers the routes, to tell a path that does not exist from one that has no such method. */
function collectRoutes(app: FastifyInstance): (path: string) => string[] {
  const routes = new Map<string, { pattern: URLPattern; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: new URLPattern({ pathname: url }), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    routes.set(url, route);
  });
  return (path) => {
    const methods = [...routes.values()].filter(({ pattern }) => pattern.test({ pathname: path }));
    return [...new Set(methods.flatMap((route) => [...route.methods]))].sort();
  };
}

const SOCKET_ERRORS: Readonly<Record<string, readonly [string, string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request_timeout', 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers_too_large', 'the headers exceed 16 KiB'],
};

/** Answers what never became a request: broken HTTP, headers without end. For the server's `clientError` event. */
export function answerClientError(error: Error, socket: Socket): void {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const fallback = ['400 Bad Request', 'bad_request', 'found no valid HTTP/1.1 request'] as const;
  const [status, word, message] = SOCKET_ERRORS[code] ?? fallback;
  const requestId = createRequestId();
  const body = JSON.stringify(errorBody(word, message, requestId));
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-ID: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
}

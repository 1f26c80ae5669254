import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bearerToken, mayPush, type TokenRegistry } from '../auth.ts';
import { HttpError } from '../httpError.ts';
import { clientOf } from './clientAddress.ts';
import type { Answer, RateLimits, Subject, Verdict } from './rateLimits.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * `none`: never limited (probes, scrapes). `repo`: a request with a token that may push is counted by {@link limitPush} alone, since
     * many senders may stand behind one address. Default: every request is counted for its address.
     */
    limit?: 'none' | 'repo';
  }
  interface FastifyInstance {
    /** Absent: nothing is limited. */
    rateLimits: RateLimits | undefined;
  }
}

/**
 * Counts requests before anything is done for them: each for its address, reads also for the source and project that they ask for.
 * Headers tell every client where it stands. Has to come before the hooks that look at credentials, which cost more.
 */
export function limitRoutes(app: FastifyInstance, limits: RateLimits | undefined, tokens: TokenRegistry): void {
  app.decorate('rateLimits', limits);
  if (limits === undefined) return;
  app.addHook('onRequest', (request, reply, done) => {
    const { limit } = request.routeOptions.config;
    if (limit === 'none') return done();
    const client = clientFrom(request);
    const guesser = limits.refuseGuesser(client);
    if (guesser !== undefined) return done(applyVerdict(reply, guesser));
    if (limit === 'repo') {
      const principal = tokens.of(request);
      if (mayPush(principal)) return done();
      // Counted even if the address is over its limit: else that would tell a wrong token from the right one, for ever.
      const isWrong = principal === undefined && bearerToken(request) !== undefined;
      if (isWrong) countRefused(request, request.headers.authorization ?? '');
    }
    settle(limits.takeClient(client), reply, done);
  });

  app.addHook('preHandler', (request, reply, done) => {
    if (request.routeOptions.config.access !== 'read') return done();
    settle(limits.takeSubjects('read', subjectsOf(request)), reply, done);
  });

  app.addHook('onSend', (request, reply, _payload, done) => {
    const { authorization } = request.headers;
    const { verifiesSender } = request.routeOptions.config;
    // Not what came without any: a browser asks so first.
    if (reply.statusCode === 401 && authorization !== undefined && !verifiesSender)
      countRefused(request, authorization);
    done();
  });
}

/** Counts wrong credentials, a signature or a secret among them, for the address that they came from. */
export function countRefused(request: FastifyRequest, credentials: string): void {
  request.server.rateLimits?.countWrongCredentials(clientFrom(request), credentials);
}

/**
 * Counts a push for the sources and projects of its events.
 * @throws HttpError 429; nothing of the push may be recorded then.
 */
export async function limitPush(reply: FastifyReply, subjects: Iterable<Subject>): Promise<void> {
  const answer = reply.server.rateLimits?.takeSubjects('push', subjects);
  const refusal = applyVerdict(reply, answer instanceof Promise ? await answer : answer);
  if (refusal !== undefined) throw refusal;
}

/** Callbacks rather than promises where the counters are in memory: a hook runs at each request. */
function settle(answer: Answer, reply: FastifyReply, done: (error?: Error) => void): void {
  if (!(answer instanceof Promise)) done(applyVerdict(reply, answer));
  else answer.then((verdict) => done(applyVerdict(reply, verdict)), done);
}

/** Tells of the limit that is nearest, in seconds as the platforms' own services do. @returns the refusal, if it is one. */
function applyVerdict(reply: FastifyReply, verdict: Verdict | undefined): HttpError | undefined {
  if (verdict === undefined) return undefined;
  const { allowed, limit, remaining, resetMs, reason } = verdict;
  const told = reply.getHeader('X-RateLimit-Remaining');
  const resetSeconds = Math.max(1, Math.ceil(resetMs / 1000));
  if (told === undefined || remaining < Number(told) || !allowed) {
    reply
      .header('X-RateLimit-Limit', limit)
      .header('X-RateLimit-Remaining', remaining)
      .header('X-RateLimit-Reset', resetSeconds);
  }
  if (allowed) return undefined;
  return new HttpError(429, 'too_many_requests', reason, { headers: { 'Retry-After': String(resetSeconds) } });
}

/** `request.ip` is the peer, or what a trusted proxy says of it. */
function clientFrom(request: FastifyRequest): string {
  return clientOf(request.ip) ?? clientOf(request.socket.remoteAddress ?? '') ?? 'unknown';
}

/** The sources and projects that a read names, in its path or its query. */
function subjectsOf(request: FastifyRequest): Subject[] {
  const params = request.params as Readonly<Record<string, string>>;
  const query = request.query as Readonly<Record<string, string | string[]>>;
  const sources = params.source === undefined ? [query.source ?? []].flat() : [params.source];
  const projects = [query.project ?? []].flat();
  if (sources.length === 0 && projects.length === 0) return [];
  return orUnnamed(sources).flatMap((source) => orUnnamed(projects).map((project) => ({ source, project })));
}

function orUnnamed(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [''] : names;
}

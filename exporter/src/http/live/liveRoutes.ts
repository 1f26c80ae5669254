import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type pg from 'pg';
import type { Counter, Gauge } from 'prom-client';
import { type ChangesAnswer, changesQuery, streamQuery } from '../../contract/live.ts';
import { formatPosition, type Position, parsePosition } from '../../contract/topics.ts';
import { interestOf } from '../../ledger/changes/interest.ts';
import { readChanges } from '../../ledger/changes/readChanges.ts';
import type { Principal } from '../auth.ts';
import { HttpError } from '../httpError.ts';
import { answering, readQuery, readRoute, sendJson } from '../readRequest.ts';
import { ChangeFeed } from './changeFeed.ts';
import { followerOf, tell } from './follower.ts';
import { LiveStream, type LiveStreamTimes, STREAM_ENDS, STREAM_TIMES } from './liveStream.ts';
import { startFollowing } from './startFollowing.ts';

export interface LiveRoutesOptions {
  readonly pool: pg.Pool;
  onCommit(listener: () => void): () => void;
  readonly log: FastifyBaseLogger;
  readonly metrics?: { readonly open: Gauge; readonly events: Counter; readonly ended: Counter };
  readonly limits?: StreamLimits;
  readonly times?: LiveStreamTimes;
}

export interface StreamLimits {
  readonly total: number;
  /** Of one person. */
  readonly perPerson: number;
  /** Of one token without a person: many may stand behind it. */
  readonly perToken: number;
}
const STREAM_LIMITS: StreamLimits = { total: 500, perPerson: 20, perToken: 100 };
const RETRY_AFTER_SECONDS = '10';
/** Nothing on the way may hold events back. */
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  vary: 'Authorization, X-Grafana-Id',
  // Else the end of the server waits for a connection that nobody uses.
  connection: 'close',
};

/** `GET /api/v1/stream`: what changes, as it is committed; `GET /api/v1/changes`: the same for who polls. */
export function liveRoutes(app: FastifyInstance, options: LiveRoutesOptions): void {
  const { pool, log, metrics, limits = STREAM_LIMITS, times = STREAM_TIMES } = options;
  const streams = new Map<LiveStream, string>();
  const starting = new Map<symbol, string>();
  const feed = new ChangeFeed({
    pool,
    onCommit: options.onCommit,
    onState(isUp, error) {
      if (isUp) log.info('stream: the ledger answers again');
      else log.warn({ err: error }, 'stream: the ledger does not answer; streams wait');
      for (const stream of streams.keys()) stream.tellState(isUp);
    },
  });
  for (const reason of STREAM_ENDS) metrics?.ended.inc({ reason }, 0);
  app.addHook('preClose', async () => {
    for (const stream of streams.keys()) stream.end('stopping');
    await Promise.all([...streams.keys()].map((stream) => stream.ended));
    await feed.close();
  });

  app.get('/api/v1/stream', { config: { access: 'read' }, exposeHeadRoute: false }, async (request, reply) => {
    const { topics, lastEventId, tail } = readQuery(request, streamQuery);
    const follower = followerOf(topics, request.principal);
    const owner = ownerOf(request.principal);
    refuseTooMany(request.principal, [...streams.values(), ...starting.values()], owner, limits);
    const place = Symbol(owner);
    starting.set(place, owner);
    try {
      const since = lastEventIdOf(request.headers['last-event-id']) ?? lastEventId;
      const start = await answering(startFollowing(pool, follower, { since, tail }));
      const stream = new LiveStream(feed, start, times, (count) => metrics?.events.inc(count));
      streams.set(stream, owner);
      metrics?.open.set(streams.size);
      stream.ended
        .then(
          (reason) => metrics?.ended.inc({ reason }),
          (error: unknown) => log.error({ err: error }, 'stream: it ended with an error'),
        )
        .finally(() => {
          streams.delete(stream);
          metrics?.open.set(streams.size);
        });
      if (app.serverGroup.isDraining) stream.end('stopping');
      return reply.headers(HEADERS).send(stream.body);
    } finally {
      starting.delete(place);
    }
  });

  readRoute(app, '/api/v1/changes', async (request, reply) => {
    const { topics, since, tail, limit } = readQuery(request, changesQuery);
    const { follower, from, events } = await startFollowing(pool, followerOf(topics, request.principal), {
      since,
      tail,
    });
    const page = await readChanges(pool, from, interestOf(follower.topics), limit);
    const answer: ChangesAnswer = {
      position: formatPosition(page.to),
      more: page.more,
      events: [...events, ...page.changes.flatMap((change) => tell(follower, change) ?? [])],
    };
    return sendJson(reply, answer);
  });
}

/** An id of somebody else's stream says nothing here: the client begins anew. */
function lastEventIdOf(header: string | string[] | undefined): Position | undefined {
  const text = header?.toString();
  return text === undefined || text === ''
    ? undefined
    : (parsePosition(text) ?? { seq: Number.MAX_SAFE_INTEGER, index: 0 });
}

const ownerOf = ({ kind, name, user }: Principal) => `${kind} ${user?.id ?? name ?? ''}`;

/** @throws HttpError 429, 503 */
function refuseTooMany(principal: Principal, open: readonly string[], owner: string, limits: StreamLimits): void {
  const headers = { 'Retry-After': RETRY_AFTER_SECONDS };
  const most = principal.kind === 'user' ? limits.perPerson : limits.perToken;
  if (open.filter((other) => other === owner).length >= most) {
    const message = `found ${most} open streams of "${principal.name ?? 'this machine'}", expected fewer: follow several topics with one stream, or ask /api/v1/changes`;
    throw new HttpError(429, 'too_many_streams', message, { headers });
  }
  if (open.length >= limits.total) {
    const message = `found ${limits.total} open streams, expected fewer: ask /api/v1/changes meanwhile`;
    throw new HttpError(503, 'too_many_streams', message, { headers });
  }
}

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Counter } from 'prom-client';
import type { IngestAnswer, NormalisedEvent } from '../contract/events.ts';
import { OWN_SOURCE } from '../contract/ownSource.ts';
import { type GroupCommit, QueueFull } from '../ingest/groupCommit.ts';
import { decompressBody, eventBytes, type RawEvent, readJsonBody, readNdjsonBody } from '../ingest/readBody.ts';
import { type ReceivedBody, receiveBody } from '../ingest/receiveBody.ts';
import { digestEvent } from '../ledger/dedupeEvents.ts';
import type { PushedEvent } from '../ledger/findAddedTo.ts';
import { LedgerUnavailable } from '../ledger/ledgerErrors.ts';
import type { PushResult } from '../ledger/recordPushed.ts';
import type { ValueLimits } from '../normalise/cleanValue.ts';
import { EventRejected, normaliseEvent } from '../normalise/normaliseEvent.ts';
import { HttpError } from './httpError.ts';
import { limitPush } from './rateLimit/limitRoutes.ts';
import type { Subject } from './rateLimit/rateLimits.ts';

export interface IngestOptions {
  readonly commits: GroupCommit;
  /** When bodies may be read without delaying the writer. */
  readonly giveWay: () => Promise<void> | undefined;
  /** fleetlens_ingest_events_total */
  readonly counted: Counter;
  readonly maxBodyBytes: number;
  readonly maxEventBytes: number;
  readonly values: ValueLimits;
}

interface ReadEvents {
  readonly events: PushedEvent[];
  /** Where each of them stood in the body. */
  readonly indexes: number[];
  readonly rejected: IngestAnswer['rejected'];
  /** Sources of rejected events. */
  readonly rejectedSources: string[];
  /** Of the body, unpacked. */
  readonly bytes: number;
}

/** Seconds after which a refused sender should try again. */
const RETRY_AFTER_SECONDS = '2';
/** Sources with a series of their own in fleetlens_ingest_events_total; a sender chooses the name. */
const MAX_COUNTED_SOURCES = 200;

/** `POST /api/v1/events`: JSON or NDJSON, gzip; answers after the commit. */
export function ingestRoute(app: FastifyInstance, options: IngestOptions): void {
  const { commits, giveWay, maxBodyBytes, maxEventBytes, values } = options;
  const countedSources = new Set<string>();
  const count = (source: string, result: string, by = 1) => {
    if (countedSources.size < MAX_COUNTED_SOURCES) countedSources.add(source);
    options.counted.inc({ source: countedSources.has(source) ? source : '__other__', result }, by);
  };

  const refuse = (error: unknown, sources: readonly string[]): HttpError | undefined => {
    if (!(error instanceof QueueFull || error instanceof LedgerUnavailable)) return undefined;
    for (const source of sources) count(source, 'refused');
    return new HttpError(503, 'ledger_unavailable', error.message, {
      cause: error,
      headers: { 'retry-after': RETRY_AFTER_SECONDS },
    });
  };

  void app.register(async (scope) => {
    // Bodies stay bytes until they are unpacked and measured.
    scope.removeAllContentTypeParsers();
    const types = ['application/json', 'application/x-ndjson', 'application/ndjson', 'application/jsonl', 'text/plain'];
    scope.addContentTypeParser(types, async (_request: FastifyRequest, payload: IncomingMessage) => {
      try {
        return await receiveBody(payload, commits, { maxBytes: maxBodyBytes });
      } catch (error) {
        // How many events there were nobody has read: one refusal, of no source.
        throw refuse(error, ['']) ?? error;
      }
    });
    scope.post('/api/v1/events', { config: { access: 'ingest', limit: 'repo' } }, async (request, reply) => {
      const { events, indexes, rejected, rejectedSources, bytes } = await readEvents(request);
      for (const event of events) checkSource(request, event);
      await limitPush(reply, events.length === 0 ? [{ source: '', project: '' }] : events.map(subjectOf));

      const results = await record(events, bytes);
      // Only now: what is refused as a whole comes again as a whole.
      for (const source of rejectedSources) count(source, 'rejected');
      const answer: IngestAnswer = { accepted: 0, duplicates: 0, rejected };
      results.forEach((result, i) => {
        const event = events[i] as PushedEvent;
        count(event.source, result.result);
        if ('reason' in result) {
          rejected.push({ index: indexes[i] as number, id: event.id, reason: `${result.result}: ${result.reason}` });
        } else if (result.result === 'accepted') answer.accepted += 1;
        else answer.duplicates += 1;
      });
      // Alone, a conflict has a status of its own; in a batch it stands beside what went well.
      const [only] = results;
      if (events.length + rejectedSources.length === 1 && only?.result === 'conflict')
        throw new HttpError(409, 'conflict', only.reason);
      rejected.sort((a, b) => a.index - b.index);
      return reply.send(answer);
    });
  });

  /** The events of a body. Its JSON is garbage when they are read, not when they are committed: what waits, the collector copies. */
  async function readEvents(request: FastifyRequest): Promise<ReadEvents> {
    // Without a body there is no type, and nothing was parsed.
    const received = request.body as ReceivedBody | undefined;
    if (received === undefined) throw new HttpError(400, 'invalid_request', 'found no body, expected {"events":[…]}');
    try {
      const writing = giveWay();
      if (writing !== undefined) await writing;
      const body = await decompressBody(received.bytes, request.headers['content-encoding'], maxBodyBytes);
      const text = body.toString('utf8');
      return readEach(isJson(request) ? readJsonBody(text) : readNdjsonBody(text), body.length);
    } finally {
      received.release();
    }
  }

  function readEach(raw: readonly RawEvent[], bytes: number): ReadEvents {
    const read: ReadEvents = { events: [], indexes: [], rejected: [], rejectedSources: [], bytes };
    const nowMs = Date.now();
    raw.forEach((item, index) => {
      try {
        // Within a small body no event can be too large.
        read.events.push(readEvent(item, nowMs, bytes > maxEventBytes));
        read.indexes.push(index);
      } catch (error) {
        if (!(error instanceof EventRejected)) throw error;
        const { id, source } = nameOf(item);
        read.rejected.push({ index, ...(id === undefined ? {} : { id }), reason: error.message });
        read.rejectedSources.push(source);
      }
    });
    return read;
  }

  async function record(events: readonly PushedEvent[], bytes: number): Promise<PushResult[]> {
    if (events.length === 0) return [];
    try {
      return await commits.record(events, bytes);
    } catch (error) {
      const sources = events.map((event) => event.source);
      throw refuse(error, sources) ?? error;
    }
  }

  function readEvent(item: RawEvent, nowMs: number, measure: boolean): PushedEvent {
    if ('malformed' in item) throw new EventRejected(item.malformed);
    const normalised = normaliseEvent(item.value, nowMs, values);
    const event = { ...normalised, digest: digestEvent(normalised) };
    if (!measure) return event;
    const bytes = eventBytes(item);
    if (bytes === undefined) throw new EventRejected('the event is nested too deep to be measured; flatten it');
    if (bytes > maxEventBytes) {
      throw new EventRejected(
        `found an event of ${bytes} bytes, expected at most ${maxEventBytes}; keep large output in several events`,
      );
    }
    return event;
  }
}

function subjectOf({ source, fields }: NormalisedEvent): Subject {
  return { source, project: typeof fields.project === 'string' ? fields.project : '' };
}

function isJson(request: FastifyRequest): boolean {
  return /^application\/json\b/i.test(request.headers['content-type'] ?? '');
}

function checkSource(request: FastifyRequest, event: NormalisedEvent): void {
  const { sources, name } = request.principal;
  if (event.source === OWN_SOURCE) {
    const message = `source: found ${OWN_SOURCE}, which is what the exporter records itself, expected another name; nothing was recorded`;
    throw new HttpError(403, 'forbidden', message);
  }
  if (sources !== undefined && !sources.includes(event.source)) {
    throw new HttpError(
      403,
      'forbidden',
      `token "${name}" may push for ${sources.join(', ')}, found source ${event.source}; nothing was recorded`,
    );
  }
}

function nameOf(item: RawEvent): { id?: string; source: string } {
  const value = 'value' in item ? (item.value as { id?: unknown; source?: unknown } | null) : null;
  const id = typeof value?.id === 'string' && value.id !== '' && value.id.length <= 255 ? value.id : undefined;
  const source = typeof value?.source === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(value.source) ? value.source : '';
  return { ...(id === undefined ? {} : { id }), source };
}

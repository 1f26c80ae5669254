import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Counter } from 'prom-client';
import type { IngestAnswer, NormalisedEvent } from '../contract/events.ts';
import { type GroupCommit, QueueFull } from '../ingest/groupCommit.ts';
import { decompressBody, type RawEvent, readJsonBody, readNdjsonBody } from '../ingest/readBody.ts';
import { LedgerUnavailable } from '../ledger/ledgerErrors.ts';
import type { ValueLimits } from '../normalise/cleanValue.ts';
import { EventRejected, normaliseEvent } from '../normalise/normaliseEvent.ts';
import { HttpError } from './httpError.ts';

export interface IngestOptions {
  readonly commits: GroupCommit;
  /** fleetlens_ingest_events_total */
  readonly counted: Counter;
  readonly maxBodyBytes: number;
  readonly maxEventBytes: number;
  readonly values: ValueLimits;
}

/** Seconds after which a refused sender should try again. */
const RETRY_AFTER_SECONDS = '2';
/** Sources with a series of their own in fleetlens_ingest_events_total; a sender chooses the name. */
const MAX_COUNTED_SOURCES = 200;

/** `POST /api/v1/events`: JSON or NDJSON, gzip; answers after the commit. */
export function ingestRoute(app: FastifyInstance, options: IngestOptions): void {
  const { commits, maxBodyBytes, maxEventBytes, values } = options;
  const countedSources = new Set<string>();
  const count = (source: string, result: string, by = 1) => {
    if (countedSources.size < MAX_COUNTED_SOURCES) countedSources.add(source);
    options.counted.inc({ source: countedSources.has(source) ? source : '__other__', result }, by);
  };

  void app.register(async (scope) => {
    // Bodies stay bytes until they are unpacked and measured.
    scope.removeAllContentTypeParsers();
    const types = ['application/json', 'application/x-ndjson', 'application/ndjson', 'application/jsonl', 'text/plain'];
    scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.post('/api/v1/events', { config: { access: 'ingest' }, bodyLimit: maxBodyBytes }, async (request, reply) => {
      const body = await decompressBody(request.body as Buffer, request.headers['content-encoding'], maxBodyBytes);
      const text = body.toString('utf8');
      const raw = isJson(request) ? readJsonBody(text) : readNdjsonBody(text);
      // Within a small body no event can be too large.
      const measure = body.length > maxEventBytes;

      const rejected: IngestAnswer['rejected'] = [];
      const events: NormalisedEvent[] = [];
      const indexes: number[] = [];
      const nowMs = Date.now();
      raw.forEach((item, index) => {
        try {
          events.push(readEvent(item, nowMs, measure));
          indexes.push(index);
        } catch (error) {
          if (!(error instanceof EventRejected)) throw error;
          const { id, source } = nameOf(item);
          rejected.push({ index, ...(id === undefined ? {} : { id }), reason: error.message });
          count(source, 'rejected');
        }
      });
      for (const event of events) checkSource(request, event);

      const answer: IngestAnswer = { accepted: 0, duplicates: 0, rejected };
      if (events.length > 0) {
        const results = await commits.record(events, body.length).catch((error: unknown) => {
          if (error instanceof QueueFull || error instanceof LedgerUnavailable) {
            for (const event of events) count(event.source, 'refused');
            throw new HttpError(503, 'ledger_unavailable', error.message, {
              cause: error,
              headers: { 'retry-after': RETRY_AFTER_SECONDS },
            });
          }
          throw error;
        });
        results.forEach((result, i) => {
          const event = events[i] as NormalisedEvent;
          count(event.source, result.result);
          if ('reason' in result) {
            rejected.push({ index: indexes[i] as number, id: event.id, reason: `${result.result}: ${result.reason}` });
          } else if (result.result === 'accepted') answer.accepted += 1;
          else answer.duplicates += 1;
        });
        // Alone, a conflict has a status of its own; in a batch it stands beside what went well.
        const [only] = results;
        if (raw.length === 1 && only?.result === 'conflict') throw new HttpError(409, 'conflict', only.reason);
      }
      rejected.sort((a, b) => a.index - b.index);
      return reply.send(answer);
    });
  });

  function readEvent(item: RawEvent, nowMs: number, measure: boolean): NormalisedEvent {
    if ('malformed' in item) throw new EventRejected(item.malformed);
    const event = normaliseEvent(item.value, nowMs, values);
    // Its depth is bounded now, so that writing it out cannot overflow the stack.
    const bytes = measure ? (item.bytes ?? JSON.stringify(item.value).length) : 0;
    if (bytes > maxEventBytes) {
      throw new EventRejected(
        `found an event of ${bytes} bytes, expected at most ${maxEventBytes}; keep large output in several events`,
      );
    }
    return event;
  }
}

function isJson(request: FastifyRequest): boolean {
  return /^application\/json\b/i.test(request.headers['content-type'] ?? '');
}

function checkSource(request: FastifyRequest, event: NormalisedEvent): void {
  const { sources, name } = request.principal;
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

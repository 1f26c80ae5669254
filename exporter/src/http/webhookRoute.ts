import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Counter } from 'prom-client';
import type { IngestAnswer } from '../contract/events.ts';
import { type GroupCommit, QueueFull } from '../ingest/groupCommit.ts';
import { type MemoryBudget, type ReceivedBody, receiveBody } from '../ingest/receiveBody.ts';
import type { PushedEvent } from '../ledger/findAddedTo.ts';
import { LedgerUnavailable } from '../ledger/ledgerErrors.ts';
import type { DeadLetter } from '../ledger/writeDeadLetters.ts';
import type { ValueLimits } from '../normalise/cleanValue.ts';
import { EventRejected, MAX_FUTURE_MS, normaliseData, normaliseEvent } from '../normalise/normaliseEvent.ts';
import { redactText } from '../normalise/redactSecrets.ts';
import type { RejectedPart, WebhookEvent, WebhookOutcome, WebhookReceiver } from '../sources/source.ts';
import { HttpError } from './httpError.ts';
import { countRefused, limitPush } from './rateLimit/limitRoutes.ts';
import type { Subject } from './rateLimit/rateLimits.ts';

export interface WebhookOptions {
  /** @returns undefined where no source of this name takes webhooks. */
  receiverOf(source: string): WebhookReceiver | undefined;
  readonly commits: GroupCommit;
  /** fleetlens_ingest_events_total */
  readonly counted: Counter;
  readonly maxBodyBytes: number;
  readonly values: ValueLimits;
  /** @throws LedgerUnavailable */
  keepAside(letters: readonly DeadLetter[]): Promise<void>;
}

const RETRY_AFTER_SECONDS = '2';
/** So many times the largest body may be in memory before it is known who sent it. */
const UNVERIFIED_BODIES = 2;
/** Of these the signature decides, so that a body may be of any type. */
const ANY_TYPE = '*';

/**
 * `POST /api/v1/webhooks/<source>`: public, since each source tells by a signature or secret who sends. Answers after the commit:
 * 200 with what became of the events, 202 for a webhook that is of no interest.
 */
export function webhookRoute(app: FastifyInstance, options: WebhookOptions): void {
  const { receiverOf, commits, counted, maxBodyBytes, values } = options;
  const unverified = new UnverifiedBudget(maxBodyBytes * UNVERIFIED_BODIES);

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(ANY_TYPE, async (request: FastifyRequest, payload: IncomingMessage) => {
      receiverFor(request);
      return await receiveBody(payload, unverified, { maxBytes: maxBodyBytes });
    });
    scope.post(
      '/api/v1/webhooks/:source',
      { config: { access: 'public', verifiesSender: true } },
      async (request, reply) => {
        const { source, receiver } = receiverFor(request);
        const received = request.body as ReceivedBody | undefined;
        if (received === undefined) throw new HttpError(400, 'invalid_request', 'found no body, expected a webhook');
        const { bytes } = received;
        const outcome = await receiver
          .receive({ body: bytes, headers: request.headers })
          .finally(() => received.release());
        if ('refused' in outcome) {
          counted.inc({ source, result: 'rejected' });
          if (outcome.sent !== undefined) countRefused(request, outcome.sent);
          throw refusalOf(outcome.refused, outcome.reason);
        }
        await limitPush(reply, subjectsOf(source, outcome.events));
        const { events, rejected = [] } = outcome;
        const answer: IngestAnswer = { accepted: 0, duplicates: 0, rejected: [] };
        if (events.length + rejected.length === 0) return await reply.code(202).send(answer);
        await record(source, events, bytes.length, answer);
        await reject(source, rejected, answer);
        answer.rejected.sort((a, b) => a.index - b.index);
        return await reply.send(answer);
      },
    );
  });

  function receiverFor(request: FastifyRequest): { source: string; receiver: WebhookReceiver } {
    const { source } = request.params as { source: string };
    const receiver = receiverOf(source);
    if (receiver !== undefined) return { source, receiver };
    throw new HttpError(
      404,
      'not_found',
      `found no source ${JSON.stringify(source.slice(0, 64))} that takes webhooks; it needs a webhook_secret under sources:`,
    );
  }

  async function record(source: string, told: readonly WebhookEvent[], bytes: number, answer: IngestAnswer) {
    const events: PushedEvent[] = [];
    const indexes: number[] = [];
    const indexOf = (place: number) => told[place]?.index ?? place;
    for (const [index, event] of told.entries()) {
      try {
        events.push(readEvent(source, event));
        indexes.push(index);
      } catch (error) {
        if (!(error instanceof EventRejected)) throw error;
        counted.inc({ source, result: 'rejected' });
        answer.rejected.push({ index: indexOf(index), id: event.id, reason: error.message });
      }
    }
    if (events.length === 0) return;
    const results = await commits.record(events, bytes).catch((error: unknown) => {
      const refusal = asRefusal(error);
      if (refusal === undefined) throw error;
      counted.inc({ source, result: 'refused' }, events.length);
      throw refusal;
    });
    results.forEach((result, i) => {
      counted.inc({ source, result: result.result });
      if ('reason' in result) {
        const reason = `${result.result}: ${result.reason}`;
        answer.rejected.push({ index: indexOf(indexes[i] as number), id: (events[i] as PushedEvent).id, reason });
      } else if (result.result === 'accepted') answer.accepted += 1;
      else answer.duplicates += 1;
    });
  }

  /** Log shippers read no answers: what they sent in vain is kept aside. */
  async function reject(source: string, parts: readonly RejectedPart[], answer: IngestAnswer): Promise<void> {
    if (parts.length === 0) return;
    const letters = parts.map(({ reason, payload }) => ({ source, reason, payload: redactText(payload) }));
    await options.keepAside(letters).catch((error: unknown) => {
      throw asRefusal(error) ?? error;
    });
    counted.inc({ source, result: 'rejected' }, parts.length);
    answer.rejected.push(...parts.map(({ index, reason }) => ({ index, reason })));
  }

  function readEvent(source: string, { about, index: _index, ...event }: WebhookEvent): PushedEvent {
    const nowMs = Date.now();
    if (about === undefined) return normaliseEvent({ ...event, source }, nowMs, values);
    const atMs = Date.parse(event.at);
    if (!(atMs >= 0) || atMs > nowMs + MAX_FUTURE_MS) {
      throw new EventRejected(
        `at: found ${event.at}, expected a time at most 5 minutes ahead; check this machine's clock`,
      );
    }
    // Which runs it is about is found when it is written; until then the pull request stands for them.
    const data = { ...event.data, runId: about.url.slice(-255) };
    const at = new Date(atMs).toISOString();
    const { key, fields } = normaliseData('run', data, at, values);
    return { id: event.id, source, kind: 'run', at, key, fields, about };
  }
}

type Refused = Extract<WebhookOutcome, { readonly refused: string }>['refused'];

function refusalOf(refused: Refused, reason: string): HttpError {
  if (refused === 'malformed') return new HttpError(400, 'invalid_request', reason);
  if (refused === 'signature') return new HttpError(401, 'signature_invalid', reason);
  return new HttpError(401, 'token_invalid', reason, { headers: { 'WWW-Authenticate': 'Bearer realm="fleetlens"' } });
}

function subjectsOf(source: string, events: readonly WebhookEvent[]): Subject[] {
  if (events.length === 0) return [{ source, project: '' }];
  return events.map(({ data: { project } }) => ({ source, project: typeof project === 'string' ? project : '' }));
}

/** @returns the answer to a sender who should come again, where the error says that nothing was recorded. */
export function asRefusal(error: unknown): HttpError | undefined {
  if (!(error instanceof QueueFull || error instanceof LedgerUnavailable)) return undefined;
  return new HttpError(503, 'ledger_unavailable', error.message, {
    cause: error,
    headers: { 'retry-after': RETRY_AFTER_SECONDS },
  });
}

/** Apart from the memory of ingest, so that senders whom nobody knows cannot take that. */
class UnverifiedBudget implements MemoryBudget {
  readonly #max: number;
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  take(bytes: number): void {
    if (this.#bytes + bytes > this.#max) {
      throw new HttpError(
        503,
        'busy',
        `${this.#bytes} bytes of webhooks are being received, at most ${this.#max} may; try again later`,
        {
          headers: { 'retry-after': RETRY_AFTER_SECONDS },
        },
      );
    }
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type IngestAnswer, ingestAnswer } from '../contract/events.ts';
import { definitionOf, type Kind } from '../contract/records.ts';
import { retryAfterMs } from '../retryAfterMs.ts';
import { EventsRejected, type PushProgress, PushRefused, type PushResult, type Rejection } from './pushOutcome.ts';
import type { FleetEvent } from './story.ts';

const compress = promisify(gzip);

export interface PushOptions {
  /** The exporter's address, say `http://127.0.0.1:9960`. */
  readonly url: string | URL;
  /** A token of the role `ingest`. */
  readonly token: string;
  /** Where they come without end, end them yourself when the push has ended: it only stops asking for more. */
  readonly events: Iterable<FleetEvent> | AsyncIterable<FleetEvent>;
  readonly onProgress?: (progress: PushProgress) => void;
  /** Stops the push; what has been acknowledged stays so. */
  readonly signal?: AbortSignal;
  /** Events in a request (default 500). */
  readonly batchSize?: number;
  /** Requests under way at once (default 4). The events of one record always travel in order, one request after the other. */
  readonly concurrency?: number;
  /** Live: send what there is after this time (milliseconds), however little. Without it only full batches are sent, until the end. */
  readonly flushAfterMs?: number;
  readonly gzip?: boolean;
  /** `ndjson`: one event a line. */
  readonly format?: 'json' | 'ndjson';
  /** Give up when the exporter has not taken a batch for so long (milliseconds, default 2 minutes). */
  readonly giveUpAfterMs?: number;
}

const REJECTIONS_KEPT = 10;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const GZIP_LEVEL = 1;

/**
 * Pushes events to an exporter's ingest API. Batches that were not answered (network, 429, 503 and other 5xx) are sent again with the
 * same ids: the exporter counts what it has already as duplicates.
 * @throws EventsRejected at the end, where the exporter rejected events; PushRefused where it refuses the sender.
 */
export async function pushEvents(options: PushOptions): Promise<PushResult> {
  const push = new Push(options);
  return push.run(options.events);
}

/** A lane sends one batch at a time; a record always takes the same lane. */
interface Lane {
  pending: FleetEvent[];
  sending: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
}

class Push {
  readonly #options: PushOptions;
  readonly #address: URL;
  readonly #batchSize: number;
  readonly #lanes: readonly Lane[];
  /** Aborted by the caller's signal or by the first failure. */
  readonly #end = new AbortController();
  readonly #rejections: Rejection[] = [];
  #failure: { readonly cause: unknown } | undefined;
  #counts = { accepted: 0, duplicates: 0, rejected: 0, retries: 0 };
  #at: string | undefined;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#address = new URL('/api/v1/events', options.url);
    this.#batchSize = options.batchSize ?? 500;
    this.#lanes = Array.from({ length: options.concurrency ?? 4 }, () => ({
      pending: [],
      sending: undefined,
      timer: undefined,
    }));
  }

  async run(events: PushOptions['events']): Promise<PushResult> {
    const { signal } = this.#options;
    const stop = () => this.#end.abort();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      if (Symbol.asyncIterator in events) await this.#takeAsync(events[Symbol.asyncIterator]());
      else await this.#take(events);
      await Promise.all(this.#lanes.map((lane) => this.#drain(lane)));
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const lane of this.#lanes) clearTimeout(lane.timer);
    }
    if (this.#failure !== undefined) throw this.#failure.cause;
    const result = { ...this.#progress(), stopped: signal?.aborted ?? false };
    if (result.rejected > 0) throw new EventsRejected(result, this.#rejections);
    return result;
  }

  async #take(events: Iterable<FleetEvent>): Promise<void> {
    for (const event of events) {
      if (this.#end.signal.aborted) return;
      const full = this.#add(event);
      if (full !== undefined) await full;
    }
  }

  /** Takes events as they come, and stops waiting for the next one when the push ends. */
  async #takeAsync(events: AsyncIterator<FleetEvent>): Promise<void> {
    const { signal } = this.#end;
    for (;;) {
      if (signal.aborted) return;
      const { promise: ended, resolve } = Promise.withResolvers<undefined>();
      const stop = () => resolve(undefined);
      signal.addEventListener('abort', stop, { once: true });
      const next = await Promise.race([events.next(), ended]);
      signal.removeEventListener('abort', stop);
      if (next === undefined || next.done) return;
      const full = this.#add(next.value);
      if (full !== undefined) await full;
    }
  }

  /** @returns something to wait for where the event's lane has a full batch and is still sending the one before. */
  #add(event: FleetEvent): Promise<void> | undefined {
    const lane = this.#lanes[laneOf(event, this.#lanes.length)] as Lane;
    lane.pending.push(event);
    if (lane.pending.length >= this.#batchSize) {
      if (lane.sending !== undefined) return lane.sending.then(() => this.#send(lane));
      this.#send(lane);
      return undefined;
    }
    const { flushAfterMs } = this.#options;
    if (flushAfterMs !== undefined && lane.timer === undefined) {
      lane.timer = setTimeout(() => {
        lane.timer = undefined;
        if (lane.sending === undefined) this.#send(lane);
      }, flushAfterMs);
    }
    return undefined;
  }

  #send(lane: Lane): void {
    if (lane.pending.length === 0 || this.#end.signal.aborted) return;
    const batch = lane.pending;
    lane.pending = [];
    lane.sending = this.#deliver(batch).then(
      () => {
        lane.sending = undefined;
        // What came while this batch was under way has waited long enough already.
        if (this.#options.flushAfterMs !== undefined) this.#send(lane);
      },
      (cause: unknown) => {
        lane.sending = undefined;
        if (this.#options.signal?.aborted) return;
        this.#failure ??= { cause };
        this.#end.abort();
      },
    );
  }

  async #drain(lane: Lane): Promise<void> {
    while (lane.sending !== undefined || (lane.pending.length > 0 && !this.#end.signal.aborted)) {
      await lane.sending;
      if (lane.sending === undefined) this.#send(lane);
    }
  }

  /** Sends a batch until the exporter has answered for it. */
  async #deliver(batch: readonly FleetEvent[]): Promise<void> {
    const body = await this.#encode(batch);
    const giveUpAfterMs = this.#options.giveUpAfterMs ?? 120_000;
    const beganMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#post(body);
      if ('answer' in outcome) {
        this.#account(batch, outcome.answer);
        return;
      }
      const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
      const waitMs = outcome.retryAfterMs ?? backoff;
      if (performance.now() + waitMs - beganMs > giveUpAfterMs) {
        throw new Error(
          `${this.#address}: found no answer to a batch of ${batch.length} events within ${giveUpAfterMs / 1000} s (${outcome.reason}), expected 200; check that the exporter runs and that its ledger is up`,
          { cause: outcome.cause },
        );
      }
      this.#counts.retries++;
      await delay(waitMs, undefined, { signal: this.#end.signal });
    }
  }

  async #encode(batch: readonly FleetEvent[]): Promise<RequestBody> {
    const lines = this.#options.format === 'ndjson';
    const text = lines
      ? `${batch.map((event) => JSON.stringify(event)).join('\n')}\n`
      : JSON.stringify({ events: batch });
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#options.token}`,
      'content-type': lines ? 'application/x-ndjson' : 'application/json',
    };
    const plain = new TextEncoder().encode(text);
    if (this.#options.gzip !== true) return { bytes: plain, headers };
    const zipped = await compress(plain, { level: GZIP_LEVEL });
    return { bytes: new Uint8Array(zipped), headers: { ...headers, 'content-encoding': 'gzip' } };
  }

  async #post({ bytes, headers }: RequestBody): Promise<Outcome> {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    let response: Response;
    let body: string;
    try {
      response = await fetch(this.#address, {
        method: 'POST',
        headers,
        body: bytes,
        signal: AbortSignal.any([this.#end.signal, timeout]),
      });
      body = await response.text();
    } catch (cause) {
      if (this.#end.signal.aborted) throw cause;
      return { reason: describe(cause), cause };
    }
    if (response.status === 429 || response.status >= 500) {
      const waitMs = retryAfterMs(response.headers, Date.now());
      return {
        reason: `status ${response.status}: ${body.slice(0, 200)}`,
        ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
      };
    }
    if (!response.ok) throw new PushRefused(response.status, body);
    return { answer: readAnswer(response.status, body) };
  }

  #account(batch: readonly FleetEvent[], answer: IngestAnswer): void {
    this.#counts.accepted += answer.accepted;
    this.#counts.duplicates += answer.duplicates;
    this.#counts.rejected += answer.rejected.length;
    for (const { index, id, reason } of answer.rejected) {
      if (this.#rejections.length < REJECTIONS_KEPT) this.#rejections.push({ id: id ?? batch[index]?.id, reason });
    }
    const last = batch.at(-1)?.at;
    if (last !== undefined && (this.#at === undefined || last > this.#at)) this.#at = last;
    this.#options.onProgress?.(this.#progress());
  }

  #progress(): PushProgress {
    const { accepted, duplicates, rejected, retries } = this.#counts;
    return { sent: accepted + duplicates + rejected, accepted, duplicates, rejected, retries, at: this.#at };
  }
}

interface RequestBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Record<string, string>;
}

type Outcome =
  | { readonly answer: IngestAnswer }
  | { readonly reason: string; readonly cause?: unknown; readonly retryAfterMs?: number };

function readAnswer(status: number, body: string): IngestAnswer {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new PushRefused(status, body);
  }
  const answer = ingestAnswer.safeParse(json);
  if (!answer.success) throw new PushRefused(status, body);
  return answer.data;
}

const OF_A_RUN: ReadonlySet<Kind> = new Set(['run', 'step', 'output', 'usage']);

/** A record always takes the same lane, and the steps, output and usage of a run take the run's: a run's end comes last. */
function laneOf({ source, kind, data }: FleetEvent, lanes: number): number {
  const [first = ''] = definitionOf(kind).key;
  const owner = (OF_A_RUN.has(kind) ? data.runId : undefined) ?? data[first] ?? data.sandboxId;
  let hash = 0;
  for (const character of `${source}/${String(owner)}`) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return (hash >>> 0) % lanes;
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // fetch says "fetch failed" and keeps what happened in its cause.
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

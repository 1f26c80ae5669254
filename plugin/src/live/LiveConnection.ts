import type { ChangeEvent, ChangesAnswer, StreamEvent } from '@contract/live.ts';
import { ApiFailure } from '../api/ApiFailure';
import type { FleetApi } from '../api/FleetApi';
import { IDLE, type LiveStatus } from './liveMessages';
import { isFurther } from './livePlaces';

export interface ConnectionTimes {
  /** Between questions where there is no stream. */
  readonly pollMs: number;
  readonly firstRetryMs: number;
  readonly lastRetryMs: number;
  /** A stream that has not begun by then is held back on the way. */
  readonly beginMs: number;
  /** A stream of which nothing was heard for so long is dead: a few of the server's heartbeats. */
  readonly silenceMs: number;
  /** While polling: how often a stream is tried again. */
  readonly streamAgainMs: number;
}
export const CONNECTION_TIMES: ConnectionTimes = {
  pollMs: 3_000,
  firstRetryMs: 1_000,
  lastRetryMs: 30_000,
  beginMs: 10_000,
  silenceMs: 45_000,
  streamAgainMs: 60_000,
};
/** Streams that did not begin, one after the other, until questions are asked instead. */
const FAILURES_BEFORE_POLLING = 2;

export interface ConnectionSink {
  /** From here on everything after the places that were asked for is told; of topics without a place, what comes after `position`. */
  onBegin(position: string, topics: ReadonlyMap<string, string | null>): void;
  onEvent(event: ChangeEvent): void;
  /** All up to there was told. */
  onPosition(position: string): void;
  onStatus(status: LiveStatus): void;
  /** Who is signed in may not follow this. */
  onRefused(topic: string): void;
}

/** `topic@place`, comma-separated as the API takes them. */
function topicsParameter(topics: ReadonlyMap<string, string | null>): string {
  return [...topics].map(([topic, place]) => (place === null ? topic : `${topic}@${place}`)).join(',');
}

/**
 * Follows topics from their places: by the server's event stream, and where that is not to be had by asking for changes every few
 * seconds. It connects again by itself, from where it was, more and more slowly.
 */
export class LiveConnection {
  readonly #api: FleetApi;
  readonly #sink: ConnectionSink;
  readonly #times: ConnectionTimes;
  readonly #EventSource: typeof EventSource | undefined;
  #topics = new Map<string, string | null>();
  #source: EventSource | undefined;
  #asking: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #pollUntil = 0;
  #hadBegun = false;
  #status = IDLE;

  /** @param source the browser's EventSource; undefined: it only asks */
  constructor(
    api: FleetApi,
    sink: ConnectionSink,
    source: typeof EventSource | undefined,
    times: ConnectionTimes = CONNECTION_TIMES,
  ) {
    this.#api = api;
    this.#sink = sink;
    this.#EventSource = source;
    this.#times = times;
  }

  get status(): LiveStatus {
    return this.#status;
  }

  /** Follows these from now on, and nothing else; none: it rests. */
  follow(topics: ReadonlyMap<string, string | null>): void {
    this.#stop();
    this.#topics = new Map(topics);
    this.#failures = 0;
    if (topics.size === 0) {
      this.#setStatus({ mode: 'idle' });
      this.#hadBegun = false;
      return;
    }
    this.#connect();
  }

  close(): void {
    this.#stop();
  }

  #stop(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#asking?.abort();
    this.#asking = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
  }

  #connect(): void {
    this.#stop();
    if (this.#status.mode === 'idle') this.#setStatus({ mode: 'connecting' });
    if (this.#EventSource === undefined || Date.now() < this.#pollUntil) {
      void this.#poll();
    } else this.#stream(this.#EventSource);
  }

  #stream(Source: typeof EventSource): void {
    // The lines before come from the route of the output, with the place to go on from.
    const source = new Source(this.#api.url('/api/v1/stream', { topics: topicsParameter(this.#topics), tail: 0 }));
    this.#source = source;
    const on = <Name extends StreamEvent['event']>(
      name: Name,
      take: (data: Extract<StreamEvent, { event: Name }>['data'], id: string | undefined) => void,
    ) => {
      source.addEventListener(name, (message) => {
        if (this.#source !== source) return;
        this.#expectWithin(this.#times.silenceMs);
        const { data, lastEventId } = message as MessageEvent<string>;
        take(JSON.parse(data), lastEventId === '' ? undefined : lastEventId);
      });
    };
    const tell = (event: ChangeEvent) => {
      this.#sink.onEvent(event);
      if (event.id !== undefined) this.#moveTo(event.id);
    };
    on('reset', (data) => this.#reset(data.topics, () => tell({ event: 'reset', data })));
    on('ready', ({ position }) => {
      this.#failures = 0;
      this.#begin(position);
      this.#setStatus({ mode: 'live' });
    });
    for (const name of ['record', 'output', 'list'] as const)
      on(name, (data, id) => tell({ ...(id === undefined ? {} : { id }), event: name, data } as ChangeEvent));
    on('heartbeat', (_data, id) => id !== undefined && this.#moveTo(id));
    on('state', ({ ledger }) => this.#setStatus({ ledger }));
    on('closing', () => {
      // Whole fleets of browsers are asked to at once when an exporter stops.
      this.#connectIn(this.#times.firstRetryMs * Math.random());
    });
    source.onerror = () => {
      if (this.#source === source) this.#failed();
    };
    this.#expectWithin(this.#times.beginMs);
  }

  /** The browser's own way to connect again would not see that a server refuses, nor that nothing comes. */
  #failed(): void {
    this.#failures++;
    if (this.#failures >= FAILURES_BEFORE_POLLING) {
      this.#pollUntil = Date.now() + this.#times.streamAgainMs;
      this.#failures = 0;
      this.#connectIn(0);
    } else this.#connectIn(this.#backoff());
    this.#setStatus({ mode: this.#hadBegun ? 'reconnecting' : 'connecting' });
  }

  #expectWithin(ms: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#failed(), ms);
  }

  #backoff(failures = this.#failures): number {
    const { firstRetryMs, lastRetryMs } = this.#times;
    return Math.min(lastRetryMs, firstRetryMs * 2 ** Math.max(0, failures - 1)) * (0.5 + Math.random() / 2);
  }

  #connectIn(ms: number): void {
    this.#stop();
    this.#timer = setTimeout(() => this.#connect(), ms);
  }

  async #poll(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    let isFirst = true;
    let failures = 0;
    for (;;) {
      let waitMs = this.#times.pollMs;
      try {
        const parameters = { topics: topicsParameter(this.#topics), tail: 0 };
        const answer = await this.#api.get<ChangesAnswer>('/api/v1/changes', parameters, { signal: asking.signal });
        if (asking.signal.aborted) return;
        failures = 0;
        this.#takeAnswer(answer, isFirst);
        isFirst = false;
        this.#setStatus({ mode: 'polling', ledger: 'up' });
        if (answer.more) waitMs = 0;
      } catch (error) {
        if (asking.signal.aborted) return;
        failures++;
        this.#setStatus({ mode: this.#hadBegun ? 'reconnecting' : 'connecting' });
        waitMs = waitOf(error) ?? this.#backoff(failures);
        if (await this.#dropRefused(error, asking.signal)) waitMs = 0;
        if (asking.signal.aborted) return;
      }
      await new Promise<void>((resolve) => {
        this.#timer = setTimeout(resolve, waitMs);
      });
      if (asking.signal.aborted) return;
      if (this.#topics.size === 0) return;
      if (this.#EventSource !== undefined && Date.now() >= this.#pollUntil) {
        this.#connect();
        return;
      }
    }
  }

  #takeAnswer({ events, position }: ChangesAnswer, isFirst: boolean): void {
    for (const event of events) {
      if (event.event === 'reset') this.#reset(event.data.topics, () => this.#sink.onEvent(event));
    }
    if (isFirst) {
      // Topics without a place begin where the earliest of the others does.
      const [earliest = position] = [...this.#topics.values()].filter((place) => place !== null);
      const begin = [...this.#topics.values()].reduce<string>(
        (first, place) => (place !== null && isFurther(first, place) ? place : first),
        earliest,
      );
      this.#begin(begin);
    }
    for (const event of events) if (event.event !== 'reset') this.#sink.onEvent(event);
    this.#moveTo(position);
  }

  /** One topic that may not be followed hides all others: each is asked for alone. @returns whether one was dropped */
  async #dropRefused(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (!isRefusal(error)) return false;
    let dropped = false;
    for (const topic of [...this.#topics.keys()]) {
      try {
        await this.#api.get('/api/v1/changes', { topics: topic, tail: 0, limit: 1 }, { signal });
      } catch (reason) {
        if (signal.aborted) return false;
        if (!isRefusal(reason)) continue;
        dropped = true;
        this.#topics.delete(topic);
        this.#sink.onRefused(topic);
      }
    }
    return dropped;
  }

  /** What the server does not keep any more begins anew. */
  #reset(topics: readonly string[], tell: () => void): void {
    for (const topic of topics) if (this.#topics.has(topic)) this.#topics.set(topic, null);
    tell();
  }

  #begin(position: string): void {
    const asked = new Map(this.#topics);
    for (const [topic, place] of this.#topics) if (place === null) this.#topics.set(topic, position);
    this.#hadBegun = true;
    this.#sink.onBegin(position, asked);
  }

  #moveTo(position: string): void {
    for (const [topic, place] of this.#topics) if (isFurther(position, place)) this.#topics.set(topic, position);
    this.#sink.onPosition(position);
  }

  #setStatus(change: Partial<LiveStatus>): void {
    const next = { ...this.#status, ...change };
    if (next.mode === this.#status.mode && next.ledger === this.#status.ledger) return;
    this.#status = next;
    this.#sink.onStatus(next);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiFailure && (error.kind === 'forbidden' || error.kind === 'invalid');
}

function waitOf(error: unknown): number | undefined {
  return error instanceof ApiFailure && error.retryAfterSeconds !== undefined
    ? error.retryAfterSeconds * 1_000
    : undefined;
}

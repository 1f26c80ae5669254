import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { StreamEvent } from '../../contract/live.ts';
import { formatPosition, type Position } from '../../contract/topics.ts';
import type { ChangeFeed } from './changeFeed.ts';
import { tell } from './follower.ts';
import type { Start } from './startFollowing.ts';

/** Why a stream ended. */
export const STREAM_ENDS = ['client', 'slow', 'renew', 'stopping'] as const;
export type StreamEnd = (typeof STREAM_ENDS)[number];

export interface LiveStreamTimes {
  /** Between signs of life. */
  readonly heartbeatMs: number;
  /** Then the client has to connect again, so that a right that was taken away ends. */
  readonly renewMs: number;
  /** A client that takes nothing for so long is cut. */
  readonly stuckMs: number;
}
export const STREAM_TIMES: LiveStreamTimes = { heartbeatMs: 15_000, renewMs: 600_000, stuckMs: 30_000 };

/** After how long a client connects again, milliseconds. */
const RETRY_MS = 1_000;
/** Characters that may wait for one client; more is read when it has taken them. */
const MOST_WAITING = 64 * 1024;

/**
 * One client's stream of server-sent events. It reads on at the pace of its client: what waits for a slow one is in the ledger, not in
 * memory.
 */
export class LiveStream {
  readonly body = new PassThrough({ highWaterMark: MOST_WAITING });
  readonly ended: Promise<StreamEnd>;
  readonly #feed: ChangeFeed;
  readonly #start: Start;
  readonly #times: LiveStreamTimes;
  readonly #onEvents: (count: number) => void;
  readonly #ending = new AbortController();
  #reason: StreamEnd = 'client';
  /** What the client has been told of, as far as it is written. */
  #position: Position;

  constructor(feed: ChangeFeed, start: Start, times: LiveStreamTimes, onEvents: (count: number) => void) {
    this.#feed = feed;
    this.#start = start;
    this.#times = times;
    this.#onEvents = onEvents;
    this.#position = start.from;
    this.body.on('close', () => this.#ending.abort());
    this.body.on('error', () => this.#ending.abort());
    this.ended = this.#run();
  }

  /** Ends the stream after what is being written. */
  end(reason: 'renew' | 'stopping'): void {
    if (this.#ending.signal.aborted) return;
    this.#reason = reason;
    this.#ending.abort();
  }

  tellState(isUp: boolean): void {
    this.#interject(frame({ event: 'state', data: { ledger: isUp ? 'up' : 'down' } }));
  }

  async #run(): Promise<StreamEnd> {
    const { heartbeatMs, renewMs } = this.#times;
    const { follower, from, events } = this.#start;
    // The position goes along, so that a client that was told nothing for long goes on from near the end.
    const beat = setInterval(
      () => this.#interject(frame({ id: formatPosition(this.#position), event: 'heartbeat', data: {} })),
      heartbeatMs,
    );
    // Streams that began together do not end together.
    const renew = setTimeout(() => this.end('renew'), renewMs * (0.9 + Math.random() / 10));
    const reader = this.#feed.join(follower.topics, from, this.#ending.signal);
    try {
      const topics = follower.topics.map(({ text }) => text);
      const ready = { position: formatPosition(from), topics, heartbeatSeconds: heartbeatMs / 1000 };
      await this.#write(`retry: ${RETRY_MS}\n\n`);
      await this.#send([...events, { id: formatPosition(from), event: 'ready', data: ready }]);
      if (!this.#feed.isUp) this.tellState(false);
      for (;;) {
        const changes = await this.#feed.next(reader);
        if (changes === undefined) break;
        await this.#send(changes.flatMap((change) => tell(follower, change) ?? []));
        this.#position = reader.position;
      }
    } finally {
      clearInterval(beat);
      clearTimeout(renew);
      this.#feed.leave(reader);
      const reason = this.#reason;
      if (reason === 'renew' || reason === 'stopping') this.body.write(frame({ event: 'closing', data: { reason } }));
      this.body.end();
    }
    return this.#reason;
  }

  /** Between other events; a client that is behind has no need of it. */
  #interject(text: string): void {
    if (!this.#ending.signal.aborted && !this.body.writableNeedDrain) this.body.write(text);
  }

  async #send(events: readonly StreamEvent[]): Promise<void> {
    let waiting = '';
    let count = 0;
    for (const event of events) {
      waiting += frame(event);
      count++;
      if (waiting.length < MOST_WAITING) continue;
      await this.#write(waiting);
      this.#onEvents(count);
      waiting = '';
      count = 0;
    }
    if (count > 0) await this.#write(waiting);
    this.#onEvents(count);
  }

  async #write(text: string): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted || this.body.write(text)) return;
    const stuck = AbortSignal.timeout(this.#times.stuckMs);
    try {
      await once(this.body, 'drain', { signal: AbortSignal.any([signal, stuck]) });
    } catch (error) {
      if (!stuck.aborted && !signal.aborted) throw error;
      if (signal.aborted) return;
      this.#reason = 'slow';
      this.#ending.abort();
      this.body.destroy();
    }
  }
}

function frame({ id, event, data }: StreamEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

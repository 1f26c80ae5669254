import type { PushedEvent } from '../ledger/findAddedTo.ts';
import type { PushResult } from '../ledger/recordPushed.ts';

/** The queue of events that wait for the writer is full. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

/** Events in one group; a larger one would hold the writer lock longer than others like to wait. */
const MAX_GROUP = 2_000;

export interface GroupCommitOptions {
  record(events: readonly PushedEvent[]): Promise<PushResult[]>;
  /** Bytes of bodies that may be under way, from their first byte to their commit; more are refused. */
  readonly maxQueueBytes: number;
  /** Told after each commit how long it took. */
  onCommit?(seconds: number): void;
}

interface Waiting {
  readonly events: readonly PushedEvent[];
  readonly bytes: number;
  resolve(results: PushResult[]): void;
  reject(error: unknown): void;
}

/**
 * Collects what arrives while the writer is busy and commits it together as soon as the writer is free: no timer, so a
 * single event does not wait, and many share one fsync. Of what waits, a group takes the first requests, as many as lie halfway
 * between the group before and all of them: who sends again when they are answered would else form a large group and a small one
 * for good, in turns; of equal ones each comes in while the other is written.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #flushing: Promise<void> | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Bytes that are being received, wait, or are being committed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws QueueFull */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#options.maxQueueBytes) {
      throw new QueueFull(
        `ingest: ${this.#bytes} bytes wait for the ledger, at most ${this.#options.maxQueueBytes} may; try again later`,
      );
    }
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * @returns the result of each event, after the commit.
   * @throws QueueFull at once; LedgerUnavailable where the commit failed.
   */
  async record(events: readonly PushedEvent[], bytes: number): Promise<PushResult[]> {
    this.take(bytes);
    const answer = new Promise<PushResult[]>((resolve, reject) =>
      this.#waiting.push({ events, bytes, resolve, reject }),
    );
    this.#flushing ??= this.#flushAll();
    return await answer;
  }

  /** Waits until nothing is left to commit. */
  async drain(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  async #flushAll(): Promise<void> {
    // Requests that arrived in the same turn of the event loop belong to one group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    let requests = this.#waiting.length;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup(Math.ceil((requests + this.#waiting.length) / 2));
      requests = group.length;
      await this.#flush(group);
    }
    this.#flushing = undefined;
  }

  #takeGroup(mostRequests: number): Waiting[] {
    let events = 0;
    let taken = 0;
    while (
      taken < Math.min(mostRequests, this.#waiting.length) &&
      (taken === 0 || events + (this.#waiting[taken] as Waiting).events.length <= MAX_GROUP)
    ) {
      events += (this.#waiting[taken] as Waiting).events.length;
      taken += 1;
    }
    return this.#waiting.splice(0, taken);
  }

  async #flush(group: readonly Waiting[]): Promise<void> {
    const started = performance.now();
    try {
      const results = await this.#options.record(group.flatMap((waiting) => waiting.events));
      this.#options.onCommit?.((performance.now() - started) / 1000);
      let from = 0;
      for (const { events, resolve } of group) {
        resolve(results.slice(from, from + events.length));
        from += events.length;
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      for (const { bytes } of group) this.giveBack(bytes);
    }
  }
}

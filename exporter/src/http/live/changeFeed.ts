import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Topic } from '../../contract/live.ts';
import { type Position, WHOLE } from '../../contract/topics.ts';
import { interestOf } from '../../ledger/changes/interest.ts';
import { type ChangesPage, type LedgerChange, readChanges, readHead } from '../../ledger/changes/readChanges.ts';

/** How often the ledger is asked whether somebody else changed it, while anybody listens. */
const POLL_MS = 300;
/** Commits of this process wake the feed; so often at most. */
const LEAST_MS = 25;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
/** Pages and changes that are kept for readers who are a moment behind; who is further behind reads the ledger. */
const KEPT_PAGES = 64;
const KEPT_CHANGES = 4_000;

interface Page {
  readonly after: number;
  readonly to: number;
  /** Readers that joined later may follow topics that were not looked for. */
  readonly generation: number;
  readonly changes: readonly LedgerChange[];
}

/** Of one reader; it goes through the changes at its own pace. */
export interface FeedReader {
  readonly topics: readonly Topic[];
  position: Position;
  readonly generation: number;
  readonly signal: AbortSignal;
  readonly aborted: Promise<void>;
}

export interface ChangeFeedOptions {
  readonly pool: pg.Pool;
  /** Tells of commits of this process. */
  onCommit(listener: () => void): () => void;
  /** The ledger stopped or began to answer. */
  onState(isUp: boolean, error?: unknown): void;
}

/**
 * What changes in the ledger, read once for all readers of this process. It asks only while there are readers, and holds no
 * connection.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #readers = new Set<FeedReader>();
  readonly #closing = new AbortController();
  #pages: Page[] = [];
  #generation = 0;
  /** How far it has read; undefined while nobody listens. */
  #head: number | undefined;
  #isUp = true;
  #running: Promise<void> | undefined;
  #wake = Promise.withResolvers<void>();
  #moved = Promise.withResolvers<void>();

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** @param signal ends what the reader waits for */
  join(topics: readonly Topic[], position: Position, signal: AbortSignal): FeedReader {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    const reader: FeedReader = { topics, position, generation: ++this.#generation, signal, aborted };
    this.#readers.add(reader);
    this.#running ??= this.#run();
    return reader;
  }

  leave(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#wake.resolve();
  }

  /**
   * Waits until there is something after the reader's position, and moves it on.
   * @returns undefined where the reader's signal or the end of the feed came first
   */
  async next(reader: FeedReader): Promise<readonly LedgerChange[] | undefined> {
    for (;;) {
      if (reader.signal.aborted || this.#closing.signal.aborted) return undefined;
      const moved = this.#moved.promise;
      const page = this.#isBehind(reader) ? await this.#read(reader) : undefined;
      if (page !== undefined) {
        reader.position = page.to;
        return page.changes;
      }
      await Promise.race([moved, reader.aborted]);
    }
  }

  #isBehind({ position: { seq, index } }: FeedReader): boolean {
    return index !== WHOLE || (this.#head !== undefined && seq < this.#head);
  }

  async #read(reader: FeedReader): Promise<Pick<ChangesPage, 'changes' | 'to'> | undefined> {
    const { seq, index } = reader.position;
    const kept = this.#pages.find((page) => page.after <= seq && seq < page.to);
    if (kept !== undefined && index === WHOLE && kept.generation >= reader.generation) {
      const changes = kept.after === seq ? kept.changes : kept.changes.filter(({ position }) => position.seq > seq);
      return { changes, to: { seq: kept.to, index: WHOLE } };
    }
    try {
      return await readChanges(this.#options.pool, reader.position, interestOf(reader.topics));
    } catch (error) {
      // The feed finds out by itself when the ledger answers again.
      this.#noteState(false, error);
      this.#wake.resolve();
      return undefined;
    }
  }

  async #run(): Promise<void> {
    const forget = this.#options.onCommit(() => this.#wake.resolve());
    let retryMs = FIRST_RETRY_MS;
    try {
      while (this.#readers.size > 0 && !this.#closing.signal.aborted) {
        this.#wake = Promise.withResolvers<void>();
        try {
          await this.#readOn();
          retryMs = FIRST_RETRY_MS;
          this.#noteState(true);
          await this.#pause(LEAST_MS);
          await Promise.race([this.#wake.promise, this.#pause(POLL_MS)]);
        } catch (error) {
          this.#noteState(false, error);
          await this.#pause(retryMs);
          retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
        }
      }
    } finally {
      forget();
      this.#head = undefined;
      this.#pages = [];
      this.#running = undefined;
      // Somebody may have joined since the last look.
      if (this.#readers.size > 0 && !this.#closing.signal.aborted) this.#running = this.#run();
    }
  }

  async #readOn(): Promise<void> {
    const { pool } = this.#options;
    const { head } = await readHead(pool);
    if (this.#head === undefined) {
      this.#advance(head);
      return;
    }
    while (this.#head < head) {
      const generation = this.#generation;
      const interest = interestOf([...this.#readers].flatMap(({ topics }) => topics));
      const after: number = this.#head;
      const { changes, to } = await readChanges(pool, { seq: after, index: WHOLE }, interest);
      this.#pages.push({ after, to: to.seq, generation, changes });
      this.#dropOld();
      this.#advance(to.seq);
      if (this.#closing.signal.aborted) return;
    }
  }

  #dropOld(): void {
    let kept = 0;
    const first = this.#pages.findLastIndex((page) => {
      kept += page.changes.length;
      return kept > KEPT_CHANGES;
    });
    this.#pages = this.#pages.slice(Math.max(first, this.#pages.length - KEPT_PAGES, 0));
  }

  #advance(head: number): void {
    this.#head = head;
    this.#tellReaders();
  }

  #tellReaders(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers<void>();
  }

  #noteState(isUp: boolean, error?: unknown): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    this.#options.onState(isUp, error);
    // Who could not read by themselves tries again.
    if (isUp) this.#tellReaders();
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#closing.signal });
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#moved.resolve();
    await this.#running;
  }
}

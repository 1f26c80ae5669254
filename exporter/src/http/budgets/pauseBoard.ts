import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { type Paused, readPaused } from '../../ledger/budgets/readPaused.ts';

/** How often the ledger is asked. A pause of another replica is known here after so long. */
const REFRESH_MS = 1_000;
/** What was read longer ago is not answered with: nobody knows what is paused by now. */
const STALE_MS = 5_000;

/** What is paused now, in memory: an answer of the gate touches no database. */
export class PauseBoard {
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #paused: readonly Paused[] = [];
  #readMs = Number.NEGATIVE_INFINITY;
  #readAt: Date | undefined;
  #wasRead = true;
  #loop: Promise<void> = Promise.resolve();

  /** @param pool of its own: reads that hold all connections of another one must not hold up the gate */
  constructor(pool: pg.Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Keeps it current from now on. */
  start(): void {
    this.#loop = this.#keepCurrent();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** What is paused; undefined while the ledger does not answer. */
  current(): readonly Paused[] | undefined {
    return performance.now() - this.#readMs > STALE_MS ? undefined : this.#paused;
  }

  /** When the ledger answered last. */
  get readAt(): Date | undefined {
    return this.#readAt;
  }

  async #keepCurrent(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const started = performance.now();
      try {
        this.#paused = await readPaused(this.#pool);
        // What was committed after the question may be missing from the answer.
        this.#readMs = started;
        this.#readAt = new Date();
        this.#wasRead = true;
      } catch (error) {
        if (this.#wasRead && this.#readAt !== undefined)
          this.#log.warn({ err: error }, 'gate: the ledger does not answer; it soon cannot tell what is paused');
        this.#wasRead = false;
      }
      await sleep(REFRESH_MS, undefined, { signal }).catch(() => {});
    }
  }
}

import type { Logger } from 'pino';

const REPORT_EVERY_MS = 5_000;

/** Tells the log how far the first read of a source is: every few seconds, and at the end. */
export class BackfillProgress {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #startedMs: number;
  #reportedMs: number;
  #records = 0;
  /** After the first page: an interrupted backfill does not begin at 0. */
  #first: { readonly done: number; readonly ms: number } | undefined;
  #last: { done: number; total: number } | undefined;

  constructor(log: Logger, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
    this.#startedMs = now();
    this.#reportedMs = this.#startedMs;
  }

  page(records: number, progress: { readonly done: number; readonly total: number } | undefined): void {
    this.#records += records;
    if (progress !== undefined) {
      this.#first ??= { done: progress.done, ms: this.#now() };
      this.#last = { ...progress };
    }
    if (this.#now() - this.#reportedMs < REPORT_EVERY_MS) return;
    this.#reportedMs = this.#now();
    this.#log.info(this.#describe(), 'reading the history of the source for the first time');
  }

  end(): void {
    this.#log.info(
      { records: this.#records, seconds: round((this.#now() - this.#startedMs) / 1000) },
      'the history of the source is read',
    );
  }

  #describe(): Record<string, number> {
    const seconds = Math.max(0.001, (this.#now() - this.#startedMs) / 1000);
    const description: Record<string, number> = {
      records: this.#records,
      recordsPerSecond: round(this.#records / seconds),
    };
    if (this.#last !== undefined && this.#first !== undefined) {
      const { done, total } = this.#last;
      const rate = ((done - this.#first.done) * 1000) / Math.max(1, this.#now() - this.#first.ms);
      Object.assign(description, { done, total });
      if (rate > 0) description.etaSeconds = round(Math.max(0, total - done) / rate);
    }
    return description;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Requests that may go at once after a pause, in milliseconds of the allowance. */
const BURST_MS = 5_000;

/** Spaces requests so that no more than so many go in a minute. */
export class RequestPace {
  readonly #intervalMs: number;
  readonly #now: () => number;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#intervalMs = 60_000 / perMinute;
    this.#now = now;
  }

  /** @returns after how many milliseconds the next request may go; it is then taken to go. */
  reserve(): number {
    const now = this.#now();
    this.#nextMs = Math.max(this.#nextMs, now - BURST_MS) + this.#intervalMs;
    return Math.max(0, this.#nextMs - now);
  }

  async wait(signal: AbortSignal): Promise<void> {
    const delayMs = this.reserve();
    if (delayMs > 0) await sleep(delayMs, undefined, { signal });
  }
}

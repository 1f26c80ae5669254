import type { Limit, LimitStore, Taken } from './limitStore.ts';

/** Some 15 MB. A sender with more addresses than that makes the limits forget, and not the memory grow. */
const MAX_KEYS = 100_000;

interface Window {
  count: number;
  readonly endsAt: number;
}

/** Counters of this process alone. */
export class MemoryStore implements LimitStore {
  /** In the order in which the windows began. */
  readonly #windows = new Map<string, Window>();
  readonly #maxKeys: number;
  readonly #now: () => number;

  /** @param options.now milliseconds of a clock that never goes back. */
  constructor({ maxKeys = MAX_KEYS, now = () => performance.now() }: { maxKeys?: number; now?: () => number } = {}) {
    this.#maxKeys = maxKeys;
    this.#now = now;
  }

  get size(): number {
    return this.#windows.size;
  }

  take(keys: readonly string[], { max, windowMs }: Limit): Taken {
    const now = this.#now();
    for (const key of keys) {
      const window = this.#windows.get(key);
      if (window !== undefined && window.endsAt > now && window.count >= max) {
        return { allowed: false, key, remaining: 0, resetMs: window.endsAt - now };
      }
    }
    let nearest: { key: string; window: Window } | undefined;
    for (const key of keys) {
      const window = this.#current(key, now, windowMs);
      window.count += 1;
      if (nearest === undefined || window.count > nearest.window.count) nearest = { key, window };
    }
    const { key = '', window = { count: 0, endsAt: now } } = nearest ?? {};
    return { allowed: true, key, remaining: max - window.count, resetMs: window.endsAt - now };
  }

  close(): void {
    this.#windows.clear();
  }

  #current(key: string, now: number, windowMs: number): Window {
    const found = this.#windows.get(key);
    if (found !== undefined && found.endsAt > now) return found;
    this.#windows.delete(key);
    this.#makeRoom(now);
    const window = { count: 0, endsAt: now + windowMs };
    this.#windows.set(key, window);
    return window;
  }

  /** The oldest windows end first: two for each new one are enough to forget them all in time. */
  #makeRoom(now: number): void {
    let looked = 0;
    for (const [key, { endsAt }] of this.#windows) {
      if (endsAt > now && this.#windows.size < this.#maxKeys) return;
      this.#windows.delete(key);
      looked += 1;
      if (looked === 2) return;
    }
  }
}

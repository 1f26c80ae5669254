import type { Limit, LimitStore, Taken } from './limitStore.ts';

/** Some 15 MB. A sender with more addresses than that makes the limits forget, and not the memory grow. */
const MAX_KEYS = 100_000;

interface Window {
  count: number;
  readonly endsAt: number;
}

/**
 * Counters of this process alone, in two generations: what is asked for moves into the young one; when that is full, or older than a
 * window, it becomes the old one and the one before is dropped at once. (A Map that forgets its first entry each time takes 100 µs for
 * it at this size: its iterator walks over all that was deleted.)
 */
export class MemoryStore implements LimitStore {
  #young = new Map<string, Window>();
  #old = new Map<string, Window>();
  #youngSince: number;
  readonly #maxYoung: number;
  readonly #now: () => number;

  /** @param options.now milliseconds of a clock that never goes back. */
  constructor({ maxKeys = MAX_KEYS, now = () => performance.now() }: { maxKeys?: number; now?: () => number } = {}) {
    this.#maxYoung = maxKeys / 2;
    this.#now = now;
    this.#youngSince = now();
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  take(keys: readonly string[], { max, windowMs }: Limit): Taken {
    const now = this.#now();
    if (now - this.#youngSince >= windowMs) this.#age(now);
    for (const key of keys) {
      const window = this.#find(key, now);
      if (window !== undefined && window.count >= max) {
        return { allowed: false, key, remaining: 0, resetMs: window.endsAt - now };
      }
    }
    let nearest = '';
    let most: Window = { count: 0, endsAt: now };
    for (const key of keys) {
      const window = this.#find(key, now) ?? this.#keep(key, { count: 0, endsAt: now + windowMs }, now);
      window.count += 1;
      if (window.count > most.count) [nearest, most] = [key, window];
    }
    return { allowed: true, key: nearest, remaining: max - most.count, resetMs: most.endsAt - now };
  }

  close(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #find(key: string, now: number): Window | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.endsAt > now ? young : undefined;
    const old = this.#old.get(key);
    return old !== undefined && old.endsAt > now ? this.#keep(key, old, now) : undefined;
  }

  #keep(key: string, window: Window, now: number): Window {
    if (this.#young.size >= this.#maxYoung) this.#age(now);
    this.#young.set(key, window);
    return window;
  }

  #age(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSince = now;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, for the error: "the run in Prometheus". */
  readonly what: string;
  /** Milliseconds; default 90,000. A deadline for a broken test, not a bound that a healthy one gets near. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks; default 25. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

export type Truthy<T> = Exclude<T, undefined | null | false | 0 | '' | 0n>;

/**
 * Polls until `look` gives something, and returns that. Anything falsy, an empty array and a throw count as "not yet".
 * @throws Error at the deadline, with what was last seen and the last error as its cause
 */
export async function waitFor<T>(look: () => T | Promise<T>, options: WaitOptions): Promise<Truthy<T>> {
  const { what, timeoutMs = 90_000, intervalMs = 25, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  let lastSeen: T | undefined;
  for (;;) {
    signal?.throwIfAborted();
    try {
      lastError = undefined;
      lastSeen = await look();
      if (isThere(lastSeen)) return lastSeen;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      const seen =
        lastError === undefined ? `last seen: ${JSON.stringify(lastSeen)}` : `last error: ${String(lastError)}`;
      throw new Error(`Waited ${timeoutMs} ms for ${what}; ${seen}`, { cause: lastError });
    }
    await sleep(intervalMs, undefined, { signal });
  }
}

function isThere<T>(value: T): value is T & Truthy<T> {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

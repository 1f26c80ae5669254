import { setTimeout as delay } from 'node:timers/promises';
import type { FleetEvent } from './story.ts';
import { unfold } from './unfold.ts';
import { createWorld } from './world.ts';

/** What a live simulation goes by. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after that many milliseconds, or rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<unknown>;
}

export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/** A clock can be set, and a laptop sleeps: look at it again at least this often. */
const LONGEST_SLEEP_MS = 5_000;

export interface LiveOptions {
  readonly seed: number | string;
  /** Where the history ended: its `to`. */
  readonly from: Date;
  /** Where the history began: its `from`. Runs that the history left out are left out here too. */
  readonly since?: Date;
  readonly scale?: number;
  readonly clock?: Clock;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/**
 * Goes on where a history of the same seed ended: yields each event when its time has come (those that are due already at
 * once), and everything that a history leaves out, such as output while it streams and readings every 15 seconds.
 */
export async function* simulateLive(options: LiveOptions): AsyncGenerator<FleetEvent, void, undefined> {
  const { seed, from, since, scale = 1, clock = SYSTEM_CLOCK, signal } = options;
  const fromMs = from.getTime();
  const sinceMs = since?.getTime() ?? Number.NEGATIVE_INFINITY;
  const window = { sinceMs, fromMs, toMs: Number.POSITIVE_INFINITY };
  for (const { ms, event } of unfold(createWorld(seed, scale, true), window)) {
    for (let left = ms - clock.now(); left > 0; left = ms - clock.now()) {
      if (signal?.aborted) return;
      try {
        await clock.sleep(Math.min(left, LONGEST_SLEEP_MS), signal);
      } catch (cause) {
        if (signal?.aborted) return;
        throw cause;
      }
    }
    if (signal?.aborted) return;
    yield event;
  }
}

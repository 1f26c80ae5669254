import type { FleetEvent } from './story.ts';
import { unfold } from './unfold.ts';
import { createWorld } from './world.ts';

export interface HistoryOptions {
  /** Another seed is another fleet. */
  readonly seed: number | string;
  /** The first moment of the history: runs that began before it are no part of it. */
  readonly from: Date;
  /** The end of the history: no event is at it or behind it. */
  readonly to: Date;
  /** How much is asked for: 1 (the default) is about 250 runs and 8,200 events a day. Schedules and readings stay as they are. */
  readonly scale?: number;
}

/**
 * The past of a simulated fleet, in order of time. What happens follows from the seed and the time of day alone, whatever
 * the window: two overlapping histories of one seed have the same events (ids and all) where they overlap.
 */
export function* simulateFleet({ seed, from, to, scale = 1 }: HistoryOptions): Generator<FleetEvent, void, undefined> {
  const fromMs = from.getTime();
  const toMs = to.getTime();
  if (!(fromMs <= toMs)) {
    throw new RangeError(`found from ${from} and to ${to}, expected two times, from not behind to`);
  }
  for (const { event } of unfold(createWorld(seed, scale, false), { sinceMs: fromMs, fromMs, toMs })) yield event;
}

import { DAY, HOUR, MINUTE, SECOND } from './calendar.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** Readings this far apart in a history, and while live. */
export const COARSE_MS = 15 * MINUTE;
export const FINE_MS = 15 * SECOND;

/**
 * Takes a reading through a day: every 15 minutes, every 15 seconds while live, and every 30 seconds in the spans that are
 * named, so that an incident shorter than a quarter of an hour leaves its trace in the history too.
 */
export function readThroughDay(
  world: World,
  story: Story,
  day: number,
  name: string,
  spans: readonly { readonly fromMs: number; readonly toMs: number }[],
  read: (story: Story, ms: number) => void,
): void {
  const begin = day * DAY;
  const taken = new Set<number>();
  for (let ms = begin; ms < begin + DAY; ms += COARSE_MS) taken.add(ms);
  for (const { fromMs, toMs } of spans) {
    const first = Math.ceil(fromMs / (2 * FINE_MS)) * 2 * FINE_MS;
    for (let ms = first; ms <= toMs && ms < begin + DAY; ms += 2 * FINE_MS) taken.add(ms);
  }
  for (const ms of taken) read(story, ms);
  if (!world.fine) return;
  for (let hour = begin; hour < begin + DAY; hour += HOUR) {
    story.later(hour, hour + HOUR, `${name}/${hour}/fine`, (stretch) => {
      for (let ms = hour; ms < hour + HOUR; ms += FINE_MS) if (!taken.has(ms)) read(stretch, ms);
    });
  }
}

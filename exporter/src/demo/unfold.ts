import { DAY, dayOf } from './calendar.ts';
import { createFleet } from './fleet.ts';
import { type FleetEvent, LONGEST_STORY_MS } from './story.ts';
import { Timeline } from './timeline.ts';
import type { World } from './world.ts';

/** A part of the fleet's time. Milliseconds since the epoch; `to` and what lies behind it is not part of it. */
export interface Window {
  /** Runs (and chains, …) that began before this are left out as a whole. */
  readonly sinceMs: number;
  /** Events before this are left out. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** An event with its time in milliseconds since the epoch. */
export interface TimedEvent {
  readonly ms: number;
  readonly event: FleetEvent;
}

/** The events of a window in order of time (then of id), one day of the fleet in memory at a time. */
export function* unfold(world: World, { sinceMs, fromMs, toMs }: Window): Generator<TimedEvent, void, undefined> {
  const fleet = createFleet(world);
  const timeline = new Timeline();
  const firstDay = dayOf(Math.max(sinceMs, fromMs - LONGEST_STORY_MS));
  for (let day = firstDay; day * DAY < toMs; day++) {
    for (const story of fleet(day)) {
      if (!story.divisible && story.beginMs < sinceMs) continue;
      for (const happening of story.happenings) if (happening.ms < toMs) timeline.add(happening);
    }
    const untilMs = Math.min(toMs, (day + 1) * DAY);
    for (let first = timeline.peek(); first !== undefined && first.ms < untilMs; first = timeline.peek()) {
      timeline.next();
      if ('unfold' in first) {
        if (first.endMs < fromMs) continue;
        for (const happening of first.unfold()) if (happening.ms >= fromMs) timeline.add(happening);
      } else if (first.ms >= fromMs) {
        yield { ms: first.ms, event: first.event };
      }
    }
  }
}

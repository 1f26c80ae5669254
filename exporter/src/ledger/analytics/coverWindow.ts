import { DAY_HOURS, HOUR_MS } from './measures.ts';

/** From (included) and to (not included), in hours or days since 1970, or milliseconds. */
export type Span = readonly [from: number, to: number];

/** What a window is added up from: whole days, whole hours, and what is neither, from the facts. */
export interface Cover {
  readonly days: readonly Span[];
  readonly hours: readonly Span[];
  readonly ranges: readonly Span[];
}

/** Hours and days that are not added up yet. */
export interface Dirty {
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
}

const DAY_MS = DAY_HOURS * HOUR_MS;

/** Divides a window (milliseconds) into the largest parts that are added up already; no moment is left out or in two of them. */
export function coverWindow(fromMs: number, toMs: number, dirty: Dirty): Cover {
  const days: Span[] = [];
  const hours: Span[] = [];
  const ranges: Span[] = [];
  for (let ms = fromMs; ms < toMs; ) {
    const day = Math.floor(ms / DAY_MS);
    const hour = Math.floor(ms / HOUR_MS);
    if (ms === day * DAY_MS && ms + DAY_MS <= toMs && !dirty.days.has(day)) {
      append(days, day, day + 1);
      ms += DAY_MS;
    } else if (ms === hour * HOUR_MS && ms + HOUR_MS <= toMs && !dirty.hours.has(hour)) {
      append(hours, hour, hour + 1);
      ms += HOUR_MS;
    } else {
      const end = Math.min(toMs, (hour + 1) * HOUR_MS);
      append(ranges, ms, end);
      ms = end;
    }
  }
  return { days, hours, ranges };
}

function append(spans: Span[], from: number, to: number): void {
  const last = spans.at(-1);
  if (last?.[1] === from) spans[spans.length - 1] = [last[0], to];
  else spans.push([from, to]);
}

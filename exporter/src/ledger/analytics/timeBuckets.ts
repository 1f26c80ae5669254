import type { TimeBucket } from '../../contract/analytics.ts';
import { dayStart, localDay } from '../budgets/localDay.ts';
import type { Span } from './coverWindow.ts';
import { addDays, mondayOf } from './isoWeek.ts';
import { HOUR_MS } from './measures.ts';

/**
 * Divides a window (milliseconds) at the hours, days or weeks (from Monday) of a time zone; the first and the last are cut by the window.
 * Hours are those of the zone's clock: where it is half an hour off, they begin at half past.
 * @returns undefined where there are more than `most`
 */
export function timeBuckets(
  [from, to]: Span,
  bucket: TimeBucket,
  timeZone: string,
  most: number,
): readonly Span[] | undefined {
  const spans: Span[] = [];
  for (let low = from; low < to; ) {
    if (spans.length === most) return undefined;
    const high = Math.min(to, nextStart(low, bucket, timeZone));
    spans.push([low, high]);
    low = high;
  }
  return spans;
}

function nextStart(ms: number, bucket: TimeBucket, timeZone: string): number {
  const day = localDay(ms, timeZone);
  if (bucket === 'hour') {
    // Counted from the beginning of the local day: that is where the zone's hours begin, to the quarter.
    const start = dayStart(day, timeZone);
    return Math.min(start + (Math.floor((ms - start) / HOUR_MS) + 1) * HOUR_MS, dayStart(addDays(day, 1), timeZone));
  }
  let next = addDays(bucket === 'week' ? mondayOf(day) : day, bucket === 'week' ? 7 : 1);
  // A zone may skip a whole day.
  while (dayStart(next, timeZone) <= ms) next = addDays(next, 1);
  return dayStart(next, timeZone);
}

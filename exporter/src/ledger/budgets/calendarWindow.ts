import { dayStart, localDay } from './localDay.ts';
import { slotAt } from './slot.ts';

export type CalendarUnit = 'day' | 'month';

/** A calendar window as slots: from `starts`, before `ends`. */
export interface CalendarWindow {
  readonly starts: number;
  readonly ends: number;
}

/** @returns the window that holds the moment: a day has 23 or 25 hours where the clocks change, a month as many days as it has. */
export function windowAt(unit: CalendarUnit, ms: number, timeZone: string): CalendarWindow {
  const [year, month, day] = localDay(ms, timeZone).split('-').map(Number) as [number, number, number];
  // Date.UTC rolls the day after the last of a month, and the month after December, over.
  const [first, next] =
    unit === 'day'
      ? [Date.UTC(year, month - 1, day), Date.UTC(year, month - 1, day + 1)]
      : [Date.UTC(year, month - 1, 1), Date.UTC(year, month, 1)];
  const startOf = (utcMs: number) => slotAt(dayStart(new Date(utcMs).toISOString().slice(0, 10), timeZone));
  return { starts: startOf(first), ends: startOf(next) };
}

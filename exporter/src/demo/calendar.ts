import type { Random } from './random.ts';

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** The number of the day, counted from 1970-01-01. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY);
}

/** The number of the week, Monday to Sunday; 1970-01-01 was a Thursday. */
export function weekOf(ms: number): number {
  return Math.floor((dayOf(ms) + 3) / 7);
}

/** The Monday that a week begins with, milliseconds since the epoch. */
export function weekStart(week: number): number {
  return (week * 7 - 3) * DAY;
}

function isWeekend(day: number): boolean {
  return (day + 3) % 7 >= 5;
}

/** How a day's work is spread over its hours (UTC), and what a weekend leaves of it. */
interface Pattern {
  readonly hours: readonly number[];
  readonly weekend: number;
}

/** People in Europe and America: from 7 to 22 UTC, with a dip at noon. */
export const OFFICE: Pattern = {
  hours: [2, 1.5, 1, 1, 1, 1.5, 3, 6, 9, 10, 10, 8, 7, 9, 11, 12, 11, 10, 9, 7, 6, 5, 4, 3],
  weekend: 0.45,
};
/** What was planned for when nobody is at work. */
export const NIGHT: Pattern = {
  hours: [9, 10, 10, 10, 9, 8, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 9],
  weekend: 0.9,
};
export const ROUND_THE_CLOCK: Pattern = { hours: new Array<number>(24).fill(1), weekend: 0.85 };

/**
 * When things happen on a day.
 * @param mean how many on a working day, on average.
 * @returns milliseconds since the epoch, in order.
 */
export function arrivals(random: Random, day: number, mean: number, pattern: Pattern): number[] {
  const count = random.poisson(mean * (isWeekend(day) ? pattern.weekend : 1));
  const hours = pattern.hours.map((weight, hour) => [hour, weight] as const);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    times.push(day * DAY + random.weighted(hours) * HOUR + Math.floor(random.next() * HOUR));
  }
  return times.sort((a, b) => a - b);
}

/** One time in every hour of a day, as a schedule has it. */
export function hourly(day: number, minute: number): number[] {
  return Array.from({ length: 24 }, (_, hour) => day * DAY + hour * HOUR + minute * MINUTE);
}

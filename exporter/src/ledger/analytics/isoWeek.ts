import { dayStart, localDay } from '../budgets/localDay.ts';
import type { Span } from './coverWindow.ts';

const DAY_MS = 86_400_000;
const MONDAY_BASED = (day: string) => (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;

/** @returns the day so many days later, `2026-11-21`. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** @returns the Monday of the week of a day. */
export function mondayOf(day: string): string {
  return addDays(day, -MONDAY_BASED(day));
}

/** @returns the week of ISO 8601 of a day: that of its Thursday. */
export function weekOf(day: string): string {
  const thursday = addDays(mondayOf(day), 3);
  const year = thursday.slice(0, 4);
  const dayOfYear = (Date.parse(`${thursday}T00:00:00Z`) - Date.parse(`${year}-01-01T00:00:00Z`)) / DAY_MS;
  return `${year}-W${String(Math.floor(dayOfYear / 7) + 1).padStart(2, '0')}`;
}

/** @returns the Monday of a week of ISO 8601; undefined where the year has no such week. */
export function mondayOfWeek(week: string): string | undefined {
  const [year = '', number = ''] = week.split('-W');
  const monday = addDays(mondayOf(`${year}-01-04`), (Number(number) - 1) * 7);
  return weekOf(monday) === week ? monday : undefined;
}

/** @returns the last week that is over. */
export function lastWeek(nowMs: number, timeZone: string): string {
  return weekOf(addDays(mondayOf(localDay(nowMs, timeZone)), -1));
}

/** @returns when the days from `first` on begin, and the day after the last of them; milliseconds. */
export function daySpans(first: string, days: number, timeZone: string): Span[] {
  return Array.from({ length: days }, (_, i) => [
    dayStart(addDays(first, i), timeZone),
    dayStart(addDays(first, i + 1), timeZone),
  ]);
}

import { SLOT_MS, slotAt } from './slot.ts';

const HOUR_MS = 3_600_000;
/** Local midnight lies so far before and after that of UTC at most: zones go from -12 to +14 hours. */
const MOST_AHEAD_MS = 15 * HOUR_MS;
const MOST_BEHIND_MS = 13 * HOUR_MS;
const MOST_REMEMBERED = 1_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const starts = new Map<string, number>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA-u-ca-gregory-nu-latn', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** @returns the day that the calendar of the zone shows at the moment, `2026-11-21`. */
export function localDay(ms: number, timeZone: string): string {
  if (timeZone === 'UTC') return new Date(ms).toISOString().slice(0, 10);
  const parts = formatOf(timeZone).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
}

/**
 * @param day `2026-11-21`
 * @returns when the day begins in the zone, milliseconds: not always at midnight, which the clocks may skip; where a zone
 *   skipped the whole day, when the next one begins.
 */
export function dayStart(day: string, timeZone: string): number {
  const utcMs = Date.parse(`${day}T00:00:00.000Z`);
  if (timeZone === 'UTC') return utcMs;
  const key = `${day} ${timeZone}`;
  const known = starts.get(key);
  if (known !== undefined) return known;
  // The first quarter of an hour that shows this day or a later one.
  let before = slotAt(utcMs - MOST_AHEAD_MS);
  let after = slotAt(utcMs + MOST_BEHIND_MS);
  while (after - before > 1) {
    const middle = (before + after) >> 1;
    if (localDay(middle * SLOT_MS, timeZone) >= day) after = middle;
    else before = middle;
  }
  if (starts.size >= MOST_REMEMBERED) starts.clear();
  starts.set(key, after * SLOT_MS);
  return after * SLOT_MS;
}

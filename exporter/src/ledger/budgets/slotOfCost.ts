import { dayStart, localDay } from './localDay.ts';
import { slotAt } from './slot.ts';

const NOON_MS = 12 * 3_600_000;

/** When money was spent, as far as its record says. */
export interface CostTime {
  /** When the event happened that told the cost, RFC 3339. */
  readonly at: string | undefined;
  /** The day that the record itself names, in the source's time zone. */
  readonly date?: string | undefined;
  /** Of the source. */
  readonly timeZone: string;
}

/**
 * @returns the quarter of an hour in which the money was spent: when it was told, where that is on the day that the record
 *   names; else that day's noon, which the calendars of most other zones show on the same day. 0 where nothing says when.
 */
export function slotOfCost({ at, date, timeZone }: CostTime): number {
  const atMs = at === undefined ? undefined : Date.parse(at);
  if (date === undefined) return atMs === undefined ? 0 : slotAt(atMs);
  if (atMs !== undefined && localDay(atMs, timeZone) === date) return slotAt(atMs);
  return slotAt(dayStart(date, timeZone) + NOON_MS);
}

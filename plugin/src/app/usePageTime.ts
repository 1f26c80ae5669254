import { type DateTime, dateTime, isDateTime, type RawTimeRange, rangeUtil, type TimeRange } from '@grafana/data';
import { useCallback, useMemo } from 'react';
import { type ParameterChanges, usePageParameters } from './usePageParameters';

/** A window as URLs of Grafana spell it: `now-24h`, milliseconds, or RFC 3339. */
export interface PageTime {
  readonly from: string;
  readonly to: string;
}

/** A window as the exporter's API takes it: RFC 3339. */
export interface Window {
  readonly from: string;
  readonly to: string;
}

/**
 * The window that a page looks at: `from` and `to` of its URL.
 * @returns `time`: as the URL spells it, for links and query keys; `range`: for pickers; `change`: by a picker, whose other `changes`
 * of the URL (back to the first page) come with it
 */
export function usePageTime(fallback: PageTime = { from: 'now-24h', to: 'now' }) {
  const [parameters, change] = usePageParameters();
  const { from: defaultFrom, to: defaultTo } = fallback;
  const time = useMemo((): PageTime => {
    const [from, to] = [parameters.get('from'), parameters.get('to')];
    const asked = { from: from || defaultFrom, to: to || defaultTo };
    return isWindow(asked) ? asked : { from: defaultFrom, to: defaultTo };
  }, [parameters, defaultFrom, defaultTo]);
  const range = useMemo(() => toRange(time), [time]);
  const changeTime = useCallback(
    ({ raw }: TimeRange, others: ParameterChanges = {}) => change({ ...fromRaw(raw), ...others }),
    [change],
  );
  return { time, range, change: changeTime } as const;
}

/** @returns the window as of now: `now-1h` is another one each time that it is asked for. */
export function windowOf(time: PageTime): Window {
  const { from, to } = toRange(time);
  return { from: from.toISOString(), to: to.toISOString() };
}

/** @returns the window of the same length that ended where this one begins. */
export function windowBefore({ from, to }: Window): Window {
  const length = Date.parse(to) - Date.parse(from);
  return { from: new Date(Date.parse(from) - length).toISOString(), to: from };
}

/** @returns a picker's range as URLs spell it. */
export function fromRaw({ from, to }: RawTimeRange): PageTime {
  const spell = (end: string | DateTime) => (isDateTime(end) ? end.toISOString() : end);
  return { from: spell(from), to: spell(to) };
}

export function toRange({ from, to }: PageTime): TimeRange {
  const read = (end: string) =>
    /^\d{9,}$/.test(end) ? dateTime(Number(end)) : end.startsWith('now') ? end : dateTime(new Date(end));
  return rangeUtil.convertRawToRange({ from: read(from), to: read(to) });
}

/** @returns whether both ends are times, in their order. */
export function isWindow(time: PageTime): boolean {
  const { from, to } = toRange(time);
  return from?.isValid() === true && to?.isValid() === true && from.isBefore(to);
}

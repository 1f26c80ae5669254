import type { FiguresAnswer, FiguresOfGroup, TimeBucket, TimeseriesAnswer } from '@contract/analytics.ts';
import type { FleetApi, Parameters } from '../../api/FleetApi';
import { type PageTime, type Window, windowBefore, windowOf } from '../../app/usePageTime';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface WindowFigures {
  readonly window: Window;
  /** Undefined: nothing ended in it. */
  readonly now: FiguresOfGroup | undefined;
  /** Of the window of the same length before. */
  readonly before: FiguresOfGroup | undefined;
  readonly points: TimeseriesAnswer['data'][number]['points'];
}

/** @returns the buckets that make some tens of points. */
export function bucketOf({ from, to }: Window): TimeBucket {
  const length = Date.parse(to) - Date.parse(from);
  if (length <= 4 * DAY_MS) return 'hour';
  return length <= 120 * DAY_MS ? 'day' : 'week';
}

/** @returns when the first bucket begins: one that is cut would look like a rise after it. */
function beginOf(window: Window): string {
  const begin = new Date(window.from);
  if (bucketOf(window) === 'hour') begin.setMinutes(0, 0, 0);
  else begin.setHours(0, 0, 0, 0);
  return begin.toISOString();
}

/** Figures of a window, of the one before it, and their course. */
export async function readFigures(
  api: FleetApi,
  time: PageTime,
  scope: Parameters,
  timeZone: string,
  signal: AbortSignal,
): Promise<WindowFigures> {
  const window = windowOf(time);
  const figures = (of: Window) =>
    api.get<FiguresAnswer>('/api/v1/analytics/runs', { ...scope, ...of }, { signal }).then(({ data }) => data[0]);
  const course = api.get<TimeseriesAnswer>(
    '/api/v1/analytics/timeseries',
    { ...scope, ...window, from: beginOf(window), bucket: bucketOf(window), time_zone: timeZone },
    { signal },
  );
  const [now, before, { data }] = await Promise.all([figures(window), figures(windowBefore(window)), course]);
  return { window, now, before, points: data[0]?.points ?? [] };
}

/** Whether more of a figure is better; undefined: neither. */
export type Direction = 'up' | 'down' | undefined;

interface Change {
  /** Relative to before; undefined where one of them is unknown or there was nothing. */
  readonly ratio: number | undefined;
  /** now - before */
  readonly difference: number | undefined;
  readonly judgement: 'better' | 'worse' | 'same' | 'neutral';
}

/** Less than this is chance. */
const LEAST_RATIO = 0.1;

/**
 * @param leastDifference - of a share, whose ratio says little: 99 % after 96 % is a fourth of the failures
 * @returns how a figure compares with the window before, and whether that is good
 */
export function compareFigure(
  now: number | undefined,
  before: number | undefined,
  better: Direction,
  leastDifference?: number,
): Change {
  if (now === undefined || before === undefined)
    return { ratio: undefined, difference: undefined, judgement: 'neutral' };
  const difference = now - before;
  const ratio = before === 0 ? undefined : difference / before;
  const isSame =
    leastDifference === undefined
      ? difference === 0 || (ratio !== undefined && Math.abs(ratio) < LEAST_RATIO)
      : Math.abs(difference) < leastDifference;
  if (isSame) return { ratio, difference, judgement: 'same' };
  if (better === undefined) return { ratio, difference, judgement: 'neutral' };
  return { ratio, difference, judgement: difference > 0 === (better === 'up') ? 'better' : 'worse' };
}

export interface TrendPoint {
  /** RFC 3339, or milliseconds of Unix time. */
  readonly at: string | number;
  /** Undefined is unknown: a gap, never 0. */
  readonly value: number | undefined;
}

export interface TrendSeries {
  readonly label: string;
  /** A name of Grafana's palette or a colour of the theme; default: by place in the list. */
  readonly color?: string | undefined;
  /** In the order of time. */
  readonly points: readonly TrendPoint[];
}

/** What is drawn of one series at one time: from `base` (where what it stands on ends) to `top`. */
interface TrendMark {
  readonly base: number;
  readonly top: number;
  readonly value: number;
}

/** Series on common times. */
export interface TrendGrid {
  /** Milliseconds, each once, in order. */
  readonly times: readonly number[];
  /** By series, then by time. */
  readonly marks: readonly (readonly (TrendMark | undefined)[])[];
}

/** @param isStacked - each series stands on those before it */
export function trendGrid(series: readonly TrendSeries[], isStacked: boolean): TrendGrid {
  const values = series.map(
    ({ points }) => new Map(points.map(({ at, value }) => [typeof at === 'number' ? at : Date.parse(at), value])),
  );
  const times = [...new Set(values.flatMap((byTime) => [...byTime.keys()]))].sort((a, b) => a - b);
  const reached = times.map(() => 0);
  const marks = values.map((byTime) =>
    times.map((time, index): TrendMark | undefined => {
      const value = byTime.get(time);
      if (value === undefined || !Number.isFinite(value)) return undefined;
      const base = isStacked ? (reached[index] ?? 0) : 0;
      reached[index] = base + value;
      return { base, top: base + value, value };
    }),
  );
  return { times, marks };
}

/** @returns the least round step that is not below a rough one. */
export type StepOf = (rough: number) => number;

const STEPS = [1, 2, 2.5, 5, 10];

export function decimalStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return (STEPS.find((candidate) => candidate * power >= rough * 0.999) ?? 10) * power;
}

const DAY_S = 86_400;
/** Seconds, minutes and hours that people count in. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30].flatMap((n) => [n, n * 60]).concat([1, 2, 3, 6, 12, 24].map((n) => n * 3_600));

/** Of durations in seconds. */
export function durationStep(rough: number): number {
  if (rough <= 1) return decimalStep(rough);
  if (rough > DAY_S) return decimalStep(rough / DAY_S) * DAY_S;
  return Math.min(...TIME_STEPS.filter((step) => step >= rough * 0.999));
}

/** @returns round figures from 0 (or the round one below the least) to the first that reaches the greatest. */
export function valueTicks(
  least: number,
  greatest: number,
  about = 3,
  stepOf: StepOf = decimalStep,
): readonly number[] {
  const low = Math.min(0, least);
  const high = greatest > low ? greatest : low + 1;
  const step = stepOf((high - low) / about);
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** @returns runs of consecutive times at which something is known, as indices: a line is drawn through each. */
export function knownStretches(marks: readonly (TrendMark | undefined)[]): readonly (readonly number[])[] {
  const stretches: number[][] = [];
  for (const [index, mark] of marks.entries()) {
    if (mark === undefined) continue;
    const current = stretches.at(-1);
    if (current?.at(-1) === index - 1) current.push(index);
    else stretches.push([index]);
  }
  return stretches;
}

/** @returns the index of the time nearest to a place on the axis. */
export function nearestIndex(places: readonly number[], x: number): number {
  return places.reduce(
    (nearest, place, index) =>
      Math.abs(place - x) < Math.abs((places[nearest] ?? Number.POSITIVE_INFINITY) - x) ? index : nearest,
    0,
  );
}

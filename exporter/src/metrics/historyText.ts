import { familyOf, METRIC_CATALOGUE, type MetricFamily } from '../contract/metricCatalogue.ts';
import type { Growth, SeriesHistory } from '../ledger/history/readHistory.ts';
import { fromNano, NanoSum } from '../ledger/nano.ts';
import { familyHeader, formatEdge, formatNumber, labelPairs } from './exposition.ts';

export interface HistoryTextOptions {
  /** Milliseconds between two samples of a series. */
  readonly stepMs: number;
  /** First and last sample, milliseconds; what happened before is in the first value. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** A sample at every step, also of series that are quiet. */
  readonly dense?: boolean;
  /** Labels of every sample besides its own, as a scrape adds them (`job`, `instance`). */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A quiet series goes on for so long: a rate over the usual five minutes is seen to return to 0. */
const LINGER_MS = 10 * 60_000;
/** Characters gathered before they are handed on. */
const CHUNK = 256 * 1024;

/**
 * OpenMetrics with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads it: family by family, each series by
 * itself, its samples in the order of time. A series begins with a 0 one step before it first grew, so that `increase()` sees
 * that too. While it is quiet it pauses, from ten minutes after it grew to one step before it grows again: rate() and increase()
 * say the same, and the file is a tenth (the demo's two weeks: 50 million samples at 2 min).
 */
export function* historyText(history: readonly SeriesHistory[], options: HistoryTextOptions): Generator<string> {
  const byFamily = Map.groupBy(history, ({ family }) => family);
  let text = '';
  for (const family of METRIC_CATALOGUE) {
    const ofFamily = byFamily.get(family.name);
    if (ofFamily === undefined) continue;
    let header = familyHeader(family, 'openmetrics');
    for (const series of ofFamily) {
      for (const lines of seriesText(family, series, options)) {
        text += header + lines;
        header = '';
        if (text.length >= CHUNK) {
          yield text;
          text = '';
        }
      }
    }
  }
  yield `${text}# EOF\n`;
}

/** @returns how many samples that will be. */
export function countSamples(history: readonly SeriesHistory[], options: HistoryTextOptions): number {
  let samples = 0;
  for (const series of history) {
    let times = 0;
    for (const _ of sampleTimes(series, options)) times += 1;
    samples += times * linesOf(familyOf(series.family));
  }
  return samples;
}

/** At which times a series has a sample: at steps, the last one at the end of the range. */
function* sampleTimes(series: SeriesHistory, options: HistoryTextOptions): Generator<number> {
  const { stepMs, untilMs, dense = false } = options;
  const { growths } = series;
  const first = firstSampleMs(series, options);
  let lingerUntilMs = first;
  for (let at = first; at <= untilMs; at += stepMs) {
    if (growths.has(at)) lingerUntilMs = at + LINGER_MS;
    if (dense || at <= lingerUntilMs || growths.has(at + stepMs) || at + stepMs > untilMs) yield at;
  }
}

function linesOf({ type, buckets }: MetricFamily): number {
  return type === 'counter' ? 1 : 2 + (buckets === undefined ? 0 : buckets.length + 1);
}

function firstSampleMs({ base, growths }: SeriesHistory, { stepMs, sinceMs }: HistoryTextOptions): number {
  if (base !== undefined) return sinceMs;
  let first = Number.POSITIVE_INFINITY;
  for (const at of growths.keys()) first = Math.min(first, at);
  return Math.max(sinceMs, first - stepMs);
}

function* seriesText(family: MetricFamily, series: SeriesHistory, options: HistoryTextOptions): Generator<string> {
  const { sinceMs } = options;
  const prefixes = prefixesOf(family, series.labels, options.labels ?? {});
  const total: Growth = {
    sum: new NanoSum(),
    count: 0,
    buckets: family.buckets && [...family.buckets, 0].map(() => 0),
  };
  if (series.base !== undefined) add(total, series.base);
  for (const [at, growth] of series.growths) if (at < sinceMs) add(total, growth);
  let values = valuesOf(family, total);
  for (const at of sampleTimes(series, options)) {
    const growth = at >= sinceMs ? series.growths.get(at) : undefined;
    if (growth !== undefined) {
      add(total, growth);
      values = valuesOf(family, total);
    }
    const time = ` ${at / 1000}\n`;
    let lines = '';
    for (let i = 0; i < prefixes.length; i++) lines += prefixes[i] + (values[i] as string) + time;
    yield lines;
  }
}

function add(total: Growth, growth: Growth): void {
  total.sum.addNano(growth.sum.total());
  total.count += growth.count;
  growth.buckets?.forEach((inBucket, i) => {
    if (total.buckets !== undefined) total.buckets[i] = (total.buckets[i] ?? 0) + inBucket;
  });
}

function prefixesOf(family: MetricFamily, labels: readonly string[], more: Readonly<Record<string, string>>): string[] {
  const { name, type, buckets = [] } = family;
  const pairs = labelPairs([...family.labels, ...Object.keys(more)], [...labels, ...Object.values(more)]);
  if (type === 'counter') return [`${name}{${pairs}} `];
  const edges = type === 'histogram' ? [...buckets, Number.POSITIVE_INFINITY] : [];
  return [
    ...edges.map((edge) => `${name}_bucket{${pairs},le="${formatEdge(edge, 'openmetrics')}"} `),
    `${name}_sum{${pairs}} `,
    `${name}_count{${pairs}} `,
  ];
}

function valuesOf({ type }: MetricFamily, { sum, count, buckets }: Growth): string[] {
  const value = formatNumber(fromNano(sum.total().toString()));
  if (type === 'counter') return [value];
  let cumulative = 0;
  const inBuckets = (buckets ?? []).map((inBucket) => {
    cumulative += inBucket;
    return String(cumulative);
  });
  return [...inBuckets, value, String(count)];
}

import { type FamilyName, familyOf } from '../../../exporter/src/contract/metricCatalogue.ts';

/** The variables of every dashboard that are labels of families; All is `.*`, which an absent label matches too. */
export const LABEL_VARIABLES = ['source', 'project', 'workflow', 'persona'] as const;

export type SeriesPart = '' | '_bucket' | '_sum' | '_count';

/** `family{source=~"$source",…}`: narrowed down by every variable whose label the family has. */
export function select(family: FamilyName, matchers = '', part: SeriesPart = ''): string {
  const { labels } = familyOf(family);
  const chosen = LABEL_VARIABLES.filter((name) => labels.includes(name)).map((name) => `${name}=~"$${name}"`);
  const all = [...chosen, ...(matchers === '' ? [] : [matchers])];
  return `${family}${part}${all.length === 0 ? '' : `{${all.join(',')}}`}`;
}

/** Each replica shows the same ledger: what they show counts once. */
export function once(vector: string): string {
  return `max without (instance, pod, replica) (${vector})`;
}

/** What a gauge shows now; a family of the exporter itself once for each instance. */
export function now(family: FamilyName, matchers = ''): string {
  return ofReplicas(family, select(family, matchers));
}

/** The greatest value of a gauge in each interval: over days a look now and then would miss what mattered. */
export function peak(family: FamilyName, matchers = ''): string {
  return ofReplicas(family, `max_over_time(${select(family, matchers)}[$__interval])`);
}

/** By how much a counter grew in the window. */
export function growth(family: FamilyName, matchers = '', window = '$__range', part: SeriesPart = ''): string {
  return ofReplicas(family, `increase(${select(family, matchers, part)}[${window}])`);
}

/** Per second. */
export function rate(family: FamilyName, matchers = '', part: SeriesPart = ''): string {
  return ofReplicas(family, `rate(${select(family, matchers, part)}[$__rate_interval])`);
}

function ofReplicas(family: FamilyName, vector: string): string {
  return familyOf(family).from === 'self' ? vector : once(vector);
}

export function sum(vector: string, by: readonly string[] = []): string {
  return by.length === 0 ? `sum(${vector})` : `sum by (${by.join(', ')}) (${vector})`;
}

/** The same with a name for series whose label is empty, which Grafana would call "Value". */
export function named(vector: string, label: string, name = '(none)'): string {
  return `label_replace(${vector}, "${label}", "${name}", "${label}", "")`;
}

/** Events per hour: the demand of a fleet is a few an hour, not many a second. */
export function perHour(family: FamilyName, by: readonly string[] = [], matchers = ''): string {
  return `${sum(rate(family, matchers), by)} * 3600`;
}

/** A share of 0 to 1, absent where there is nothing to divide by. */
export function ratio(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`;
}

/**
 * What share of 0 to 1 a part is of what it is counted in. Where none of the part is known there was none of it: what has not
 * happened yet has no series, and exported history has samples only where something happened.
 */
export function share(part: string, whole: string): string {
  return ratio(`(${part} or 0 * ${whole})`, whole);
}

export function quantile(q: number, family: FamilyName, options: HistogramOptions = {}): string {
  return `histogram_quantile(${q}, ${buckets(family, options)})`;
}

interface HistogramOptions {
  readonly by?: readonly string[];
  readonly matchers?: string;
  /** Default: over time, `$__rate_interval`. */
  readonly window?: string;
}

export function buckets(family: FamilyName, { by = [], matchers = '', window }: HistogramOptions = {}): string {
  return sum(growth(family, matchers, window ?? '$__rate_interval', '_bucket'), ['le', ...by]);
}

/** The mean of what a histogram or summary observed. */
export function mean(family: FamilyName, { by = [], matchers = '', window }: HistogramOptions = {}): string {
  const grown = (part: SeriesPart) => sum(growth(family, matchers, window ?? '$__rate_interval', part), by);
  return ratio(grown('_sum'), grown('_count'));
}

/** Seconds since the oldest of a family of points in time; absent where there is none. */
export function age(family: FamilyName, by: readonly string[] = [], matchers = ''): string {
  const grouped = by.length === 0 ? '' : ` by (${by.join(', ')})`;
  return `time() - min${grouped} (${now(family, matchers)})`;
}

export const FAILED = 'status=~"failed|timed_out"';
/** What a rate of failure is of: who cancels a run says nothing about its success. */
export const JUDGED = 'status=~"succeeded|failed|timed_out"';

/** Failed and timed-out runs of those that succeeded, failed or timed out. */
export function failureRate(by: readonly string[] = [], window = '$__rate_interval'): string {
  const of = (matchers: string) => sum(growth('fleet_runs_finished_total', matchers, window), by);
  return share(of(FAILED), of(JUDGED));
}

import { isFamilyName, METRIC_CATALOGUE } from '../../exporter/src/contract/metricCatalogue.ts';

export interface Selector {
  /** As written: a family, a part of a histogram, a recorded series or `up`. */
  readonly series: string;
  /** Labels in its braces. */
  readonly labels: readonly string[];
}

/** The series that an expression reads. */
export function selectorsOf(expression: string): Selector[] {
  const found = expression.matchAll(
    /(?<![\w:"$])((?:[a-z_]+:)?(?:fleet|fleetlens)_\w+(?::\w+)?|up)\b(?:\{([^}]*)\})?/g,
  );
  return [...found].map(([, series = '', matchers = '']) => ({
    series,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  }));
}

/** Labels by which an expression groups or matches. */
export function groupingOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:by|on|group_left|group_right|ignoring) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
}

/** The labels of a series of the exporter, `le` of buckets included; undefined: the catalogue has no such family. */
export function labelsOfSeries(series: string): readonly string[] | undefined {
  if (series === 'up') return ['job', 'instance'];
  if (isFamilyName(series)) {
    const family = METRIC_CATALOGUE.find(({ name }) => name === series);
    return family?.type === 'histogram' || family?.type === 'summary' ? undefined : family?.labels;
  }
  const [, name = '', part = ''] = /^(.*)_(bucket|sum|count)$/.exec(series) ?? [];
  const family = METRIC_CATALOGUE.find((one) => one.name === name);
  if (family === undefined || !['histogram', 'summary'].includes(family.type)) return undefined;
  if (part === 'bucket') return family.type === 'histogram' ? [...family.labels, 'le'] : undefined;
  return family.labels;
}

import type { MetricFamily } from '../contract/metricCatalogue.ts';
import { type Format, formatEdge, formatExemplar, formatNumber, labelPairs } from './exposition.ts';

export interface Exemplar {
  readonly runId: string;
  readonly source: string;
  readonly value: number;
  readonly at: number;
}

/** What a series shows. Buckets are counts between edges, the last one up to +Inf. */
export interface Shown {
  readonly value: number;
  readonly count: number;
  readonly buckets: readonly number[] | undefined;
}

export const NOTHING_YET: Shown = { value: 0, count: 0, buckets: undefined };

/** One label set of a family with its cached line beginnings: rendering appends numbers to them and no more. */
export class SeriesText {
  readonly #family: MetricFamily;
  readonly #labels: readonly string[];
  readonly #prefixes: Partial<Record<Format, readonly string[]>> = {};

  constructor(family: MetricFamily, labels: readonly string[]) {
    this.#family = family;
    this.#labels = labels;
  }

  render(shown: Shown, exemplars: Readonly<Record<string, Exemplar>> | undefined, format: Format): string {
    const { type } = this.#family;
    this.#prefixes[format] ??= this.#makePrefixes(format);
    const prefixes = this.#prefixes[format];
    if (type === 'counter' || type === 'gauge') return `${prefixes[0]}${formatNumber(shown.value)}\n`;
    let text = '';
    let index = 0;
    if (type === 'histogram') {
      const edges = this.#family.buckets?.length ?? 0;
      let cumulative = 0;
      for (let i = 0; i <= edges; i++) {
        cumulative += shown.buckets?.[i] ?? 0;
        const exemplar = format === 'openmetrics' ? exemplars?.[i] : undefined;
        text += `${prefixes[index++]}${cumulative}${exemplar === undefined ? '' : formatExemplar(exemplar)}\n`;
      }
    }
    return `${text}${prefixes[index]}${formatNumber(shown.value)}\n${prefixes[index + 1]}${shown.count}\n`;
  }

  #makePrefixes(format: Format): string[] {
    const { name, type, labels, buckets } = this.#family;
    const pairs = labelPairs(labels, this.#labels);
    const braces = pairs === '' ? '' : `{${pairs}}`;
    if (type === 'counter' || type === 'gauge') return [`${name}${braces} `];
    const edges = type === 'histogram' ? [...(buckets ?? []), Number.POSITIVE_INFINITY] : [];
    const comma = pairs === '' ? '' : ',';
    return [
      ...edges.map((edge) => `${name}_bucket{${pairs}${comma}le="${formatEdge(edge, format)}"} `),
      `${name}_sum${braces} `,
      `${name}_count${braces} `,
    ];
  }
}

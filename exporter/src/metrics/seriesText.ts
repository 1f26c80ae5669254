import type { MetricFamily } from '../contract/metricCatalogue.ts';
import { type Format, formatEdge, formatExemplar, labelPairs } from './exposition.ts';
import { ExpositionBuffer } from './expositionBuffer.ts';

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

/** One label set of a family with the cached beginnings of its lines: rendering appends numbers to them and no more. */
export class SeriesText {
  readonly #family: MetricFamily;
  readonly #labels: readonly string[];
  readonly #prefixes: Partial<Record<Format, readonly Uint8Array[]>> = {};

  constructor(family: MetricFamily, labels: readonly string[]) {
    this.#family = family;
    this.#labels = labels;
  }

  /** Appends the lines of the label set. */
  write(
    to: ExpositionBuffer,
    shown: Shown,
    exemplars: Readonly<Record<string, Exemplar>> | undefined,
    format: Format,
  ): void {
    const { type } = this.#family;
    this.#prefixes[format] ??= encoded(this.#makePrefixes(format));
    const prefixes = this.#prefixes[format];
    const line = (index: number, value: number) => {
      to.addBytes(prefixes[index] as Uint8Array);
      to.addNumber(value);
    };
    if (type === 'counter' || type === 'gauge') {
      line(0, shown.value);
      to.addLineEnd();
      return;
    }
    let index = 0;
    if (type === 'histogram') {
      const edges = this.#family.buckets?.length ?? 0;
      let cumulative = 0;
      for (let i = 0; i <= edges; i++) {
        cumulative += shown.buckets?.[i] ?? 0;
        line(index++, cumulative);
        const exemplar = format === 'openmetrics' ? exemplars?.[i] : undefined;
        if (exemplar !== undefined) to.addText(formatExemplar(exemplar));
        to.addLineEnd();
      }
    }
    line(index, shown.value);
    to.addLineEnd();
    line(index + 1, shown.count);
    to.addLineEnd();
  }

  /** The lines of the label set as text. */
  render(shown: Shown, exemplars: Readonly<Record<string, Exemplar>> | undefined, format: Format): string {
    const buffer = new ExpositionBuffer();
    this.write(buffer, shown, exemplars, format);
    return buffer.take().toString();
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

/** Views of one piece of memory: a buffer of its own for each of 100,000 lines would cost as much again. */
function encoded(texts: readonly string[]): Uint8Array[] {
  const bytes = Buffer.from(texts.join(''));
  let start = 0;
  return texts.map((text) => {
    const end = start + Buffer.byteLength(text);
    const view = bytes.subarray(start, end);
    start = end;
    return view;
  });
}

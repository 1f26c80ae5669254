/** A sample that says that the series has ended, as Prometheus writes it (value.StaleNaN); kept as bits, since NaN is one value here. */
export const ENDED = Symbol('ended');
type Value = number | typeof ENDED;

export interface BookedSeries {
  readonly labels: readonly (readonly [string, string])[];
  /** From scrape number to value, where it changed. */
  readonly scrapes: number[];
  readonly values: Value[];
  target: string;
  seen: number;
}

/**
 * What each scrape of a target showed, kept as changes: most series say the same for hours. Scrapes are numbered from 0 at the
 * scrape interval.
 */
export class SeriesBook {
  readonly #series = new Map<string, BookedSeries>();
  readonly #byTarget = new Map<string, Map<string, BookedSeries>>();
  readonly #lines = new Map<
    string,
    { readonly lines: readonly string[]; readonly shown: readonly (BookedSeries | undefined)[] }
  >();
  #turn = 0;

  get series(): Iterable<BookedSeries> {
    return this.#series.values();
  }

  get size(): number {
    return this.#series.size;
  }

  /**
   * @param text the exposition, text format
   * @param takes which families are kept
   * @param options.whole off: what the text does not name is as it was
   */
  scraped(
    target: string,
    scrape: number,
    text: string,
    takes: (family: string) => boolean,
    { whole }: { readonly whole: boolean } = { whole: true },
  ): void {
    this.#turn += 1;
    let of = this.#byTarget.get(target);
    if (of === undefined) {
      of = new Map();
      this.#byTarget.set(target, of);
    }
    const before = this.#lines.get(target);
    const lines = text.split('\n');
    const shown: (BookedSeries | undefined)[] = new Array(lines.length);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string;
      if (line === before?.lines[i]) {
        // Most lines are those of the last scrape, at the same place.
        const series = before.shown[i];
        shown[i] = series;
        if (series !== undefined && !this.#isEnded(series)) {
          series.seen = this.#turn;
          continue;
        }
      }
      if (line === '' || line.startsWith('#')) continue;
      const space = line.lastIndexOf(' ');
      const key = line.slice(0, space);
      const brace = key.indexOf('{');
      const name = brace < 0 ? key : key.slice(0, brace);
      if (!takes(name)) continue;
      shown[i] = this.#note(of, target, key, scrape, Number(line.slice(space + 1)));
    }
    this.#note(of, target, 'up', scrape, 1);
    if (!whole) return;
    this.#endUnseen(of, scrape);
    this.#lines.set(target, { lines, shown });
  }

  /** The target did not answer: all that it showed ends, and `up` is 0. */
  failed(target: string, scrape: number): void {
    this.#turn += 1;
    const of = this.#byTarget.get(target) ?? new Map<string, BookedSeries>();
    this.#byTarget.set(target, of);
    this.#note(of, target, 'up', scrape, 0);
    this.#endUnseen(of, scrape);
  }

  /** The target is no target any more. */
  removed(target: string, scrape: number): void {
    this.#turn += 1;
    const of = this.#byTarget.get(target);
    if (of !== undefined) this.#endUnseen(of, scrape);
  }

  #isEnded({ values }: BookedSeries): boolean {
    return values.at(-1) === ENDED;
  }

  #note(of: Map<string, BookedSeries>, target: string, key: string, scrape: number, value: number): BookedSeries {
    let series = of.get(key);
    if (series === undefined) {
      series = { labels: labelsOf(key, target), scrapes: [], values: [], target, seen: 0 };
      of.set(key, series);
      this.#series.set(`${target} ${key}`, series);
    }
    series.seen = this.#turn;
    if (series.values.at(-1) === value) return series;
    series.scrapes.push(scrape);
    series.values.push(value);
    return series;
  }

  #endUnseen(of: ReadonlyMap<string, BookedSeries>, scrape: number): void {
    for (const series of of.values()) {
      if (series.seen === this.#turn || series.values.at(-1) === ENDED) continue;
      series.scrapes.push(scrape);
      series.values.push(ENDED);
    }
  }
}

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Empty labels are none to Prometheus; remote write wants the others in order. */
function labelsOf(key: string, target: string): readonly (readonly [string, string])[] {
  const brace = key.indexOf('{');
  const name = brace < 0 ? key : key.slice(0, brace);
  const pairs = [...key.matchAll(LABEL)].map(([, label, value]): [string, string] => [
    label as string,
    unescaped(value as string),
  ]);
  return [...pairs, ['__name__', name] as const, ['job', 'fleetlens'] as const, ['instance', target] as const]
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
}

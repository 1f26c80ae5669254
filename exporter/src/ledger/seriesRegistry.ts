import { hash } from 'node:crypto';
import type { ClientBase } from 'pg';
import {
  type FamilyName,
  familyOf,
  isFamilyName,
  type MetricFamily,
  seriesPerLabelSet,
} from '../contract/metricCatalogue.ts';
import { OTHER } from './observe/observe.ts';
import { SeriesIndex } from './seriesIndex.ts';

export interface Series {
  readonly id: number;
  readonly family: FamilyName;
  readonly labels: readonly string[];
}

/** How many series may exist, buckets included; past a cap new label sets fold into `__other__`. */
export interface SeriesCaps {
  readonly maxSeries: number;
  /** The share of maxSeries that one family may take. */
  readonly familyShare: number;
  readonly maxSeriesByFamily: Readonly<Partial<Record<string, number>>>;
}

export const DEFAULT_SERIES_CAPS: SeriesCaps = { maxSeries: 20_000, familyShare: 0.25, maxSeriesByFamily: {} };

/** What sources fold into may exceed the caps by so much: each needs a place for what did not fit. */
const FOLD_RESERVE = 0.1;

/** How many folded label sets are remembered, so that each is counted once; beyond it one may be counted again. */
const REMEMBERED_FOLDS = 50_000;

function keyOf(family: FamilyName, labels: readonly string[]): string {
  return `${family}\u001f${labels.join('\u001f')}`;
}

/** The source and labels of a closed set of values stay when a label set is folded. */
function isKept({ labels, closed }: MetricFamily, index: number): boolean {
  const name = labels[index] as string;
  return name === 'source' || name === 'family' || (closed?.includes(name) ?? false);
}

/** A label set that is counted for itself, however many others there are. */
function isReserved({ labels: names, reserved }: MetricFamily, labels: readonly string[]): boolean {
  return reserved?.values.includes(labels[names.indexOf(reserved.label)] as string) ?? false;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.every((value, i) => value === b[i]);
}

/**
 * Which label sets exist, by id. The ids are the ledger's, so every replica knows the same ones; a registry belongs to one
 * process and catches up under the writer lock.
 */
export class SeriesRegistry {
  readonly #index = new SeriesIndex();
  readonly #byId = new Map<number, Series>();
  readonly #seriesOfFamily = new Map<FamilyName, number>();
  #folds = new Set<string>();
  #olderFolds = new Set<string>();
  #allSeries = 0;
  #maxId = 0;
  #newFolds: string[] = [];
  #created: Series[] = [];
  #folded: FamilyName[] = [];
  #caughtUp: Promise<void> = Promise.resolve();
  /** The change number with which this process wrote last; undefined: what is known here has to be read anew. */
  #seq: number | undefined;
  caps: SeriesCaps;

  constructor(caps: SeriesCaps) {
    this.caps = caps;
  }

  /**
   * Reads the series that other replicas made since this one wrote. Call at the beginning of a transaction.
   * @param head the number of the last change, whoever made it, read under the writer lock
   */
  catchUp(client: ClientBase, head: Promise<{ readonly seq: number }>): Promise<void> {
    this.#caughtUp = head.then(({ seq }) => (seq === this.#seq ? undefined : this.#readNew(client)));
    return this.#caughtUp;
  }

  /** The transaction was committed as change number `seq`: what it made exists. */
  committed(seq: number): void {
    this.#seq = seq;
    this.#newFolds = [];
  }

  /** For who reads ids of series under the writer lock: when this is fulfilled, all of them are known here. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp;
  }

  async #readNew(client: ClientBase): Promise<void> {
    const { rows } = await client.query<{ id: number; family: string; labels: string[] }>({
      name: 'series_catch_up',
      text: 'select id, family, labels from fleetlens.rollup where id > $1 order by id',
      values: [this.#maxId],
    });
    for (const { id, family, labels } of rows) {
      // A newer exporter on the same ledger may know families that this one does not.
      if (isFamilyName(family)) this.#add({ id, family, labels });
      this.#maxId = Math.max(this.#maxId, id);
    }
  }

  get(id: number): Series | undefined {
    return this.#byId.get(id);
  }

  /** @returns the series of a label set; makes it, with its siblings, where it is new, or folds it where the cap is reached. */
  resolve(family: FamilyName, labels: readonly string[]): Series {
    const known = this.#index.get(family, labels);
    if (known !== undefined) return known;
    const definition = familyOf(family);
    const folded = labels.map((value, i) => (isKept(definition, i) ? value : OTHER));
    const isBounded = isSame(labels, folded);
    const isOwn = isReserved(definition, labels);
    if (this.#fits(family, labels, isBounded || isOwn ? 1 + FOLD_RESERVE : 1)) return this.#make(family, labels);
    // Without a label that could fold and without a source, the set is one of a closed few.
    if (isBounded && !definition.labels.includes('source')) return this.#make(family, labels);
    this.#noteFold(family, labels);
    return this.#resolveFold(family, folded);
  }

  /** What a source folds into is one set for each source; should sources be too many, they fold too. */
  #resolveFold(family: FamilyName, labels: readonly string[]): Series {
    const known = this.#index.get(family, labels);
    if (known !== undefined) return known;
    const { labels: names } = familyOf(family);
    const ofAll = labels.map((value, i) => (names[i] === 'source' ? OTHER : value));
    if (isSame(labels, ofAll) || this.#fits(family, labels, 1 + FOLD_RESERVE)) return this.#make(family, labels);
    return this.#resolveFold(family, ofAll);
  }

  /** What this transaction made and folded; the caller writes it. */
  takeNew(): { created: readonly Series[]; folded: readonly FamilyName[] } {
    const taken = { created: this.#created, folded: this.#folded };
    this.#created = [];
    this.#folded = [];
    return taken;
  }

  /** The transaction was rolled back, or the connection is a new one: what was made may not exist. Everything is read again. */
  forget(): void {
    this.#index.clear();
    this.#byId.clear();
    this.#seriesOfFamily.clear();
    this.#allSeries = 0;
    this.#maxId = 0;
    this.#seq = undefined;
    this.takeNew();
    // Nor were its folds counted.
    for (const fold of this.#newFolds) {
      this.#folds.delete(fold);
      this.#olderFolds.delete(fold);
    }
    this.#newFolds = [];
  }

  #make(family: FamilyName, labels: readonly string[]): Series {
    for (const set of this.#freshSets(family, labels)) {
      const series = { id: this.#maxId + 1, family, labels: set };
      this.#maxId += 1;
      this.#add(series);
      this.#created.push(series);
    }
    return this.#index.get(family, labels) as Series;
  }

  /** The label set and its siblings, without those that exist. */
  #freshSets(family: FamilyName, labels: readonly string[]): (readonly string[])[] {
    const { siblings, labels: names } = familyOf(family);
    if (siblings === undefined) return [labels];
    const index = names.indexOf(siblings.label);
    const values = new Set([labels[index] as string, ...siblings.values]);
    return [...values]
      .map((value) => labels.with(index, value))
      .filter((set) => this.#index.get(family, set) === undefined);
  }

  #fits(family: FamilyName, labels: readonly string[], share: number): boolean {
    const definition = familyOf(family);
    const more = this.#freshSets(family, labels).length * seriesPerLabelSet(definition);
    if (this.#allSeries + more > this.caps.maxSeries * share) return false;
    if (isReserved(definition, labels)) return true;
    const ofFamily = this.caps.maxSeriesByFamily[family] ?? this.caps.maxSeries * this.caps.familyShare;
    return (this.#seriesOfFamily.get(family) ?? 0) + more <= ofFamily * share;
  }

  #noteFold(family: FamilyName, labels: readonly string[]): void {
    const fold = hash('sha1', keyOf(family, labels), 'base64url');
    if (this.#folds.has(fold) || this.#olderFolds.has(fold)) return;
    if (this.#folds.size >= REMEMBERED_FOLDS / 2) {
      this.#olderFolds = this.#folds;
      this.#folds = new Set();
    }
    this.#folds.add(fold);
    this.#newFolds.push(fold);
    this.#folded.push(family);
  }

  #add(series: Series): void {
    this.#index.add(series);
    this.#byId.set(series.id, series);
    const definition = familyOf(series.family);
    const size = seriesPerLabelSet(definition);
    this.#allSeries += size;
    if (isReserved(definition, series.labels)) return;
    this.#seriesOfFamily.set(series.family, (this.#seriesOfFamily.get(series.family) ?? 0) + size);
  }
}

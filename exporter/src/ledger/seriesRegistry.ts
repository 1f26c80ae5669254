import type { ClientBase } from 'pg';
import { type FamilyName, familyOf, isFamilyName, seriesPerLabelSet } from '../contract/metricCatalogue.ts';
import { OTHER } from './observe/observe.ts';

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

/** How many folded label sets are remembered, so that each is counted once; beyond it one may be counted again. */
const REMEMBERED_FOLDS = 50_000;

function keyOf(family: FamilyName, labels: readonly string[]): string {
  return `${family}\u001f${labels.join('\u001f')}`;
}

/**
 * Which label sets exist, by id. The ids are the ledger's, so every replica knows the same ones; a registry belongs to one
 * process and catches up under the writer lock.
 */
export class SeriesRegistry {
  readonly #byKey = new Map<string, Series>();
  readonly #byId = new Map<number, Series>();
  readonly #seriesOfFamily = new Map<FamilyName, number>();
  readonly #folds = new Set<string>();
  #allSeries = 0;
  #maxId = 0;
  #created: Series[] = [];
  #folded: FamilyName[] = [];
  caps: SeriesCaps;

  constructor(caps: SeriesCaps) {
    this.caps = caps;
  }

  /** Reads the series that other replicas made. Call under the writer lock. */
  async catchUp(client: ClientBase): Promise<void> {
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
    const key = keyOf(family, labels);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const definition = familyOf(family);
    const { siblings } = definition;
    const sets =
      siblings === undefined
        ? [labels]
        : [...new Set([labels[definition.labels.indexOf(siblings.label)] as string, ...siblings.values])].map((value) =>
            labels.map((old, i) => (definition.labels[i] === siblings.label ? value : old)),
          );
    const fresh = sets.filter((set) => !this.#byKey.has(keyOf(family, set)));
    if (!labels.includes(OTHER) && !this.#fits(family, fresh.length)) {
      if (!this.#folds.has(key)) {
        if (this.#folds.size >= REMEMBERED_FOLDS) this.#folds.clear();
        this.#folds.add(key);
        this.#folded.push(family);
      }
      return this.resolve(family, this.#foldedLabels(family, labels));
    }
    for (const set of fresh) {
      const series = { id: this.#maxId + 1, family, labels: set };
      this.#maxId += 1;
      this.#add(series);
      this.#created.push(series);
    }
    return this.#byKey.get(key) as Series;
  }

  /** What this transaction made and folded; the caller writes it. */
  takeNew(): { created: readonly Series[]; folded: readonly FamilyName[] } {
    const taken = { created: this.#created, folded: this.#folded };
    this.#created = [];
    this.#folded = [];
    return taken;
  }

  /** The transaction was rolled back: what it made does not exist. Everything is read again. */
  forget(): void {
    this.#byKey.clear();
    this.#byId.clear();
    this.#seriesOfFamily.clear();
    this.#allSeries = 0;
    this.#maxId = 0;
    this.takeNew();
  }

  #fits(family: FamilyName, sets: number): boolean {
    const more = sets * seriesPerLabelSet(familyOf(family));
    const ofFamily = this.caps.maxSeriesByFamily[family] ?? this.caps.maxSeries * this.caps.familyShare;
    return this.#allSeries + more <= this.caps.maxSeries && (this.#seriesOfFamily.get(family) ?? 0) + more <= ofFamily;
  }

  #foldedLabels(family: FamilyName, labels: readonly string[]): string[] {
    const definition = familyOf(family);
    const kept = labels.map((value, i) => {
      const name = definition.labels[i] as string;
      return name === 'source' || definition.closed?.includes(name) ? value : OTHER;
    });
    // Where every label is closed, there is nothing left to fold but the set is already bounded.
    return kept.includes(OTHER) ? kept : labels.map(() => OTHER);
  }

  #add(series: Series): void {
    this.#byKey.set(keyOf(series.family, series.labels), series);
    this.#byId.set(series.id, series);
    const size = seriesPerLabelSet(familyOf(series.family));
    this.#seriesOfFamily.set(series.family, (this.#seriesOfFamily.get(series.family) ?? 0) + size);
    this.#allSeries += size;
  }
}

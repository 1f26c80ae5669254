import type { FamilyName } from '../contract/metricCatalogue.ts';
import type { Series } from './seriesRegistry.ts';

type Level = Map<string, Level | Series>;

/**
 * Series by family and label values: a map for each label. Every counted fact looks its series up, and a joined key would be
 * built and hashed anew each time; the values carry their hashes with them.
 */
export class SeriesIndex {
  readonly #families = new Map<FamilyName, Level | Series>();

  get(family: FamilyName, labels: readonly string[]): Series | undefined {
    let found: Level | Series | undefined = this.#families.get(family);
    for (let i = 0; i < labels.length && found !== undefined; i++) found = (found as Level).get(labels[i] as string);
    return found as Series | undefined;
  }

  add(series: Series): void {
    const path: readonly string[] = [series.family, ...series.labels];
    let level = this.#families as Level;
    for (const value of path.slice(0, -1)) {
      let next = level.get(value) as Level | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(value, next);
      }
      level = next;
    }
    level.set(path.at(-1) as string, series);
  }

  clear(): void {
    this.#families.clear();
  }
}

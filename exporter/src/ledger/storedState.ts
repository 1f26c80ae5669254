import type { Doc, Stamp } from './mergeEvent.ts';
import { toNano } from './nano.ts';
import type { Counted, RecordState } from './observe/observe.ts';
import type { Part, Spent } from './observe/recordView.ts';
import type { SeriesRegistry } from './seriesRegistry.ts';

/** The amount is written out, in 1e-9 USD, so that the database sums up what was counted and not its own reading of it. */
export type StoredSpent = readonly [nano: string, slot: number, project: string, persona: string, runId: string];
/** counted: [series, key, value, carried?, spent?]; held: [series, value]. Series ids stand for family and labels. */
export type StoredCounted = readonly (readonly [
  series: number,
  key: string,
  value: number,
  carried?: string | null,
  spent?: StoredSpent,
])[];
export type StoredHeld = readonly (readonly [number, number])[];

export interface StoredRow {
  readonly doc: Doc;
  readonly stamps: readonly Stamp[];
  readonly counted: StoredCounted | null;
  readonly held: StoredHeld | null;
}

/** What a newer exporter on the same ledger counted, in families that this version does not know; kept as it is. */
export interface ForeignFacts {
  readonly counted: StoredCounted;
  readonly held: StoredHeld;
}

export const NOTHING_FOREIGN: ForeignFacts = { counted: [], held: [] };

/** A row of a record table -> what `observe` compares. */
export function readState(row: StoredRow, registry: SeriesRegistry): { state: RecordState; foreign: ForeignFacts } {
  const counted: Counted[] = [];
  const foreignCounted: StoredCounted[number][] = [];
  for (const entry of row.counted ?? []) {
    const [id, key, value, carried, spent] = entry;
    const series = registry.get(id);
    if (series === undefined) foreignCounted.push(entry);
    else {
      const { family, labels } = series;
      counted.push({
        family,
        labels,
        key,
        value,
        ...(typeof carried === 'string' ? { carried } : {}),
        ...(spent === undefined ? {} : { spent: readSpent(spent) }),
      });
    }
  }
  const held: Part[] = [];
  const foreignHeld: StoredHeld[number][] = [];
  for (const entry of row.held ?? []) {
    const [id, value] = entry;
    const series = registry.get(id);
    if (series === undefined) foreignHeld.push(entry);
    else held.push({ family: series.family, labels: series.labels, value });
  }
  const isForeign = foreignCounted.length > 0 || foreignHeld.length > 0;
  return {
    state: { doc: row.doc, stamps: row.stamps, counted, held },
    foreign: isForeign ? { counted: foreignCounted, held: foreignHeld } : NOTHING_FOREIGN,
  };
}

export function writeCounted(
  counted: readonly Counted[],
  foreign: ForeignFacts,
  registry: SeriesRegistry,
): string | null {
  if (counted.length === 0 && foreign.counted.length === 0) return null;
  const own = counted.map(({ family, labels, key, value, carried, spent }): StoredCounted[number] => {
    const { id } = registry.resolve(family, labels);
    if (spent !== undefined) {
      const { slot, project, persona, runId } = spent;
      return [id, key, value, null, [toNano(value).toString(), slot, project, persona, runId]];
    }
    return carried === undefined ? [id, key, value] : [id, key, value, carried];
  });
  return JSON.stringify([...own, ...foreign.counted]);
}

function readSpent([, slot, project, persona, runId]: StoredSpent): Spent {
  return { slot, project, persona, runId };
}

export function writeHeld(held: readonly Part[], foreign: ForeignFacts, registry: SeriesRegistry): string | null {
  if (held.length === 0 && foreign.held.length === 0) return null;
  return JSON.stringify([...held.map((p) => [registry.resolve(p.family, p.labels).id, p.value]), ...foreign.held]);
}

import type { Doc, Stamp } from './mergeEvent.ts';
import type { Counted, RecordState } from './observe/observe.ts';
import type { Part } from './observe/recordView.ts';
import type { SeriesRegistry } from './seriesRegistry.ts';

/** counted: [series, key, value]; held: [series, value]. Series ids stand for family and labels. */
export type StoredCounted = readonly (readonly [number, string, number])[];
export type StoredHeld = readonly (readonly [number, number])[];

export interface StoredRow {
  readonly doc: Doc;
  readonly stamps: readonly Stamp[];
  readonly counted: StoredCounted | null;
  readonly held: StoredHeld | null;
}

/** A row of a record table -> what `observe` compares. */
export function readState(row: StoredRow, registry: SeriesRegistry): RecordState {
  const counted: Counted[] = [];
  for (const [id, key, value] of row.counted ?? []) {
    const series = registry.get(id);
    if (series !== undefined) counted.push({ family: series.family, labels: series.labels, key, value });
  }
  const held: Part[] = [];
  for (const [id, value] of row.held ?? []) {
    const series = registry.get(id);
    if (series !== undefined) held.push({ family: series.family, labels: series.labels, value });
  }
  return { doc: row.doc, stamps: row.stamps, counted, held };
}

export function writeCounted(counted: readonly Counted[], registry: SeriesRegistry): string | null {
  if (counted.length === 0) return null;
  return JSON.stringify(counted.map((c) => [registry.resolve(c.family, c.labels).id, c.key, c.value]));
}

export function writeHeld(held: readonly Part[], registry: SeriesRegistry): string | null {
  if (held.length === 0) return null;
  return JSON.stringify(held.map((p) => [registry.resolve(p.family, p.labels).id, p.value]));
}

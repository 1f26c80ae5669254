import { defined } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { CacheLines } from './mapLine.ts';

/** @param serverRunId who counted, where the figures are no running total. */
export function cacheRecord({ hits, misses, evictions }: CacheLines, at: string, serverRunId?: string): PulledRecord {
  const totals = { hitsTotal: hits, missesTotal: misses, evictionsTotal: evictions };
  return { kind: 'store', at, data: defined({ store: 'cache', ...totals, serverRunId }) };
}

/** Two failures of a store in one millisecond are two: each reading of a store needs a time of its own. */
export function apart<T extends PulledRecord>(records: readonly T[]): T[] {
  const last = new Map<string, number>();
  const inOrder = records
    .map((record, index) => ({ record, index }))
    .sort((a, b) => Date.parse(a.record.at ?? '') - Date.parse(b.record.at ?? '') || a.index - b.index);
  return inOrder.map(({ record }) => {
    if (record.kind !== 'store') return record;
    const store = String(record.data.store);
    const ms = Math.max(Date.parse(record.at ?? ''), (last.get(store) ?? 0) + 1);
    last.set(store, ms);
    const at = new Date(ms).toISOString();
    return { ...record, at, data: { ...record.data, at } };
  });
}

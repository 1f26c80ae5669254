import { label, type Part, type RecordView, type Total, type View } from './recordView.ts';

const TOTAL_FIELDS = [
  ['fleet_cache_hits_total', 'hitsTotal'],
  ['fleet_cache_misses_total', 'missesTotal'],
  ['fleet_cache_evictions_total', 'evictionsTotal'],
] as const;

/** The latest sample of one of the platform's stores; the cache figures are those of the store that is no database. */
export const viewStore: View<'store'> = (store, _context): RecordView => {
  const { source } = store;
  const name = label(store.store);
  const parts: Part[] = [];
  const totals: Total[] = [];
  if (store.up !== undefined) parts.push({ family: 'fleet_store_up', labels: [source, name], value: store.up ? 1 : 0 });
  if (store.latencySeconds !== undefined) {
    parts.push({ family: 'fleet_store_latency_seconds', labels: [source, name], value: store.latencySeconds });
  }
  if (name !== 'postgres') {
    if (store.memoryBytes !== undefined)
      parts.push({ family: 'fleet_cache_memory_bytes', labels: [source], value: store.memoryBytes });
    if (store.keys !== undefined) parts.push({ family: 'fleet_cache_keys', labels: [source], value: store.keys });
    for (const [family, field] of TOTAL_FIELDS) {
      const total = store[field];
      if (total !== undefined) totals.push({ family, labels: [source], total, field });
    }
  }
  const kind = store.error?.kind ?? 'other';
  return {
    facts: [],
    parts,
    totals,
    serverRunId: store.serverRunId,
    increments:
      store.error === undefined
        ? []
        : [{ family: 'fleet_store_errors_total', labels: [source, name, kind], value: 1, field: 'error' }],
    births: [{ family: 'fleet_store_errors_total', labels: [source, name, 'other'] }],
  };
};

import { label, type Part, type RecordView, type Total, type View } from './recordView.ts';

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
    if (store.hitsTotal !== undefined)
      totals.push({ family: 'fleet_cache_hits_total', labels: [source], total: store.hitsTotal });
    if (store.missesTotal !== undefined)
      totals.push({ family: 'fleet_cache_misses_total', labels: [source], total: store.missesTotal });
    if (store.evictionsTotal !== undefined)
      totals.push({ family: 'fleet_cache_evictions_total', labels: [source], total: store.evictionsTotal });
  }
  const kind = store.error?.kind ?? 'other';
  return {
    facts: [],
    parts,
    totals,
    serverRunId: store.serverRunId,
    increments:
      store.error === undefined ? [] : [{ family: 'fleet_store_errors_total', labels: [source, name, kind], value: 1 }],
    births: [{ family: 'fleet_store_errors_total', labels: [source, name, 'other'] }],
  };
};

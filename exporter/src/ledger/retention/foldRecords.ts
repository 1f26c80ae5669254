import type { Kind } from '../../contract/records.ts';
import { type FoldedSpent, foldSpent } from '../budgets/foldSpent.ts';
import { toNano } from '../nano.ts';
import { NO_CHANGE } from '../observe/observe.ts';
import { readState, type StoredRow } from '../storedState.ts';
import type { Transaction } from '../transaction.ts';
import { addFact, type FactSums, noSums } from '../verify/expectedRollups.ts';

/** A record that was deleted, with what it had counted and held. */
export interface DeletedRow extends Pick<StoredRow, 'counted' | 'held'> {
  readonly source: string;
  readonly key: string;
}

/**
 * Adds what deleted records had counted to the base, so that rollups stay as they are, and ends what they held of gauges.
 */
export async function foldRecords(tx: Transaction, kind: Kind, rows: readonly DeletedRow[]): Promise<void> {
  const base = new Map<number, FactSums>();
  const spending: FoldedSpent[] = [];
  for (const row of rows) {
    const { state } = readState({ ...row, doc: { source: row.source }, stamps: [] }, tx.registry);
    tx.moves.add({ kind, source: row.source, key: row.key }, { ...NO_CHANGE, ended: state.held });
    for (const { family, labels, value, carried, spent } of state.counted) {
      if (carried !== undefined) continue;
      if (spent !== undefined) {
        const { slot, project, runId } = spent;
        spending.push({ source: row.source, slot, project, runId, nano: toNano(value) });
      }
      const { id } = tx.registry.resolve(family, labels);
      let sums = base.get(id);
      if (sums === undefined) {
        sums = noSums(family);
        base.set(id, sums);
      }
      addFact(family, sums, value);
    }
  }
  await foldSpent(tx, spending);
  if (base.size === 0) return;
  const folded = [...base];
  await tx.client.query({
    name: 'base_add',
    text: `insert into fleetlens.rollup_base as b (id, value, count, buckets)
      select id, value, count, buckets::bigint[] from unnest($1::int[], $2::numeric[], $3::bigint[], $4::text[]) as m(id, value, count, buckets)
      on conflict (id) do update set
        value = b.value + excluded.value,
        count = b.count + excluded.count,
        buckets = case when excluded.buckets is null then b.buckets else array(
          select a + c from unnest(b.buckets, excluded.buckets) with ordinality as u(a, c, i) order by i) end`,
    values: [
      folded.map(([id]) => id),
      folded.map(([, sums]) => sums.sum.total().toString()),
      folded.map(([, sums]) => sums.count),
      folded.map(([, sums]) => (sums.buckets === undefined ? null : `{${sums.buckets.join(',')}}`)),
    ],
  });
}

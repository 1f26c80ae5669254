import type pg from 'pg';
import type { RecordOf } from '../contract/records.ts';

/** An entry, and its place in the order of commits. */
export interface PlacedEntry {
  readonly seq: string;
  readonly key: string;
  readonly doc: RecordOf<'audit'>;
}

/**
 * Reads the entries that a receiver has not taken, in the order in which the ledger committed them: entries are never changed,
 * and change numbers become visible in order, so nothing comes before what was read.
 */
export async function readUndelivered(pool: pg.Pool, receiver: string, limit: number): Promise<readonly PlacedEntry[]> {
  const { rows } = await pool.query<PlacedEntry>({
    name: 'audit_undelivered',
    text: `select a.seq::text, a.key, a.doc
      from (select coalesce(max(seq), -1) as seq, coalesce(max(source), '') as source, coalesce(max(key), '') as key
        from fleetlens.audit_delivery where receiver = $1) d
      cross join lateral (select seq, source, key, doc from fleetlens.audit
        where seq >= d.seq and (seq, source, key) > (d.seq, d.source, d.key) order by seq, source, key limit $2) a
      order by a.seq, a.doc ->> 'source' collate "C", a.key`,
    values: [receiver, limit],
  });
  return rows;
}

/** Remembers the last entry that the receiver has taken; never goes back, whoever led before and wakes up late. */
export async function markDelivered(pool: pg.Pool, receiver: string, { seq, doc, key }: PlacedEntry): Promise<void> {
  await pool.query({
    name: 'audit_delivered',
    text: `insert into fleetlens.audit_delivery as d (receiver, seq, source, key) values ($1, $2, $3, $4)
      on conflict (receiver) do update set seq = excluded.seq, source = excluded.source, key = excluded.key, delivered_at = now()
        where (d.seq, d.source, d.key) < (excluded.seq, excluded.source, excluded.key)`,
    values: [receiver, seq, doc.source, key],
  });
}

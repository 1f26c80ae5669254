import type { ClientBase } from 'pg';
import { allStatements } from './allStatements.ts';

/** Any constant will do, as long as every version of the exporter uses the same. */
const WRITER_LOCK = 7_251_944_002;

export interface LedgerHead {
  readonly seq: number;
  /** The server's clock, milliseconds: replicas agree on it. */
  readonly nowMs: number;
  /** Some runs were pruned. */
  readonly hasTombstones: boolean;
}

/**
 * Begins a transaction and waits for the writer lock, which the end of the transaction releases. One writer at a time: so
 * change numbers become visible in order, and what a writer reads is what it changes.
 * @param settings SQL: `set local …`
 */
export async function beginWriting(client: ClientBase, settings?: string): Promise<LedgerHead> {
  // On a connection that pipelines, both are one round trip; the second runs, with a snapshot of its own, when the first has the lock.
  const [, { rows }] = await allStatements([
    client.query(`begin; ${settings === undefined ? '' : `${settings}; `}select pg_advisory_xact_lock(${WRITER_LOCK})`),
    client.query<{ seq: string; now: Date; tombstones: boolean }>({
      name: 'head_read',
      text: 'select seq, clock_timestamp() as now, exists (select from fleetlens.tombstone) as tombstones from fleetlens.head',
    }),
  ]);
  const [head] = rows;
  if (head === undefined)
    throw new Error('ledger: found no row in fleetlens.head, expected one; restore the ledger from a backup');
  return { seq: Number(head.seq), nowMs: head.now.getTime(), hasTombstones: head.tombstones };
}

/** A record that changed; of usage that moved: the run that it left. */
export type ChangeEntry = readonly [kind: string, source: string, key: string, leftRun?: string];

/** Writes the change entry of the transaction and commits. Both statements are issued before it returns. */
export async function commitWriting(client: ClientBase, seq: number, entries: readonly ChangeEntry[]): Promise<void> {
  const [, committed] = await allStatements([
    client.query({
      name: 'change_write',
      text: `with moved as (update fleetlens.head set seq = $1)
        insert into fleetlens.change (seq, entries) select $1, $2::json where $3`,
      values: [seq, JSON.stringify(entries), entries.length > 0],
    }),
    client.query('commit'),
  ]);
  // Postgres answers a commit of a transaction that failed with ROLLBACK, which is no error of its own.
  if (committed.command !== 'COMMIT')
    throw new Error(
      `ledger: expected COMMIT, found ${committed.command}: an earlier statement of the transaction failed`,
    );
}

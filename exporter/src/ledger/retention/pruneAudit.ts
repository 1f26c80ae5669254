import type { Ledger } from '../ledger.ts';
import type { Transaction } from '../transaction.ts';
import { type DeletedRow, foldRecords } from './foldRecords.ts';
import { forgetUpTo } from './pruneRecords.ts';

const CHUNK = 1_000;

/** Tells the database how old an entry of the audit trail must be before it lets it go; undefined: none may. */
export async function keepAuditFor({ pool }: Ledger, keepMs: number | undefined): Promise<void> {
  if (keepMs === undefined) await pool.query('delete from fleetlens.audit_retention');
  else {
    await pool.query(
      `insert into fleetlens.audit_retention as r (keep) values (make_interval(secs => $1))
        on conflict (one) do update set keep = excluded.keep where r.keep <> excluded.keep`,
      [keepMs / 1000],
    );
  }
}

/**
 * Takes entries past the retention that the database knows, in the one way that it allows.
 * @returns how many went, and whether there may be more.
 */
export async function pruneAudit(tx: Transaction): Promise<{ pruned: number; more: boolean }> {
  const { rows } = await tx.client.query<DeletedRow & { before: Date }>({
    name: 'prune_audit',
    text: `select p.source, p.key, p.counted, p.held, now() - r.keep as before
      from fleetlens.audit_retention r, fleetlens.prune_audit($1) p`,
    values: [CHUNK],
  });
  const [first] = rows;
  if (first !== undefined) {
    await foldRecords(tx, 'audit', rows);
    await forgetUpTo(tx, 'audit', new Set(rows.map((row) => row.source)), first.before);
  }
  return { pruned: rows.length, more: rows.length === CHUNK };
}

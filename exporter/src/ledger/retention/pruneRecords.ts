import type { Kind } from '../../contract/records.ts';
import { CHAIN_OPEN_STATUSES, SANDBOX_OPEN_STATUSES } from '../../contract/status.ts';
import { foldUsageFacts, type SpentUsage } from '../analytics/foldFacts.ts';
import { recordTable } from '../recordTable.ts';
import type { Transaction } from '../transaction.ts';
import { type DeletedRow, foldRecords } from './foldRecords.ts';
import { type PrunedKind, RECORD_TIMES } from './recordTime.ts';

const CHUNK = 1_000;

const words = (list: readonly string[]) => list.map((word) => `'${word}'`).join(', ');
const WITHOUT_RUN = (runId: string) =>
  `not exists (select from fleetlens.run where run.source = r.source and run.key = ${runId})`;

/** SQL: the record is over. What goes on is never pruned, however old its last event is. Output goes by its own rules. */
const IS_OVER = {
  chain: `coalesce(r.doc ->> 'status', '') not in (${words(CHAIN_OPEN_STATUSES)})`,
  sandbox: `coalesce(r.doc ->> 'status', '') not in (${words(SANDBOX_OPEN_STATUSES)})`,
  approval: "(r.doc ? 'decision' or r.doc ? 'decidedAt')",
  usage: `(r.run_id is null or ${WITHOUT_RUN('r.run_id')})`,
  step: `r.due_at is null and ${WITHOUT_RUN("r.doc ->> 'runId'")}`,
  job: 'true',
  errorGroup: 'true',
  notification: 'true',
  adapter: 'true',
  rateLimit: 'true',
  platformError: 'true',
} as const satisfies { readonly [K in Exclude<PrunedKind, 'output'>]: string };

export const RECORDS_PRUNED_ALONE = Object.keys(IS_OVER) as readonly (keyof typeof IS_OVER)[];

/**
 * Takes records of a kind that are over and had no event since `before`. A pulled record goes only where it names a time of its
 * own: without one it could not be told from a new record when its source is read again.
 * @returns how many went, and whether there may be more.
 */
export async function pruneRecords(
  tx: Transaction,
  kind: keyof typeof IS_OVER,
  before: Date,
): Promise<{ pruned: number; more: boolean }> {
  const times = RECORD_TIMES[kind].map((field) => `r.doc ->> '${field}'`).join(', ');
  const { rows } = await tx.client.query<DeletedRow & SpentUsage>({
    name: `prune_alone_${kind}`,
    text: `with old as (
        select r.source, r.key from ${recordTable(kind)} r join fleetlens.source_state s on s.source = r.source and s.live_at is not null
        where r.at < $1 and (r.pulled is null or greatest(${times}) collate "C" < $2) and ${IS_OVER[kind]} limit $3)
      delete from ${recordTable(kind)} r using old where r.source = old.source and r.key = old.key
      returning r.source, r.key, r.counted, r.held, r.doc ->> 'runId' as run_id, r.doc ->> 'model' as model`,
    values: [before, before.toISOString(), CHUNK],
  });
  if (kind === 'usage') await foldUsageFacts(tx.client, rows);
  await foldRecords(tx, kind, rows);
  await forgetUpTo(tx, kind, new Set(rows.map((row) => row.source)), before);
  return { pruned: rows.length, more: rows.length === CHUNK };
}

/** Records of the kind that happened before are pruned: read again, they count nothing. */
export async function forgetUpTo(
  tx: Transaction,
  kind: Kind,
  sources: ReadonlySet<string>,
  before: Date,
): Promise<void> {
  if (sources.size === 0) return;
  await tx.client.query(
    `update fleetlens.source_state set pruned_to = coalesce(pruned_to, '{}') || jsonb_build_object($2::text,
        greatest(coalesce(pruned_to ->> $2, '') collate "C", $3))
      where source = any($1)`,
    [[...sources], kind, before.toISOString()],
  );
}

import { METRIC_CATALOGUE } from '../../contract/metricCatalogue.ts';
import { pruneBudgets } from '../budgets/pruneBudgets.ts';
import type { Ledger } from '../ledger.ts';
import type { Transaction } from '../transaction.ts';
import { keepAuditFor, pruneAudit } from './pruneAudit.ts';
import { forgetUpTo, pruneRecords, RECORDS_PRUNED_ALONE } from './pruneRecords.ts';
import { pruneRuns } from './pruneRuns.ts';
import { trimOutput } from './trimOutput.ts';

/** How long what is kept; milliseconds. The keys are those of the configuration, `ledger.retention`. */
export interface RetentionPolicy {
  readonly output: number;
  /** Of one run's output (or that of a sandbox without a run) the newest so many bytes stay. */
  readonly output_bytes_per_run: number;
  readonly samples: number;
  /** Since their last event: runs with their steps and usage, and other records that are over. */
  readonly runs: number;
  readonly changes: number;
  /** Entries of the audit trail; absent: for ever. The key is `audit.retention`. */
  readonly audit?: number | undefined;
}

/** Rows that went. */
export interface Pruned {
  readonly runs: number;
  readonly records: number;
  readonly output: number;
  readonly samples: number;
  readonly changes: number;
  readonly deadLetters: number;
  readonly dedupeKeys: number;
  readonly audit: number;
}

const DAY_MS = 86_400_000;
const DEAD_LETTERS_MS = 30 * DAY_MS;
const CHUNK = 5_000;
const DEDUPE_PARTITIONS = 16;

/**
 * Deletes what is older than the policy keeps, in transactions short enough for writers to wait for. Counters stay as they are:
 * what pruned records counted is kept in the base. Open runs, projects, workflows, personas and daily statistics are never
 * pruned, the audit trail only where the policy says so.
 * @throws LedgerUnavailable; what went until then is gone, and the next call goes on.
 */
export async function pruneLedger(ledger: Ledger, policy: RetentionPolicy): Promise<Pruned> {
  const repeat = (prune: (tx: Transaction) => Promise<{ pruned: number; more: boolean }>) => inChunks(ledger, prune);
  const ago = (tx: Transaction, ms: number) => new Date(tx.nowMs - ms);
  let runs = 0;
  let records = 0;
  let audit = 0;
  // What a newer exporter on this ledger counts only that version can fold; it leads before long.
  if (!(await hasNewerFamilies(ledger))) {
    runs = await repeat((tx) => pruneRuns(tx, ago(tx, policy.runs)));
    for (const kind of RECORDS_PRUNED_ALONE)
      records += await repeat((tx) => pruneRecords(tx, kind, ago(tx, policy.runs)));
    await keepAuditFor(ledger, policy.audit);
    if (policy.audit !== undefined) audit = await repeat(pruneAudit);
  }
  const output =
    (await repeat((tx) => pruneOutput(tx, ago(tx, policy.output)))) +
    (await trimOutput(ledger, policy.output_bytes_per_run));
  const samples = await repeat((tx) => pruneRows(tx, 'sample', 'at < $1', ago(tx, policy.samples)));
  await repeat(pruneBudgets);
  const changes = await repeat((tx) => pruneChanges(tx, ago(tx, policy.changes)));
  const deadLetters = await repeat((tx) => pruneRows(tx, 'dead_letter', 'received_at < $1', ago(tx, DEAD_LETTERS_MS)));
  let dedupeKeys = 0;
  for (let i = 0; i < DEDUPE_PARTITIONS; i++) {
    dedupeKeys += await repeat((tx) => {
      // A day holds events up to its end; one day more, so that no clock matters.
      const day = Math.floor((tx.nowMs - ledger.policy.dedupeWindowMs) / DAY_MS) - 1;
      return pruneRows(tx, `dedupe_${i}`, 'at_day < $1', day);
    });
  }
  return { runs, records, output, samples, changes, deadLetters, dedupeKeys, audit };
}

async function hasNewerFamilies(ledger: Ledger): Promise<boolean> {
  const { rows } = await ledger.pool.query<{ newer: boolean }>(
    'select exists (select from fleetlens.rollup where family <> all($1)) as newer',
    [METRIC_CATALOGUE.map((family) => family.name)],
  );
  return rows[0]?.newer ?? false;
}

async function inChunks(
  ledger: Ledger,
  prune: (tx: Transaction) => Promise<{ pruned: number; more: boolean }>,
): Promise<number> {
  let total = 0;
  for (;;) {
    const { pruned, more } = await ledger.transaction(prune);
    total += pruned;
    if (!more) return total;
  }
}

async function pruneRows(
  { client }: Transaction,
  table: string,
  isOld: string,
  before: Date | number,
): Promise<{ pruned: number; more: boolean }> {
  const { rowCount } = await client.query(
    `delete from fleetlens.${table} where ctid = any(array(select ctid from fleetlens.${table} where ${isOld} limit ${CHUNK}))`,
    [before],
  );
  const pruned = rowCount ?? 0;
  return { pruned, more: pruned === CHUNK };
}

async function pruneOutput(tx: Transaction, before: Date): Promise<{ pruned: number; more: boolean }> {
  const { rows } = await tx.client.query<{ source: string }>(
    `delete from fleetlens.output where ctid = any(array(select ctid from fleetlens.output where at < $1 limit ${CHUNK}))
      returning source`,
    [before],
  );
  await forgetUpTo(tx, 'output', new Set(rows.map((row) => row.source)), before);
  return { pruned: rows.length, more: rows.length === CHUNK };
}

/** Changes are numbered in the order of their time, so only the oldest need a look. Those that analytics has yet to follow stay. */
async function pruneChanges({ client }: Transaction, before: Date): Promise<{ pruned: number; more: boolean }> {
  const { rows } = await client.query<{ pruned: number }>(
    `with gone as (
        delete from fleetlens.change c using (select seq, at from fleetlens.change order by seq limit ${CHUNK}) old
        where c.seq = old.seq and old.at < $1 and c.seq <= (select f.seq from fleetlens.run_fact_state f) returning c.seq),
      noted as (update fleetlens.head set changes_from = greatest(changes_from, (select max(seq) from gone)))
      select count(*)::int as pruned from gone`,
    [before],
  );
  const pruned = rows[0]?.pruned ?? 0;
  return { pruned, more: pruned === CHUNK };
}

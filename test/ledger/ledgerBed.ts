import { pino } from 'pino';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { KINDS, type Kind } from '../../exporter/src/contract/records.ts';
import { Ledger } from '../../exporter/src/ledger/ledger.ts';
import type { LedgerPolicy } from '../../exporter/src/ledger/recordEvents.ts';
import { recordTable } from '../../exporter/src/ledger/recordTable.ts';
import { DEFAULT_SERIES_CAPS, type SeriesCaps } from '../../exporter/src/ledger/seriesRegistry.ts';
import { normaliseEvent } from '../../exporter/src/normalise/normaliseEvent.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { CONNECT_TIMEOUT_MS } from '../support/postgresCluster.ts';

export const DAY_MS = 86_400_000;

export const TEST_POLICY: LedgerPolicy = {
  costFrom: () => 'usage',
  lostAfterMs: DAY_MS,
  settleAfterMs: 5 * 60_000,
  dedupeWindowMs: 35 * DAY_MS,
};

export interface BedOptions {
  readonly policy?: Partial<LedgerPolicy>;
  readonly caps?: SeriesCaps;
}

/** A ledger of its own database, and what tests look at in it. */
export interface LedgerBed {
  readonly database: TestDatabase;
  readonly ledger: Ledger;
  /** Another replica on the same database; closed with the bed. */
  replica(options?: BedOptions & { connectionString?: string }): Ledger;
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openLedger(options: BedOptions = {}): Promise<LedgerBed> {
  const database = await migratedDatabase({ synchronousCommit: 'off' });
  const ledgers: Ledger[] = [];
  const open = (wanted: BedOptions & { connectionString?: string }) => {
    const ledger = new Ledger({
      connectionString: wanted.connectionString ?? database.connectionString,
      policy: { ...TEST_POLICY, ...wanted.policy },
      caps: wanted.caps ?? DEFAULT_SERIES_CAPS,
      log: pino({ level: 'silent' }),
      readers: 2,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    ledgers.push(ledger);
    return ledger;
  };
  const ledger = open(options);
  return {
    database,
    ledger,
    replica: (wanted = {}) => open({ ...options, ...wanted }),
    async query<Row extends object>(sql: string, values: readonly unknown[] = []) {
      return (await ledger.pool.query<Row>(sql, [...values])).rows;
    },
    async [Symbol.asyncDispose]() {
      for (const opened of ledgers) await opened.close();
      await database.drop();
    },
  };
}

/** An event as the ingest route hands it on. `at`: RFC 3339 or milliseconds. */
export function event(
  id: string,
  kind: Kind,
  at: string | number,
  data: Record<string, unknown>,
  source = 'pushed',
): NormalisedEvent {
  const time = typeof at === 'number' ? new Date(at).toISOString() : at;
  return normaliseEvent({ id, source, kind, at: time, data }, Date.now() + 365 * DAY_MS);
}

/** As when time has passed: the source (default: all) is live, silent runs and late usage were looked at. */
export async function settle({ query, ledger }: LedgerBed, source?: string): Promise<void> {
  await query(
    'update fleetlens.source_state set backfilled = true, live_at = coalesce(live_at, now()) where source = coalesce($1, source)',
    [source ?? null],
  );
  while (await ledger.sweep()) {}
}

export interface RollupRow {
  readonly family: string;
  readonly labels: readonly string[];
  readonly value: string;
  readonly count: string;
  readonly buckets: readonly string[] | null;
}

/**
 * All rollups as `family{labels}` -> value, count and buckets. Without those that are all 0 (a label set may have been seen
 * for a moment only), and without what counts contradictions.
 */
export async function rollupsOf({ query }: LedgerBed): Promise<Record<string, string>> {
  const rows = await query<RollupRow>(
    `select family, labels, value, count, buckets from fleetlens.rollup
      where (value <> 0 or count <> 0) and family <> 'fleetlens_corrections_total' order by family, labels`,
  );
  return Object.fromEntries(
    rows.map((r) => [
      `${r.family}{${r.labels.join(',')}}`,
      `value ${Number(r.value) / 1e9} count ${r.count} buckets ${r.buckets?.join(' ')}`,
    ]),
  );
}

/** The value of a family, summed over its label sets; of a histogram: its count. */
export async function totalOf({ query }: LedgerBed, family: string): Promise<number> {
  const [row] = await query<{ total: string | null }>(
    'select sum(case when buckets is null then value / 1000000000 else count end) as total from fleetlens.rollup where family = $1',
    [family],
  );
  return Number(row?.total ?? 0);
}

export async function correctionsOf(bed: LedgerBed): Promise<number> {
  return await totalOf(bed, 'fleetlens_corrections_total');
}

/** All records with who set their fields, by kind. */
export async function recordsOf({ query }: LedgerBed): Promise<Record<string, unknown[]>> {
  const records: Record<string, unknown[]> = {};
  for (const kind of KINDS) {
    const rows = await query(
      `select source, key, doc, stamps, at from ${recordTable(kind)} order by source, key collate "C"`,
    );
    if (rows.length > 0) records[kind] = rows;
  }
  return records;
}

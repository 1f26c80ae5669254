import type pg from 'pg';
import { type FamilyName, familyOf, isFamilyName } from '../../contract/metricCatalogue.ts';
import { definitionOf, KINDS, type Kind } from '../../contract/records.ts';
import { type Doc, type Merged, mergeEvent, type Stamp } from '../mergeEvent.ts';
import { NanoSum, toNano } from '../nano.ts';
import { type Move, observe, type RecordState } from '../observe/observe.ts';
import { recordTable } from '../recordTable.ts';
import { bucketOf } from '../rollupMoves.ts';
import type { StoredCounted } from '../storedState.ts';
import { factTimeMs } from './factTime.ts';
import { readRows } from './readRows.ts';

/** What a series grew by in one step of time. */
export interface Growth {
  readonly sum: NanoSum;
  count: number;
  readonly buckets: number[] | undefined;
}

/** A counter, histogram or summary of the fleet over time. */
export interface SeriesHistory {
  readonly family: FamilyName;
  readonly labels: readonly string[];
  /** What records that retention pruned had counted: it was there before the history begins. */
  readonly base: Growth | undefined;
  /** End of the step, milliseconds -> growth. */
  readonly growths: Map<number, Growth>;
}

export interface HistoryOptions {
  /** Steps end at whole multiples of it. */
  readonly stepMs: number;
  readonly nowMs: number;
  readonly costFrom: (source: string) => 'usage' | 'run';
  readonly onProgress?: (done: number, total: number) => void;
}

interface RecordRow {
  readonly source: string;
  readonly key: string;
  readonly doc: Doc;
  readonly stamps: readonly Stamp[];
  readonly counted: StoredCounted;
  readonly at: Date;
}

function newGrowth(family: FamilyName): Growth {
  const { buckets } = familyOf(family);
  return { sum: new NanoSum(), count: 0, buckets: buckets && new Array<number>(buckets.length + 1).fill(0) };
}

/** @returns whether the family has a history: it grows, and the ledger counts it. */
export function hasHistory(family: FamilyName): boolean {
  const { type, from, name } = familyOf(family);
  return type !== 'gauge' && from === 'ledger' && name.startsWith('fleet_');
}

/**
 * Puts every fact that the records counted at the time when it happened. What a series grew by in all is what the rollups say.
 * Call in a transaction that sees one state of the database. Memory follows series and steps in which they moved, not records.
 */
export async function readHistory(client: pg.ClientBase, options: HistoryOptions): Promise<SeriesHistory[]> {
  const history = new History(options);
  await history.readSeries(client);
  const total = await countRecords(client);
  let done = 0;
  for (const kind of KINDS) {
    const rows = readRows<RecordRow>(
      client,
      `select source, key, doc, stamps, counted, at from ${recordTable(kind)} where counted is not null`,
    );
    for await (const row of rows) {
      if (definitionOf(kind).sample) await history.addSampled(client, kind, row);
      else history.addRecord(kind, row);
      done += 1;
      if (done % 1_000 === 0) options.onProgress?.(done, Math.max(done, total));
    }
  }
  return history.series();
}

class History {
  readonly #options: HistoryOptions;
  readonly #series = new Map<number, SeriesHistory>();
  readonly #byLabels = new Map<string, SeriesHistory>();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  async readSeries(client: pg.ClientBase): Promise<void> {
    const { rows } = await client.query<{
      id: number;
      family: string;
      labels: string[];
      base: string | null;
      count: string | null;
      buckets: string[] | null;
    }>(`select r.id, r.family, r.labels, b.value as base, b.count, b.buckets
      from fleetlens.rollup r left join fleetlens.rollup_base b using (id)`);
    for (const { id, family, labels, base, count, buckets } of rows) {
      if (!isFamilyName(family) || !hasHistory(family)) continue;
      const history: SeriesHistory = {
        family,
        labels,
        base: base === null ? undefined : readBase(family, base, count, buckets),
        growths: new Map(),
      };
      this.#series.set(id, history);
      this.#byLabels.set(keyOf(family, labels), history);
    }
  }

  /** Series that never grew have no history. */
  series(): SeriesHistory[] {
    return [...this.#series.values()].filter(({ base, growths }) => base !== undefined || growths.size > 0);
  }

  addRecord(kind: Kind, row: RecordRow): void {
    const record = { doc: row.doc, stamps: row.stamps, at: row.at.toISOString() };
    for (const [id, key, value, carried] of row.counted) {
      const series = this.#series.get(id);
      if (series === undefined || typeof carried === 'string') continue;
      this.#grow(series, factTimeMs(kind, record, { key }, this.#options.nowMs), value);
    }
  }

  /** Others' totals grew from sample to sample; what older samples had said before they were pruned is put at the first. */
  async addSampled(client: pg.ClientBase, kind: Kind, row: RecordRow): Promise<void> {
    const moved = new Map<SeriesHistory, bigint>();
    const costFrom = this.#options.costFrom(row.source);
    let state: RecordState | undefined;
    let firstMs = row.at.getTime();
    const samples = readRows<{ at: Date; doc: Record<string, unknown> }>(
      client,
      'select at, doc from fleetlens.sample where kind = $1 and source = $2 and key = $3 order by at',
      [kind, row.source, row.key],
    );
    for await (const { at, doc } of samples) {
      if (state === undefined) firstMs = Math.min(firstMs, at.getTime());
      const event = { source: row.source, at: at.toISOString(), id: 'sample', fields: doc };
      const merged: Merged = mergeEvent(state, event);
      const observation = observe(kind, state, merged, { costFrom });
      for (const move of observation.moves) this.#move(move, at.getTime(), moved);
      state = { ...merged, counted: observation.counted, held: observation.held };
    }
    for (const [id, , value, carried] of row.counted) {
      const series = this.#series.get(id);
      if (series === undefined || typeof carried === 'string') continue;
      const missing = toNano(value) - (moved.get(series) ?? 0n);
      if (missing > 0n) this.#growthAt(series, firstMs).sum.addNano(missing);
    }
  }

  #move({ family, labels, value }: Move, atMs: number, moved: Map<SeriesHistory, bigint>): void {
    const series = this.#byLabels.get(keyOf(family, labels));
    if (series === undefined) return;
    this.#grow(series, atMs, value);
    moved.set(series, (moved.get(series) ?? 0n) + toNano(value));
  }

  #grow(series: SeriesHistory, atMs: number, value: number): void {
    const growth = this.#growthAt(series, atMs);
    growth.sum.add(value);
    const { type, buckets } = familyOf(series.family);
    if (type === 'counter') return;
    growth.count += 1;
    if (growth.buckets === undefined || buckets === undefined) return;
    const bucket = bucketOf(buckets, value);
    growth.buckets[bucket] = (growth.buckets[bucket] ?? 0) + 1;
  }

  #growthAt(series: SeriesHistory, atMs: number): Growth {
    const { stepMs } = this.#options;
    const stepEnd = Math.ceil(atMs / stepMs) * stepMs;
    let growth = series.growths.get(stepEnd);
    if (growth === undefined) {
      growth = newGrowth(series.family);
      series.growths.set(stepEnd, growth);
    }
    return growth;
  }
}

function keyOf(family: string, labels: readonly string[]): string {
  return `${family}\u001f${labels.join('\u001f')}`;
}

function readBase(family: FamilyName, value: string, count: string | null, buckets: string[] | null): Growth {
  const base = newGrowth(family);
  base.sum.addNano(BigInt(value));
  base.count = Number(count ?? 0);
  buckets?.forEach((inBucket, i) => {
    if (base.buckets !== undefined) base.buckets[i] = Number(inBucket);
  });
  return base;
}

async function countRecords(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ records: string }>(
    'select coalesce(sum(greatest(reltuples, 0)), 0)::bigint as records from pg_class where oid = any($1::regclass[]::oid[])',
    [KINDS.map(recordTable)],
  );
  return Number(rows[0]?.records ?? 0);
}

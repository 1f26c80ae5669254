import { type ClientBase, escapeIdentifier } from 'pg';
import { type FamilyName, familyOf, isFamilyName } from '../../contract/metricCatalogue.ts';
import { KINDS, type Kind } from '../../contract/records.ts';
import { castToNano, NanoSum } from '../nano.ts';
import { takesLeast } from '../observe/observe.ts';
import { medianOf } from '../quality/baseline.ts';
import { readEvaluation, type StoredEvaluation } from '../quality/baselineStore.ts';
import { recordTable } from '../recordTable.ts';
import { bucketOf } from '../rollupMoves.ts';
import type { StoredCounted, StoredHeld } from '../storedState.ts';
import { PartsDigest } from './partsDigest.ts';

/** A row of fleetlens.rollup. */
export interface Rollup {
  readonly id: number;
  readonly family: FamilyName;
  readonly labels: readonly string[];
  /** Units of 1e-9. */
  readonly value: bigint;
  readonly count: number;
  readonly buckets: readonly number[] | undefined;
  readonly resolvedTo: number;
  /** Of a family that takes the least: the rows of fleetlens.part that are not settled. */
  readonly parts: PartsDigest;
}

/** What facts add up to. */
export interface FactSums {
  readonly sum: NanoSum;
  count: number;
  readonly buckets: number[] | undefined;
}

/** What base, counted facts and held parts add up to for one series. */
export interface ExpectedRollup extends FactSums {
  least: number | undefined;
  readonly parts: PartsDigest;
}

export interface LedgerFigures {
  readonly rollups: ReadonlyMap<number, Rollup>;
  readonly expected: ReadonlyMap<number, ExpectedRollup>;
  /** Ids that records or base refer to and no rollup has, and how many refer to each. */
  readonly missing: ReadonlyMap<number, number>;
}

/** Told after each page: records read, and how many there are by the server's own estimate. */
export type OnProgress = (progress: { readonly done: number; readonly total: number }) => void;

/** Records read at a time: some 2 MB. */
const PAGE = 5_000;

// No record holds what these count: a contradiction and a fold leave no trace but the count.
const WITHOUT_FACTS: ReadonlySet<string> = new Set<FamilyName>([
  'fleetlens_corrections_total',
  'fleetlens_series_folded_total',
]);

/**
 * Reads all rollups, and what they should be by the records. Memory follows the number of series, not of records.
 * Call in a transaction that sees one state of the database.
 */
export async function readFigures(client: ClientBase, onProgress?: OnProgress): Promise<LedgerFigures> {
  const foreign = new Set<number>();
  const rollups = await readRollups(client, foreign);
  const expected = new Map<number, ExpectedRollup>(
    [...rollups].map(([id, rollup]) => [id, { ...noSums(rollup.family), least: undefined, parts: new PartsDigest() }]),
  );
  const missing = new Map<number, number>();
  const find = (id: number) => {
    const rollup = rollups.get(id);
    if (rollup === undefined && !foreign.has(id)) missing.set(id, (missing.get(id) ?? 0) + 1);
    return rollup && { rollup, sums: expected.get(id) as ExpectedRollup };
  };
  await addBase(client, find);
  await addBaselines(client, find);
  const total = await estimateRecords(client);
  let done = 0;
  for (const kind of KINDS) {
    for await (const page of readRecords(client, kind)) {
      for (const record of page) addRecord(kind, record, find);
      done += page.length;
      onProgress?.({ done, total: Math.max(done, total) });
    }
  }
  onProgress?.({ done, total: done });
  return { rollups, expected, missing };
}

type Find = (id: number) => { readonly rollup: Rollup; readonly sums: ExpectedRollup } | undefined;

export function noSums(family: FamilyName): FactSums {
  const { buckets } = familyOf(family);
  return {
    sum: new NanoSum(),
    count: 0,
    buckets: buckets && new Array<number>(buckets.length + 1).fill(0),
  };
}

async function readRollups(client: ClientBase, foreign: Set<number>): Promise<Map<number, Rollup>> {
  const { rows } = await client.query<{
    id: number;
    family: string;
    labels: string[];
    value: string;
    count: string;
    buckets: string[] | null;
    resolved_to: number | null;
  }>('select id, family, labels, value, count, buckets, resolved_to from fleetlens.rollup');
  const rollups = new Map<number, Rollup>();
  for (const { id, family, labels, value, count, buckets, resolved_to: resolvedTo } of rows) {
    // A newer exporter on the same ledger may know families that this one does not.
    if (!isFamilyName(family) || WITHOUT_FACTS.has(family)) foreign.add(id);
    else {
      rollups.set(id, {
        id,
        family,
        labels,
        value: BigInt(value),
        count: Number(count),
        buckets: buckets?.map(Number),
        resolvedTo: resolvedTo ?? Number.NEGATIVE_INFINITY,
        parts: new PartsDigest(),
      });
    }
  }
  for await (const page of readPages<PartRow>(client, 'select series, kind, source, key, value from fleetlens.part')) {
    for (const part of page) {
      const rollup = rollups.get(part.series);
      if (rollup !== undefined && part.value > rollup.resolvedTo) rollup.parts.add(part);
    }
  }
  return rollups;
}

interface PartRow {
  readonly series: number;
  readonly kind: string;
  readonly source: string;
  readonly key: string;
  readonly value: number;
}

async function addBase(client: ClientBase, find: Find): Promise<void> {
  const { rows } = await client.query<{ id: number; value: string; count: string; buckets: string[] | null }>(
    'select id, value, count, buckets from fleetlens.rollup_base',
  );
  for (const { id, value, count, buckets } of rows) {
    const found = find(id);
    if (found === undefined) continue;
    found.sums.sum.addNano(BigInt(value));
    found.sums.count += Number(count);
    buckets?.forEach((inBucket, i) => {
      if (found.sums.buckets !== undefined) found.sums.buckets[i] = (found.sums.buckets[i] ?? 0) + Number(inBucket);
    });
  }
}

/** A baseline is no record's: what it shows is made anew of the scores that it was made of. */
async function addBaselines(client: ClientBase, find: Find): Promise<void> {
  const { rows } = await client.query<{ series: number; score: number; runs: StoredEvaluation[] | null }>(
    'select series, score, runs from fleetlens.quality_baseline where series is not null',
  );
  for (const { series, score, runs } of rows) {
    const found = find(series);
    if (found === undefined) continue;
    found.sums.sum.add(runs === null ? score : medianOf(runs.map((run) => readEvaluation(run).composite)));
    found.sums.count += 1;
  }
}

interface RecordRow {
  readonly source: string;
  readonly key: string;
  readonly counted: StoredCounted | null;
  readonly held: StoredHeld | null;
}

function readRecords(client: ClientBase, kind: Kind): AsyncGenerator<RecordRow[]> {
  return readPages<RecordRow>(
    client,
    `select source, key, counted, held from ${recordTable(kind)} where counted is not null or held is not null`,
  );
}

function addRecord(kind: Kind, { source, key, counted, held }: RecordRow, find: Find): void {
  for (const [id, , value, carried] of counted ?? []) {
    const found = find(id);
    if (found !== undefined && typeof carried !== 'string') addFact(found.rollup.family, found.sums, value);
  }
  for (const [id, value] of held ?? []) {
    const found = find(id);
    if (found === undefined) continue;
    const { rollup, sums } = found;
    if (!takesLeast(rollup.family)) {
      sums.sum.add(value);
      sums.count += 1;
    } else if (value > rollup.resolvedTo) {
      sums.least = Math.min(sums.least ?? value, value);
      sums.parts.add({ kind, source, key, value });
    }
  }
}

/** Adds one counted fact to what a series should show. */
export function addFact(family: FamilyName, sums: FactSums, value: number): void {
  sums.sum.add(value);
  const { type, buckets: edges } = familyOf(family);
  if (type === 'counter') return;
  sums.count += 1;
  if (sums.buckets === undefined) return;
  const bucket = bucketOf(edges ?? [], value);
  sums.buckets[bucket] = (sums.buckets[bucket] ?? 0) + 1;
}

/** What the column `value` should be. */
export function expectedValue(family: FamilyName, { sum, least }: ExpectedRollup): bigint {
  if (!takesLeast(family)) return sum.total();
  return least === undefined ? 0n : castToNano(least);
}

/** What the column `count` should be. */
export function expectedCount(family: FamilyName, { count, least }: ExpectedRollup): number {
  if (!takesLeast(family)) return count;
  return least === undefined ? 0 : 1;
}

let cursors = 0;

async function* readPages<Row extends object>(client: ClientBase, query: string): AsyncGenerator<Row[]> {
  const cursor = escapeIdentifier(`verify_${++cursors}`);
  await client.query(`declare ${cursor} no scroll cursor for ${query}`);
  for (;;) {
    const { rows } = await client.query<Row>(`fetch forward ${PAGE} from ${cursor}`);
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE) break;
  }
  await client.query(`close ${cursor}`);
}

async function estimateRecords(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ records: string }>(
    'select coalesce(sum(greatest(reltuples, 0)), 0)::bigint as records from pg_class where oid = any($1::regclass[]::oid[])',
    [KINDS.map(recordTable)],
  );
  return Number(rows[0]?.records ?? 0);
}

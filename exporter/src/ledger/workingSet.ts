import type { ClientBase } from 'pg';
import type { Kind } from '../contract/records.ts';
import { allStatements } from './allStatements.ts';
import { int4Array, jsonArray, jsonbArray, textArray, timestamptzArray } from './binaryArrays.ts';
import type { RecordState } from './observe/observe.ts';
import { recordTable } from './recordTable.ts';
import type { SeriesRegistry } from './seriesRegistry.ts';
import {
  type ForeignFacts,
  NOTHING_FOREIGN,
  readState,
  type StoredRow,
  writeCounted,
  writeHeld,
} from './storedState.ts';

/** A record that a transaction looks at. */
export interface WorkingRecord {
  readonly kind: Kind;
  readonly source: string;
  readonly key: string;
  /** As it is now; undefined where it does not exist yet. */
  state: RecordState | undefined;
  readonly foreign: ForeignFacts;
  /** Newest event time, canonical RFC 3339. */
  at: string;
  /** Hash of what a pull source said last. */
  pulled: string | null;
  /** The attempt whose late usage was counted. */
  settled: number | null;
  dueAt: string | null;
  /** Of usage that moves to another run: the one that it belonged to before this transaction, whose figures change, too. */
  leftRun?: string;
  /** It existed before this transaction. */
  readonly existed: boolean;
  /** It was looked for; else it was expected not to exist, and inserting it fails if it does. */
  readonly looked: boolean;
  /** It changed since it was read or written. */
  dirty: boolean;
  /** This transaction inserted it ahead of its end. */
  isAhead: boolean;
}

interface Row extends StoredRow {
  readonly source: string;
  readonly key: string;
  readonly at: Date;
  readonly pulled: string | null;
  readonly settled: number | null;
  readonly due_at: Date | null;
}

/** Of {@link WorkingSet.write}, $1 to $10. */
const COLUMN_TYPES = `$1::text[], $2::text[], $3::jsonb[], $4::json[], $5::json[], $6::json[], $7::text[], $8::int[],
  $9::timestamptz[], $10::timestamptz[]`;

/** New records of a kind that are worth a statement of their own before the end. */
const LEAST_AHEAD = 16;

function idOf(source: string, key: string): string {
  return `${source}\0${key}`;
}

/** The records of one transaction: read once, changed in memory, written once. */
export class WorkingSet {
  readonly #client: ClientBase;
  readonly #registry: SeriesRegistry;
  readonly #kinds = new Map<Kind, Map<string, WorkingRecord>>();

  constructor(client: ClientBase, registry: SeriesRegistry) {
    this.#client = client;
    this.#registry = registry;
  }

  /**
   * Reads the records of a kind that are not here yet; with `assumeNew` takes them for new.
   * @returns whether it read some and found one, or undefined where it read none.
   */
  async load(
    kind: Kind,
    wanted: Iterable<{ readonly source: string; readonly key: string }>,
    assumeNew = false,
  ): Promise<boolean | undefined> {
    const records = this.#of(kind);
    const sources: string[] = [];
    const keys: string[] = [];
    for (const { source, key } of wanted) {
      const id = idOf(source, key);
      if (records.has(id)) continue;
      records.set(id, {
        kind,
        source,
        key,
        state: undefined,
        foreign: NOTHING_FOREIGN,
        at: '',
        pulled: null,
        settled: null,
        dueAt: null,
        existed: false,
        looked: !assumeNew,
        dirty: false,
        isAhead: false,
      });
      sources.push(source);
      keys.push(key);
    }
    if (keys.length === 0 || assumeNew) return undefined;
    const { rows } = await this.#client.query<Row>({
      name: `read_${kind}`,
      text: `select r.source, r.key, doc, stamps, counted, held, at, pulled, settled, due_at
        from ${recordTable(kind)} r join unnest($1::text[], $2::text[]) as w(source, key) on r.source = w.source and r.key = w.key`,
      values: [textArray(sources), textArray(keys)],
    });
    await this.#registry.caughtUp;
    for (const row of rows) this.#keep(kind, row);
    return rows.length > 0;
  }

  /** Reads the steps of these runs that wait for their run. */
  async loadWaitingSteps(runs: readonly { readonly source: string; readonly key: string }[]): Promise<WorkingRecord[]> {
    if (runs.length === 0) return [];
    const { rows } = await this.#client.query<Row>({
      name: 'read_waiting_steps',
      text: `select r.source, r.key, doc, stamps, counted, held, at, pulled, settled, due_at
        from unnest($1::text[], $2::text[], $3::text[]) as w(source, low, high)
        join fleetlens.step r on r.source = w.source and r.key collate "C" >= w.low and r.key collate "C" < w.high and r.due_at is not null`,
      values: [
        textArray(runs.map((r) => r.source)),
        textArray(runs.map((r) => `${r.key}\u001f`)),
        textArray(runs.map((r) => `${r.key}\u0020`)),
      ],
    });
    const known = this.#of('step');
    const waiting: WorkingRecord[] = [];
    for (const row of rows) {
      if (!known.has(idOf(row.source, row.key))) this.#keep('step', row);
    }
    const ids = new Set(runs.map((r) => idOf(r.source, r.key)));
    for (const record of known.values()) {
      const runId = record.key.split('\u001f', 1)[0] as string;
      if (record.dueAt !== null && ids.has(idOf(record.source, runId))) waiting.push(record);
    }
    return waiting;
  }

  get(kind: Kind, source: string, key: string): WorkingRecord {
    const record = this.#of(kind).get(idOf(source, key));
    if (record === undefined) throw new Error(`ledger: ${kind} ${key} of ${source} was not loaded before it was used`);
    return record;
  }

  /** @returns undefined where the record was not loaded. */
  find(kind: Kind, source: string, key: string): WorkingRecord | undefined {
    return this.#of(kind).get(idOf(source, key));
  }

  /** What this transaction changed. */
  changed(): WorkingRecord[] {
    return [...this.#kinds.values()].flatMap((records) => [...records.values()].filter((r) => r.dirty || r.isAhead));
  }

  /**
   * Inserts new records under change number `seq`, kind by kind where there are some, before the transaction has computed the rest: so
   * the database has something to do meanwhile. One that changes again is updated at the end. All statements are issued before it returns.
   */
  writeAhead(seq: number): Promise<unknown> {
    const written: Promise<unknown>[] = [];
    for (const [kind, records] of this.#kinds) {
      // A run changes again and again.
      if (kind === 'run') continue;
      const fresh = [...records.values()].filter((r) => r.dirty && r.state !== undefined && !r.existed && !r.isAhead);
      if (fresh.length < LEAST_AHEAD) continue;
      written.push(this.#insert(kind, fresh, seq));
      for (const record of fresh) {
        record.dirty = false;
        record.isAhead = true;
      }
    }
    return allStatements(written);
  }

  /** Writes every record that is not written as it is now under change number `seq`. All statements are issued before it returns. */
  write(seq: number): Promise<unknown> {
    const written: Promise<unknown>[] = [];
    for (const [kind, records] of this.#kinds) {
      const dirty = [...records.values()].filter((r) => r.dirty && r.state !== undefined);
      const isOld = Object.groupBy(dirty, (r) => (r.existed || r.isAhead ? 'old' : 'new'));
      if (isOld.new !== undefined) written.push(this.#insert(kind, isOld.new, seq));
      if (isOld.old !== undefined) written.push(this.#update(kind, isOld.old, seq));
    }
    return allStatements(written);
  }

  // Plain: `on conflict` writes every row twice, and under the writer lock nobody else can have inserted it meanwhile.
  #insert(kind: Kind, records: readonly WorkingRecord[], seq: number): Promise<unknown> {
    return this.#client.query({
      name: `insert_${kind}`,
      text: `insert into ${recordTable(kind)} (source, key, doc, stamps, counted, held, pulled, settled, due_at, at, seq)
        select *, $11::bigint from unnest(${COLUMN_TYPES})`,
      values: [...this.#columns(records), seq],
    });
  }

  #update(kind: Kind, records: readonly WorkingRecord[], seq: number): Promise<unknown> {
    return this.#client.query({
      name: `update_${kind}`,
      text: `update ${recordTable(kind)} r set doc = w.doc, stamps = w.stamps, counted = w.counted, held = w.held, pulled = w.pulled,
          settled = w.settled, due_at = w.due_at, at = w.at, seq = $11::bigint
        from unnest(${COLUMN_TYPES}) as w(source, key, doc, stamps, counted, held, pulled, settled, due_at, at)
        where r.source = w.source and r.key = w.key`,
      values: [...this.#columns(records), seq],
    });
  }

  #columns(records: readonly WorkingRecord[]): Buffer[] {
    const state = (r: WorkingRecord) => r.state as RecordState;
    return [
      textArray(records.map((r) => r.source)),
      textArray(records.map((r) => r.key)),
      jsonbArray(records.map((r) => JSON.stringify(state(r).doc))),
      jsonArray(records.map((r) => JSON.stringify(state(r).stamps))),
      jsonArray(records.map((r) => writeCounted(state(r).counted, r.foreign, this.#registry))),
      jsonArray(records.map((r) => writeHeld(state(r).held, r.foreign, this.#registry))),
      textArray(records.map((r) => r.pulled)),
      int4Array(records.map((r) => r.settled)),
      timestamptzArray(records.map((r) => r.dueAt)),
      timestamptzArray(records.map((r) => r.at)),
    ];
  }

  #of(kind: Kind): Map<string, WorkingRecord> {
    let records = this.#kinds.get(kind);
    if (records === undefined) {
      records = new Map();
      this.#kinds.set(kind, records);
    }
    return records;
  }

  #keep(kind: Kind, row: Row): void {
    this.#of(kind).set(idOf(row.source, row.key), {
      kind,
      source: row.source,
      key: row.key,
      ...readState(row, this.#registry),
      at: row.at.toISOString(),
      pulled: row.pulled,
      settled: row.settled,
      dueAt: row.due_at?.toISOString() ?? null,
      existed: true,
      looked: true,
      dirty: false,
      isAhead: false,
    });
  }
}

import type { ClientBase } from 'pg';
import type { Kind } from '../contract/records.ts';
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
  /** It existed before this transaction. */
  readonly existed: boolean;
  dirty: boolean;
}

interface Row extends StoredRow {
  readonly source: string;
  readonly key: string;
  readonly at: Date;
  readonly pulled: string | null;
  readonly settled: number | null;
  readonly due_at: Date | null;
}

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

  /** Reads the records of a kind that are not here yet. */
  async load(kind: Kind, wanted: Iterable<{ readonly source: string; readonly key: string }>): Promise<void> {
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
        dirty: false,
      });
      sources.push(source);
      keys.push(key);
    }
    if (keys.length === 0) return;
    const { rows } = await this.#client.query<Row>({
      name: `read_${kind}`,
      text: `select r.source, r.key, doc, stamps, counted, held, at, pulled, settled, due_at
        from ${recordTable(kind)} r join unnest($1::text[], $2::text[]) as w(source, key) on r.source = w.source and r.key = w.key`,
      values: [sources, keys],
    });
    for (const row of rows) this.#keep(kind, row);
  }

  /** Reads the steps of these runs that wait for their run. */
  async loadWaitingSteps(runs: readonly { readonly source: string; readonly key: string }[]): Promise<WorkingRecord[]> {
    if (runs.length === 0) return [];
    const { rows } = await this.#client.query<Row>({
      name: 'read_waiting_steps',
      text: `select r.source, r.key, doc, stamps, counted, held, at, pulled, settled, due_at
        from unnest($1::text[], $2::text[], $3::text[]) as w(source, low, high)
        join fleetlens.step r on r.source = w.source and r.key collate "C" >= w.low and r.key collate "C" < w.high and r.due_at is not null`,
      values: [runs.map((r) => r.source), runs.map((r) => `${r.key}\u001f`), runs.map((r) => `${r.key}\u0020`)],
    });
    const known = this.#of('step');
    const waiting: WorkingRecord[] = [];
    for (const row of rows) {
      if (!known.has(idOf(row.source, row.key))) this.#keep('step', row);
    }
    for (const record of known.values()) {
      if (
        record.dueAt !== null &&
        runs.some((r) => r.source === record.source && record.key.startsWith(`${r.key}\u001f`))
      )
        waiting.push(record);
    }
    return waiting;
  }

  get(kind: Kind, source: string, key: string): WorkingRecord {
    const record = this.#of(kind).get(idOf(source, key));
    if (record === undefined) throw new Error(`ledger: ${kind} ${key} of ${source} was not loaded before it was used`);
    return record;
  }

  dirty(): WorkingRecord[] {
    return [...this.#kinds.values()].flatMap((records) => [...records.values()].filter((r) => r.dirty));
  }

  /** Writes every changed record under change number `seq`. */
  async write(seq: number): Promise<void> {
    for (const [kind, records] of this.#kinds) {
      const dirty = [...records.values()].filter((r) => r.dirty && r.state !== undefined);
      if (dirty.length === 0) continue;
      const state = (r: WorkingRecord) => r.state as RecordState;
      await this.#client.query({
        name: `write_${kind}`,
        text: `insert into ${recordTable(kind)} (source, key, doc, stamps, counted, held, pulled, settled, due_at, at, seq)
          select *, $11::bigint from unnest($1::text[], $2::text[], $3::jsonb[], $4::json[], $5::json[], $6::json[], $7::text[], $8::int[],
            $9::timestamptz[], $10::timestamptz[])
          on conflict (source, key) do update set doc = excluded.doc, stamps = excluded.stamps, counted = excluded.counted,
            held = excluded.held, pulled = excluded.pulled, settled = excluded.settled, due_at = excluded.due_at, at = excluded.at,
            seq = excluded.seq`,
        values: [
          dirty.map((r) => r.source),
          dirty.map((r) => r.key),
          dirty.map((r) => JSON.stringify(state(r).doc)),
          dirty.map((r) => JSON.stringify(state(r).stamps)),
          dirty.map((r) => writeCounted(state(r).counted, r.foreign, this.#registry)),
          dirty.map((r) => writeHeld(state(r).held, r.foreign, this.#registry)),
          dirty.map((r) => r.pulled),
          dirty.map((r) => r.settled),
          dirty.map((r) => r.dueAt),
          dirty.map((r) => r.at),
          seq,
        ],
      });
    }
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
      dirty: false,
    });
  }
}

import type pg from 'pg';
import {
  type FamilyName,
  familyOf,
  isFamilyName,
  METRIC_CATALOGUE,
  type MetricFamily,
  seriesPerLabelSet,
} from '../contract/metricCatalogue.ts';
import { OWN_SOURCE } from '../contract/ownSource.ts';
import { CATCHING_UP_FOR } from '../ledger/historyTally.ts';
import { fromNano } from '../ledger/nano.ts';
import { OTHER } from '../ledger/observe/observe.ts';
import { usualGapSeconds } from '../ledger/sourceState.ts';
import { type Format, familyHeader } from './exposition.ts';
import { ExpositionBuffer } from './expositionBuffer.ts';
import { type Exemplar, NOTHING_YET, SeriesText, type Shown } from './seriesText.ts';

/** A series born live shows 0 for so long, so that increase() sees its first value as growth. */
export const BIRTH_MS = 60_000;
/** A series that nothing touched for so long is no longer exposed. */
const IDLE_MS = 30 * 86_400_000;
/**
 * Lines rendered as one piece: what changed costs its block, the rest is copied. Larger ones are all touched by a change of
 * one series in a hundred, smaller ones cost more to put together than they save.
 */
const BLOCK_LINES = 64;
/**
 * How long the ledger may take to tell what changed. It needs milliseconds, a first reading of 100,000 series a second; a
 * server that hangs must not take the scrape with it, which Prometheus gives up after 10 s by default.
 */
const ANSWER_SOON = { query_timeout: 8_000 };
/** Rollups that Postgres puts into one page, which is parsed and applied before other work gets its turn: some 3 ms. */
const PAGE_ROWS = 1_000;
/** How long blocks are rendered before other work gets its turn. A line takes 0.2 us, and 5 us when it is written for the first time. */
const TURN_MS = 5;

/** A series: what it shows, changed in place, and when. */
interface Entry extends Shown {
  readonly text: SeriesText;
  readonly source: string | undefined;
  value: number;
  /** Observations; of a gauge: how many records contribute. */
  count: number;
  buckets: readonly number[] | undefined;
  first: Shown;
  exemplars: Readonly<Record<string, Exemplar>> | undefined;
  bornMs: number | undefined;
  touchedMs: number;
  readonly block: Block;
}

interface Block {
  readonly entries: Entry[];
  readonly cached: Partial<Record<Format, { readonly text: Buffer; readonly series: number }>>;
  /** When a birth or a retirement changes the text although no value moves. */
  staleAtMs: number;
}

interface FamilyBlocks {
  readonly definition: MetricFamily;
  readonly blocks: Block[];
}

export interface SourceGauge {
  readonly source: string;
  readonly catchingUp: boolean;
  readonly push: boolean;
  readonly lastEventMs: number | undefined;
  readonly usualGapSeconds: number | undefined;
  readonly deadLetters: number;
}

export interface SnapshotOptions {
  allows(family: string): boolean;
  readonly idleMs?: number;
}

/** Families and labels come with rollups that were not read before. */
type RollupRow = [
  id: number,
  nano: number,
  count: number,
  buckets: number[] | null,
  exemplars: Record<string, Exemplar> | null,
  first: { value: string; count: number; buckets: number[] | null } | null,
  bornMs: number | null,
  touchedMs: number,
  family: string | null,
  labels: string[] | null,
];

interface Changes {
  readonly seq: number;
  readonly nowMs: number;
  readonly mismatches: number | undefined;
  readonly ledgerId: string;
  /** JSON of {@link RollupRow}s, in the order of their ids. */
  readonly pages: readonly string[];
  /** Sources that counted history a while ago. */
  readonly history: ReadonlySet<string>;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * The rollups in memory. A scrape applies what changed since the last one and renders the blocks that changed: its cost
 * follows series that moved, never the number of runs.
 */
export class RollupSnapshot {
  readonly #pool: pg.Pool;
  readonly #options: SnapshotOptions;
  readonly #buffer = new ExpositionBuffer();
  readonly #families = new Map<FamilyName, FamilyBlocks>();
  readonly #entries = new Map<number, Entry>();
  #seq = -1;
  #ledgerId = '';
  #isOutdated = false;
  #maxId = 0;
  #nowMs = 0;
  #live = new Set<string>();
  #sources: readonly SourceGauge[] = [];
  #mismatches: number | undefined;

  constructor(pool: pg.Pool, options: SnapshotOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  get sources(): readonly SourceGauge[] {
    return this.#sources;
  }

  get mismatches(): number | undefined {
    return this.#mismatches;
  }

  /** Makes the next refresh read all: which families are allowed has changed. One that is under way ends as it began. */
  reset(): void {
    this.#isOutdated = true;
  }

  /** Applies the changes since the last call. Call it again only when it has ended. @throws where the ledger does not answer. */
  async refresh(): Promise<void> {
    if (this.#isOutdated) this.#forget();
    // Before the rollups: a source that goes live in between shows all of its backfill at the next scrape, not a part at this one.
    await this.#readSources();
    let changes = await this.#readChanges();
    if (this.#isAnotherLedger(changes)) {
      this.#forget();
      changes = await this.#readChanges();
    }
    this.#nowMs = changes.nowMs;
    this.#mismatches = changes.mismatches;
    this.#sources = this.#sources.map((one) => (changes.history.has(one.source) ? { ...one, catchingUp: true } : one));
    for (const page of changes.pages) {
      for (const row of JSON.parse(page) as RollupRow[]) this.#apply(row);
      await turn();
    }
    this.#seq = changes.seq;
    this.#ledgerId = changes.ledgerId;
  }

  #forget(): void {
    this.#isOutdated = false;
    this.#families.clear();
    this.#entries.clear();
    this.#seq = -1;
    this.#maxId = 0;
  }

  /** A ledger restored from a backup, or a standby that had not heard the last, knows less than was read before. */
  #isAnotherLedger({ seq, ledgerId }: Changes): boolean {
    return this.#seq >= 0 && (seq < this.#seq || ledgerId !== this.#ledgerId);
  }

  async #readChanges(): Promise<Changes> {
    // One statement is one snapshot of the database: every rollup up to the head's number is in it. As pages of JSON: row by row
    // 53,000 of them kept the event loop for 80 ms at a time, and took four times the CPU.
    const { rows } = await this.#pool.query<{
      seq: string;
      now_ms: number;
      mismatches: number | null;
      ledger_id: string;
      rollups: string | null;
      history: string[];
    }>({
      name: 'snapshot_changes',
      // In the snapshot of the rollups: history never shows a scrape before the word that it is history.
      text: `select h.seq, extract(epoch from clock_timestamp())::float8 * 1000 as now_ms, h.mismatches, h.ledger_id, p.rollups,
          array(select source from fleetlens.source_state where history_at > now() - ${CATCHING_UP_FOR}) as history
        from fleetlens.head h left join (
          select r.id / ${PAGE_ROWS} as page, json_agg(json_build_array(
              r.id, r.value, r.count, r.buckets, r.exemplars, r.shown_first,
              extract(epoch from r.born_at) * 1000, extract(epoch from r.touched_at) * 1000,
              case when r.id > $2 then r.family end, case when r.id > $2 then r.labels end
            ) order by r.id)::text as rollups
          from fleetlens.rollup r where r.seq > $1 group by page
        ) p on true
        order by p.page`,
      values: [this.#seq, this.#maxId],
      ...ANSWER_SOON,
    });
    const [head] = rows;
    if (head === undefined)
      throw new Error('ledger: found no row in fleetlens.head, expected one; restore the ledger from a backup');
    return {
      seq: Number(head.seq),
      nowMs: head.now_ms,
      mismatches: head.mismatches ?? undefined,
      ledgerId: head.ledger_id,
      pages: rows.flatMap(({ rollups }) => rollups ?? []),
      history: new Set(head.history),
    };
  }

  #apply(row: RollupRow): void {
    const [id, nano, count, buckets, exemplars, first, bornMs, touchedMs, family, labels] = row;
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      this.#maxId = Math.max(this.#maxId, id);
      if (family === null || labels === null || !isFamilyName(family) || !this.#options.allows(family)) return;
      entry = this.#add(family, labels);
      this.#entries.set(id, entry);
    }
    entry.value = fromNano(nano);
    entry.count = count;
    entry.buckets = buckets ?? undefined;
    entry.exemplars = exemplars ?? undefined;
    entry.bornMs = bornMs ?? undefined;
    entry.first =
      first === null
        ? NOTHING_YET
        : { value: fromNano(first.value), count: first.count, buckets: first.buckets ?? undefined };
    entry.touchedMs = touchedMs;
    entry.block.staleAtMs = 0;
  }

  #add(family: FamilyName, labels: readonly string[]): Entry {
    const definition = familyOf(family);
    let blocks = this.#families.get(family);
    if (blocks === undefined) {
      blocks = { definition, blocks: [] };
      this.#families.set(family, blocks);
    }
    let block = blocks.blocks.at(-1);
    if (block === undefined || (block.entries.length + 1) * seriesPerLabelSet(definition) > BLOCK_LINES) {
      block = { entries: [], cached: {}, staleAtMs: 0 };
      blocks.blocks.push(block);
    }
    const entry: Entry = {
      text: new SeriesText(definition, labels),
      source: definition.labels[0] === 'source' ? labels[0] : undefined,
      ...NOTHING_YET,
      first: NOTHING_YET,
      exemplars: undefined,
      bornMs: undefined,
      touchedMs: 0,
      block,
    };
    block.entries.push(entry);
    return entry;
  }

  async #readSources(): Promise<void> {
    const { rows } = await this.#pool.query<{
      source: string;
      way: string;
      live: boolean;
      last_event_at: Date | null;
      gaps: Record<string, number[]> | null;
      letters: string;
    }>({
      name: 'snapshot_sources',
      text: `select s.source, way, live_at is not null as live,
          last_event_at, gaps,
          (select count(*) from fleetlens.dead_letter d where d.source = s.source) as letters
        from fleetlens.source_state s`,
      ...ANSWER_SOON,
    });
    // The exporter's own entries come when there is something to note: their silence says nothing, and nobody waits for them.
    const others = rows.filter((row) => row.source !== OWN_SOURCE);
    this.#sources = others.map((row) => ({
      source: row.source,
      catchingUp: !row.live,
      push: row.way === 'push',
      lastEventMs: row.way === 'push' ? row.last_event_at?.getTime() : undefined,
      usualGapSeconds: row.way === 'push' && row.gaps !== null ? usualGapSeconds(row.gaps) : undefined,
      deadLetters: Number(row.letters),
    }));
    const live = new Set(rows.filter((row) => row.live).map((row) => row.source));
    if (live.symmetricDifference(this.#live).size > 0) {
      for (const { blocks } of this.#families.values()) for (const block of blocks) block.staleAtMs = 0;
    }
    this.#live = live;
  }

  /** Renders all families; `series` counts label sets by family. */
  async render(format: Format): Promise<{ chunks: Buffer[]; series: Map<string, number> }> {
    const chunks: Buffer[] = [];
    const series = new Map<string, number>();
    let turnedAt = performance.now();
    for (const { name } of METRIC_CATALOGUE) {
      const family = this.#families.get(name);
      if (family === undefined) continue;
      const texts: Buffer[] = [];
      let shown = 0;
      for (const block of family.blocks) {
        let cached = block.cached[format];
        if (cached === undefined || block.staleAtMs <= this.#nowMs) {
          cached = this.#renderBlock(block, family.definition, format);
          if (performance.now() - turnedAt >= TURN_MS) {
            await turn();
            turnedAt = performance.now();
          }
        }
        if (cached.series > 0) texts.push(cached.text);
        shown += cached.series;
      }
      if (shown === 0) continue;
      chunks.push(Buffer.from(familyHeader(family.definition, format)), ...texts);
      series.set(name, shown);
    }
    return { chunks, series };
  }

  #renderBlock(block: Block, family: MetricFamily, format: Format): { text: Buffer; series: number } {
    // The other format's text was of the same values only if they were rendered since the last change.
    if (block.staleAtMs <= this.#nowMs)
      for (const other of Object.keys(block.cached) as Format[]) delete block.cached[other];
    let series = 0;
    let staleAtMs = Number.POSITIVE_INFINITY;
    const idleMs = this.#options.idleMs ?? IDLE_MS;
    for (const entry of block.entries) {
      if (entry.source !== undefined && family.from !== 'self' && !this.#isExposed(entry.source)) continue;
      const isGauge = family.type === 'gauge';
      if (isGauge && entry.count <= 0 && !family.emptyIsZero) continue;
      // A gauge that somebody contributes to is never idle.
      const retiresMs = isGauge && entry.count > 0 ? Number.POSITIVE_INFINITY : entry.touchedMs + idleMs;
      if (retiresMs <= this.#nowMs) continue;
      const bornUntilMs = isGauge || entry.bornMs === undefined ? 0 : entry.bornMs + BIRTH_MS;
      const young = bornUntilMs > this.#nowMs;
      entry.text.write(this.#buffer, young ? entry.first : entry, young ? undefined : entry.exemplars, format);
      series += 1;
      staleAtMs = Math.min(staleAtMs, young ? bornUntilMs : retiresMs);
    }
    const cached = { text: this.#buffer.take(), series };
    block.cached[format] = cached;
    block.staleAtMs = staleAtMs;
    return cached;
  }

  #isExposed(source: string): boolean {
    // Series of many sources that the cap folded together belong to none of them.
    return source === OTHER || this.#live.has(source);
  }
}

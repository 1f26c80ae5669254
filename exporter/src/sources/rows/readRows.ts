import { z } from 'zod';
import type { PollContext } from '../source.ts';
import type { TextRow } from './textValues.ts';

/** The place of a row in the order (created, id). `at` is null for a row without a creation time. */
export interface RowPlace {
  readonly at: string | null;
  readonly id: string;
}

export interface ReadRow {
  readonly place: RowPlace;
  readonly values: TextRow;
}

/** A moment of the source: everything that is committed later is found by reading from it. */
export interface Mark {
  /** The source's own clock, RFC 3339. */
  readonly now: string;
  /** Postgres: transactions before this one were over, so what they wrote was visible. */
  readonly horizon?: string | undefined;
}

/** How a table of runs can be read. Pages are bounded and in the order (created, id). */
export interface RowReader {
  mark(): Promise<Mark>;
  count(): Promise<number>;
  /** Every row after a place; undefined: from the first one. Rows without a creation time come first. */
  all(after: RowPlace | undefined, limit: number): Promise<readonly ReadRow[]>;
  /** Rows that were created, finished or updated since a time, or written by a transaction from `horizon` on. */
  changed(
    since: string,
    horizon: string | undefined,
    after: RowPlace | undefined,
    limit: number,
  ): Promise<readonly ReadRow[]>;
  byIds(ids: readonly string[]): Promise<readonly ReadRow[]>;
}

const place = z.object({ at: z.string().nullable(), id: z.string() });
const mark = z.object({ now: z.iso.datetime(), horizon: z.string().regex(/^\d+$/).optional() });
const watched = z.record(z.string(), z.number());
/** Versioned: a cursor of another version starts the source from its beginning, which counts nothing twice. */
const rowCursor = z.discriminatedUnion('phase', [
  z.object({
    v: z.literal(1),
    phase: z.literal('backfill'),
    after: place.optional(),
    mark,
    done: z.number(),
    total: z.number(),
    watched,
  }),
  z.object({ v: z.literal(1), phase: z.literal('live'), mark, watched }),
]);
export type RowCursor = z.infer<typeof rowCursor>;

interface RowPage {
  readonly rows: readonly ReadRow[];
  readonly cursor: RowCursor;
  readonly progress?: { readonly done: number; readonly total: number };
  readonly goneIds?: readonly string[];
}

interface ReadRows {
  readonly pageSize: number;
  /**
   * How far behind the last poll a live poll reads again: covers clocks that run late and transactions that commit late.
   * On a Postgres table the horizon finds late commits of any age, so it matters for views and SQLite alone.
   */
  readonly overlapMs: number;
  /** A finished row whose last columns may still come; it is read again for a while. */
  awaitsMore(row: ReadRow): boolean;
  /** Whether the scan for everything written since the horizon can be afforded now. */
  mayScan(): boolean;
}

const WATCH_MS = 10 * 60_000;
const MAX_WATCHED = 5_000;
const IDS_A_QUERY = 500;

/**
 * Reads a table of runs: first all of it, oldest first; from then on what changed. A row is found again
 * - because the ledger holds it as open,
 * - because it was created, finished or updated since the last poll began, less the overlap,
 * - because a transaction wrote it that was not over when the last poll began (Postgres tables),
 * - because it was finished but incomplete less than 10 minutes ago.
 * Rows that are read again unchanged cost no write: the caller leaves them out.
 */
export async function* readRows(
  reader: RowReader,
  stored: unknown,
  context: Pick<PollContext, 'openRunIds' | 'startedAt' | 'log'>,
  options: ReadRows,
): AsyncGenerator<RowPage> {
  const parsed = rowCursor.safeParse(stored);
  if (stored !== undefined && stored !== null && !parsed.success) {
    context.log.warn('the cursor of the source is of another version: the source is read from its beginning');
  }
  const cursor = parsed.data;
  const watch = new Watch(cursor?.watched ?? {}, context.startedAt.getTime());
  if (cursor?.phase === 'live') yield* readChanges(reader, cursor, context, options, watch);
  else yield* readAll(reader, cursor, options, watch);
}

async function* readAll(
  reader: RowReader,
  cursor: Extract<RowCursor, { phase: 'backfill' }> | undefined,
  options: ReadRows,
  watch: Watch,
): AsyncGenerator<RowPage> {
  // What changes while the backfill runs is found by the first live poll, from the mark taken here.
  const from = cursor?.mark ?? (await reader.mark());
  let done = cursor?.done ?? 0;
  const total = cursor?.total ?? (await reader.count());
  let after = cursor?.after;
  for (;;) {
    const rows = await reader.all(after, options.pageSize);
    watch.see(rows, options);
    done += rows.length;
    after = rows.at(-1)?.place ?? after;
    const last = rows.length < options.pageSize;
    const watched = watch.entries();
    yield {
      rows,
      progress: { done, total: Math.max(done, total) },
      cursor: last
        ? { v: 1, phase: 'live', mark: from, watched }
        : { v: 1, phase: 'backfill', ...(after && { after }), mark: from, done, total, watched },
    };
    if (last) return;
  }
}

async function* readChanges(
  reader: RowReader,
  cursor: Extract<RowCursor, { phase: 'live' }>,
  context: Pick<PollContext, 'openRunIds' | 'log'>,
  options: ReadRows,
  watch: Watch,
): AsyncGenerator<RowPage> {
  const next = await reader.mark();
  if (wentBack(cursor.mark, next)) {
    context.log.warn('the transaction ids of the source went back, as after a restore: it is read from its beginning');
    yield* readAll(reader, undefined, options, watch);
    return;
  }
  const horizon = options.mayScan() ? cursor.mark.horizon : undefined;
  const since = new Date(Date.parse(cursor.mark.now) - options.overlapMs).toISOString();
  const seen = new Set<string>();
  let after: RowPlace | undefined;
  for (;;) {
    const rows = await reader.changed(since, horizon, after, options.pageSize);
    watch.see(rows, options);
    for (const row of rows) seen.add(row.place.id);
    after = rows.at(-1)?.place;
    if (rows.length > 0) yield { rows, cursor };
    if (rows.length < options.pageSize) break;
  }
  const open = await context.openRunIds();
  const again = [...new Set([...open, ...watch.ids()])].filter((id) => !seen.has(id));
  for (let from = 0; from < again.length; from += IDS_A_QUERY) {
    const ids = again.slice(from, from + IDS_A_QUERY);
    const rows = await reader.byIds(ids);
    watch.see(rows, options);
    const found = new Set(rows.map((row) => row.place.id));
    const goneIds = ids.filter((id) => !found.has(id));
    watch.forget(goneIds);
    yield { rows, goneIds, cursor };
  }
  const watched = watch.entries();
  // An idle poll keeps its cursor and so writes nothing; an older mark only reads a little more again.
  const young = Date.parse(next.now) - Date.parse(cursor.mark.now) < options.overlapMs / 2;
  if (young && JSON.stringify(watched) === JSON.stringify(cursor.watched)) {
    yield { rows: [], cursor };
    return;
  }
  // A horizon that was not scanned from stays.
  const kept = horizon === undefined ? (cursor.mark.horizon ?? next.horizon) : next.horizon;
  yield { rows: [], cursor: { v: 1, phase: 'live', mark: { now: next.now, horizon: kept }, watched } };
}

/** A restored or replaced server counts its transactions anew: nothing that it wrote would lie behind the old horizon. */
function wentBack(before: Mark, now: Mark): boolean {
  if (before.horizon === undefined || now.horizon === undefined) return false;
  return BigInt(now.horizon) < BigInt(before.horizon);
}

/** Finished rows that may still get their last columns, each with the time until which it is read again. */
class Watch {
  readonly #until: Map<string, number>;
  readonly #nowMs: number;

  constructor(entries: Readonly<Record<string, number>>, nowMs: number) {
    this.#until = new Map(Object.entries(entries));
    this.#nowMs = nowMs;
  }

  see(rows: readonly ReadRow[], options: ReadRows): void {
    for (const row of rows) {
      const { id } = row.place;
      if (!options.awaitsMore(row)) this.#until.delete(id);
      else if (!this.#until.has(id)) this.#until.set(id, this.#nowMs + WATCH_MS);
    }
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#until.delete(id);
  }

  ids(): string[] {
    return [...this.#until.keys()];
  }

  entries(): Record<string, number> {
    const alive = [...this.#until].filter(([, until]) => until > this.#nowMs);
    return Object.fromEntries(alive.slice(-MAX_WATCHED));
  }
}

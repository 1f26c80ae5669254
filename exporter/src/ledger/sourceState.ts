import type { ClientBase } from 'pg';

/** Gaps are kept by power of two of seconds: 2^-4 s to 2^27 s (four years). */
const GAP_EXPONENT_MIN = -4;
const GAP_CELLS = 32;
const GAP_DAYS = 14;
const DAY_MS = 86_400_000;

export interface SourceState {
  readonly source: string;
  readonly live: boolean;
  readonly backfilled: boolean;
  readonly lastEventMs: number | undefined;
  readonly gaps: Readonly<Record<string, readonly number[]>>;
  readonly prunedTo: Readonly<Record<string, string>>;
}

/** What one transaction says of a source. */
export interface SourceReading {
  readonly source: string;
  readonly way: 'pull' | 'push';
  /** Newest event time of the batch, milliseconds; undefined where it had none. */
  readonly newestMs: number | undefined;
  /** Event times of accepted pushed events, milliseconds. */
  readonly eventMs: readonly number[];
  readonly cursor?: unknown;
  readonly backfilled: boolean;
  /** Nothing of the batch is history. */
  readonly fresh: boolean;
  readonly progress?: { readonly done: number; readonly total: number } | undefined;
}

/**
 * @returns whether what the batch counts is exposed at once. A source that has never been seen is live where it pushes and
 *   brings no history; else its backfill comes first.
 */
export function isLive(reading: SourceReading, state: SourceState | undefined): boolean {
  return state === undefined ? reading.way === 'push' && reading.fresh : state.live;
}

export async function readSourceStates(
  client: ClientBase,
  sources: readonly string[],
): Promise<Map<string, SourceState>> {
  const { rows } = await client.query<{
    source: string;
    live: boolean;
    backfilled: boolean;
    last_event_at: Date | null;
    gaps: Record<string, number[]> | null;
    pruned_to: Record<string, string> | null;
  }>({
    name: 'source_state_read',
    text: `select source, live_at is not null as live, backfilled, last_event_at, gaps, pruned_to
      from fleetlens.source_state where source = any($1)`,
    values: [sources],
  });
  return new Map(
    rows.map((row) => [
      row.source,
      {
        source: row.source,
        live: row.live,
        backfilled: row.backfilled,
        lastEventMs: row.last_event_at?.getTime(),
        gaps: row.gaps ?? {},
        prunedTo: row.pruned_to ?? {},
      },
    ]),
  );
}

/**
 * Adds the gaps between events to the histogram of their day, and drops days that are over.
 * @param eventMs unordered event times, milliseconds
 */
export function addGaps(
  gaps: Readonly<Record<string, readonly number[]>>,
  lastEventMs: number | undefined,
  eventMs: readonly number[],
  nowMs: number,
): Record<string, number[]> {
  const days: Record<string, number[]> = {};
  const today = Math.floor(nowMs / DAY_MS);
  for (const [day, cells] of Object.entries(gaps)) if (Number(day) > today - GAP_DAYS) days[day] = [...cells];
  let last = lastEventMs;
  for (const ms of [...eventMs].sort((a, b) => a - b)) {
    if (last !== undefined && ms > last) {
      const day = Math.floor(ms / DAY_MS);
      if (day > today - GAP_DAYS) {
        days[day] ??= new Array(GAP_CELLS).fill(0);
        const cells = days[day] as number[];
        const exponent = Math.ceil(Math.log2((ms - last) / 1000));
        const cell = Math.min(GAP_CELLS - 1, Math.max(0, exponent - GAP_EXPONENT_MIN));
        cells[cell] = (cells[cell] ?? 0) + 1;
      }
    }
    last = Math.max(last ?? 0, ms);
  }
  return days;
}

/** @returns the p99 of the gaps, seconds, as the upper edge of its power of two; undefined below 20 gaps: no habit yet. */
export function usualGapSeconds(gaps: Readonly<Record<string, readonly number[]>>): number | undefined {
  const cells = new Array<number>(GAP_CELLS).fill(0);
  for (const day of Object.values(gaps)) {
    day.forEach((count, i) => {
      cells[i] = (cells[i] ?? 0) + count;
    });
  }
  const total = cells.reduce((a, b) => a + b, 0);
  if (total < 20) return undefined;
  let seen = 0;
  const cell = cells.findIndex((count) => {
    seen += count;
    return seen >= total * 0.99;
  });
  return 2 ** (cell + GAP_EXPONENT_MIN);
}

/** Writes what the transaction read of its sources. */
export async function writeSourceReadings(
  client: ClientBase,
  readings: readonly SourceReading[],
  states: ReadonlyMap<string, SourceState>,
  nowMs: number,
  seq: number,
): Promise<void> {
  if (readings.length === 0) return;
  const rows = readings.map((r) => {
    const state = states.get(r.source);
    const last = Math.max(state?.lastEventMs ?? 0, ...(r.newestMs === undefined ? [] : [Math.min(r.newestMs, nowMs)]));
    return {
      source: r.source,
      way: r.way,
      cursor: r.cursor === undefined ? null : r.cursor,
      backfilled: r.backfilled,
      live: isLive(r, state),
      last_event: last > 0 ? new Date(last).toISOString() : null,
      progress: r.progress ?? null,
      gaps: r.way === 'push' ? addGaps(state?.gaps ?? {}, state?.lastEventMs, r.eventMs, nowMs) : null,
    };
  });
  await client.query({
    name: 'source_state_write',
    text: `insert into fleetlens.source_state as s (source, way, cursor, backfilled, live_at, last_event_at, progress, gaps, seq)
      select source, way, cursor, backfilled, case when live then now() end, last_event, progress, gaps, $2
      from jsonb_to_recordset($1::jsonb) as r(source text, way text, cursor jsonb, backfilled boolean, live boolean,
        last_event timestamptz, progress jsonb, gaps jsonb)
      on conflict (source) do update set
        cursor = coalesce(excluded.cursor, s.cursor),
        backfilled = s.backfilled or excluded.backfilled,
        last_event_at = greatest(s.last_event_at, excluded.last_event_at),
        progress = excluded.progress,
        gaps = coalesce(excluded.gaps, s.gaps),
        updated_at = now(),
        seq = excluded.seq`,
    values: [JSON.stringify(rows), seq],
  });
}

/** These sources count as catching up for a while. One whose backfill is under way does so anyway, until it ends. */
export async function noteHistory(client: ClientBase, sources: ReadonlySet<string>, seq: number): Promise<void> {
  await client.query({
    name: 'source_state_history',
    text: `update fleetlens.source_state set history_at = now(), seq = $2 where source = any($1) and live_at is not null`,
    values: [[...sources], seq],
  });
}

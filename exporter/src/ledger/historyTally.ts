import { type FamilyName, familyOf } from '../contract/metricCatalogue.ts';
import type { Kind } from '../contract/records.ts';

/** Older than this, what a source says is history: it did not happen now. */
export const HISTORY_AFTER_MS = 10 * 60_000;
/** How long a live source counts as catching up after it told history, also as SQL: every scraper sees it at least once. */
export const CATCHING_UP_MS = 5 * 60_000;
export const CATCHING_UP_FOR = `interval '${CATCHING_UP_MS / 1_000} seconds'`;

/** Of what a source tells in so long … */
const TALLY_MS = 5 * 60_000;
/** … so many old ones at least, … */
const LEAST_LATE = 5;
/** … and one in so many, are history. Fewer are stragglers: they count as now, and no rule waits for them. */
const ONE_LATE_IN = 10;

/** Told after the fact by habit, at a run's end or once a day; when it happened is said by the run. */
const TOLD_AFTERWARDS: ReadonlySet<Kind> = new Set<Kind>(['step', 'usage']);

interface Counted {
  readonly moves: readonly { readonly family: FamilyName }[];
}

/**
 * @param at RFC 3339; when it happened
 * @returns whether counters grew now by what happened long ago, which to increase() looks like now; undefined where none grew, or the time
 *   says nothing
 */
export function isLate(kind: Kind, at: string, { moves }: Counted, nowMs: number): boolean | undefined {
  const isCounted = !TOLD_AFTERWARDS.has(kind) && moves.some(({ family }) => familyOf(family).type !== 'gauge');
  return isCounted ? Date.parse(at) < nowMs - HISTORY_AFTER_MS : undefined;
}

/** What each source counted: all of it, and what was late. */
export type Told = Map<string, { counted: number; late: number }>;

/** Notes one thing that `source` counted. */
export function tell(told: Told, source: string, late: boolean): void {
  const sums = told.get(source);
  if (sums === undefined) told.set(source, { counted: 1, late: late ? 1 : 0 });
  else {
    sums.counted += 1;
    if (late) sums.late += 1;
  }
}

/** Tells history from stragglers: what sources told to this process in the last minutes. */
export class HistoryTally {
  readonly #sources = new Map<string, { sinceMs: number; counted: number; late: number }>();

  /** @returns those of the sources that tell history now */
  add(told: Told, nowMs: number): string[] {
    const tellHistory: string[] = [];
    for (const [source, { counted, late }] of told) {
      const known = this.#sources.get(source);
      const sums =
        known !== undefined && Math.abs(nowMs - known.sinceMs) < TALLY_MS
          ? known
          : { sinceMs: nowMs, counted: 0, late: 0 };
      this.#sources.set(source, sums);
      sums.counted += counted;
      sums.late += late;
      if (late > 0 && sums.late >= LEAST_LATE && sums.late * ONE_LATE_IN >= sums.counted) tellHistory.push(source);
    }
    return tellHistory;
  }
}

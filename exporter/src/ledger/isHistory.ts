import { type FamilyName, familyOf } from '../contract/metricCatalogue.ts';
import type { Kind } from '../contract/records.ts';

/** Older than this, what a source says is history: it did not happen now. */
export const HISTORY_AFTER_MS = 10 * 60_000;
/** How long a live source counts as catching up after it counted history, as SQL: every scraper sees it at least once. */
export const CATCHING_UP_FOR = "interval '5 minutes'";

/** Told after the fact by habit, at a run's end or once a day; when it happened is said by the run. */
const TOLD_AFTERWARDS: ReadonlySet<Kind> = new Set<Kind>(['step', 'usage']);

interface Counted {
  readonly moves: readonly { readonly family: FamilyName }[];
}

/** @returns whether counters grew now by what happened long ago: to increase() it looks like something that happens now. */
export function isHistory(kind: Kind, at: string, { moves }: Counted, nowMs: number): boolean {
  return (
    !TOLD_AFTERWARDS.has(kind) &&
    Date.parse(at) < nowMs - HISTORY_AFTER_MS &&
    moves.some(({ family }) => familyOf(family).type !== 'gauge')
  );
}

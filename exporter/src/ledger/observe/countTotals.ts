import type { FamilyName } from '../../contract/metricCatalogue.ts';
import type { Merged } from '../mergeEvent.ts';
import { isRestated } from './attempts.ts';
import type { Counted, Move } from './observe.ts';
import type { RecordView } from './recordView.ts';

/** A record before and after an event, and what the metrics see of it. */
export interface SampleChange {
  readonly before: Merged | undefined;
  readonly viewBefore: RecordView | undefined;
  readonly after: Merged;
  readonly view: RecordView;
}

/**
 * Others' totals: the first reading is the base, then what was added; a restart begins again at 0. A reading that says
 * nothing of a total leaves it, and adds nothing.
 * @returns what moves, and `counted` with it.
 */
export function countTotals(
  { before, viewBefore, after, view }: SampleChange,
  counted: readonly Counted[],
): { readonly moves: readonly Move[]; readonly counted: readonly Counted[] } {
  const moves: Move[] = [];
  const kept = [...counted];
  const add = (family: FamilyName, key: string, labels: readonly string[], value: number) => {
    if (value > 0) moves.push({ family, labels, value });
    const index = kept.findIndex((c) => c.key === key && c.family === family);
    const known = kept[index];
    if (known === undefined) kept.push({ family, key, labels, value });
    else if (value > 0) kept[index] = { ...known, value: known.value + value };
  };
  const now = view.serverRunId;
  const then = viewBefore?.serverRunId;
  const isOtherServer = now !== undefined && then !== undefined && now !== then;
  for (const { family, labels, total, field } of view.totals ?? []) {
    const key = `total:${labels.join(':')}`;
    const was = viewBefore?.totals?.find((t) => t.family === family && t.field === field);
    if (was === undefined || before === undefined) add(family, key, labels, 0);
    else if (isRestated(before, after, field)) {
      add(family, key, labels, isOtherServer || total < was.total ? total : total - was.total);
    }
  }
  for (const { family, labels, value, field } of view.increments ?? []) {
    if (before === undefined || isRestated(before, after, field)) {
      add(family, `errors:${labels.join(':')}`, labels, value);
    }
  }
  return { moves, counted: kept };
}

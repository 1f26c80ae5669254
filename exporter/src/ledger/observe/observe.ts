import { type FamilyName, familyOf } from '../../contract/metricCatalogue.ts';
import type { Kind } from '../../contract/records.ts';
import { type Doc, type Merged, overlay, stampOf } from '../mergeEvent.ts';
import { isOfThisAttempt, isOlderThanAttempt, isRestated, splitKey } from './attempts.ts';
import { countTotals } from './countTotals.ts';
import type { Fact, Part, RecordView, Spent, View, ViewContext } from './recordView.ts';
import { VIEWS } from './views.ts';

/** A fact that was counted, with the labels then known; it is kept with the record. */
export interface Counted {
  readonly family: FamilyName;
  readonly key: string;
  readonly labels: readonly string[];
  readonly value: number;
  /**
   * The fact stands in the record, but an earlier attempt stated and counted it: nothing was counted under this key. Names the
   * field that can state it anew.
   */
  readonly carried?: string;
  readonly spent?: Spent;
}

/** What the ledger remembers of a record. */
export interface RecordState extends Merged {
  readonly counted: readonly Counted[];
  /** What it contributes to gauges now. */
  readonly held: readonly Part[];
}

/** How much a series grows. */
export interface Move {
  readonly family: FamilyName;
  readonly labels: readonly string[];
  readonly value: number;
  readonly runId?: string;
  readonly at?: string;
  readonly spent?: Spent;
}

export interface Observation {
  readonly moves: readonly Move[];
  /** Gauge contributions that end and begin. */
  readonly ended: readonly Part[];
  readonly begun: readonly Part[];
  readonly births: NonNullable<RecordView['births']>;
  readonly resolves: readonly Part[];
  /** Families whose count this change contradicts; nothing moves for them. */
  readonly corrections: readonly FamilyName[];
  readonly counted: readonly Counted[];
  readonly held: readonly Part[];
}

/** Of a change that moves nothing. */
export const NO_CHANGE: Observation = {
  moves: [],
  ended: [],
  begun: [],
  births: [],
  resolves: [],
  corrections: [],
  counted: [],
  held: [],
};

export interface ObserveContext extends Omit<ViewContext, 'stampOf'> {
  /** Fields of an event that arrived after a later one had set them: what they would have counted is a correction. */
  readonly late?: Readonly<Record<string, unknown>>;
}

/** The label value that the cap on series folds others into. */
export const OTHER = '__other__';

function sameLabels(counted: readonly string[], now: readonly string[]): boolean {
  return counted.every((value, i) => value === now[i] || value === OTHER);
}

function find<T extends { readonly family: FamilyName; readonly key: string }>(
  list: readonly T[],
  family: FamilyName,
  key: string,
): T | undefined {
  return list.find((entry) => entry.key === key && entry.family === family);
}

function contradicts(counted: Counted, fact: Fact): boolean {
  return !sameLabels(counted.labels, fact.labels) || counted.value !== (fact.value ?? 1);
}

function viewOf(kind: Kind, doc: Doc, merged: Merged, context: ObserveContext): RecordView {
  const view = VIEWS[kind] as View<Kind>;
  // The document was validated against the contract where it entered, field by field.
  return view(doc as Parameters<typeof view>[0], { ...context, stampOf: (field) => stampOf(merged, field)?.[0] });
}

/**
 * Which counters, histograms and gauges a change of a record moves. Pure: the same two states give the same moves.
 * A fact moves once per (record, attempt, fact); what contradicts a counted fact is a correction and moves nothing.
 */
export function observe(
  kind: Kind,
  before: RecordState | undefined,
  after: Merged,
  context: ObserveContext,
): Observation {
  const view = viewOf(kind, after.doc, after, context);
  let cachedBefore: RecordView | undefined;
  const viewBefore = (state: RecordState) => {
    cachedBefore ??= viewOf(kind, state.doc, state, context);
    return cachedBefore;
  };
  const moves: Move[] = [];
  const corrections = new Set<FamilyName>();
  let counted = before?.counted ?? [];
  if (before !== undefined) {
    counted = carryAttempt(kind, before, after, view, viewBefore);
    for (const { family, key, carried } of counted) {
      if (carried === undefined) continue;
      const isNew = find(before.counted, family, key) === undefined;
      // The event with the number of the attempt came late: what this attempt states was counted for another one. Or one comes
      // late that states it again, for this attempt or the one before.
      if (isNew ? isOfThisAttempt(kind, after, carried) : isRestated(before, after, carried)) corrections.add(family);
    }
  }

  const fresh: Counted[] = [];
  for (const fact of view.facts) {
    const known = find(counted, fact.family, fact.key);
    if (known === undefined) {
      moves.push(moveOf(fact));
      fresh.push({
        family: fact.family,
        key: fact.key,
        labels: fact.labels,
        value: fact.value ?? 1,
        ...(fact.spent === undefined ? {} : { spent: fact.spent }),
      });
    } else if (before !== undefined && known.carried === undefined && contradicts(known, fact)) {
      // A contradiction counts when it begins, not again with every later event of the record.
      const was = find(viewBefore(before).facts, fact.family, fact.key);
      if (was === undefined || !sameLabels(was.labels, fact.labels) || was.value !== fact.value)
        corrections.add(fact.family);
    }
  }
  if (before !== undefined) {
    for (const known of counted) {
      const { family, key } = known;
      const { attempt } = splitKey(key);
      if (known.carried !== undefined) continue;
      if (attempt !== undefined && view.attempt !== undefined && attempt !== view.attempt) continue;
      if (find(view.facts, family, key) !== undefined) continue;
      const was = find(viewBefore(before).facts, family, key);
      if (was !== undefined && !mayPass(known, was, before)) corrections.add(family);
    }
    // Older failures stay settled up to where a success settled them, whatever its time becomes.
    for (const { family, labels, value } of view.resolves ?? []) {
      if (viewBefore(before).resolves?.some((r) => sameLabels(r.labels, labels) && r.value > value))
        corrections.add(family);
    }
  }
  if (context.late !== undefined) correctLate(context.late);
  if (fresh.length > 0) counted = [...counted, ...fresh];
  if (view.totals !== undefined) {
    const change = { before, viewBefore: before && viewBefore(before), after, view };
    const totals = countTotals(change, counted);
    moves.push(...totals.moves);
    counted = totals.counted;
  }

  const held = view.parts;
  const ended = (before?.held ?? []).filter((old) => !held.some((now) => samePart(old, now)));
  const begun = held.filter((now) => !(before?.held ?? []).some((old) => samePart(old, now)));
  return {
    moves,
    ended,
    begun,
    births: before === undefined || begun.length > 0 || moves.length > 0 ? (view.births ?? []) : [],
    resolves: view.resolves ?? [],
    corrections: [...corrections],
    counted,
    held,
  };

  /** What would have been counted, had the event come in time. */
  function correctLate(late: Readonly<Record<string, unknown>>): void {
    const would = viewOf(kind, overlay(after.doc, late), after, context);
    for (const fact of would.facts) {
      const known = find(counted, fact.family, fact.key) ?? find(fresh, fact.family, fact.key);
      if (known?.carried !== undefined) {
        // It stands from an earlier attempt; were the event of this one, it would have counted.
        if (fact.field !== undefined && fact.field in late) corrections.add(fact.family);
      } else if (known === undefined || contradicts(known, fact)) corrections.add(fact.family);
    }
    for (const { totals = [], increments = [] } of [view, would])
      for (const { family } of [...totals, ...increments]) corrections.add(family);
  }

  /** A fact may pass when its own field says otherwise; when other fields hide or rename it, what was counted is contradicted. */
  function mayPass(known: Counted, { passing, field }: Fact, was: RecordState): boolean {
    if (passing === undefined || field === undefined) return false;
    const withField = overlay(after.doc, { [field]: was.doc[field] });
    const still = find(viewOf(kind, withField, after, context).facts, known.family, known.key);
    return still !== undefined && !contradicts(known, still);
  }
}

function moveOf(fact: Fact): Move {
  return {
    family: fact.family,
    labels: fact.labels,
    value: fact.value ?? 1,
    ...(fact.runId === undefined ? {} : { runId: fact.runId }),
    ...(fact.at === undefined ? {} : { at: fact.at }),
    ...(fact.spent === undefined ? {} : { spent: fact.spent }),
  };
}

/**
 * What an earlier attempt counted and still stands in the record is not counted again for the attempt that begins, until an
 * event states it anew.
 * @returns what was counted, with entries for what is carried into this attempt.
 */
function carryAttempt(
  kind: Kind,
  before: RecordState,
  after: Merged,
  view: RecordView,
  viewBefore: (state: RecordState) => RecordView,
): readonly Counted[] {
  let { counted } = before;
  const isAnew = ({ carried }: Counted) =>
    carried !== undefined && isRestated(before, after, carried) && !isOlderThanAttempt(kind, after, carried);
  if (counted.some(isAnew)) counted = counted.filter((c) => !isAnew(c));
  if (view.attempt === undefined || !counted.some((c) => isOfOtherAttempt(c, view.attempt))) return counted;
  if (viewBefore(before).attempt === view.attempt) return counted;
  const stated = new Map(viewBefore(before).facts.map((fact) => [`${fact.family} ${fact.key}`, fact.field]));
  const carried = counted.flatMap((c) => {
    const { stem, attempt } = splitKey(c.key);
    if (attempt !== viewBefore(before).attempt) return [];
    const field = c.carried ?? stated.get(`${c.family} ${c.key}`);
    const key = `${stem}#${view.attempt}`;
    if (field === undefined || isRestated(before, after, field) || find(counted, c.family, key) !== undefined)
      return [];
    return [{ family: c.family, key, labels: c.labels, value: c.value, carried: field }];
  });
  return [...counted.filter((c) => c.carried === undefined), ...carried];
}

function isOfOtherAttempt({ key }: Counted, attempt: number | undefined): boolean {
  const of = splitKey(key).attempt;
  return of !== undefined && of !== attempt;
}

function samePart(a: Part, b: Part): boolean {
  return a.family === b.family && a.value === b.value && a.labels.every((value, i) => value === b.labels[i]);
}

/** @returns whether the family takes the least of its parts, rather than their sum. */
export function takesLeast(family: FamilyName): boolean {
  return familyOf(family).from === 'least';
}

import { type FamilyName, familyOf } from '../../contract/metricCatalogue.ts';
import type { Kind } from '../../contract/records.ts';
import { type Doc, type Merged, overlay, stampOf } from '../mergeEvent.ts';
import type { Fact, Part, RecordView, View, ViewContext } from './recordView.ts';
import { VIEWS } from './views.ts';

/** A fact that was counted, with the labels then known; it is kept with the record. */
export interface Counted {
  readonly family: FamilyName;
  readonly key: string;
  readonly labels: readonly string[];
  readonly value: number;
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

export interface ObserveContext extends Omit<ViewContext, 'stampOf'> {
  /** Fields of an event that arrived after a later one had set them: what they would have counted is a correction. */
  readonly late?: Readonly<Record<string, unknown>>;
}

/** The label value that the cap on series folds others into. */
export const OTHER = '__other__';

function sameLabels(counted: readonly string[], now: readonly string[]): boolean {
  return counted.every((value, i) => value === now[i] || value === OTHER);
}

function find(counted: readonly Counted[], family: FamilyName, key: string): Counted | undefined {
  return counted.find((c) => c.key === key && c.family === family);
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
  const moves: Move[] = [];
  const corrections = new Set<FamilyName>();
  let counted = before?.counted ?? [];
  let copied = false;
  const remember = (entry: Counted) => {
    if (!copied) {
      counted = [...counted];
      copied = true;
    }
    (counted as Counted[]).push(entry);
  };
  // A contradiction counts when it begins, not again with every later event of the record.
  let viewBefore: RecordView | undefined;
  const factBefore = (family: FamilyName, key: string): Fact | undefined => {
    if (before === undefined) return undefined;
    viewBefore ??= viewOf(kind, before.doc, before, context);
    return viewBefore.facts.find((f) => f.key === key && f.family === family);
  };

  for (const fact of view.facts) {
    const known = find(counted, fact.family, fact.key);
    const value = fact.value ?? 1;
    if (known === undefined) {
      moves.push({
        family: fact.family,
        labels: fact.labels,
        value,
        ...(fact.runId === undefined ? {} : { runId: fact.runId }),
        ...(fact.at === undefined ? {} : { at: fact.at }),
      });
      remember({ family: fact.family, key: fact.key, labels: fact.labels, value });
    } else if (contradicts(known, fact)) {
      const was = factBefore(fact.family, fact.key);
      if (was === undefined || !sameLabels(was.labels, fact.labels) || was.value !== fact.value)
        corrections.add(fact.family);
    }
  }
  for (const { family, key } of before?.counted ?? []) {
    const [, attempt] = key.split('#');
    if (attempt !== undefined && view.attempt !== undefined && Number(attempt) !== view.attempt) continue;
    if (view.facts.some((f) => f.key === key && f.family === family)) continue;
    const was = factBefore(family, key);
    if (was !== undefined && was.passing === undefined) corrections.add(family);
  }
  if (context.late !== undefined) {
    const would = viewOf(kind, overlay(after.doc, context.late), after, context);
    for (const fact of would.facts) {
      const known = find(counted, fact.family, fact.key);
      if (known === undefined || contradicts(known, fact)) corrections.add(fact.family);
    }
    for (const { family } of [...(would.totals ?? []), ...(would.increments ?? [])]) corrections.add(family);
  }
  if (view.totals !== undefined) countTotals();

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

  /** Others' totals: the first reading is the base, then what was added; a restart begins again at 0. */
  function countTotals(): void {
    const newer = before !== undefined && after.doc.at !== before.doc.at;
    viewBefore ??= before === undefined ? undefined : viewOf(kind, before.doc, before, context);
    const add = (family: FamilyName, key: string, labels: readonly string[], value: number) => {
      if (value > 0) moves.push({ family, labels, value });
      const known = find(counted, family, key);
      if (known !== undefined) counted = counted.filter((c) => c !== known);
      copied = known !== undefined || copied;
      remember({ family, key, labels, value: (known?.value ?? 0) + value });
    };
    for (const { family, labels, total } of view.totals ?? []) {
      const key = `total:${labels.join(':')}`;
      const was = viewBefore?.totals?.find((t) => t.family === family && t.labels.join(':') === labels.join(':'));
      if (was === undefined) {
        if (find(counted, family, key) === undefined) add(family, key, labels, 0);
      } else if (newer) {
        const restarted = total < was.total || view.serverRunId !== viewBefore?.serverRunId;
        add(family, key, labels, restarted ? total : total - was.total);
      }
    }
    for (const { family, labels, value } of before === undefined || newer ? (view.increments ?? []) : []) {
      add(family, `errors:${labels.join(':')}`, labels, value);
    }
  }
}

function samePart(a: Part, b: Part): boolean {
  return a.family === b.family && a.value === b.value && a.labels.every((value, i) => value === b.labels[i]);
}

/** @returns whether the family takes the least of its parts, rather than their sum. */
export function takesLeast(family: FamilyName): boolean {
  return familyOf(family).from === 'least';
}

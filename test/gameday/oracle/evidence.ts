import { combine, inWindow, type Point, type Span, type Steps, spansOf } from '../steps.ts';
import type { Happening, Timeline } from '../timeline.ts';
import { HOUR_MS, LEGACY, MINUTE_MS } from '../world.ts';

/** A stretch of time in which the condition of an alert held, without its `for`, by the words of the catalogue of alerts. */
export interface Condition {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spans: readonly Span[];
}

export type Labels = Readonly<Record<string, string>>;
export type EventHappening = Extract<Happening, { what: 'event' }>;

/** What came so late is history: no window of now has a place for it. */
export const LATE_MS = 10 * MINUTE_MS;

/** An incident is no part of the baseline that it is held against: that ended so long ago. The catalogue leaves open how long; it is as chosen. */
export const BASELINE_ENDED_MS = 6 * HOUR_MS;

export const time = (value: unknown): number => Date.parse(String(value));
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const once = (at: number): Point => ({ at, by: 1 });

/** What happened, and what was concluded of it. */
export class Evidence {
  readonly timeline: Timeline;
  readonly events: readonly EventHappening[];
  readonly conditions: Condition[] = [];

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.events = timeline.happenings.filter((h) => h.what === 'event');
  }

  /** Notes when a condition held. */
  readonly say = (alert: string, labels: Labels, holds: Steps<boolean>): void => {
    const spans = spansOf(holds, this.timeline.endMs);
    if (spans.length > 0) this.conditions.push({ alert, labels, spans });
  };

  readonly of = (kind: EventHappening['kind']): EventHappening[] => this.events.filter((event) => event.kind === kind);
}

/** What happened now, when it happened by its own word; counted where the word came in time. */
export function fresh(event: EventHappening): boolean {
  return event.at - event.saidAt < LATE_MS && event.source !== LEGACY;
}

export function groups<T, L extends Labels>(items: readonly T[], labelsOf: (item: T) => L): [L, T[]][] {
  return [...Map.groupBy(items, (item) => JSON.stringify(labelsOf(item)))].map(([key, group]) => [
    JSON.parse(key) as L,
    group,
  ]);
}

/** Whether so much of it is in the window that ends now. */
export function atLeast(points: readonly Point[], count: number, windowMs: number): Steps<boolean> {
  return combine([inWindow(points, windowMs)], (n = 0) => n >= count);
}

export function whileBetween(from: number, to: number): Steps<boolean> {
  return to <= from
    ? []
    : [
        { at: from, value: true },
        { at: to, value: false },
      ];
}

/** Since when the oldest of the things that are there now has been there. */
export function oldestOf(spans: readonly { from: number; to: number; since: number }[]): Steps<number | undefined> {
  const changes = spans
    .flatMap((span) => [
      { at: span.from, add: true, span },
      { at: span.to, add: false, span },
    ])
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const now = new Set<(typeof spans)[number]>();
  const steps: { at: number; value: number | undefined }[] = [];
  for (const { at, add, span } of changes) {
    if (add) now.add(span);
    else now.delete(span);
    const value = now.size === 0 ? undefined : Math.min(...[...now].map(({ since }) => since));
    if (steps.at(-1)?.at === at) steps.pop();
    if (steps.at(-1)?.value !== value) steps.push({ at, value });
  }
  return steps;
}

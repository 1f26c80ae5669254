/**
 * Values over time, as the oracle computes with them. Times are milliseconds since 1970. A list of steps holds from each `at` on
 * until the next one; before the first the value is not known.
 */
export type Steps<T> = readonly { readonly at: number; readonly value: T }[];

/** Something that happened `by` times. */
export interface Point {
  readonly at: number;
  readonly by: number;
}

/** A stretch of time, `to` not included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** @returns the running sum of the points, 0 from the beginning of time. */
export function sumOf(points: readonly Point[]): Steps<number> {
  const steps: { at: number; value: number }[] = [{ at: Number.NEGATIVE_INFINITY, value: 0 }];
  let value = 0;
  for (const { at, by } of [...points].sort((a, b) => a.at - b.at)) {
    value += by;
    const last = steps.at(-1);
    if (last?.at === at) last.value = value;
    else steps.push({ at, value });
  }
  return steps;
}

/** @returns how much happened in the window that ends now: a point counts from its time until the window has left it behind. */
export function inWindow(points: readonly Point[], windowMs: number): Steps<number> {
  return sumOf(
    points.flatMap(({ at, by }) => [
      { at, by },
      { at: at + windowMs, by: -by },
    ]),
  );
}

/** The steps as they were `byMs` ago. */
export function ago<T>(steps: Steps<T>, byMs: number): Steps<T> {
  return steps.map(({ at, value }) => ({ at: at + byMs, value }));
}

/** Computes a value from others wherever one of them changes. A list that is not known yet counts as undefined. */
export function combine<T extends readonly unknown[], R>(
  lists: { readonly [I in keyof T]: Steps<T[I]> },
  compute: (...values: { [I in keyof T]: T[I] | undefined }) => R,
): Steps<R> {
  const times = [...new Set(lists.flatMap((list) => list.map(({ at }) => at)))].sort((a, b) => a - b);
  const places = lists.map(() => -1);
  const result: { at: number; value: R }[] = [];
  for (const at of times) {
    const values = lists.map((list, i) => {
      let place = places[i] as number;
      while (place + 1 < list.length && (list[place + 1] as { at: number }).at <= at) place += 1;
      places[i] = place;
      return place < 0 ? undefined : (list[place] as { value: unknown }).value;
    });
    const value = compute(...(values as { [I in keyof T]: T[I] | undefined }));
    if (result.at(-1)?.value !== value) result.push({ at, value });
  }
  return result;
}

/** @returns when a point in time lies more than `ageMs` back; undefined has no age. */
export function olderThan(since: Steps<number | undefined>, ageMs: number): Steps<boolean> {
  return atDeadline(since.map(({ at, value }) => ({ at, value: value === undefined ? undefined : value + ageMs })));
}

/** @returns whether the deadline that holds is over. */
export function atDeadline(deadlines: Steps<number | undefined>): Steps<boolean> {
  const result: { at: number; value: boolean }[] = [];
  const add = (at: number, value: boolean) => {
    if (result.at(-1)?.value !== value) result.push({ at, value });
  };
  deadlines.forEach(({ at, value }, i) => {
    const next = deadlines[i + 1]?.at ?? Number.POSITIVE_INFINITY;
    if (value === undefined || value >= next) add(at, false);
    else if (value <= at) add(at, true);
    else {
      add(at, false);
      add(value, true);
    }
  });
  return result;
}

/** @returns the stretches in which it is true, up to `endMs`. */
export function spansOf(steps: Steps<boolean>, endMs: number): Span[] {
  return joinSpans(
    steps.flatMap(({ at, value }, i) => {
      const to = Math.min(steps[i + 1]?.at ?? endMs, endMs);
      return value && to > at ? [{ from: at, to }] : [];
    }),
  );
}

/** Joins stretches that touch or lie closer than `gapMs`. */
export function joinSpans(spans: readonly Span[], gapMs = 0): Span[] {
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to + gapMs) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

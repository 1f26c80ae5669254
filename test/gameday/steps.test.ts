import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ago, atDeadline, combine, inWindow, joinSpans, olderThan, type Steps, spansOf } from './steps.ts';

const valueAt = <T>(steps: Steps<T>, at: number) => steps.findLast((step) => step.at <= at)?.value;

it('a window holds what happened in it, whenever one looks', () => {
  const points = fc.array(fc.record({ at: fc.integer({ min: 0, max: 60 }), by: fc.integer({ min: 1, max: 5 }) }));
  fc.assert(
    fc.property(points, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 90 }), (some, windowMs, now) => {
      const inside = some.filter(({ at }) => at <= now && at > now - windowMs);
      expect(valueAt(inWindow(some, windowMs), now)).toBe(inside.reduce((sum, { by }) => sum + by, 0));
    }),
  );
});

it('combines lists as their values stand at each moment', () => {
  const list = fc.uniqueArray(fc.record({ at: fc.integer({ min: 0, max: 30 }), value: fc.integer() }), {
    selector: ({ at }) => at,
  });
  const sorted = list.map((steps) => steps.sort((a, b) => a.at - b.at));
  fc.assert(
    fc.property(sorted, sorted, fc.integer({ min: 0, max: 40 }), (a, b, now) => {
      if (a.length + b.length === 0 || now < Math.min(...[...a, ...b].map(({ at }) => at))) return;
      const pair = combine([a, b], (x, y) => `${x} ${y}`);
      expect(valueAt(pair, now)).toBe(`${valueAt(a, now)} ${valueAt(b, now)}`);
    }),
  );
});

it('a thing grows old while it stays, and is young again when another takes its place', () => {
  const since: Steps<number | undefined> = [
    { at: 10, value: 10 },
    { at: 50, value: 48 },
    { at: 60, value: undefined },
  ];
  expect(spansOf(olderThan(since, 20), 100)).toEqual([{ from: 30, to: 50 }]);
  expect(spansOf(olderThan(since, 5), 100)).toEqual([
    { from: 15, to: 50 },
    { from: 53, to: 60 },
  ]);
  expect(spansOf(atDeadline(ago([{ at: 0, value: 5 }], 10)), 20)).toEqual([{ from: 10, to: 20 }]);
});

it('joins what touches or lies closer than asked', () => {
  const spans = [
    { from: 5, to: 8 },
    { from: 1, to: 3 },
    { from: 3, to: 4 },
  ];
  expect(joinSpans(spans)).toEqual([
    { from: 1, to: 4 },
    { from: 5, to: 8 },
  ]);
  expect(joinSpans(spans, 1)).toEqual([{ from: 1, to: 8 }]);
});

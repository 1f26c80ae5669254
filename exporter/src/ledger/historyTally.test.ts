import { expect, it } from 'vitest';
import { HistoryTally } from './historyTally.ts';

const MINUTE_MS = 60_000;
const of = (counted: number, late: number) => new Map([['s', { counted, late }]]);

it.each([
  ['five of fifty', 50, 5, ['s']],
  ['four, however few came beside them', 4, 4, []],
  ['five of fifty-one', 51, 5, []],
])('%s that are old', (_what, counted, late, told) => {
  expect(new HistoryTally().add(of(counted, late), 0)).toEqual(told);
});

it('adds up what comes within five minutes, and of each source apart', () => {
  const tally = new HistoryTally();
  expect(tally.add(of(3, 3), 0)).toEqual([]);
  expect(tally.add(new Map([['other', { counted: 4, late: 4 }]]), MINUTE_MS)).toEqual([]);
  expect(tally.add(of(2, 2), 4 * MINUTE_MS)).toEqual(['s']);
});

it('begins anew after five minutes, and where the clock is set back', () => {
  const tally = new HistoryTally();
  tally.add(of(4, 4), 10 * MINUTE_MS);
  expect(tally.add(of(1, 1), 15 * MINUTE_MS)).toEqual([]);
  tally.add(of(3, 3), 15 * MINUTE_MS);
  expect(tally.add(of(1, 1), 9 * MINUTE_MS)).toEqual([]);
});

it('what is fresh says nothing of history, also right after some', () => {
  const tally = new HistoryTally();
  expect(tally.add(of(10, 10), 0)).toEqual(['s']);
  expect(tally.add(of(1, 0), 1)).toEqual([]);
});

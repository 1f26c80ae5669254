import { describe, expect, it } from 'vitest';
import { scorePages } from './score.ts';
import type { Outage } from './timeline.ts';
import { HOUR_MS, MINUTE_MS, REPLICAS } from './world.ts';

const SECOND_MS = 1_000;
type Span = readonly [fromMs: number, toMs: number];
const span = ([from, to]: Span) => ({ from, to });
const minutes = (from: number, to: number): Span => [from * MINUTE_MS, to * MINUTE_MS];

/** A rule with a `for` of 15 minutes, evaluated every minute. */
function score(held: readonly Span[], paged: readonly Span[], outages: readonly Outage[] = []) {
  const alert = 'FleetRunStuck';
  const labels = { source: 'main' };
  const pages = paged.map((one) => ({ alert, labels, ...span(one), wasInhibited: false }));
  return scorePages({
    timeline: { seed: 's', startMs: 0, endMs: 5 * HOUR_MS, happenings: [], outages, incidents: [], oddities: [] },
    conditions: [{ alert, labels, spans: held.map(span) }],
    rules: [{ record: undefined, alert, expr: 'x', forMs: 15 * MINUTE_MS, keepFiringForMs: 0, labels: {} }],
    firings: pages,
    pages,
    intervalMs: MINUTE_MS,
    wasBorn: () => false,
  });
}
const figures = ({ falsePages, duplicatePages, expected }: ReturnType<typeof score>) => ({
  false: falsePages.length,
  twice: duplicatePages.length,
  results: expected.map(({ result }) => result),
});

describe('a page', () => {
  it('is due two evaluations after its condition held for long enough', () => {
    expect(figures(score([minutes(10, 60)], [minutes(27, 60)]))).toEqual({ false: 0, twice: 0, results: ['found'] });
    expect(figures(score([minutes(10, 60)], [minutes(28, 60)]))).toEqual({ false: 0, twice: 0, results: ['late'] });
    expect(figures(score([minutes(10, 60)], []))).toEqual({ false: 0, twice: 0, results: ['missed'] });
  });

  it('is false where its condition did not hold, or not for long enough', () => {
    expect(figures(score([], [minutes(27, 60)])).false).toBe(1);
    expect(figures(score([minutes(10, 24)], [minutes(20, 60)])).false).toBe(1);
    expect(figures(score([minutes(10, 60)], [minutes(63, 70)])).false).toBe(1);
  });

  it('is not false for a break that no evaluation sees', () => {
    const broken = (ms: number): Span[] => [minutes(10, 20), [20 * MINUTE_MS + ms, 30 * MINUTE_MS]];
    expect(figures(score(broken(15 * SECOND_MS), [minutes(25, 32)])).false).toBe(0);
    expect(figures(score(broken(90 * SECOND_MS), [minutes(25, 32)])).false).toBe(1);
  });

  it('is told twice while its condition goes on, be it that the exporter starts anew; not where that takes long', () => {
    const gone = (from: number, to: number): Outage => ({
      of: 'replica',
      replica: REPLICAS[0],
      ...span(minutes(from, to)),
    });
    const twice = [minutes(25, 50), minutes(70, 100)];
    expect(figures(score([minutes(10, 100)], twice)).twice).toBe(1);
    expect(figures(score([minutes(10, 100)], twice, [gone(50, 52)])).twice).toBe(1);
    expect(figures(score([minutes(10, 100)], twice, [gone(50, 54)])).twice).toBe(0);
    expect(figures(score([minutes(10, 50), minutes(55, 100)], twice)).twice).toBe(0);
  });
});

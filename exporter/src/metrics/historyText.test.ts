import { describe, expect, it } from 'vitest';
import type { Growth, SeriesHistory } from '../ledger/history/readHistory.ts';
import { NanoSum } from '../ledger/nano.ts';
import { countSamples, historyText } from './historyText.ts';

const MINUTE = 60_000;

function growth(value: number, buckets?: number[]): Growth {
  const sum = new NanoSum();
  sum.add(value);
  return { sum, count: buckets === undefined ? 0 : buckets.reduce((a, b) => a + b, 0), buckets };
}

const sandboxes = (growths: [number, number][], base?: number): SeriesHistory => ({
  family: 'fleet_sandboxes_created_total',
  labels: ['s', 'p'],
  base: base === undefined ? undefined : growth(base),
  growths: new Map(growths.map(([minute, value]) => [minute * MINUTE, growth(value)])),
});

/** [minute, value] of the samples of a counter. */
function samples(
  history: SeriesHistory,
  options: { since?: number; until: number; dense?: boolean },
): [number, number][] {
  const { since = 0, until, dense = false } = options;
  const range = { stepMs: MINUTE, sinceMs: since * MINUTE, untilMs: until * MINUTE, dense };
  const text = [...historyText([history], range)].join('');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(countSamples([history], range)).toBe(lines.length);
  return lines.map((line) => {
    const [value, time] = line.split(' ').slice(-2).map(Number) as [number, number];
    return [time / 60, value];
  });
}

describe('historyText', () => {
  it('begins at 0 a step before the first growth, and pauses while quiet until a step before the next', () => {
    expect(
      samples(
        sandboxes([
          [5, 2],
          [40, 1],
        ]),
        { until: 60 },
      ),
    ).toEqual([
      [4, 0],
      ...Array.from({ length: 11 }, (_, i) => [5 + i, 2]),
      [39, 2],
      ...Array.from({ length: 11 }, (_, i) => [40 + i, 3]),
      [60, 3],
    ]);
  });

  it('has every step when asked', () => {
    const dense = samples(
      sandboxes([
        [5, 2],
        [40, 1],
      ]),
      { until: 60, dense: true },
    );
    expect(dense.map(([minute]) => minute)).toEqual(Array.from({ length: 57 }, (_, i) => 4 + i));
  });

  it('begins with what was before the range, and with what pruned records had counted', () => {
    expect(
      samples(
        sandboxes(
          [
            [5, 2],
            [40, 1],
          ],
          10,
        ),
        { since: 30, until: 41 },
      ),
    ).toEqual([
      [30, 12],
      [39, 12],
      [40, 13],
      [41, 13],
    ]);
  });

  it('writes histograms as OpenMetrics wants them, family by family', () => {
    const queue: SeriesHistory = {
      family: 'fleet_run_queue_seconds',
      labels: ['s', 'p', 'w'],
      base: undefined,
      growths: new Map([[MINUTE, growth(0.5, [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]]),
    };
    const range = { stepMs: MINUTE, sinceMs: 0, untilMs: MINUTE, labels: { job: 'fleetlens' } };
    const text = [...historyText([sandboxes([[1, 1]]), queue], range)].join('');
    expect(text.match(/^# TYPE .*$/gm)).toEqual([
      '# TYPE fleet_run_queue_seconds histogram',
      '# TYPE fleet_sandboxes_created counter',
    ]);
    expect(text).toContain(
      'fleet_run_queue_seconds_bucket{source="s",project="p",workflow="w",job="fleetlens",le="0.1"} 0 60\n',
    );
    expect(text).toContain(',le="1.0"} 1 60\n');
    expect(text).toContain(',le="+Inf"} 1 60\n');
    expect(text).toContain('fleet_run_queue_seconds_sum{source="s",project="p",workflow="w",job="fleetlens"} 0.5 60\n');
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { familyOf } from '../contract/metricCatalogue.ts';
import { NOTHING_YET, SeriesText } from './seriesText.ts';

const exemplar = (runId: string, value: number) => ({ runId, source: 's', value, at: 1_700_000_000 });

describe('a histogram', () => {
  const series = () => new SeriesText(familyOf('fleet_run_iterations'), ['s', 'a"b', '']);
  const shown = { value: 17.5, count: 6, buckets: [1, 0, 2, 0, 0, 0, 0, 1, 2] };

  it('has cumulative buckets up to +Inf, sum and count', () => {
    expect(series().render(shown, undefined, 'text').trimEnd().split('\n')).toEqual([
      ...[1, 2, 3, 4, 5, 8, 13, 21].map(
        (edge, i) =>
          `fleet_run_iterations_bucket{source="s",project="a\\"b",workflow="",le="${edge}"} ${[1, 1, 3, 3, 3, 3, 3, 4][i]}`,
      ),
      'fleet_run_iterations_bucket{source="s",project="a\\"b",workflow="",le="+Inf"} 6',
      'fleet_run_iterations_sum{source="s",project="a\\"b",workflow=""} 17.5',
      'fleet_run_iterations_count{source="s",project="a\\"b",workflow=""} 6',
    ]);
  });

  it('has exemplars in OpenMetrics alone, on the buckets that they fell into', () => {
    const exemplars = { 2: exemplar('run-3', 3), 8: exemplar('x'.repeat(200), 30) };
    expect(series().render(shown, exemplars, 'text')).not.toContain('run-3');
    const lines = series().render(shown, exemplars, 'openmetrics').split('\n');
    expect(lines.filter((line) => line.includes(' # '))).toEqual([
      'fleet_run_iterations_bucket{source="s",project="a\\"b",workflow="",le="3.0"} 3 # {run_id="run-3",source="s"} 3 1700000000.000',
    ]);
  });

  it('without anything yet is all zeros', () => {
    const values = series()
      .render(NOTHING_YET, undefined, 'text')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').at(-1));
    expect(values).toEqual(new Array(11).fill('0'));
  });

  it('gives either format after the other', () => {
    const one = series();
    const text = one.render(shown, undefined, 'text');
    expect(one.render(shown, undefined, 'openmetrics')).toContain('le="1.0"');
    expect(one.render(shown, undefined, 'text')).toBe(text);
  });
});

it('a summary has sum and count', () => {
  const series = new SeriesText(familyOf('fleet_quality_dimension_score'), ['s', 'p', 'w', 'correctness']);
  const labels = '{source="s",project="p",workflow="w",dimension="correctness"}';
  expect(series.render({ value: 150, count: 2, buckets: undefined }, undefined, 'text')).toBe(
    `fleet_quality_dimension_score_sum${labels} 150\nfleet_quality_dimension_score_count${labels} 2\n`,
  );
});

it('a counter keeps its _total in both formats', () => {
  const series = new SeriesText(familyOf('fleet_runs_lost_total'), ['s', 'p', 'w']);
  for (const format of ['text', 'openmetrics'] as const)
    expect(series.render({ value: 3, count: 0, buckets: undefined }, undefined, format)).toBe(
      'fleet_runs_lost_total{source="s",project="p",workflow="w"} 3\n',
    );
});

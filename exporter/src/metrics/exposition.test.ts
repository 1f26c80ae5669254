import { describe, expect, it } from 'vitest';
import {
  acceptsGzip,
  escapeLabel,
  familyHeader,
  formatEdge,
  formatExemplar,
  formatFor,
  formatNumber,
  labelPairs,
} from './exposition.ts';

describe('formatFor', () => {
  it.each<[string, string | undefined, 'text' | 'openmetrics']>([
    [
      'Prometheus 2.42',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'Prometheus 2.26, which knows a draft only',
      'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'text',
    ],
    [
      'Prometheus 3.0',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    [
      'Prometheus 3 with native histograms',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    [
      'Prometheus 3 told to take PrometheusText first',
      'text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1',
      'text',
    ],
    ['curl', '*/*', 'text'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    ['nothing', undefined, 'text'],
    ['an empty header', '', 'text'],
    ['OpenMetrics alone', 'application/openmetrics-text', 'openmetrics'],
    ['a quoted version', 'application/openmetrics-text; version="1.0.0"', 'openmetrics'],
    ['a version to come', 'application/openmetrics-text; version=2.0.0', 'text'],
    ['other case', 'Application/OpenMetrics-Text; Version=1.0.0; Q=0.9, Text/Plain; Q=0.5', 'openmetrics'],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0, text/plain;q=0.1', 'text'],
    ['both alike', 'text/plain, application/openmetrics-text', 'openmetrics'],
    [
      'a range for everything that is liked better than plain text',
      'text/plain;q=0.1, application/openmetrics-text;q=0.5, */*;q=0.9',
      'openmetrics',
    ],
    ['a range that covers plain text', 'application/openmetrics-text;q=0.5, text/*;q=0.9', 'text'],
    ['a quality that is no number', 'application/openmetrics-text;q=high', 'text'],
  ])('%s', (_name, accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });
});

it.each<[string | undefined, boolean]>([
  ['gzip', true],
  ['gzip, deflate, br', true],
  ['GZIP;q=0.5', true],
  ['*', true],
  ['deflate, gzip;q=0', false],
  ['gzip;q=0, *', false],
  ['br', false],
  ['identity', false],
  ['', false],
  [undefined, false],
])('Accept-Encoding %s takes gzip: %s', (header, taken) => {
  expect(acceptsGzip(header)).toBe(taken);
});

describe('labels and numbers', () => {
  it('escapes what the formats escape, and nothing else', () => {
    expect(escapeLabel('a"b\\c\nd')).toBe('a\\"b\\\\c\\nd');
    expect(escapeLabel('größe 🚀 {}=,#\t\r')).toBe('größe 🚀 {}=,#\t\r');
    expect(labelPairs(['a', 'b'], ['1', 'x"y'])).toBe('a="1",b="x\\"y"');
    expect(labelPairs(['a', 'b'], ['1'])).toBe('a="1",b=""');
    expect(labelPairs([], [])).toBe('');
  });

  it('writes numbers as the formats read them', () => {
    expect(
      [1, 0.1, -0, 1e21, 1e-9, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(formatNumber),
    ).toEqual(['1', '0.1', '0', '1e+21', '1e-9', '+Inf', '-Inf', 'NaN']);
  });

  it('writes edges as floats in OpenMetrics, as the shortest number in the text format', () => {
    expect([1, 0.5, 14400, Number.POSITIVE_INFINITY].map((e) => formatEdge(e, 'openmetrics'))).toEqual([
      '1.0',
      '0.5',
      '14400.0',
      '+Inf',
    ]);
    expect([1, 0.5, 14400, Number.POSITIVE_INFINITY].map((e) => formatEdge(e, 'text'))).toEqual([
      '1',
      '0.5',
      '14400',
      '+Inf',
    ]);
  });
});

describe('familyHeader', () => {
  const counter = { name: 'fleet_cost_usd_total', type: 'counter', help: 'Cost "so far".\nAll \\ of it.', unit: 'usd' };

  it('text: HELP, then TYPE, with the name of the samples', () => {
    expect(familyHeader(counter, 'text')).toBe(
      '# HELP fleet_cost_usd_total Cost "so far".\\nAll \\\\ of it.\n# TYPE fleet_cost_usd_total counter\n',
    );
  });

  it('OpenMetrics: a counter without its _total, a unit where it ends the name, quotes escaped', () => {
    expect(familyHeader(counter, 'openmetrics')).toBe(
      '# TYPE fleet_cost_usd counter\n# UNIT fleet_cost_usd usd\n# HELP fleet_cost_usd Cost \\"so far\\".\\nAll \\\\ of it.\n',
    );
    const ratio = { name: 'fleet_quality_score', type: 'histogram', help: 'h', unit: 'seconds' };
    expect(familyHeader(ratio, 'openmetrics')).toBe(
      '# TYPE fleet_quality_score histogram\n# HELP fleet_quality_score h\n',
    );
  });
});

describe('formatExemplar', () => {
  const names = 'run_idsource'.length;
  const exemplar = (runId: string) => ({ runId, source: 's', value: 0.5, at: 1_700_000_000.1234 });

  it('names run and source, with value and time in seconds', () => {
    expect(formatExemplar(exemplar('a"b\\\n'))).toBe(' # {run_id="a\\"b\\\\\\n",source="s"} 0.5 1700000000.123');
  });

  it('of 128 characters is kept, of one more left out; an emoji is one character', () => {
    const longest = 128 - names - 1;
    expect(formatExemplar(exemplar('x'.repeat(longest)))).toContain(`"${'x'.repeat(longest)}"`);
    expect(formatExemplar(exemplar('x'.repeat(longest + 1)))).toBe('');
    expect(formatExemplar(exemplar('🚀'.repeat(longest)))).toContain('🚀');
    expect(formatExemplar(exemplar('🚀'.repeat(longest + 1)))).toBe('');
  });
});

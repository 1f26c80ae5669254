import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { METRIC_CATALOGUE } from '../contract/metricCatalogue.ts';
import { createSelfRegistry, renderSelfMetrics, selfCounter, selfGauge, selfHistogram } from './selfMetrics.ts';

const all = { allows: () => true, onFailure: (_family: string, error: unknown) => expect.unreachable(String(error)) };

describe('renderSelfMetrics', () => {
  it('writes counters, gauges and histograms in both formats', async () => {
    const registry = new Registry();
    new Counter({ name: 'a_total', help: 'Of "a".', labelNames: ['x'], registers: [registry] }).inc({ x: 'q"\\\n' }, 2);
    new Counter({ name: 'odd', help: 'o', registers: [registry] }).inc();
    new Gauge({ name: 'b', help: 'b', registers: [registry] }).set(Number.POSITIVE_INFINITY);
    new Histogram({ name: 'c_seconds', help: 'c', buckets: [0.5, 1], registers: [registry] }).observe(0.7);
    const histogram = (one: string) => [
      'c_seconds_bucket{le="0.5"} 0',
      `c_seconds_bucket{le="${one}"} 1`,
      'c_seconds_bucket{le="+Inf"} 1',
      'c_seconds_sum 0.7',
      'c_seconds_count 1',
    ];
    expect((await renderSelfMetrics(registry, 'text', all)).trimEnd().split('\n')).toEqual([
      '# HELP a_total Of "a".',
      '# TYPE a_total counter',
      'a_total{x="q\\"\\\\\\n"} 2',
      '# HELP odd o',
      '# TYPE odd counter',
      'odd 1',
      '# HELP b b',
      '# TYPE b gauge',
      'b +Inf',
      '# HELP c_seconds c',
      '# TYPE c_seconds histogram',
      ...histogram('1'),
    ]);
    expect((await renderSelfMetrics(registry, 'openmetrics', all)).trimEnd().split('\n')).toEqual([
      '# TYPE a counter',
      '# HELP a Of \\"a\\".',
      'a_total{x="q\\"\\\\\\n"} 2',
      // OpenMetrics has no counter without _total.
      '# TYPE odd unknown',
      '# HELP odd o',
      'odd 1',
      '# TYPE b gauge',
      '# HELP b b',
      'b +Inf',
      '# TYPE c_seconds histogram',
      '# HELP c_seconds c',
      ...histogram('1.0'),
    ]);
  });

  it('a collector that throws loses its own family and no other', async () => {
    const registry = new Registry();
    const broken = new Error('no such file');
    new Gauge({ name: 'before', help: 'b', registers: [registry] }).set(1);
    new Gauge({
      name: 'broken',
      help: 'b',
      registers: [registry],
      collect() {
        throw broken;
      },
    });
    new Gauge({ name: 'rejects', help: 'b', registers: [registry], collect: () => Promise.reject(broken) });
    new Gauge({ name: 'after', help: 'b', registers: [registry] }).set(2);
    const failures: [string, unknown][] = [];
    const text = await renderSelfMetrics(registry, 'text', {
      allows: () => true,
      onFailure: (family, error) => failures.push([family, error]),
    });
    expect([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1])).toEqual(['before', 'after']);
    expect(failures).toEqual([
      ['broken', broken],
      ['rejects', broken],
    ]);
  });

  it('asks no collector of a family that is not allowed', async () => {
    const registry = new Registry();
    new Gauge({ name: 'asked', help: 'b', registers: [registry], collect: () => expect.unreachable() });
    expect(await renderSelfMetrics(registry, 'text', { ...all, allows: (family) => family !== 'asked' })).toBe('');
  });
});

it('the registry of a process has no gauge under a name that only a counter may have', async () => {
  const registry = createSelfRegistry({ version: '1.2.3', revision: 'abc' });
  const text = await renderSelfMetrics(registry, 'text', all);
  expect(text).toContain(`fleetlens_build_info{version="1.2.3",revision="abc",node="${process.version}"} 1`);
  expect([...text.matchAll(/^# TYPE (\S+_total) (?!counter)/gm)]).toEqual([]);
  expect(text).toContain('# TYPE process_resident_memory_bytes gauge');
});

it('every family about itself can be made from the catalogue', () => {
  const registry = new Registry();
  for (const { name, type, from } of METRIC_CATALOGUE) {
    if (from !== 'self') continue;
    if (type === 'counter') selfCounter(registry, name);
    else if (type === 'histogram') selfHistogram(registry, name);
    else selfGauge(registry, name);
    expect(registry.getSingleMetric(name)).toBeDefined();
  }
  expect(registry.getMetricsAsArray().length).toBeGreaterThan(10);
});

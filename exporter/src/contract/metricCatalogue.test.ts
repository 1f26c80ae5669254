import { expect, it } from 'vitest';
import { promtoolCheckMetrics } from '../../../test/support/promtool.ts';
import { METRIC_CATALOGUE, type MetricFamily } from './metricCatalogue.ts';

/** A family with one sample: promtool passes over those that have none. */
function exposed({ name, help, type, labels }: MetricFamily): string {
  const pairs = labels.map((label) => `${label}="x"`);
  const line = (suffix: string, ...more: string[]) => {
    const all = [...pairs, ...more].join(',');
    return `${name}${suffix}${all === '' ? '' : `{${all}}`} 1\n`;
  };
  const head = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
  if (type === 'histogram') return head + line('_bucket', 'le="+Inf"') + line('_sum') + line('_count');
  if (type === 'summary') return head + line('_sum') + line('_count');
  return head + line('');
}

it('promtool has nothing to say about any family, also of those that are rarely exposed', async () => {
  const all = METRIC_CATALOGUE.map(exposed).join('');
  expect(await promtoolCheckMetrics(all)).toEqual({ exitCode: 0, output: '' });
});

import { expect, it } from 'vitest';
import { promtoolCheckMetrics } from './promtool.ts';

const GOOD = '# HELP jobs_done_total Jobs done.\n# TYPE jobs_done_total counter\njobs_done_total 3\n';

it('is silent on a good exposition', async () => {
  expect(await promtoolCheckMetrics(GOOD)).toEqual({ exitCode: 0, output: '' });
});

it('reports lint findings and syntax errors', async () => {
  const lint = await promtoolCheckMetrics(GOOD.replaceAll('jobs_done_total', 'jobs_done'));
  expect(lint.output).toContain('counter metrics should have "_total" suffix');
  expect(lint.exitCode).not.toBe(0);
  const broken = await promtoolCheckMetrics('jobs_done_total{queue=} 3\n');
  expect(broken.output).toContain('expected');
  expect(broken.exitCode).not.toBe(0);
});

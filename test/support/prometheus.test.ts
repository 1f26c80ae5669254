import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onFreePort } from './freePort.ts';
import { type PrometheusServer, startPrometheus } from './prometheus.ts';
import { waitFor } from './waitFor.ts';

const EXPOSITION = `# TYPE jobs_done counter
# HELP jobs_done Jobs done.
jobs_done_total{queue="default"} 3 # {run_id="run-7"} 1
# TYPE load gauge
# HELP load Load.
load +Inf
# EOF
`;

const target = createServer((_request, response) => {
  response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  response.end(EXPOSITION);
});
let address: string;
let prometheus: PrometheusServer;

beforeAll(async () => {
  address = await onFreePort(async (port) => {
    target.listen(port, '127.0.0.1');
    await once(target, 'listening');
    return `127.0.0.1:${port}`;
  });
  prometheus = await startPrometheus({
    targets: [`http://${address}`],
    ruleFiles: {
      'rules.yml': { groups: [{ name: 'test', rules: [{ record: 'jobs:doubled', expr: 'jobs_done_total * 2' }] }] },
    },
  });
});
afterAll(async () => {
  await prometheus.stop();
  target.close();
});

it('scrapes, evaluates rules and answers queries', async () => {
  const [doubled] = await waitFor(() => prometheus.query('jobs:doubled'), { what: 'the recorded series' });
  expect(doubled?.value).toBe(6);
  const [sample] = await prometheus.query('jobs_done_total');
  expect(sample).toMatchObject({ value: 3, metric: { queue: 'default', instance: address, job: 'fleetlens' } });
  expect(await prometheus.query('load')).toMatchObject([{ value: Number.POSITIVE_INFINITY }]);
  expect(await prometheus.query('scalar(vector(4))')).toMatchObject([{ value: 4 }]);
  expect(await prometheus.targets()).toEqual([{ instance: address, health: 'up', lastError: '' }]);
});

it('answers range queries', async () => {
  const [scrape] = await waitFor(() => prometheus.query('timestamp(up == 1)'), { what: 'a scrape' });
  const time = scrape?.value ?? Number.NaN;
  const [series] = await prometheus.queryRange('jobs_done_total', { start: time, end: time, step: 1 });
  expect(series?.values).toEqual([{ time: expect.any(Number), value: 3 }]);
});

it('keeps exemplars', async () => {
  const now = Date.now() / 1000;
  const [found] = await waitFor(
    () => prometheus.queryExemplars('jobs_done_total', { start: now - 60, end: now + 60 }),
    { what: 'the exemplar' },
  );
  expect(found?.exemplars[0]).toMatchObject({ labels: { run_id: 'run-7' }, value: 1 });
});

it('refuses a wrong configuration, and takes a new one', async () => {
  await expect(prometheus.reload({ config: { scrape_configs: [{ job_name: '' }] } })).rejects.toThrow(/refused/);
  await prometheus.reload({ targets: [] });
  await waitFor(async () => (await prometheus.targets()).length === 0, { what: 'the target to be dropped' });
});

it('says which expression is wrong', async () => {
  await expect(prometheus.query('sum(')).rejects.toThrow(/400.*parse error/s);
});

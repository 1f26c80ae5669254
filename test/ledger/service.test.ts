import { expect, it } from 'vitest';
import { event, openLedger, rollupsOf } from './ledgerBed.ts';

const NOW = Date.now();
const at = (seconds: number) => new Date(NOW - 60_000 + seconds * 1000).toISOString();

it('fleet_service_up follows the latest answer of a health endpoint, and is absent where there was none', async () => {
  await using bed = await openLedger();
  const tell = (id: string, seconds: number, data: Record<string, unknown>) =>
    bed.ledger.recordPushed([event(id, 'service', at(seconds), { service: 'api', ...data })]);
  const shown = async () =>
    (
      await bed.query<{ labels: string[]; value: string; count: string }>(
        `select labels, value, count from fleetlens.rollup where family = 'fleet_service_up'`,
      )
    ).map((row) => [row.labels, Number(row.value) / 1e9, Number(row.count)]);

  await tell('1', 0, { version: '1.0.0' });
  expect(await shown()).toEqual([]);
  await tell('2', 10, { up: true, components: { redis: { up: true, latencySeconds: 0.001 } } });
  expect(await shown()).toEqual([[['pushed', 'api'], 1, 1]]);
  await tell('3', 30, { up: false, error: { kind: 'timeout', message: 'no answer within 5 s' } });
  expect(await shown()).toEqual([[['pushed', 'api'], 0, 1]]);
  // An answer that comes late is no news.
  await tell('4', 20, { up: true });
  expect(await shown()).toEqual([[['pushed', 'api'], 0, 1]]);
  const [record] = await bed.query<{ doc: Record<string, unknown> }>('select doc from fleetlens.service');
  expect(record?.doc).toMatchObject({ version: '1.0.0', up: false, components: { redis: { latencySeconds: 0.001 } } });
});

it('a decision of a limiter counts the requests that it stands for; two at one moment are two', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([
    event('1', 'rateLimit', at(0), { layer: 'repo', project: 'o/r', limited: true, count: 4 }),
    event('2', 'rateLimit', at(0), { layer: 'repo', project: 'o/r', limited: true, eventId: 'log:17' }),
    event('3', 'rateLimit', at(0), { layer: 'repo', project: 'o/r', limited: false, remaining: 3, eventId: 'log:18' }),
  ]);
  expect(await rollupsOf(bed)).toMatchObject({
    'fleet_rate_limited_total{pushed,repo,o/r}': expect.stringContaining('value 5 '),
  });
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresCluster, startPostgres } from '../support/postgresCluster.ts';
import { drawTimeline } from './drawTimeline.ts';
import { openMemoryLedger } from './memoryLedger.ts';
import { openPostgresLedger } from './postgresLedger.ts';
import { readRules } from './readRules.ts';
import { familiesIn, replayMonth } from './replayMonth.ts';
import type { SimulatedLedger } from './simulatedLedger.ts';

let cluster: PostgresCluster;
beforeAll(async () => {
  cluster = await startPostgres({ durable: false });
});
afterAll(() => cluster?.stop());

it('every scrape of a simulated day is that of the ledger on Postgres', async () => {
  const timeline = drawTimeline({ seed: 'equal', days: 1 });
  const families = familiesIn((await readRules()).map(({ expr }) => expr));
  const scrapesOf = async (ledger: SimulatedLedger) => {
    const { book } = await replayMonth(timeline, { ledger, intervalMs: 60_000, families, offsetMs: () => 7_000 });
    return new Map(
      [...book.series].map(({ labels, target, scrapes, values }) => [
        `${target} ${labels.map(([name, value]) => `${name}="${value}"`).join(',')}`,
        scrapes.map((scrape, i) => `${scrape}: ${String(values[i])}`),
      ]),
    );
  };
  const [real, simulated] = [
    await scrapesOf(await openPostgresLedger(cluster, 'gameday_equal', timeline.startMs)),
    await scrapesOf(openMemoryLedger(timeline.startMs)),
  ];
  expect(real.size).toBeGreaterThan(250);
  expect([...simulated.keys()].sort()).toEqual([...real.keys()].sort());
  for (const [series, values] of real) expect(simulated.get(series), series).toEqual(values);
});

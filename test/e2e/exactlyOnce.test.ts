import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { fleetHistory, seededRandom, shuffled } from '../support/fleetHistory.ts';
import { ledgerContents, rollupTotal, settleRuns } from '../support/ledgerContents.ts';
import { fallen, monotonicSamples, parseExposition } from '../support/parseExposition.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKEN = 'ingest-token-for-tests';
const SOURCE = 'pushed';
/** How long the ledger waits for late usage and for the run of a step: longer than a slow machine takes to push all of it. */
const SETTLE_AFTER = '1h';

function config(database: TestDatabase) {
  return {
    ledger: { database_url: database.connectionString, settle_after: SETTLE_AFTER },
    tokens: [{ name: 'ci', role: 'ingest', token: TOKEN }],
  };
}

function batches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

async function pushAll(
  url: string,
  events: readonly PushedEvent[],
  size: number,
): Promise<{ accepted: number; duplicates: number }> {
  let accepted = 0;
  let duplicates = 0;
  for (const batch of batches(events, size)) {
    const answer = await pushEvents(url, TOKEN, batch);
    expect(answer).toMatchObject({ status: 200, rejected: [] });
    accepted += answer.accepted;
    duplicates += answer.duplicates;
  }
  return { accepted, duplicates };
}

async function differences(database: TestDatabase): Promise<unknown[]> {
  const pool = new pg.Pool({ connectionString: database.connectionString });
  try {
    return [...(await verifyLedger(pool)).differences];
  } finally {
    await pool.end();
  }
}

describe('exactly once', () => {
  // A workflow's baseline is made of the first evaluated runs that come: where others come first, what they contradict is a
  // correction (test/quality/baseline.test.ts). More runs than come make none.
  const quality = { baseline_runs: 1_000 };
  const events = fleetHistory({ source: SOURCE, runs: 60, seed: 7, endMs: Date.now() - 1_000 });
  let inOrder: TestDatabase;
  let exporter: ExporterProcess;

  beforeAll(async () => {
    inOrder = await freshDatabase();
    exporter = await startExporter({ config: { ...config(inOrder), quality } });
    expect(await pushAll(exporter.url, events, 50)).toEqual({ accepted: events.length, duplicates: 0 });
    await settleRuns(inOrder.connectionString);
  });
  afterAll(async () => {
    await exporter?.stop();
    await inOrder?.drop();
  });

  it('10 replays of the same events change nothing', async () => {
    const before = await ledgerContents(inOrder.connectionString);
    for (let round = 0; round < 10; round++) {
      const size = 1 + Math.floor(seededRandom(round)() * 200);
      expect(await pushAll(exporter.url, events, size)).toEqual({ accepted: 0, duplicates: events.length });
    }
    expect(await ledgerContents(inOrder.connectionString)).toEqual(before);
    expect(await differences(inOrder)).toEqual([]);
  });

  it('the same events shuffled give the same records and rollups', async () => {
    const other = await freshDatabase();
    const second = await startExporter({ config: { ...config(other), quality } });
    try {
      await pushAll(second.url, shuffled(events, seededRandom(3)), 33);
      await settleRuns(other.connectionString);
      expect(await ledgerContents(other.connectionString)).toEqual(await ledgerContents(inOrder.connectionString));
      expect(await differences(other)).toEqual([]);
    } finally {
      await second.stop();
      await other.drop();
    }
  });
});

describe('two exporters on one ledger', () => {
  it('both ingest, scrapes alternate: no value falls, both agree, and the ledger verifies', async () => {
    const database = await freshDatabase();
    const replicas = await Promise.all([
      startExporter({ config: config(database) }),
      startExporter({ config: config(database) }),
    ]);
    const [first, second] = replicas;
    try {
      // A first history makes the label sets, so that what follows moves them; a fresh event makes the source live.
      const now = Date.now();
      const first20 = [
        ...fleetHistory({ source: SOURCE, runs: 19, seed: 1, endMs: now - 3_600_000, prefix: 'old' }),
        ...fleetHistory({ source: SOURCE, runs: 1, seed: 2, endMs: now - 1_000, prefix: 'fresh' }),
      ];
      for (const batch of batches(first20, 60)) expect((await pushEvents(first.url, TOKEN, batch)).status).toBe(200);
      await waitFor(async () => (await first.scrape()).includes('fleet_runs_finished_total'), {
        what: 'the source to go live',
      });

      const random = seededRandom(11);
      const events = shuffled(
        fleetHistory({ source: SOURCE, runs: 120, seed: 5, endMs: now - 1_000, prefix: 'new' }),
        random,
      );
      // Every event goes to one of the two, every fifth to both at once.
      let pushing = true;
      const push = async () => {
        await Promise.all(
          replicas.map(async (replica, i) => {
            const mine = events.filter((_, n) => n % 5 === 0 || n % 2 === i);
            for (const batch of batches(mine, 25))
              expect((await pushEvents(replica.url, TOKEN, batch)).status).toBe(200);
          }),
        ).finally(() => {
          pushing = false;
        });
      };
      const seen = new Map<ExporterProcess, Map<string, number>>();
      const everywhere: string[] = [];
      const scrape = async () => {
        let turn = 0;
        let last = new Map<string, number>();
        while (pushing) {
          const replica = replicas[turn++ % 2] as ExporterProcess;
          const samples = monotonicSamples(parseExposition(await replica.scrape()));
          everywhere.push(...fallen(seen.get(replica) ?? new Map(), samples), ...fallen(last, samples));
          seen.set(replica, samples);
          last = samples;
        }
        return turn;
      };
      const [, scrapes] = await Promise.all([push(), scrape()]);
      expect(scrapes).toBeGreaterThan(4);
      expect(everywhere).toEqual([]);

      await settleRuns(database.connectionString);
      const ledgerFamilies = (text: string) =>
        new Map([...parseExposition(text)].filter(([series]) => series.startsWith('fleet_')));
      expect(ledgerFamilies(await first.scrape())).toEqual(ledgerFamilies(await second.scrape()));
      expect(await rollupTotal(database.connectionString, 'fleet_queue_jobs_finished_total')).toBe(20 + 120);
      expect(await differences(database)).toEqual([]);
    } finally {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await database.drop();
    }
  });
});

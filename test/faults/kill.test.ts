import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { fleetHistory, seededRandom } from '../support/fleetHistory.ts';
import { endWaiting, ledgerContents, settleRuns } from '../support/ledgerContents.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';

/** `npm run test:faults` raises it to 100. */
const ROUNDS = Number(process.env.FLEETLENS_FAULT_ROUNDS ?? 20);
const TOKEN = 'ingest-token-for-tests';
const BATCH = 20;
const RUNS_A_ROUND = 40;
/** How long the ledger waits for late usage and for the run of a step: longer than any outage of this test. */
const SETTLE_AFTER = '1h';

const config = {
  ledger: { settle_after: SETTLE_AFTER },
  tokens: [{ name: 'ci', role: 'ingest', token: TOKEN }],
  // A baseline is made of the first evaluated runs that come, and two senders send in another order than one.
  quality: { baseline_runs: 1_000 },
};

async function postmasterPid(exporter: ExporterProcess): Promise<number> {
  const file = await readFile(join(exporter.directory, 'data/postgres/postmaster.pid'), 'utf8');
  return Number(file.split('\n', 1)[0]);
}

async function databaseUrl(exporter: ExporterProcess): Promise<string> {
  return (await readFile(join(exporter.directory, 'data/postgres-url'), 'utf8')).trim();
}

/** Sends every batch until it is acknowledged, as a sender should: errors and 503 mean once more. @returns how often it was refused or cut off */
async function sendAll(exporter: ExporterProcess, events: readonly PushedEvent[]): Promise<number> {
  let interrupted = 0;
  for (let i = 0; i < events.length; i += BATCH) {
    await waitFor(
      async () => {
        const answer = await pushEvents(exporter.url, TOKEN, events.slice(i, i + BATCH)).catch(() => undefined);
        if (answer?.status === 200) {
          expect(answer.rejected).toEqual([]);
          return true;
        }
        // Nothing but "not now" is an answer to a good event.
        if (answer !== undefined) expect(answer).toMatchObject({ status: 503, retryAfter: expect.any(String) });
        interrupted += 1;
        return false;
      },
      { what: 'a batch to be acknowledged', intervalMs: 20 },
    );
  }
  return interrupted;
}

describe(`kill -9 during ingest, ${ROUNDS} times`, () => {
  it(
    'loses no acknowledged event and counts none twice',
    async () => {
      const random = seededRandom(ROUNDS);
      const exporter = await startExporter({ config });
      const reference = await startExporter({ config });
      const all: PushedEvent[] = [];
      let interrupted = 0;
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const events = fleetHistory({
            source: 'pushed',
            runs: RUNS_A_ROUND,
            seed: round,
            endMs: Date.now() - 1_000,
            prefix: `r${round}`,
          });
          all.push(...events);
          const half = Math.ceil(events.length / 2);
          const sending = Promise.all([
            sendAll(exporter, events.slice(0, half)),
            sendAll(exporter, events.slice(half)),
          ]);
          await new Promise((resolve) => setTimeout(resolve, random() * 150));
          if (round % 2 === 0) {
            await exporter.kill('SIGKILL');
            await exporter.restart();
          } else process.kill(await postmasterPid(exporter), 'SIGKILL');
          for (const count of await sending) interrupted += count;
          // The next kill may find the exporter settling what this round brought.
          const settling = async () => {
            await endWaiting(await databaseUrl(exporter));
            return true;
          };
          await waitFor(settling, { what: 'a Postgres that was killed when all was acknowledged' });
        }
        // Had the kills hit nothing, this test would show nothing.
        expect(interrupted).toBeGreaterThan(ROUNDS / 4);
        for (let i = 0; i < all.length; i += 500)
          expect(await pushEvents(reference.url, TOKEN, all.slice(i, i + 500))).toMatchObject({
            status: 200,
            rejected: [],
          });

        const urls = { killed: await databaseUrl(exporter), reference: await databaseUrl(reference) };
        for (const url of Object.values(urls)) await settleRuns(url);
        // Acknowledged is recorded: sent again, every event is a duplicate.
        for (let i = 0; i < all.length; i += 500) {
          const batch = all.slice(i, i + 500);
          expect(await pushEvents(exporter.url, TOKEN, batch)).toMatchObject({
            status: 200,
            accepted: 0,
            duplicates: batch.length,
          });
        }
        expect(await ledgerContents(urls.killed)).toEqual(await ledgerContents(urls.reference));
        const pool = new pg.Pool({ connectionString: urls.killed });
        expect((await verifyLedger(pool)).differences).toEqual([]);
        await pool.end();
      } finally {
        await exporter.stop();
        await reference.stop();
      }
    },
    60_000 + ROUNDS * 30_000,
  );
});

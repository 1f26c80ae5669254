import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { KINDS } from '../../exporter/src/contract/records.ts';
import { recordTable } from '../../exporter/src/ledger/recordTable.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { bareIngestRate } from './bareIngest.ts';
import { type Bed, createLedger, dropDatabase, execute, withClient } from './bed.ts';
import { type ExporterProcess, startExporter } from './exporterProcess.ts';
import { atLeast, atMost, count, type Figure, median, megabytes, ms, perSecond } from './figure.ts';
import { EVENTS_PER_RUN } from './fleet.ts';
import { get } from './httpClient.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import { groupsOf, pushToPushgateway, startPushgateway } from './pushgateway.ts';
import { runLoad } from './runLoad.ts';

const ROUNDS = 3;
/** Long enough for the JIT, the caches of Postgres and the guesses of the ledger to be what they are in service. */
const WARM_UP_RUNS = 1_000;
/** And after them the way that is measured: the code that a single event takes is not compiled by arrays. */
const OWN_WARM_UP_RUNS = 500;

interface Mode {
  readonly name: string;
  readonly batch: number;
  readonly connections: number;
  readonly runs: number;
}

/** Events per second through HTTP, acknowledged and on disk; against raw COPY and against Pushgateway. */
export async function benchIngest(bed: Bed): Promise<Figure[]> {
  const rounds = bed.quick ? 1 : ROUNDS;
  const scale = bed.quick ? 0.1 : 1;
  const arrays: Mode = { name: 'arrays of 100', batch: 100, connections: 16, runs: 10_000 * scale };
  // Each connection has one event under way; half of them are written while the others come.
  const singles = [64, 256].map((connections) => ({
    mode: { name: 'single events', batch: 1, connections, runs: 2_000 * scale },
    results: [] as LoadResult[],
    bare: [] as number[],
  }));
  const found = {
    arrays: [] as LoadResult[],
    pushes: [] as number[],
    copies: [] as number[],
    bare: [] as number[],
  };
  const peaks: number[] = [];
  let exposition = '';
  for (let round = 0; round < rounds; round++) {
    bed.say(`ingest: round ${round + 1} of ${rounds}`);
    await withLedger(bed, arrays, async (exporter, database) => {
      found.arrays.push(await measure(exporter, arrays, `a${round}`));
      peaks.push(await exporter.peakRss());
      exposition = (await get(`${exporter.url}/metrics`)).body.toString();
      await check(bed, database, arrays.runs + WARM_UP_RUNS + OWN_WARM_UP_RUNS);
      found.copies.push(await copyRate(bed, database));
    });
    found.bare.push(await bareIngestRate(bed, { ...arrays, prefix: `a${round}` }));
    for (const { mode, results, bare } of singles) {
      await withLedger(bed, mode, async (exporter, database) => {
        results.push(await measure(exporter, mode, `s${round}`));
        await check(bed, database, mode.runs + WARM_UP_RUNS + OWN_WARM_UP_RUNS);
      });
      bare.push(await bareIngestRate(bed, { ...mode, prefix: `s${round}` }));
    }
    found.pushes.push(await pushRate(exposition, bed.quick));
  }
  const rate = (results: readonly LoadResult[]) => median(results.map((r) => r.events / r.seconds));
  const inArrays = rate(found.arrays);
  const pushes = median(found.pushes);
  const copied = median(found.copies);
  const latency = (results: readonly LoadResult[]) =>
    `p50 ${ms(median(results.map((r) => r.p50)))}, p99 ${ms(median(results.map((r) => r.p99)))}`;
  const againstBare = (found: number, rates: readonly number[]) => ({
    what: '… against the least that makes an event durable once: a row with its key, nothing else',
    value: perSecond(found),
    against: perSecond(median(rates)),
    ratio: found / median(rates),
  });
  const kinds = await byKind(bed, scale);
  return [
    {
      what: `durable events in ${arrays.name}, ${arrays.connections} connections (${latency(found.arrays)})`,
      value: perSecond(inArrays),
      goal: atLeast(inArrays, 30_000, '/s'),
    },
    {
      what: '… against Pushgateway with the same series, a push for each event',
      value: perSecond(inArrays),
      against: perSecond(pushes, 'pushes'),
      ratio: inArrays / pushes,
      goal: atLeast(inArrays / pushes, 100, 'x'),
    },
    {
      what: '… against COPY of the same rows into the same tables',
      value: perSecond(inArrays),
      against: perSecond(copied),
      ratio: inArrays / copied,
      goal: atLeast(inArrays / copied, 0.1, 'x'),
    },
    againstBare(inArrays, found.bare),
    ...singles.flatMap(({ mode, results, bare }) => {
      const single = rate(results);
      return [
        {
          what: `durable ${mode.name}, ${mode.connections} connections (${latency(results)})`,
          value: perSecond(single),
          goal: atLeast(single, 5_000, '/s'),
        },
        {
          what: '… against Pushgateway',
          value: perSecond(single),
          against: perSecond(pushes, 'pushes'),
          ratio: single / pushes,
          goal: atLeast(single / pushes, 30, 'x'),
        },
        againstBare(single, bare),
      ];
    }),
    {
      what: `peak resident memory of the exporter, ${arrays.name}`,
      value: megabytes(Math.max(...peaks)),
      goal: atMost(Math.max(...peaks) / 1024 / 1024, 256, ' MiB'),
    },
    ...kinds,
  ];
}

async function withLedger(
  bed: Bed,
  mode: Omit<Mode, 'name'>,
  work: (exporter: ExporterProcess, database: string) => Promise<void>,
): Promise<void> {
  const database = 'bench_ingest';
  const exporter = await startExporter(await createLedger(bed.cluster, database));
  try {
    await runLoad(planOf(exporter, { batch: 100, connections: 8, runs: WARM_UP_RUNS }, 'warm'));
    await runLoad(planOf(exporter, { ...mode, runs: OWN_WARM_UP_RUNS }, 'own'));
    // What autovacuum does within a minute: until then a new table has no statistics, and the planner guesses.
    await execute(bed.cluster, database, ['analyze']);
    await work(exporter, database);
  } finally {
    await exporter.stop();
    await dropDatabase(bed.cluster, database);
  }
}

function planOf(exporter: ExporterProcess, mode: Omit<Mode, 'name'>, prefix: string): LoadPlan {
  return { url: exporter.url, token: exporter.token, prefix, ...mode };
}

async function measure(exporter: ExporterProcess, mode: Mode, prefix: string): Promise<LoadResult> {
  const [result] = await runLoad(planOf(exporter, mode, prefix));
  if (result === undefined || result.accepted !== result.events)
    throw new Error(`bench: expected ${result?.events} events to be accepted, found ${result?.accepted}`);
  return result;
}

/** What was acknowledged is in the ledger, once, and the rollups are what the records say. */
async function check({ cluster, say }: Bed, database: string, runs: number): Promise<void> {
  const [ids, finished] = await withClient(cluster, database, async (client) => {
    const { rows } = await client.query<{ ids: string; finished: string }>(
      `select (select count(*) from fleetlens.dedupe) as ids,
        (select sum(value) / 1000000000 from fleetlens.rollup where family = 'fleet_runs_finished_total') as finished`,
    );
    return [Number(rows[0]?.ids), Number(rows[0]?.finished)];
  });
  if (ids !== runs * EVENTS_PER_RUN || finished !== runs)
    throw new Error(
      `bench: expected ${runs * EVENTS_PER_RUN} ids and ${runs} finished runs in the ledger, found ${ids} and ${finished}`,
    );
  const pool = new pg.Pool({ connectionString: cluster.connectionString(database), max: 1 });
  try {
    const { differences } = await verifyLedger(pool);
    if (differences.length > 0)
      throw new Error(`bench: the ledger does not verify: ${JSON.stringify(differences.slice(0, 3))}`);
  } finally {
    await pool.end();
  }
  say(`  ${count(ids)} events are in the ledger, which verifies`);
}

/** Events per second by which COPY, reading binary files on the server, writes the same rows into the same, empty tables. */
async function copyRate({ cluster }: Bed, database: string): Promise<number> {
  const tables = [...KINDS.map(recordTable), 'fleetlens.dedupe', 'fleetlens.change'];
  const fileOf = (table: string) => join(cluster.dataDir, `${table}.copy`);
  await createLedger(cluster, 'bench_copy');
  try {
    const events = await withClient(cluster, database, async (client) => {
      // COPY of a partitioned table goes through a query; generated columns are left out by naming the others.
      for (const table of tables)
        await client.query(
          `copy (select ${await columnsOf(client, table)} from ${table}) to '${fileOf(table)}' (format binary)`,
        );
      return Number((await client.query<{ n: string }>('select count(*) as n from fleetlens.dedupe')).rows[0]?.n);
    });
    return await withClient(cluster, 'bench_copy', async (client) => {
      const started = performance.now();
      for (const table of tables)
        await client.query(`copy ${table} (${await columnsOf(client, table)}) from '${fileOf(table)}' (format binary)`);
      return events / ((performance.now() - started) / 1000);
    });
  } finally {
    for (const table of tables) await rm(fileOf(table), { force: true });
    await dropDatabase(cluster, 'bench_copy');
  }
}

async function columnsOf(client: pg.Client, table: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  );
  return rows[0]?.columns ?? '';
}

/** With the series that the exporter had after the same events. */
async function pushRate(exposition: string, quick: boolean): Promise<number> {
  const gateway = await startPushgateway();
  try {
    return await pushToPushgateway(gateway.url, groupsOf(exposition), { seconds: quick ? 1 : 5, connections: 8 });
  } finally {
    await gateway.stop();
  }
}

async function byKind(bed: Bed, scale: number): Promise<Figure[]> {
  bed.say('ingest: kind by kind');
  let results: LoadResult[] = [];
  const mode = { batch: 100, connections: 16, runs: 5_000 * scale };
  await withLedger(bed, mode, async (exporter) => {
    results = await runLoad({ ...planOf(exporter, mode, 'k'), byKind: true });
  });
  return results.map(({ kind, events, seconds }) => ({
    what: `events of kind ${kind} alone, arrays of 100`,
    value: perSecond(events / seconds),
  }));
}

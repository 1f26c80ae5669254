import pg from 'pg';
import { METRIC_CATALOGUE } from '../../exporter/src/contract/metricCatalogue.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { waitFor } from '../support/waitFor.ts';
import { type Bed, createLedger, execute, socketUrl, withClient } from './bed.ts';
import { type ExporterProcess, startExporter } from './exporterProcess.ts';
import { atLeast, atMost, count, type Figure, median, ms } from './figure.ts';
import { fleetEvents } from './fleet.ts';
import { get, post } from './httpClient.ts';
import { startPostgresExporter } from './liveExporters.ts';
import { runLoad } from './runLoad.ts';

const SMALL = 'bench_small';
const LARGE = 'bench_large';
const SERIES = 200;
const FAMILY = 'fleet_runs_finished_total';

/** What a scrape takes with many runs and with few, and against exporters that count the runs at each scrape. */
export async function benchScrape(bed: Bed): Promise<Figure[]> {
  const runs = bed.quick ? 1_000 : 10_000;
  const copies = bed.quick ? 10 : 100;
  try {
    await fillSmall(bed, runs);
    await fillLarge(bed, copies);
    return [...(await manyAgainstFew(bed, runs, copies)), ...(await againstLiveExporters(bed, runs * copies))];
  } finally {
    for (const database of [SMALL, LARGE])
      await execute(bed.cluster, 'postgres', [`drop database if exists ${database} with (force)`]);
  }
}

/** The real way: every run pushed as events, and settled. */
async function fillSmall(bed: Bed, runs: number): Promise<void> {
  bed.say(`scrape: ${count(runs)} runs through the ingest API`);
  const url = await createLedger(bed.cluster, SMALL);
  // Settled at once: else the larger ledger would be busy with a million runs that wait for late usage.
  const exporter = await startExporter(url, { ledger: { database_url: url, settle_after: '0s' } });
  try {
    const plan = { url: exporter.url, token: exporter.token, prefix: 'r', batch: 100, connections: 8 };
    await runLoad({ ...plan, runs, only: ['run'] });
    await waitFor(
      () =>
        withClient(bed.cluster, SMALL, async (client) => {
          const { rows } = await client.query('select from fleetlens.run where due_at is not null limit 1');
          return rows.length === 0;
        }),
      { what: 'all runs to be settled', timeoutMs: 60_000, intervalMs: 250 },
    );
  } finally {
    await exporter.stop();
  }
  // As if a minute had passed: a series that was just born shows 0 for so long.
  await execute(bed.cluster, SMALL, [
    `update fleetlens.rollup set born_at = born_at - interval '2 minutes'`,
    'vacuum analyze',
  ]);
}

/**
 * The same ledger with each run so many times over, under keys of their own: the rollups are what they would be had each
 * copy been pushed, since all that is counted is a sum, or the least of equal values. `verify` says so, record by record.
 */
async function fillLarge(bed: Bed, copies: number): Promise<void> {
  bed.say(`scrape: each of them ${copies} times in a second ledger`);
  const least = METRIC_CATALOGUE.filter(({ from }) => from === 'least').map(({ name }) => `'${name}'`);
  await execute(bed.cluster, 'postgres', [`create database ${LARGE} template ${SMALL}`]);
  await execute(bed.cluster, LARGE, [
    `insert into fleetlens.run (source, key, doc, stamps, counted, held, pulled, settled, due_at, at, seq)
      select source, key || '-' || n, jsonb_set(doc, '{runId}', to_jsonb(key || '-' || n)), stamps, counted, held, pulled, settled,
        due_at, at, seq
      from fleetlens.run cross join generate_series(2, ${copies}) n`,
    `insert into fleetlens.part select series, kind, source, key || '-' || n, value
      from fleetlens.part cross join generate_series(2, ${copies}) n`,
    `update fleetlens.rollup set value = value * ${copies}, count = count * ${copies},
        buckets = array(select b * ${copies} from unnest(buckets) with ordinality as u(b, i) order by i)
      where family not in (${least.join(', ')}) and buckets is not null`,
    `update fleetlens.rollup set value = value * ${copies}, count = count * ${copies}
      where family not in (${least.join(', ')}) and buckets is null`,
    'vacuum analyze',
    'checkpoint',
  ]);
  const pool = new pg.Pool({ connectionString: bed.cluster.connectionString(LARGE), max: 1 });
  try {
    const { differences } = await verifyLedger(pool);
    if (differences.length > 0)
      throw new Error(`bench: the larger ledger does not verify: ${JSON.stringify(differences.slice(0, 3))}`);
    bed.say('  the larger ledger verifies');
  } finally {
    await pool.end();
  }
}

/** Runs that are pushed before each scrape, so that it has changes to apply. */
function* newRuns(prefix: string): Generator<{ events: unknown[] }> {
  for (let n = 0; ; n++)
    yield { events: [...fleetEvents(1, `${prefix}${n}`, Date.now())].filter(({ kind }) => kind === 'run') };
}

async function pushAndScrape(exporter: ExporterProcess, runs: Generator<{ events: unknown[] }>): Promise<number> {
  await post(`${exporter.url}/api/v1/events`, exporter.token, runs.next().value);
  return (await get(`${exporter.url}/metrics`)).tookMs;
}

async function manyAgainstFew(bed: Bed, runs: number, copies: number): Promise<Figure[]> {
  bed.say('scrape: many runs against few');
  const few = await startExporter(socketUrl(bed.cluster, SMALL));
  const many = await startExporter(socketUrl(bed.cluster, LARGE));
  try {
    const times: Record<'few' | 'many', number[]> = { few: [], many: [] };
    const newFew = newRuns('f');
    const newMany = newRuns('m');
    for (let i = 0; i < (bed.quick ? 20 : 220); i++) {
      const took = { few: 0, many: 0 };
      const measureFew = async () => {
        took.few = await pushAndScrape(few, newFew);
      };
      const measureMany = async () => {
        took.many = await pushAndScrape(many, newMany);
      };
      // Whoever comes second finds warmer caches.
      for (const measure of i % 2 === 0 ? [measureFew, measureMany] : [measureMany, measureFew]) await measure();
      if (i < (bed.quick ? 0 : 20)) continue;
      times.few.push(took.few);
      times.many.push(took.many);
    }
    const series = (await get(`${many.url}/metrics`)).body.toString().match(/^[a-z]/gm)?.length ?? 0;
    const ratio = median(times.many) / median(times.few);
    return [
      {
        what: `scrape p50, all families (${count(series)} lines), a run pushed before each: ${count(runs * copies)} runs`,
        value: ms(median(times.many)),
        against: `${ms(median(times.few))} with ${count(runs)} runs`,
        ratio,
        goal: atMost(ratio, 1.2, 'x'),
      },
    ];
  } finally {
    await few.stop();
    await many.stop();
  }
}

async function againstLiveExporters(bed: Bed, runs: number): Promise<Figure[]> {
  bed.say('scrape: against exporters that count at each scrape');
  const tcp = bed.cluster.connectionString(LARGE);
  const exporter = await startExporter(socketUrl(bed.cluster, LARGE), { metrics: { allow: [FAMILY] } });
  const live = [await startPostgresExporter(tcp)];
  try {
    const own: number[] = [];
    const theirs = live.map((): number[] => []);
    const pushed = newRuns('l');
    for (let i = 0; i < (bed.quick ? 3 : 21); i++) {
      for (const [n, { url }] of live.entries()) theirs[n]?.push((await get(url)).tookMs);
      // Once for each of theirs and more: it is done before their next one.
      for (let j = 0; j < 10; j++) own.push(await pushAndScrape(exporter, pushed));
    }
    const self = { name: 'fleetlens', url: `${exporter.url}/metrics`, family: FAMILY };
    for (const { name, url, family } of [self, ...live]) {
      const lines = (await get(url)).body.toString().match(new RegExp(`^${family}\\{`, 'gm'))?.length;
      if (lines !== SERIES)
        throw new Error(`bench: expected ${SERIES} series of ${family} from ${name}, found ${lines}`);
    }
    const ours = median(own);
    return live.map(({ name }, n) => {
      const ratio = median(theirs[n] ?? []) / ours;
      return {
        what: `scrape of ${SERIES} series at ${count(runs)} runs, a run pushed before each`,
        value: ms(ours),
        against: `${ms(median(theirs[n] ?? []))} by prometheus-${name}, GROUP BY`,
        ratio,
        goal: atLeast(ratio, 100, 'x'),
      };
    });
  } finally {
    await exporter.stop();
    for (const one of live) await one.stop();
  }
}

import pg from 'pg';
import { Counter, Histogram, Registry } from 'prom-client';
import { DURATION_BUCKETS, familyOf } from '../../exporter/src/contract/metricCatalogue.ts';
import { FINISHED_STATUSES } from '../../exporter/src/contract/status.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { type Bed, createLedger, dropDatabase, execute, socketUrl } from './bed.ts';
import { startBufferServer } from './bufferServer.ts';
import { startExporter } from './exporterProcess.ts';
import { atLeast, atMost, count, type Figure, median, ms } from './figure.ts';
import { SOURCE } from './fleet.ts';
import { get } from './httpClient.ts';

const DATABASE = 'bench_rendering';
const COUNTER = familyOf('fleet_runs_finished_total');
const HISTOGRAM = familyOf('fleet_run_duration_seconds');
/** Lines of one label set of the histogram. */
const HISTOGRAM_LINES = DURATION_BUCKETS.length + 3;
/** Observed once by each histogram, so that values are as different as those of a fleet. */
const observed = (n: number): number => (n * 37) % 9_000;

/** Half the lines are counters, half belong to histograms; each label set is a project's. */
interface Shape {
  readonly counters: number;
  readonly histograms: number;
}

function shapeOf(lines: number): Shape {
  const histograms = Math.round(lines / 2 / HISTOGRAM_LINES);
  return { counters: lines - histograms * HISTOGRAM_LINES, histograms };
}

const counterLabels = (n: number): string[] => [
  ...[SOURCE, `team/repository-${n >> 2}`, 'feature', 'engineer'],
  FINISHED_STATUSES[n & 3] as string,
];
const histogramLabels = (n: number): string[] => [SOURCE, `team/repository-${n}`, 'feature', 'succeeded'];

/** Rendering the exposition against prom-client's own, of the same series with the same values. */
export async function benchRendering(bed: Bed): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const lines of bed.quick ? [1_000, 10_000] : [10_000, 100_000]) {
    await createLedger(bed.cluster, DATABASE);
    try {
      const shape = shapeOf(lines);
      await fillRollups(bed, shape);
      figures.push(...(await inProcess(bed, lines, shape)), ...(await overHttp(bed, lines)));
    } finally {
      await dropDatabase(bed.cluster, DATABASE);
    }
  }
  return figures;
}

/** Rollups as ingest would have left them: each counter n, each histogram with one observation. */
async function fillRollups(bed: Bed, { counters, histograms }: Shape): Promise<void> {
  const rows = [
    ...Array.from({ length: counters }, (_, n) => [COUNTER.name, counterLabels(n), n, 0, null] as const),
    ...Array.from({ length: histograms }, (_, n) => {
      const value = observed(n);
      const edge = DURATION_BUCKETS.findIndex((upper) => value <= upper);
      const buckets = Array.from({ length: DURATION_BUCKETS.length + 1 }, (_, i) =>
        i === (edge === -1 ? DURATION_BUCKETS.length : edge) ? 1 : 0,
      );
      return [HISTOGRAM.name, histogramLabels(n), value, 1, buckets] as const;
    }),
  ];
  await execute(bed.cluster, DATABASE, [
    `insert into fleetlens.source_state (source, way, backfilled, live_at) values ('${SOURCE}', 'push', true, now())`,
  ]);
  const pool = new pg.Pool({ connectionString: bed.cluster.connectionString(DATABASE), max: 1 });
  try {
    await pool.query(
      `insert into fleetlens.rollup (id, family, labels, value, count, buckets, seq)
        select n, r ->> 0, array(select jsonb_array_elements_text(r -> 1)), (r ->> 2)::numeric * 1000000000, (r ->> 3)::bigint,
          case when jsonb_typeof(r -> 4) = 'array' then array(select jsonb_array_elements_text(r -> 4)::bigint) end, 1
        from jsonb_array_elements($1::jsonb) with ordinality as t(r, n)`,
      [JSON.stringify(rows)],
    );
    await pool.query('update fleetlens.head set seq = 1');
    await pool.query('vacuum analyze fleetlens.rollup');
  } finally {
    await pool.end();
  }
}

function promClient({ counters, histograms }: Shape): Registry {
  const registry = new Registry();
  const counter = new Counter({ ...options(COUNTER), registers: [registry] });
  for (let n = 0; n < counters; n++) counter.inc(labelObject(COUNTER.labels, counterLabels(n)), n);
  const histogram = new Histogram({ ...options(HISTOGRAM), buckets: [...DURATION_BUCKETS], registers: [registry] });
  for (let n = 0; n < histograms; n++)
    histogram.observe(labelObject(HISTOGRAM.labels, histogramLabels(n)), observed(n));
  return registry;
}

const options = ({ name, help, labels }: { name: string; help: string; labels: readonly string[] }) => ({
  ...{ name, help, labelNames: [...labels] },
});
const labelObject = (names: readonly string[], values: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, i) => [name, values[i] as string]));

/** Every n-th rollup moves, `1` all of them: as ingest would move them. */
async function moveRollups(pool: pg.Pool, nth: number, turn: number): Promise<void> {
  await pool.query(
    `with h as (update fleetlens.head set seq = seq + 1 returning seq)
      update fleetlens.rollup r set seq = h.seq, value = value + 1000000000 from h where r.id % $1 = $2 % $1`,
    [nth, turn],
  );
}

async function inProcess(bed: Bed, lines: number, shape: Shape): Promise<Figure[]> {
  bed.say(`rendering: ${count(lines)} lines`);
  const pool = new pg.Pool({ connectionString: socketUrl(bed.cluster, DATABASE), max: 2 });
  try {
    const registry = promClient(shape);
    const snapshot = new RollupSnapshot(pool, { allows: () => true });
    await snapshot.refresh();
    assertSameSamples(Buffer.concat((await snapshot.render('text')).chunks).toString(), await registry.metrics());
    const figures: Figure[] = [];
    for (const [changed, nth] of [
      ['all', 1],
      ['1%', 100],
    ] as const) {
      const own: number[] = [];
      const theirs: number[] = [];
      for (let i = 0; i < (bed.quick ? 5 : 25); i++) {
        await moveRollups(pool, nth, i);
        await snapshot.refresh();
        own.push(await timed(() => snapshot.render('text')));
        theirs.push(await timed(() => registry.metrics()));
      }
      const ratio = median(theirs) / median(own);
      figures.push({
        what: `render ${count(lines)} lines, ${changed} of the label sets changed`,
        value: ms(median(own)),
        against: `${ms(median(theirs))} by prom-client`,
        ratio,
        goal: atLeast(ratio, 8, 'x'),
      });
    }
    return figures;
  } finally {
    await pool.end();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Sample lines with their labels in one order: prom-client writes `le` first. */
function samplesOf(exposition: string): string[] {
  return exposition
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^([^{]+)\{(.*)\} (.*)$/.exec(line) ?? [];
      return `${name}{${labels.split(',').sort().join(',')}} ${value}`;
    })
    .sort();
}

function assertSameSamples(own: string, theirs: string): void {
  const [ours, others] = [samplesOf(own), samplesOf(theirs)];
  const different = ours.findIndex((line, i) => line !== others[i]);
  if (different !== -1 || ours.length !== others.length)
    throw new Error(
      `bench: expected the samples of prom-client (${others.length}), found ${ours.length}; first difference: ${ours[different]} and ${others[different]}`,
    );
}

/** The whole way of a scrape, against a server that has the same bytes ready. */
async function overHttp(bed: Bed, lines: number): Promise<Figure[]> {
  const exporter = await startExporter(socketUrl(bed.cluster, DATABASE));
  const pool = new pg.Pool({ connectionString: bed.cluster.connectionString(DATABASE), max: 1 });
  try {
    const first = await get(`${exporter.url}/metrics`);
    const buffer = await startBufferServer(first.body);
    const own: number[] = [];
    const sent: number[] = [];
    try {
      for (let i = 0; i < (bed.quick ? 5 : 25); i++) {
        await moveRollups(pool, 100, i);
        own.push((await get(`${exporter.url}/metrics`)).tookMs);
        sent.push((await get(buffer.url)).tookMs);
      }
    } finally {
      await buffer.stop();
    }
    const blocks: number[] = [];
    for (let i = 0; i < (bed.quick ? 2 : 7); i++) {
      await moveRollups(pool, 1, i);
      await exporter.longestBlockMs();
      await get(`${exporter.url}/metrics`);
      blocks.push(await exporter.longestBlockMs());
    }
    return [
      {
        what: `scrape of ${count(lines)} lines over HTTP, 1% of the label sets changed`,
        value: ms(median(own)),
        against: `${ms(median(sent))} for a prebuilt buffer`,
        ratio: median(own) / median(sent),
      },
      {
        what: `longest event-loop block during a scrape of ${count(lines)} lines, all changed (worst of ${blocks.length})`,
        value: ms(Math.max(...blocks)),
        goal: atMost(Math.max(...blocks), 50, ' ms'),
      },
    ];
  } finally {
    await pool.end();
    await exporter.stop();
  }
}

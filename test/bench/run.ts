/**
 * `npm run bench`: measures the exporter against what it is compared with, side by side on this machine, prints tables and
 * writes each into its section of test/bench/RESULTS.md. `--only <scenario>` runs one of scrape, rendering, ingest, gate,
 * backfill, analytics, run-page and leaves the other sections as they are; `--quick` sees that all of it runs, with sizes that say
 * nothing, and writes nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAnalytics, benchAnalyticsUpkeep, benchMixedAnalytics } from './analytics.ts';
import { benchBackfill } from './backfill.ts';
import { type Bed, startBenchPostgres, withClient } from './bed.ts';
import { type Figure, figureTable, megabytes } from './figure.ts';
import { benchGate } from './gate.ts';
import { benchIngest } from './ingest.ts';
import { benchRendering } from './rendering.ts';
import { benchRunPage } from './runPage.ts';
import { benchScrape } from './scrape.ts';
import { benchTimelineScroll } from './timelineScroll.ts';

const SCENARIOS: Readonly<Record<string, { title: string; measure(bed: Bed): Promise<Figure[]> }>> = {
  scrape: { title: 'Scrape', measure: benchScrape },
  rendering: { title: 'Rendering', measure: benchRendering },
  ingest: { title: 'Ingest', measure: benchIngest },
  gate: { title: 'Gate', measure: benchGate },
  backfill: { title: 'Backfill', measure: benchBackfill },
  analytics: {
    title: 'Analytics: p95 over up to 30 days, a run pushed before each; 1,000,000 runs in 400 days',
    measure: benchAnalytics('spread', 'others'),
  },
  'analytics-series': {
    title: 'Analytics: series over up to 30 days; 1,000,000 runs in 400 days',
    measure: benchAnalytics('spread', 'series'),
  },
  'analytics-dense': {
    title: 'Analytics: p95 over up to 30 days; 1,000,000 runs in these 30 days',
    measure: benchAnalytics('dense', 'others'),
  },
  'analytics-dense-series': {
    title: 'Analytics: series over up to 30 days; 1,000,000 runs in these 30 days',
    measure: benchAnalytics('dense', 'series'),
  },
  'analytics-mix': {
    title: 'Analytics: a mix; and beyond what is asked for, windows of 400 days',
    measure: benchMixedAnalytics,
  },
  'analytics-upkeep': { title: 'Analytics: how the figures follow', measure: benchAnalyticsUpkeep },
  'run-page': {
    title: 'The page of a run',
    measure: async (bed) => [...(await benchRunPage(bed)), ...(await benchTimelineScroll(bed))],
  },
};

const { values } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } } });
const names = values.only === undefined ? Object.keys(SCENARIOS) : [values.only];
const unknown = names.find((name) => !(name in SCENARIOS));
if (unknown !== undefined) {
  console.error(`bench: found --only ${unknown}, expected one of ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(2);
}

const RESULTS = new URL('./RESULTS.md', import.meta.url);
const HEAD = `# Benchmark results

Written by \`npm run bench\`. Each ratio is of two things measured side by side, interleaved, in one run on one machine;
the figures themselves depend on that machine. How each is measured is said in \`test/bench/*.ts\`. Everything runs on the
same cores at the same time: exporter, Postgres (fsync, synchronous_commit and full_page_writes on) and whoever sends the load.
`;

const cluster = await startBenchPostgres();
const figures: Figure[] = [];
try {
  const bed: Bed = { cluster, quick: values.quick, say: (line) => console.error(line) };
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) continue;
    const started = performance.now();
    const load = loadavg()[0] as number;
    const found = await scenario.measure(bed);
    const seconds = Math.round((performance.now() - started) / 1000);
    figures.push(...found);
    console.log(`\n## ${scenario.title}\n\n${figureTable(found)}\n\n(${seconds} s)`);
    if (!values.quick) await writeSection(scenario.title, `${await circumstances(load)}\n\n${figureTable(found)}`);
  }
} finally {
  await cluster.stop();
}
const missed = figures.filter(({ goal }) => goal?.met === false);
for (const { what, value, goal } of missed) console.log(`not met: ${what}: ${value}, goal ${goal?.text}`);

/** Replaces one section of RESULTS.md; the sections stand in the order of the scenarios. */
async function writeSection(title: string, body: string): Promise<void> {
  const old = await readFile(RESULTS, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const sections = new Map(
    old
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n')).trim()]),
  );
  sections.set(title, body);
  const written = Object.values(SCENARIOS).flatMap(({ title: name }) => {
    const section = sections.get(name);
    return section === undefined ? [] : [`## ${name}\n\n${section}\n`];
  });
  await writeFile(RESULTS, [HEAD, ...written].join('\n'));
}

/** @param load processes that ran on average in the minute before: above 1, something else took time from what was measured */
async function circumstances(load: number): Promise<string> {
  const postgres = await withClient(cluster, 'postgres', async (client) => {
    return (await client.query<{ server_version: string }>('show server_version')).rows[0]?.server_version;
  });
  const { stdout, stderr } = spawnSync('prometheus-pushgateway', ['--version'], { encoding: 'utf8' });
  const pushgateway = /version (\S+)/.exec(`${stdout}${stderr}`)?.[1];
  const cpu = cpus();
  return (
    `Commit ${commit()}; ${cpu.length} cores (${cpu[0]?.model.trim()}), ${megabytes(totalmem())} memory, ${process.platform} ${process.arch}; ` +
    `Node.js ${process.version}, Postgres ${postgres}, Pushgateway ${pushgateway}; load average before ${load.toFixed(1)}.`
  );
}

function commit(): string {
  try {
    return execFileSync('git', ['log', '-1', '--format=%h of %cs'], { encoding: 'utf8' }).trim();
  } catch {
    return 'none (no git checkout)';
  }
}

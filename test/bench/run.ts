/**
 * `npm run bench`: measures the exporter against what it is compared with, side by side on this machine, prints a table
 * and writes test/bench/RESULTS.md. `--only <scenario>` runs one of scrape, rendering, ingest, backfill, analytics; `--quick` sees that all of
 * it runs, with sizes that say nothing; neither writes the file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAnalytics } from './analytics.ts';
import { benchBackfill } from './backfill.ts';
import { type Bed, startBenchPostgres, withClient } from './bed.ts';
import { type Figure, figureTable, megabytes } from './figure.ts';
import { benchGate } from './gate.ts';
import { benchIngest } from './ingest.ts';
import { benchRendering } from './rendering.ts';
import { benchScrape } from './scrape.ts';

const SCENARIOS: Readonly<Record<string, { title: string; measure(bed: Bed): Promise<Figure[]> }>> = {
  scrape: { title: 'Scrape', measure: benchScrape },
  rendering: { title: 'Rendering', measure: benchRendering },
  ingest: { title: 'Ingest', measure: benchIngest },
  gate: { title: 'Gate', measure: benchGate },
  backfill: { title: 'Backfill', measure: benchBackfill },
  analytics: { title: 'Analytics', measure: benchAnalytics },
};

const { values } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } } });
const names = values.only === undefined ? Object.keys(SCENARIOS) : [values.only];
const unknown = names.find((name) => !(name in SCENARIOS));
if (unknown !== undefined) {
  console.error(`bench: found --only ${unknown}, expected one of ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(2);
}

const cluster = await startBenchPostgres();
const sections: string[] = [];
const figures: Figure[] = [];
try {
  const bed: Bed = { cluster, quick: values.quick, say: (line) => console.error(line) };
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) continue;
    const started = performance.now();
    const found = await scenario.measure(bed);
    const seconds = Math.round((performance.now() - started) / 1000);
    sections.push(`## ${scenario.title}\n\n${figureTable(found)}\n`);
    figures.push(...found);
    console.log(`\n${sections.at(-1)}\n(${seconds} s)`);
  }
  if (values.only === undefined && !values.quick) {
    await writeFile(new URL('./RESULTS.md', import.meta.url), await report());
    console.log('Written to test/bench/RESULTS.md');
  }
} finally {
  await cluster.stop();
}
const missed = figures.filter(({ goal }) => goal?.met === false);
for (const { what, value, goal } of missed) console.log(`not met: ${what}: ${value}, goal ${goal?.text}`);

async function report(): Promise<string> {
  const postgres = await withClient(cluster, 'postgres', async (client) => {
    return (await client.query<{ server_version: string }>('show server_version')).rows[0]?.server_version;
  });
  const version = (command: string) => {
    const { stdout, stderr } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    return /\S.*/.exec(`${stdout}${stderr}`)?.[0];
  };
  const cpu = cpus();
  const lines = [
    '# Benchmark results',
    '',
    'Written by `npm run bench`. Each ratio is of two things measured side by side, interleaved, in one run on one machine;',
    'the figures themselves depend on that machine. How each is measured is said in `test/bench/*.ts`.',
    '',
    `- Machine: ${cpu.length} cores (${cpu[0]?.model.trim()}), ${megabytes(totalmem())} memory, ${process.platform} ${process.arch}.`,
    `- Node.js ${process.version}; Postgres ${postgres} with fsync, synchronous_commit and full_page_writes on, on the same machine;`,
    `  ${version('prometheus-pushgateway')}.`,
    `- Commit: ${commit()}.`,
    '- Everything runs on these cores at the same time: exporter, Postgres and the process that sends the load.',
    '',
  ];
  return `${lines.join('\n')}\n${sections.join('\n')}`;
}

function commit(): string {
  try {
    return execFileSync('git', ['log', '-1', '--format=%h of %cs'], { encoding: 'utf8' }).trim();
  } catch {
    return 'none (no git checkout)';
  }
}

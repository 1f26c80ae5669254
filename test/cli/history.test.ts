import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulateFleet } from '../../exporter/src/demo/index.ts';
import { IMPORT_BATCH } from '../../exporter/src/ledger/history/importEvents.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { monotonicSamples, parseExposition } from '../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { promtool } from '../support/promtool.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { runCli } from './runCli.ts';

const DAY_MS = 86_400_000;
/** Late usage is waited for five minutes: all that ended before is settled, so that nothing moves by itself during a test. */
const END = Math.floor(Date.now() / 60_000) * 60_000 - 10 * 60_000;
/** Older than the ids that the ledger remembers: only import takes it. */
const OLD = END - 60 * DAY_MS;

let directory: TemporaryDirectory;
const databases: TestDatabase[] = [];
let env: Record<string, string>;
/** A quarter of what is said of chains is said since. */
let lateChain: string;

async function newLedger(): Promise<Record<string, string>> {
  const database = await migratedDatabase({ synchronousCommit: 'off' });
  databases.push(database);
  return { DATABASE_URL: database.connectionString };
}

async function query<Row extends pg.QueryResultRow>(ledger: Record<string, string>, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: ledger.DATABASE_URL });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const cli = (ledger: Record<string, string>, ...args: string[]) => runCli(args, { env: ledger, cwd: directory.path });

const rollups = (ledger: Record<string, string>) =>
  query<{ family: string }>(
    ledger,
    `select family, labels, value::text, count::text, buckets::text from fleetlens.rollup
      where family like 'fleet\\_%' and (value <> 0 or count <> 0) order by family, labels`,
  );

beforeAll(async () => {
  directory = await temporaryDirectory('history');
  env = await newLedger();
  const events = [
    ...simulateFleet({ seed: 11, from: new Date(OLD - DAY_MS / 2), to: new Date(OLD) }),
    ...simulateFleet({ seed: 12, from: new Date(END - DAY_MS), to: new Date(END) }),
  ];
  // At weekends hardly any chain begins: by the hour of this test there may be none for half a day.
  const chains = events.filter(({ kind }) => kind === 'chain').map(({ at }) => at);
  lateChain = chains.sort()[Math.floor(chains.length * 0.75)] as string;
  await writeFile(join(directory.path, 'events.ndjson'), events.map((event) => JSON.stringify(event)).join('\n'));
});
afterAll(async () => {
  for (const database of databases) await database.drop();
  await directory?.remove();
});

describe('import', () => {
  it('takes history of any age, and the ledger is right', async () => {
    const { code, stderr } = await cli(env, 'import', 'events.ndjson');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/\d{4,} events recorded for codecourier-demo, .*, 0 duplicates/);
    expect((await cli(env, 'ledger', 'verify')).code).toBe(0);
    const [old] = await query<{ runs: string }>(
      env,
      `select count(*) as runs from fleetlens.run where created_at < '${new Date(OLD).toISOString()}'`,
    );
    expect(Number(old?.runs)).toBeGreaterThan(20);
    const hidden = await query(env, 'select source from fleetlens.source_state where live_at is null');
    expect(hidden).toEqual([]);
  });

  it('refuses sources that are live, and changes nothing when it is made to', async () => {
    const before = await rollups(env);
    const refused = await cli(env, 'import', 'events.ndjson');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('live');
    expect(refused.stderr).toContain('Nothing was imported');
    const forced = await cli(env, 'import', 'events.ndjson', '--force');
    expect(forced.code, forced.stderr).toBe(0);
    expect(await rollups(env)).toEqual(before);
    expect((await cli(env, 'ledger', 'verify')).code).toBe(0);
  });

  it('records nothing of a file with invalid lines, unless it may leave them out', async () => {
    const at = new Date(END).toISOString();
    const good = { id: 'g', source: 'mixed', kind: 'run', at, data: { runId: 'good', status: 'queued' } };
    await writeFile(
      join(directory.path, 'mixed.ndjson'),
      `${JSON.stringify(good)}\n{"id":\n\n${JSON.stringify({ ...good, kind: 'fun' })}\n`,
    );
    const refused = await cli(env, 'import', 'mixed.ndjson');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/2 lines are no valid events:\n {2}line 2: .*\n {2}line 4: kind: found "fun"/);
    expect(await query(env, "select from fleetlens.run where source = 'mixed'")).toHaveLength(0);
    const taken = await cli(env, 'import', 'mixed.ndjson', '--skip-invalid');
    expect(taken.code, taken.stderr).toBe(0);
    expect(await query(env, "select from fleetlens.run where source = 'mixed'")).toHaveLength(1);
  });

  it('reads standard input', async () => {
    const at = new Date(END).toISOString();
    const event = { id: 'p', source: 'piped', kind: 'run', at, data: { runId: 'piped', status: 'succeeded' } };
    const { code, stderr } = await runCli(['import', '-'], { env, cwd: directory.path, input: JSON.stringify(event) });
    expect(code, stderr).toBe(0);
    expect(await query(env, "select from fleetlens.run where source = 'piped' and status = 'succeeded'")).toHaveLength(
      1,
    );
  });
});

describe('lines of an imported file', () => {
  const line = (source: string, id: number, runId = `${id}`) =>
    JSON.stringify({ id: `${id}`, source, kind: 'run', at: new Date(END).toISOString(), data: { runId } });

  it('are read to the last, however many come at once', async () => {
    // A file is read in pieces of 64 KiB. While the events of the last but one are recorded the last waits, and nothing comes after it.
    const piece = 65_536;
    const events = Array.from({ length: IMPORT_BATCH }, (_, i) => line('lines', i)).join('\n');
    const ended = Math.ceil(events.length / piece + 1) * piece;
    const text = events.padStart(ended - piece / 2, '\n').padEnd(ended + 5_000, '\n') + line('lines', IMPORT_BATCH);
    await writeFile(join(directory.path, 'lines.ndjson'), text);
    const { code, stderr } = await cli(env, 'import', 'lines.ndjson');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`${IMPORT_BATCH + 1} events recorded`);
  });

  it('end where NDJSON says, not at other line ends of Unicode', async () => {
    const [first, second] = [1, 2].map((id) => line('unicode', id, `${id}\u2028\u2029\u0085`));
    await writeFile(join(directory.path, 'unicode.ndjson'), `${first}\r\n${second}`);
    const { code, stderr } = await cli(env, 'import', 'unicode.ndjson');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('2 events recorded');
  });

  it('are not all there in a file that is cut off, and it is said', async () => {
    await writeFile(join(directory.path, 'cut.ndjson.gz'), gzipSync(line('cut', 1).repeat(1_000)).subarray(0, -12));
    const { code, stderr } = await cli(env, 'import', 'cut.ndjson.gz');
    expect(code).toBe(1);
    expect(stderr).toContain('unexpected end of file');
  });
});

describe('export --format ndjson', () => {
  it('carries all records into another ledger, gzip or not', async () => {
    expect((await cli(env, 'export', '-o', 'all.ndjson.gz')).code).toBe(0);
    const lines = gunzipSync(await readFile(join(directory.path, 'all.ndjson.gz')))
      .toString()
      .trimEnd()
      .split('\n');
    const other = await newLedger();
    const imported = await cli(other, 'import', 'all.ndjson.gz');
    expect(imported.code, imported.stderr).toBe(0);
    const again = await cli(other, 'export');
    const sorted = (text: readonly string[]) => text.map((line) => JSON.stringify(sortKeys(JSON.parse(line)))).sort();
    expect(sorted(again.stdout.trimEnd().split('\n'))).toEqual(sorted(lines));
  });

  it('keeps to kinds and times', async () => {
    const { stdout } = await cli(env, 'export', '--kind', 'run,chain', '--since', lateChain);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; at: string });
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['run', 'chain']));
    expect(events.every(({ at }) => at >= lateChain)).toBe(true);
  });
});

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

describe('export --format openmetrics', () => {
  let text: string;
  const until = END + 60_000;
  beforeAll(async () => {
    const { code, stderr } = await cli(
      env,
      ...['export', '--format', 'openmetrics', '--until', new Date(until).toISOString(), '-o', 'history.om'],
    );
    expect(code, stderr).toBe(0);
    text = await readFile(join(directory.path, 'history.om'), 'utf8');
  });

  /** Series -> samples [value, seconds], in the order of the file. */
  function readSamples(): Map<string, [number, number][]> {
    const samples = new Map<string, [number, number][]>();
    for (const line of text.split('\n')) {
      if (line.startsWith('#') || line === '') continue;
      const [, series, value, time] = /^(\S+?\{.*\}) (\S+) (\d+)$/.exec(line) ?? [];
      if (series === undefined) throw new Error(`not a sample with a time: ${line}`);
      samples.set(series, [...(samples.get(series) ?? []), [Number(value), Number(time)]]);
    }
    return samples;
  }

  it('ends with what /metrics shows, series by series, and never falls', async () => {
    const exporter: ExporterProcess = await startExporter({ env });
    try {
      const openmetrics = await exporter.scrape('application/openmetrics-text; version=1.0.0');
      const shown = new Map([...monotonicSamples(parseExposition(openmetrics))].filter(([, value]) => value !== 0));
      const samples = readSamples();
      const last = new Map([...samples].map(([series, values]) => [series, values.at(-1)?.[0]]));
      expect(shown.size).toBeGreaterThan(300);
      expect([...shown].filter(([series, value]) => last.get(series) !== value)).toEqual([]);
      for (const [series, values] of samples) {
        expect(values[0]?.[0], series).toBe(0);
        for (let i = 1; i < values.length; i++) {
          const [before, now] = [values[i - 1], values[i]] as [[number, number], [number, number]];
          if (now[0] < before[0] || now[1] <= before[1]) throw new Error(`${series} falls or goes back at ${now[1]}`);
        }
      }
    } finally {
      await exporter.stop();
    }
  });

  it('names each family once, and ends the file', () => {
    const types = text.match(/^# TYPE .*$/gm) ?? [];
    expect(new Set(types).size).toBe(types.length);
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });

  it('becomes blocks in which Prometheus finds what happened when it happened', async () => {
    const data = join(directory.path, 'prometheus');
    await mkdir(data);
    const blocks = await promtool([
      ...['tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=54h'],
      ...[join(directory.path, 'history.om'), data],
    ]);
    expect(blocks.exitCode, blocks.output).toBe(0);
    const prometheus = await startPrometheus({ dataDir: data });
    try {
      // Each attempt that ended was counted once, and a run can have several.
      const counted = await query<{ source: string; old: number; recent: number }>(
        env,
        `select source, count(*) filter (where created_at < '${new Date(OLD).toISOString()}')::int as old,
            count(*) filter (where created_at >= '${new Date(OLD).toISOString()}')::int as recent
          from fleetlens.run, json_array_elements(counted) fact join fleetlens.rollup r on r.id = (fact ->> 0)::int
          where source like '%-demo' and r.family = 'fleet_runs_finished_total' and json_array_length(fact) = 3
          group by source order by source`,
      );
      const grown = async (window: string, atMs: number) => {
        const at = atMs / 1000;
        // max - min, not increase(): that extrapolates to the edges of the window.
        const expression = `sum by (source) (max_over_time(fleet_runs_finished_total{source=~".*-demo"}[${window}])
          - min_over_time(fleet_runs_finished_total{source=~".*-demo"}[${window}]))`;
        const samples = await waitFor(() => prometheus.query(expression, at), { what: 'the blocks' });
        return Object.fromEntries(samples.map(({ metric, value }) => [metric.source, value]));
      };
      const by = (column: 'old' | 'recent') =>
        Object.fromEntries(counted.filter((row) => row[column] > 0).map((row) => [row.source, row[column]]));
      expect(Object.keys(by('recent'))).toHaveLength(4);
      expect(await grown('30h', OLD + 3_600_000)).toMatchObject(by('old'));
      expect(await grown('30h', until)).toMatchObject(by('recent'));
      // Two months on, nothing of the old is growth.
      const [quiet] = await prometheus.query('sum(increase(fleet_runs_finished_total[1h]))', (END - 2 * DAY_MS) / 1000);
      expect(quiet?.value ?? 0).toBe(0);
    } finally {
      await prometheus.stop();
    }
  });

  it('adds labels, and a sample at every step when asked', async () => {
    const args = ['export', '--format', 'openmetrics', '--label', 'job=fleet"lens', '--step', '5m'];
    const range = ['--since', new Date(END - DAY_MS).toISOString(), '--until', new Date(END).toISOString()];
    const sparse = await cli(env, ...args, ...range);
    const dense = await cli(env, ...args, ...range, '--dense');
    expect(sparse.stdout).toContain(',job="fleet\\"lens"');
    const times = (output: string) => {
      const series = /^fleet_runs_created_total\{source="codecourier-demo".*\} \d+ \d+$/gm;
      const found = (output.match(series) ?? []).map(
        (line) => [line.split('} ')[0], Number(line.split(' ').at(-1))] as const,
      );
      return found.filter(([name]) => name === found[0]?.[0]).map(([, time]) => time);
    };
    const steps = times(dense.stdout);
    expect(steps.length).toBeGreaterThan(10);
    expect(steps.slice(1).every((time, i) => time - (steps[i] as number) === 300)).toBe(true);
    expect(dense.stdout.length).toBeGreaterThan(sparse.stdout.length * 1.5);
  });
});

import pg from 'pg';
import { pino } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migratedDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { promtoolCheckMetrics } from '../../../test/support/promtool.ts';
import { waitFor } from '../../../test/support/waitFor.ts';
import { RollupSnapshot } from './rollupSnapshot.ts';
import { createScraper, type Scraper } from './scrape.ts';
import { createSelfRegistry } from './selfMetrics.ts';

let database: TestDatabase;
let pool: pg.Pool;
let registry: Registry;
let lines: Record<string, unknown>[];
let denied: string[];
let scraper: Scraper;

beforeEach(async () => {
  database = await migratedDatabase({ synchronousCommit: 'off' });
  pool = new pg.Pool({ connectionString: database.connectionString, max: 4 });
  pool.on('error', () => {}); // Dropping the database may come before the last connection has said goodbye.
  registry = createSelfRegistry({ version: '1', revision: 'r' });
  lines = [];
  denied = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const allows = (family: string) => !denied.includes(family);
  scraper = createScraper(new RollupSnapshot(pool, { allows }), registry, log, allows);
  await pool.query("insert into fleetlens.source_state (source, way, live_at) values ('s', 'push', now())");
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

async function count(value: number): Promise<void> {
  await pool.query('update fleetlens.head set seq = seq + 1');
  await pool.query(
    `insert into fleetlens.rollup (id, family, labels, value, seq)
      select 1, 'fleet_runs_lost_total', '{s,p,w}', $1::numeric * 1000000000, seq from fleetlens.head
      on conflict (id) do update set value = excluded.value, seq = excluded.seq`,
    [value],
  );
}

const textOf = async (scrape: Promise<Buffer[]>) => Buffer.concat(await scrape).toString();
const valueIn = (text: string) => /^fleet_runs_lost_total\{.*\} (\d+)$/m.exec(text)?.[1];
const families = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] as string);

describe('scrapes at the same time', () => {
  it('share the next reading; each sees what was committed before it arrived', async () => {
    await count(1);
    await textOf(scraper.scrape('text'));
    // The first scrape waits for the sources, which it reads before the rollups, when the second value is committed.
    const blocker = await pool.connect();
    try {
      await blocker.query('begin; lock table fleetlens.source_state in access exclusive mode');
      const first = textOf(scraper.scrape('text'));
      await waitFor(
        async () => (await pool.query("select from pg_stat_activity where wait_event_type = 'Lock'")).rowCount,
        { what: 'the first scrape to wait' },
      );
      await count(2);
      const shared = scraper.scrape('text');
      expect(scraper.scrape('text')).toBe(shared);
      const other = textOf(scraper.scrape('openmetrics'));
      await blocker.query('commit');
      expect(valueIn(await first)).toBe('2');
      expect(valueIn(await textOf(shared))).toBe('2');
      expect(valueIn(await other)).toBe('2');
      await count(3);
      expect(valueIn(await textOf(scraper.scrape('text')))).toBe('3');
    } finally {
      blocker.release();
    }
  });
});

describe('without the ledger', () => {
  it('a scrape holds the own families alone, says so once, and is whole again afterwards', async () => {
    await count(1);
    const whole = await textOf(scraper.scrape('text'));
    expect(whole).toMatch(/^fleetlens_ledger_up 1$/m);
    expect(whole).toMatch(/^fleetlens_series\{family="fleet_runs_lost_total"\} 1$/m);
    await pool.query('alter table fleetlens.head rename to gone');
    for (let i = 0; i < 3; i++) {
      const text = await textOf(scraper.scrape('openmetrics'));
      expect(text).toMatch(/^fleetlens_ledger_up 0$/m);
      expect(families(text).filter((name) => !/^(fleetlens|process|nodejs)_/.test(name))).toEqual([]);
      expect(text).not.toContain('source="s"');
      expect(text.endsWith('# EOF\n')).toBe(true);
    }
    expect(lines.map(({ level, msg }) => ({ level, msg }))).toEqual([
      { level: 50, msg: expect.stringContaining('the ledger does not answer') },
    ]);
    await pool.query('alter table fleetlens.gone rename to head');
    expect(valueIn(await textOf(scraper.scrape('text')))).toBe('1');
  });
});

it('a collector that fails loses its family, is named in the log, and no more', async () => {
  await count(1);
  const collect = () => Promise.reject(new Error('unreadable'));
  new Gauge({ name: 'fleetlens_dead_letters_of_mine', help: 'h', registers: [registry], collect });
  const text = await textOf(scraper.scrape('text'));
  expect(families(text)).not.toContain('fleetlens_dead_letters_of_mine');
  expect(families(text)).toEqual(
    expect.arrayContaining(['fleet_runs_lost_total', 'fleetlens_build_info', 'fleetlens_series']),
  );
  expect(lines).toMatchObject([
    { level: 50, family: 'fleetlens_dead_letters_of_mine', err: { message: 'unreadable' } },
  ]);
  expect(await promtoolCheckMetrics(text)).toEqual({ exitCode: 0, output: '' });
});

it('a family that is denied is not there, whoever makes it', async () => {
  await count(1);
  denied = ['fleetlens_series', 'fleetlens_dead_letters', 'nodejs_version_info'];
  const shown = families(await textOf(scraper.scrape('text')));
  expect(shown).toEqual(expect.arrayContaining(['fleetlens_source_catching_up', 'fleet_runs_lost_total']));
  expect(shown.filter((name) => denied.includes(name))).toEqual([]);
});

it('names no family twice, in either format', async () => {
  await count(1);
  for (const format of ['text', 'openmetrics'] as const) {
    const shown = families(await textOf(scraper.scrape(format)));
    expect(new Set(shown).size).toBe(shown.length);
  }
});

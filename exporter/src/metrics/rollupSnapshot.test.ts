import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migratedDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import type { FamilyName } from '../contract/metricCatalogue.ts';
import type { Format } from './exposition.ts';
import { RollupSnapshot } from './rollupSnapshot.ts';

let database: TestDatabase;
let pool: pg.Pool;
let denied: string[];
let snapshot: RollupSnapshot;

beforeEach(async () => {
  database = await migratedDatabase({ synchronousCommit: 'off' });
  pool = new pg.Pool({ connectionString: database.connectionString, max: 4 });
  pool.on('error', () => {}); // Dropping the database may come before the last connection has said goodbye.
  denied = [];
  snapshot = new RollupSnapshot(pool, { allows: (family) => !denied.includes(family) });
  await makeSource('live', true);
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const LABELS: Partial<Record<FamilyName, string[]>> = {
  fleet_runs_lost_total: ['live', 'p', 'w'],
  fleet_runs: ['live', 'p', 'w', 'running'],
  fleet_run_oldest_timestamp_seconds: ['live', 'p', 'w', 'running'],
  fleet_run_iterations: ['live', 'p', 'w'],
};

interface Series {
  readonly family: FamilyName;
  readonly labels?: readonly string[];
  readonly value?: number;
  readonly count?: number;
  readonly buckets?: readonly number[];
  /** SQL of a time. */
  readonly born?: string;
  readonly first?: object;
  readonly touched?: string;
}

/** Writes a rollup as a commit of the ledger does: under a number of its own, which the head then has. */
async function write(id: number, series: Series): Promise<void> {
  const {
    family,
    labels = LABELS[family],
    value = 0,
    count = 0,
    buckets,
    born = 'null',
    first,
    touched = 'now()',
  } = series;
  await pool.query(
    `with head as (update fleetlens.head set seq = seq + 1 returning seq)
      insert into fleetlens.rollup as r (id, family, labels, value, count, buckets, born_at, shown_first, touched_at, seq)
      select $1, $2, $3, $4::numeric * 1000000000, $5, $6, ${born}, $7, ${touched}, seq from head
      on conflict (id) do update set value = excluded.value, count = excluded.count, buckets = excluded.buckets,
        born_at = excluded.born_at, shown_first = excluded.shown_first, touched_at = excluded.touched_at, seq = excluded.seq`,
    [id, family, labels, value, count, buckets ?? null, first === undefined ? null : JSON.stringify(first)],
  );
}

async function makeSource(source: string, live: boolean): Promise<void> {
  await pool.query(
    `insert into fleetlens.source_state (source, way, live_at) values ($1, 'push', case when $2 then now() end)
      on conflict (source) do update set live_at = excluded.live_at`,
    [source, live],
  );
}

/** The samples of the next scrape, without comments. */
async function samples(format: Format = 'text', of = snapshot): Promise<string[]> {
  await of.refresh();
  const { chunks } = await of.render(format);
  return Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

const lost = (value: number, workflow = 'w', source = 'live') =>
  `fleet_runs_lost_total{source="${source}",project="p",workflow="${workflow}"} ${value}`;

describe('what a scrape shows', () => {
  it('follows every commit, in both formats, whichever was asked for last', async () => {
    expect(await samples()).toEqual([]);
    await write(1, { family: 'fleet_runs_lost_total', value: 1 });
    expect(await samples()).toEqual([lost(1)]);
    expect(await samples('openmetrics')).toEqual([lost(1)]);
    await write(1, { family: 'fleet_runs_lost_total', value: 2.5 });
    expect(await samples('openmetrics')).toEqual([lost(2.5)]);
    expect(await samples()).toEqual([lost(2.5)]);
    await write(2, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'other'], value: 7 });
    expect(await samples()).toEqual([lost(2.5), lost(7, 'other')]);
  });

  it('has families in the order of the catalogue and series in the order of their births, on every replica', async () => {
    await write(1, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'b'], value: 1 });
    await samples();
    await write(2, { family: 'fleet_runs', value: 1, count: 1 });
    await write(3, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'a'], value: 1 });
    await write(1, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'b'], value: 2 });
    const shown = await samples();
    expect(shown).toEqual([
      'fleet_runs{source="live",project="p",workflow="w",status="running"} 1',
      lost(2, 'b'),
      lost(1, 'a'),
    ]);
    expect(await samples('text', new RollupSnapshot(pool, { allows: () => true }))).toEqual(shown);
  });

  it('counts label sets by family, not lines', async () => {
    await write(1, { family: 'fleet_run_iterations', count: 1, buckets: [1, 0, 0, 0, 0, 0, 0, 0, 0] });
    await write(2, { family: 'fleet_runs_lost_total' });
    await snapshot.refresh();
    expect([...(await snapshot.render('text')).series]).toEqual([
      ['fleet_runs_lost_total', 1],
      ['fleet_run_iterations', 1],
    ]);
  });

  it('is right beyond one block of series', async () => {
    const workflows = Array.from({ length: 600 }, (_, i) => `w${i}`);
    await pool.query(
      `with head as (update fleetlens.head set seq = seq + 1 returning seq)
        insert into fleetlens.rollup (id, family, labels, value, seq)
        select n, 'fleet_runs_lost_total', array['live', 'p', w], n * 1000000000::numeric, seq
        from head, unnest($1::text[]) with ordinality as u(w, n)`,
      [workflows],
    );
    expect(await samples()).toEqual(workflows.map((workflow, i) => lost(i + 1, workflow)));
    await write(300, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'w299'], value: 0.5 });
    expect((await samples())[299]).toBe(lost(0.5, 'w299'));
    expect(await samples('openmetrics')).toHaveLength(600);
  });
});

describe('births', () => {
  it('a series born live shows 0 for 60 s, then its value', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 3, born: "now() - interval '50 seconds'" });
    expect(await samples()).toEqual([lost(0)]);
    await pool.query("update fleetlens.rollup set born_at = now() - interval '61 seconds', seq = seq + 1");
    await pool.query('update fleetlens.head set seq = seq + 1');
    expect(await samples()).toEqual([lost(3)]);
  });

  it('ages without any commit', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 3, born: "now() - interval '50 seconds'" });
    await write(2, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'older'], value: 1 });
    expect(await samples()).toEqual([lost(0), lost(1, 'older')]);
    expect(await samples('openmetrics')).toEqual([lost(0), lost(1, 'older')]);
    await expect.poll(() => samples()).toEqual([lost(3), lost(1, 'older')]);
    expect(await samples('openmetrics')).toEqual([lost(3), lost(1, 'older')]);
  });

  it('one that was shown before keeps what it showed meanwhile', async () => {
    const first = { value: '2000000000', count: 1, buckets: [0, 1, 0, 0, 0, 0, 0, 0, 0] };
    const series = {
      family: 'fleet_run_iterations',
      value: 5,
      count: 2,
      buckets: [0, 1, 1, 0, 0, 0, 0, 0, 0],
    } as const;
    await write(1, { ...series, born: 'now()', first });
    const shown = await samples();
    expect(shown.at(-1)).toMatch(/_count\{.*\} 1$/);
    expect(shown.at(-2)).toMatch(/_sum\{.*\} 2$/);
    expect(shown[2]).toMatch(/le="3"\} 1$/);
  });

  it('a gauge has none: now is now', async () => {
    await write(1, { family: 'fleet_runs', value: 4, count: 4, born: 'now()' });
    expect(await samples()).toEqual([expect.stringMatching(/ 4$/)]);
  });
});

describe('what is not shown', () => {
  it('the series of a source whose backfill is under way, until it goes live', async () => {
    await makeSource('new', false);
    await write(1, { family: 'fleet_runs_lost_total', labels: ['new', 'p', 'w'], value: 5_000 });
    await write(2, { family: 'fleet_runs', labels: ['new', 'p', 'w', 'running'], value: 1, count: 1 });
    await write(3, { family: 'fleet_runs_lost_total', value: 1 });
    expect(await samples()).toEqual([lost(1)]);
    expect(snapshot.sources.map(({ source, catchingUp }) => ({ source, catchingUp }))).toEqual(
      expect.arrayContaining([
        { source: 'live', catchingUp: false },
        { source: 'new', catchingUp: true },
      ]),
    );
    await makeSource('new', true);
    expect(await samples()).toEqual([expect.stringMatching(/^fleet_runs\{/), lost(5_000, 'w', 'new'), lost(1)]);
  });

  it('a counter that nothing touched for 30 days, until it moves again', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 1, touched: "now() - interval '30 days 1 second'" });
    await write(2, {
      family: 'fleet_runs_lost_total',
      labels: ['live', 'p', 'x'],
      value: 1,
      touched: "now() - interval '29 days'",
    });
    expect(await samples()).toEqual([lost(1, 'x')]);
    await write(1, { family: 'fleet_runs_lost_total', value: 2 });
    expect(await samples()).toEqual([lost(2), lost(1, 'x')]);
  });

  it('a gauge without members, unless 0 is known; one with members however old it is', async () => {
    const old = "now() - interval '60 days'";
    await write(1, { family: 'fleet_run_oldest_timestamp_seconds', value: 7, count: 0 });
    await write(2, { family: 'fleet_runs', value: 0, count: 0 });
    await write(3, { family: 'fleet_runs', labels: ['live', 'p', 'w', 'queued'], value: 1, count: 1, touched: old });
    await write(4, { family: 'fleet_runs', labels: ['live', 'p', 'w', 'waiting'], value: 0, count: 0, touched: old });
    expect(await samples()).toEqual([
      'fleet_runs{source="live",project="p",workflow="w",status="running"} 0',
      'fleet_runs{source="live",project="p",workflow="w",status="queued"} 1',
    ]);
  });

  it('a family of another version, or one that is denied', async () => {
    await pool.query(
      "insert into fleetlens.rollup (id, family, labels, seq) values (9, 'fleet_of_tomorrow', '{a}', 0)",
    );
    await write(1, { family: 'fleet_runs_lost_total', value: 1 });
    denied = ['fleet_runs_lost_total'];
    expect(await samples()).toEqual([]);
  });
});

describe('reset', () => {
  it('applies changed lists to what was read before', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 1 });
    await write(2, { family: 'fleet_runs', value: 1, count: 1 });
    expect(await samples()).toHaveLength(2);
    denied = ['fleet_runs'];
    snapshot.reset();
    expect(await samples()).toEqual([lost(1)]);
    denied = [];
    snapshot.reset();
    expect(await samples()).toHaveLength(2);
  });

  it('during a refresh loses nothing', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 1 });
    await samples();
    await write(2, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'x'], value: 1 });
    const reading = snapshot.refresh();
    snapshot.reset();
    await reading;
    expect(await samples()).toEqual([lost(1), lost(1, 'x')]);
  });
});

describe('a ledger that is not the one that was read before', () => {
  it('with a lower number (an older standby) is read anew', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 1 });
    await write(1, { family: 'fleet_runs_lost_total', value: 2 });
    await write(2, { family: 'fleet_runs_lost_total', labels: ['live', 'p', 'x'], value: 1 });
    expect(await samples()).toEqual([lost(2), lost(1, 'x')]);
    await pool.query('delete from fleetlens.rollup where id = 2');
    await pool.query('update fleetlens.rollup set value = 1000000000, seq = 1');
    await pool.query('update fleetlens.head set seq = 1');
    expect(await samples()).toEqual([lost(1)]);
  });

  it('with another identity (restored from a backup) is read anew, though its number is higher', async () => {
    await write(1, { family: 'fleet_runs_lost_total', value: 9 });
    expect(await samples()).toEqual([lost(9)]);
    await pool.query("update fleetlens.rollup set labels = '{live,p,restored}', seq = 1");
    await pool.query('update fleetlens.head set seq = 50, ledger_id = gen_random_uuid()');
    expect(await samples()).toEqual([lost(9, 'restored')]);
  });

  it('without a head is an error that says what to do', async () => {
    await pool.query('delete from fleetlens.head');
    await expect(snapshot.refresh()).rejects.toThrow(/no row in fleetlens.head, expected one; restore/);
  });
});

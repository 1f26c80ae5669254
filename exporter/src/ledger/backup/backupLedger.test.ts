import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgresServer, startEmbeddedPostgres } from '../embedded/startEmbeddedPostgres.ts';
import type { LedgerCopyProgress } from './backupFormat.ts';
import { backupLedger } from './backupLedger.ts';
import { restoreLedger } from './restoreLedger.ts';
import { startThrowawayPostgres, type ThrowawayPostgres } from './throwawayPostgres.ts';

const run = promisify(execFile);

/** The shapes that a ledger has, and some that it may get. `migrations` are the applied ones. */
const schema = (migrations: string[], partitions: number) => `
  create schema fleetlens;
  create table fleetlens.migration (id serial primary key, name text not null, run_on timestamp not null);
  ${migrations.map((name) => `insert into fleetlens.migration (name, run_on) values ('${name}', now());`).join('\n')}
  create table fleetlens.head (one boolean primary key default true check (one), seq bigint not null default 0);
  insert into fleetlens.head default values;
  create sequence fleetlens.tick;
  create table fleetlens."a step" (run_id bigint not null, note text);
  create table fleetlens.run (
    id bigint generated always as identity primary key,
    dropped text,
    doc jsonb not null,
    stamps json not null,
    project text generated always as (doc ->> 'project') stored,
    held numeric(60, 0)[],
    bytes bytea,
    "at" timestamptz not null,
    took interval,
    ratio double precision);
  alter table fleetlens.run drop column dropped;
  alter table fleetlens."a step" add foreign key (run_id) references fleetlens.run;
  create table fleetlens.dedupe (id uuid primary key, at_day integer not null) partition by hash (id);
  ${Array.from({ length: partitions }, (_, i) => `create table fleetlens.dedupe_${i} partition of fleetlens.dedupe for values with (modulus ${partitions}, remainder ${i});`).join('\n')}
  create table fleetlens.nothing (x integer);
  create view fleetlens.recent as select * from fleetlens.run;`;

const content = (rows: number) => `
  update fleetlens.head set seq = 77;
  select setval('fleetlens.tick', 500);
  insert into fleetlens.run (doc, stamps, held, bytes, "at", took, ratio)
    select jsonb_build_object('project', 'p' || i % 7, 'text', E'line\\nbreak\\ttab \\\\ backslash "quote" \\u00e9 \\U0001F600', 'n', 0.1 * i, 'pad', repeat(md5(i::text), 20)),
           '{"b": 1,   "a":  2}', array[i, null, 123456789012345678901234567890], decode(md5(i::text), 'hex'),
           timestamptz '2026-01-01 00:00:00.123456+00' + i * interval '1 hour 0.000001 s', i * interval '1 day 2 hours', case i when 1 then 'NaN' when 2 then '-Infinity' else 1.0 / 3 * i end
      from generate_series(1, ${rows}) i;
  insert into fleetlens."a step" select id, case id % 3 when 0 then null when 1 then '' else '\\.' end from fleetlens.run;
  insert into fleetlens.dedupe select md5(i::text)::uuid, i % 35 from generate_series(1, ${rows}) i;`;

const fingerprint = `
  select (select md5(string_agg(t::text, E'\\n' order by id)) from fleetlens.run t) as run,
         (select count(*)::int from fleetlens.run) as runs,
         (select md5(string_agg(t::text, E'\\n' order by run_id)) from fleetlens."a step" t) as step,
         (select md5(string_agg(t::text, E'\\n' order by id)) from fleetlens.dedupe t) as dedupe,
         (select array_agg(seq) from fleetlens.head) as head,
         (select last_value || ' ' || is_called from fleetlens.tick) as tick,
         (select last_value || ' ' || is_called from fleetlens.run_id_seq) as run_id`;

let postgres15: ThrowawayPostgres;
let embedded: EmbeddedPostgresServer;
let directory: string;
const pools: pg.Pool[] = [];

beforeAll(async () => {
  directory = await realpath(await mkdtemp(path.join(os.tmpdir(), 'fleetlens-backup-')));
  // mkdtemp's directories are closed to the account that runs the server.
  await chmod(directory, 0o711);
  [postgres15, embedded] = await Promise.all([
    startThrowawayPostgres(),
    startEmbeddedPostgres({
      dataDir: path.join(directory, 'data'),
      stateDir: path.join(directory, 'state'),
      log: pino({ enabled: false }),
    }),
  ]);
});
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.end();
});
afterAll(async () => {
  await Promise.all([postgres15?.stop(), embedded?.stop()]);
  await rm(directory, { recursive: true, force: true });
});

let databases = 0;
async function ledger(
  options: { on?: 'embedded'; migrations?: string[]; partitions?: number; rows?: number } = {},
): Promise<pg.Pool> {
  const { migrations = ['0001_ledger', '0002_more'], partitions = 4, rows = 0 } = options;
  databases++;
  const name = `ledger_${databases}`;
  const admin = options.on === 'embedded' ? embedded.connectionString : postgres15.connectionString('postgres');
  const creator = new pg.Client({ connectionString: admin });
  await creator.connect();
  await creator.query(`create database ${name}`);
  await creator.end();
  const pool = new pg.Pool({ connectionString: admin.replace(/[^/]*$/, name), max: 4 });
  pool.on('error', () => undefined);
  pools.push(pool);
  await pool.query(schema(migrations, partitions));
  if (rows > 0) await pool.query(content(rows));
  return pool;
}

async function state(pool: pg.Pool): Promise<Record<string, unknown>> {
  return (await pool.query(fingerprint)).rows[0];
}

describe('a backup', () => {
  it('restores to the same ledger: on Postgres 15, and from 15 to the embedded server and back', async () => {
    const source = await ledger({ rows: 500 });
    const expected = await state(source);
    const file = path.join(directory, 'full.tar');
    const summary = await backupLedger(source, file);
    expect(summary).toEqual({ rows: 1501, tables: 5, bytes: (await stat(file)).size });
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const same = await ledger();
    expect(await restoreLedger(same, file)).toMatchObject({ rows: 1501, tables: 5 });
    expect(await state(same)).toEqual(expected);

    const newer = await ledger({ on: 'embedded', partitions: 16 });
    await restoreLedger(newer, file);
    expect(await state(newer)).toEqual(expected);
    // Identity goes on where it was.
    const inserted = await newer.query(
      `insert into fleetlens.run (doc, stamps, "at") values ('{"project": "new"}', '{}', now()) returning id, project`,
    );
    expect(inserted.rows).toEqual([{ id: '501', project: 'new' }]);
    await newer.query('delete from fleetlens.run where id = 501');
    await newer.query(`select setval('fleetlens.run_id_seq', 500)`);

    const back = path.join(directory, 'back.tar');
    await backupLedger(newer, back);
    const older = await ledger({ partitions: 3 });
    await restoreLedger(older, back);
    expect(await state(older)).toEqual(expected);
  });

  it('is of one moment, while others go on writing', async () => {
    const source = await ledger({ rows: 200 });
    const expected = await state(source);
    const file = path.join(directory, 'moment.tar');
    let interfered: Promise<unknown> | undefined;
    await backupLedger(source, file, {
      onProgress: () => {
        interfered ??= source.query(`
          with gone as (delete from fleetlens."a step" where run_id > 100)
          insert into fleetlens.dedupe select gen_random_uuid(), 1 from generate_series(1, 50)`);
      },
    });
    await interfered;
    expect(await state(source)).not.toEqual(expected);
    const target = await ledger();
    await restoreLedger(target, file);
    expect(await state(target)).toEqual(expected);
  });

  it('is written in parts of whole rows, and says how far it is', async () => {
    const source = await ledger({ rows: 40_000 });
    const file = path.join(directory, 'large.tar');
    const steps: LedgerCopyProgress[] = [];
    await backupLedger(source, file, { onProgress: (step) => steps.push(step) });
    const { stdout } = await run('tar', ['-tf', file]);
    const parts = stdout.split('\n').filter((name) => name.startsWith('tables/run/'));
    expect(parts.length).toBeGreaterThan(2);
    // As the format promises: any part can be read by hand.
    await run('tar', ['-xf', file, '-C', directory, parts[1] ?? '']);
    const { stdout: rows } = await run('gzip', ['-cd', path.join(directory, parts[1] ?? '')], { maxBuffer: 64 << 20 });
    expect(rows.endsWith('\n')).toBe(true);
    expect(
      rows
        .split('\n')
        .slice(0, -1)
        .every((row) => row.split('\t').length === 8),
    ).toBe(true);

    const target = await ledger();
    await restoreLedger(target, file, { onProgress: (step) => steps.push(step) });
    expect(await state(target)).toEqual(await state(source));
    for (const step of ['writing', 'checking', 'loading'] as const) {
      const seen = steps.filter((one) => one.step === step);
      expect(seen.length).toBeGreaterThan(2);
      expect(seen.map((one) => one.bytesDone)).toEqual(seen.map((one) => one.bytesDone).toSorted((a, b) => a - b));
      expect(seen.every((one) => one.bytesDone <= one.bytesTotal)).toBe(true);
      expect(seen.at(-1)?.bytesDone).toBe(seen.at(-1)?.bytesTotal);
    }
  });

  it('replaces the file of that name only once it is whole', async () => {
    const file = path.join(directory, 'kept.tar');
    await writeFile(file, 'the backup of yesterday');
    const source = await ledger({ rows: 10 });
    // The last table of all cannot be read, when the others are written already.
    await source.query(`
      create table fleetlens.zz (x integer);
      create role limited login; grant usage on schema fleetlens to limited;
      grant select on all tables in schema fleetlens to limited; grant select on all sequences in schema fleetlens to limited;
      revoke select on fleetlens.zz from limited`);
    const limited = new pg.Pool({
      connectionString: source.options.connectionString?.replace('//fleetlens:', '//limited:'),
    });
    pools.push(limited);
    await expect(backupLedger(limited, file)).rejects.toThrow(/could not be backed up to .*permission denied/);
    expect(await readFile(file, 'utf8')).toBe('the backup of yesterday');
    expect((await readdir(directory)).filter((name) => name.includes('unfinished'))).toEqual([]);
    await backupLedger(source, file);
    expect((await stat(file)).size).toBeGreaterThan(1000);
  });

  it('says when the disk is full, and leaves nothing there', async (test) => {
    const disk = await mkdtemp(path.join(directory, 'disk-'));
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).then(
      () => true,
      () => false,
    );
    if (!mounted) test.skip('a small disk needs the right to mount one');
    try {
      const file = path.join(disk, 'ledger.tar');
      await expect(backupLedger(await ledger({ rows: 2_000 }), file)).rejects.toThrow(/could not be backed up.*ENOSPC/);
      expect(await readdir(disk)).toEqual([]);
    } finally {
      await run('umount', [disk]);
    }
  });
});

describe('a restore is refused', () => {
  let file: string;
  beforeAll(async () => {
    file = path.join(directory, 'good.tar');
    await backupLedger(await ledger({ rows: 300 }), file);
  });

  it('into a ledger that holds anything', async () => {
    const target = await ledger();
    await target.query('insert into fleetlens.nothing values (1)');
    await expect(restoreLedger(target, file)).rejects.toThrow(/not empty \(nothing hold rows\).*new database/);
    await target.query('delete from fleetlens.nothing; update fleetlens.head set seq = 1');
    await expect(restoreLedger(target, file)).rejects.toThrow(/not empty \(head/);
    expect((await state(target)).runs).toBe(0);
    await target.query('update fleetlens.head set seq = 0');
    await restoreLedger(target, file);
    await expect(restoreLedger(target, file)).rejects.toThrow(/not empty/);
  });

  it('into a ledger with other migrations, with both and the way over', async () => {
    for (const migrations of [['0001_ledger'], ['0001_ledger', '0002_more', '0003_new']]) {
      await expect(restoreLedger(await ledger({ migrations }), file)).rejects.toThrow(
        new RegExp(
          `migrations up to ${migrations.at(-1)} \\(${migrations.length}\\), expected .*0002_more \\(2\\).*Restore with Fleetlens \\d`,
        ),
      );
    }
  });

  it('while an exporter uses the ledger', async () => {
    const target = await ledger();
    const client = await target.connect();
    await client.query('begin; insert into fleetlens.nothing values (1)');
    const refused = restoreLedger(target, file);
    await expect(refused).rejects.toThrow(/in use.*Stop the exporters/);
    await client.query('rollback');
    client.release();
    await restoreLedger(target, file);
  });

  it('from a damaged, cut or foreign file, wherever it is damaged, and leaves the ledger empty', async () => {
    const target = await ledger();
    const damaged = path.join(directory, 'damaged.tar');
    const { size } = await stat(file);
    for (let position = 100; position < size - 1024; position += Math.floor(size / 40)) {
      await copyFile(file, damaged);
      const handle = await open(damaged, 'r+');
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
      // Padding between entries is no part of the backup; elsewhere every byte counts.
      const wasPadding = buffer[0] === 0;
      await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 0x55]), 0, 1, position);
      await handle.close();
      if (!wasPadding)
        await expect(restoreLedger(target, damaged), `byte ${position}`).rejects.toThrow(/not an intact ledger backup/);
    }
    for (const length of [0, 300, 5_000, Math.floor(size / 2), size - 3_000]) {
      await copyFile(file, damaged);
      await truncate(damaged, length);
      await expect(restoreLedger(target, damaged), `cut at ${length}`).rejects.toThrow(/not an intact ledger backup/);
    }
    await writeFile(damaged, 'pg_dump'.repeat(1000));
    await expect(restoreLedger(target, damaged)).rejects.toThrow(/not an intact ledger backup/);
    await expect(restoreLedger(target, path.join(directory, 'absent.tar'))).rejects.toThrow('ENOENT');
    expect((await state(target)).runs).toBe(0);
    await restoreLedger(target, file);
  });

  it('as a whole when one row does not fit', async () => {
    const target = await ledger();
    await target.query('alter table fleetlens.run add constraint few check (id < 300)');
    await expect(restoreLedger(target, file)).rejects.toThrow(
      /not restored, and the ledger is as it was before: .*few/,
    );
    expect(await state(target)).toMatchObject({ runs: 0, head: ['0'] });
    await target.query('alter table fleetlens.run drop constraint few');
    await restoreLedger(target, file);
  });
});

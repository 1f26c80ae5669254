import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { findRunningEmbeddedPostgres } from './connectEmbedded.ts';
import {
  atEnd,
  captureLog,
  killHard,
  postmasterPid,
  query,
  startElsewhere,
  startHere,
  temporaryDirectory,
} from './embeddedTestBed.ts';
import { whoIs } from './findProcess.ts';

const run = promisify(execFile);
const patient = { timeout: 30_000, interval: 50 };

describe('a first start', () => {
  it('serves a durable, private database, and leaves nothing behind when stopped', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'not', 'yet', 'there');
    const server = await startHere({ dataDir });
    expect(server.adopted).toBe(false);
    const settings = await query(
      server.connectionString,
      `select name, setting from pg_settings where name in
         ('fsync','synchronous_commit','full_page_writes','listen_addresses','data_checksums','server_version','server_encoding') order by name`,
    );
    expect(Object.fromEntries(settings.map((row) => [row.name, row.setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '',
      data_checksums: 'on',
      server_encoding: 'UTF8',
      server_version: server.version,
    });
    expect(await query(server.connectionString, 'select distinct auth_method from pg_hba_file_rules')).toEqual([
      { auth_method: 'scram-sha-256' },
    ]);
    const pid = await postmasterPid(dataDir);
    await server.stop();
    await server.stop();
    expect(await whoIs(pid, path.join(dataDir, 'postgres'))).toBe('nobody');
    expect(await readFile(path.join(dataDir, 'postgres.log'), 'utf8')).toContain('database system is shut down');
    await expect(query(server.connectionString, 'select 1')).rejects.toThrow();
    expect((await readdir(dataDir)).sort()).toEqual(['exporter.lock', 'postgres', 'postgres-password', 'postgres.log']);
  });

  it('makes a password of its own that only the exporter can read, and lets nobody in without it', async () => {
    const [one, other] = [await temporaryDirectory(), await temporaryDirectory()];
    const server = await startHere({ dataDir: one });
    await startHere({ dataDir: other });
    const [password, otherPassword] = await Promise.all(
      [one, other].map((dataDir) => readFile(path.join(dataDir, 'postgres-password'), 'utf8')),
    );
    expect(password).toMatch(/^[0-9a-f]{64}\n$/);
    expect(password).not.toBe(otherPassword);
    for (const file of ['postgres-password', 'postgres-url', 'postgres.log']) {
      expect((await stat(path.join(one, file))).mode & 0o777).toBe(0o600);
    }
    await expect(
      query(server.connectionString.replace(/:[0-9a-f]{64}@/, ':password@'), 'select 1'),
    ).rejects.toMatchObject({
      code: '28P01',
    });
    expect(
      await query(
        server.connectionString,
        'select left(rolpassword, 14) as kind from pg_authid where rolpassword is not null',
      ),
    ).toEqual([{ kind: 'SCRAM-SHA-256$' }]);
  });

  it('can be reached by psql and by commands beside the exporter while it runs, and only then', async () => {
    const dataDir = await temporaryDirectory();
    expect(await findRunningEmbeddedPostgres(dataDir)).toBeUndefined();
    const server = await startHere({ dataDir });
    const url = (await readFile(path.join(dataDir, 'postgres-url'), 'utf8')).trim();
    expect(url).toBe(server.connectionString);
    expect(await findRunningEmbeddedPostgres(dataDir)).toBe(server.connectionString);
    const { stdout } = await run('psql', [url, '-XAtc', 'select current_user, current_database()']);
    expect(stdout).toBe('fleetlens|fleetlens\n');
    await server.stop();
    expect(await findRunningEmbeddedPostgres(dataDir)).toBeUndefined();
  });

  it('adds no handler for signals or the end of the process', async () => {
    const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'beforeExit', 'uncaughtException'];
    const before = events.map((event) => process.listenerCount(event));
    const server = await startHere({ dataDir: await temporaryDirectory() });
    expect(events.map((event) => process.listenerCount(event))).toEqual(before);
    await server.stop();
    expect(events.map((event) => process.listenerCount(event))).toEqual(before);
  });

  it('passes what the server prints on to the log: warnings as such, the rest for debugging, nothing to the console', async () => {
    const output = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
    const { log, lines } = captureLog();
    const server = await startHere({ dataDir: await temporaryDirectory() }, log);
    await expect(query(server.connectionString, 'select 1 / 0')).rejects.toThrow('division by zero');
    await server.stop();
    const printed = output.flatMap((spy) => spy.mock.calls.map(([chunk]) => String(chunk))).join('');
    for (const spy of output) spy.mockRestore();
    expect(printed).not.toContain('database system');
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 20, msg: 'database system is ready to accept connections' }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'division by zero' }));
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'select 1 / 0' }));
  });

  it('passes none of the environment on to the server', async () => {
    vi.stubEnv('FLEETLENS_TEST_TOKEN', 'secret');
    vi.stubEnv('PGDATA', '/nonexistent');
    atEnd(async () => vi.unstubAllEnvs());
    const dataDir = await temporaryDirectory();
    await startHere({ dataDir });
    expect(await readFile(`/proc/${await postmasterPid(dataDir)}/environ`, 'utf8')).not.toMatch(/TOKEN|PGDATA/);
  });

  it('serves a data directory whose path is too long for a socket, and adopts it too', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'long '.repeat(30), 'data');
    const holder = await startElsewhere({ dataDir });
    await killHard(holder.child);
    const server = await startHere({ dataDir });
    expect(server.adopted).toBe(true);
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('a second start', () => {
  it('is refused while an exporter runs, naming it and the remedy', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    await expect(startHere({ dataDir })).rejects.toThrow(
      new RegExp(`in use by the exporter with pid ${holder.child.pid} on .*one replica.*ledger.database_url`),
    );
    const second = await startElsewhere({ dataDir });
    expect(second.error).toContain(`pid ${holder.child.pid}`);
    expect(await query(holder.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is refused within one process too, and allowed after the first has stopped', async () => {
    const dataDir = await temporaryDirectory();
    const first = await startHere({ dataDir });
    await expect(startHere({ dataDir })).rejects.toThrow(`pid ${process.pid}`);
    await first.stop();
    const second = await startHere({ dataDir });
    expect(second.connectionString).toBe(first.connectionString);
  });

  it('lets exactly one of several begin a new directory at the same moment', async () => {
    const dataDir = await temporaryDirectory();
    const started = await Promise.all(Array.from({ length: 4 }, () => startElsewhere({ dataDir })));
    expect(started.filter((one) => one.error === undefined)).toHaveLength(1);
    for (const { error } of started) if (error !== undefined) expect(error).toContain('in use by');
  });
});

describe('after a kill', () => {
  it('has not lost the server to the Ctrl-C that the whole process group gets', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    const ended = once(holder.child, 'exit');
    process.kill(-(holder.child.pid ?? 0), 'SIGINT');
    await ended;
    const server = await startHere({ dataDir });
    expect(server.adopted).toBe(true);
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('adopts the server that a killed exporter left, with all it has', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    await query(holder.connectionString, 'create table kept as select 42 as answer');
    const pid = await postmasterPid(dataDir);
    await killHard(holder.child);
    const { log, lines } = captureLog();
    const server = await startHere({ dataDir }, log);
    expect(server.adopted).toBe(true);
    expect(await postmasterPid(dataDir)).toBe(pid);
    expect(await query(server.connectionString, 'select * from kept')).toEqual([{ answer: 42 }]);
    await expect(query(server.connectionString, 'select 1 / 0')).rejects.toThrow();
    await server.stop();
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'division by zero' }));
    expect(await whoIs(pid, path.join(dataDir, 'postgres'))).toBe('nobody');
  });

  it('stops an orphan that was started with other settings, and starts its own', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    await query(holder.connectionString, 'create table kept as select 42 as answer');
    const pid = await postmasterPid(dataDir);
    await killHard(holder.child);
    const options = path.join(dataDir, 'postgres', 'postmaster.opts');
    await writeFile(options, (await readFile(options, 'utf8')).replace('shared_buffers=128MB', 'shared_buffers=1MB'));
    const server = await startHere({ dataDir });
    expect(server.adopted).toBe(false);
    expect(await postmasterPid(dataDir)).not.toBe(pid);
    expect(await query(server.connectionString, 'select * from kept')).toEqual([{ answer: 42 }]);
    expect(await readFile(path.join(dataDir, 'postgres.log'), 'utf8')).not.toContain('was not properly shut down');
  });

  it('recovers when exporter and server were killed', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    await query(holder.connectionString, 'create table kept as select 42 as answer');
    process.kill(holder.child.pid ?? 0, 'SIGSTOP');
    process.kill(await postmasterPid(dataDir), 'SIGKILL');
    await killHard(holder.child);
    const server = await startHere({ dataDir });
    expect(server.adopted).toBe(false);
    expect(await query(server.connectionString, 'select * from kept')).toEqual([{ answer: 42 }]);
    expect(await readFile(path.join(dataDir, 'postgres.log'), 'utf8')).toContain('was not properly shut down');
  });

  it('starts a server again that was killed under a running exporter, at the same address', async () => {
    const dataDir = await temporaryDirectory();
    const { log, lines } = captureLog();
    const server = await startHere({ dataDir }, log);
    await query(server.connectionString, 'create table kept as select 42 as answer');
    for (let round = 0; round < 2; round++) {
      const pid = await postmasterPid(dataDir);
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(async () => expect(await postmasterPid(dataDir)).not.toBe(pid), patient);
      await vi.waitFor(() => query(server.connectionString, 'select * from kept'), patient);
    }
    expect(lines.filter((line) => line.level === 50).map((line) => line.msg)).toEqual(
      Array(2).fill('the embedded Postgres ended unexpectedly; starting it again'),
    );
  });

  it('starts an adopted server again too', async () => {
    const dataDir = await temporaryDirectory();
    await killHard((await startElsewhere({ dataDir })).child);
    const server = await startHere({ dataDir });
    const pid = await postmasterPid(dataDir);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => expect(await postmasterPid(dataDir)).not.toBe(pid), patient);
    await vi.waitFor(() => query(server.connectionString, 'select 1'), patient);
  });

  it('ends a busy backend of a killed server, which would hold its shared memory for ever', async () => {
    const dataDir = await temporaryDirectory();
    const server = await startHere({ dataDir });
    const busy = new pg.Client({ connectionString: server.connectionString });
    busy.on('error', () => undefined);
    await busy.connect();
    const backend = (await busy.query('select pg_backend_pid() as pid')).rows[0].pid;
    const endless = busy.query('do $$ begin loop perform 1; end loop; end $$').catch((error: unknown) => error);
    await vi.waitFor(
      async () =>
        expect(
          await query(server.connectionString, `select state from pg_stat_activity where pid = ${backend}`),
        ).toEqual([{ state: 'active' }]),
      patient,
    );
    process.kill(await postmasterPid(dataDir), 'SIGKILL');
    expect(await endless).toBeInstanceOf(Error);
    await vi.waitFor(() => query(server.connectionString, 'select 1'), patient);
    await busy.end();
  });

  it('can be stopped while it is being started again', async () => {
    const dataDir = await temporaryDirectory();
    const server = await startHere({ dataDir });
    const pid = await postmasterPid(dataDir);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => expect(await whoIs(pid, path.join(dataDir, 'postgres'))).toBe('nobody'), patient);
    await server.stop();
    await expect(query(server.connectionString, 'select 1')).rejects.toThrow();
    const again = await startHere({ dataDir });
    expect(again.adopted).toBe(false);
  });

  it('starts although the pid in postmaster.pid now belongs to another program', async () => {
    const dataDir = await temporaryDirectory();
    const server = await startHere({ dataDir });
    const cluster = path.join(dataDir, 'postgres');
    const { uid, gid } = await stat(cluster);
    const file = await readFile(path.join(cluster, 'postmaster.pid'), 'utf8');
    await server.stop();
    // Under the server's account, as only such a process makes Postgres refuse.
    const stranger = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
    atEnd(async () => {
      stranger.kill();
      await once(stranger, 'exit');
    });
    await once(stranger, 'spawn');
    await writeFile(path.join(cluster, 'postmaster.pid'), file.replace(/^\d+/, String(stranger.pid)), { mode: 0o600 });
    await chown(path.join(cluster, 'postmaster.pid'), uid, gid);
    const again = await startHere({ dataDir });
    expect(await query(again.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
  });
});

describe('a zombie of a killed server', () => {
  it('does not keep the next one from starting', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    // A stopped parent does not reap its children, as the first process of a container that is no init.
    process.kill(holder.child.pid ?? 0, 'SIGSTOP');
    const pid = await postmasterPid(dataDir);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '), patient);
    // Held by the stopped process; as good as gone with it, had it been another's.
    await rm(path.join(dataDir, 'exporter.lock'));
    const server = await startHere({ dataDir });
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
  });
});

describe('a data directory that cannot be used as it is', () => {
  it('is refused when another major version wrote it, with both versions and the way over', async () => {
    const dataDir = await temporaryDirectory();
    await (await startHere({ dataDir })).stop();
    const version = path.join(dataDir, 'postgres', 'PG_VERSION');
    const original = await readFile(version, 'utf8');
    await writeFile(version, '14\n');
    await expect(startHere({ dataDir })).rejects.toThrow(
      new RegExp(
        `written by Postgres 14, but the installed one is Postgres ${original.trim()}.*ledger backup.*ledger restore`,
      ),
    );
    await writeFile(version, original);
    await startHere({ dataDir });
  });

  it('is refused when the cluster is damaged, with what the server printed, and left as it is', async () => {
    const dataDir = await temporaryDirectory();
    await (await startHere({ dataDir })).stop();
    const control = path.join(dataDir, 'postgres', 'global', 'pg_control');
    const bytes = await readFile(control);
    await writeFile(control, bytes.subarray(0, 100));
    await expect(startHere({ dataDir })).rejects.toThrow(/ended while starting[\s\S]*global\/pg_control/);
    await writeFile(control, bytes);
    await startHere({ dataDir });
  });

  it('is refused when it holds something that is not a cluster', async () => {
    const dataDir = await temporaryDirectory();
    await mkdir(path.join(dataDir, 'postgres'));
    await writeFile(path.join(dataDir, 'postgres', 'notes.txt'), 'mine');
    await expect(startHere({ dataDir })).rejects.toThrow('not a Postgres cluster');
    expect(await readFile(path.join(dataDir, 'postgres', 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('is begun again when the first start was killed half-way', async () => {
    const dataDir = await temporaryDirectory();
    await mkdir(path.join(dataDir, 'postgres.initialising'));
    await writeFile(path.join(dataDir, 'postgres.initialising', 'PG_VERSION'), '18\n');
    const server = await startHere({ dataDir });
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('gets a new password when the file with the old one was lost, also from an orphan', async () => {
    const dataDir = await temporaryDirectory();
    const holder = await startElsewhere({ dataDir });
    await query(holder.connectionString, 'create table kept as select 42 as answer');
    await killHard(holder.child);
    await rm(path.join(dataDir, 'postgres-password'));
    const server = await startHere({ dataDir });
    expect(server.adopted).toBe(false);
    expect(server.connectionString).not.toBe(holder.connectionString);
    expect(await query(server.connectionString, 'select * from kept')).toEqual([{ answer: 42 }]);
    await expect(query(holder.connectionString, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });
});

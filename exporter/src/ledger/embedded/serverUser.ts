import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Logger } from 'pino';

const run = promisify(execFile);

/** The account that the server's processes run under; undefined means the exporter's own. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** In this order: the account this project creates, then the one that Debian's, Red Hat's and Docker's Postgres packages create. */
const KNOWN_ACCOUNTS = ['fleetlens', 'postgres'];

/**
 * Postgres refuses to run as root. So a root exporter runs it under an unprivileged account: the owner of an existing
 * cluster, else a known account, else one that is created. Any other exporter runs it under its own account.
 *
 * @param clusterOwner uid of the existing cluster directory, undefined when there is none
 */
export async function chooseServerUser(options: {
  clusterOwner: number | undefined;
  clusterDir: string;
  log: Logger;
  accounts?: readonly string[];
}): Promise<ServerUser | undefined> {
  const { clusterOwner, clusterDir, log, accounts = KNOWN_ACCOUNTS } = options;
  const ownUid = process.geteuid?.();
  if (ownUid === undefined) {
    throw new Error(
      `The embedded Postgres needs Linux or macOS, found ${process.platform}. Set ledger.database_url (or DATABASE_URL) to a Postgres server.`,
    );
  }
  if (ownUid !== 0) {
    if (clusterOwner !== undefined && clusterOwner !== ownUid) {
      throw new Error(
        `The embedded Postgres cluster ${clusterDir} belongs to uid ${clusterOwner}, but the exporter runs as uid ${ownUid}. ` +
          `Run the exporter as its owner (or as root), or give it the directory: chown -R ${ownUid} ${clusterDir}`,
      );
    }
    return undefined;
  }
  if (clusterOwner === 0) {
    throw new Error(
      `The embedded Postgres cluster ${clusterDir} belongs to root, but Postgres refuses to run as root; ` +
        `expected an unprivileged owner. Give it one: chown -R postgres ${clusterDir}`,
    );
  }
  if (clusterOwner !== undefined) return accountOf(String(clusterOwner), clusterOwner);
  for (const name of accounts) {
    const account = await findAccount(name);
    if (account !== undefined && account.uid !== 0) return account;
  }
  return createAccount(accounts[0] ?? 'fleetlens', log);
}

/** A cluster may be owned by a uid without an account (a container's volume): the server itself needs none, only initdb does. */
async function accountOf(name: string, uid: number): Promise<ServerUser> {
  return (await findAccount(name)) ?? { name, uid, gid: uid };
}

async function findAccount(name: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid, known] = await Promise.all([
      run('id', ['-u', name]),
      run('id', ['-g', name]),
      run('id', ['-un', name]),
    ]);
    return { name: known.stdout.trim(), uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch (error) {
    // `id` exits 1 for an unknown account; anything else (no `id` at all) is a fault of its own.
    if (error instanceof Error && 'code' in error && error.code === 1) return undefined;
    throw new Error(`Cannot look up the system account ${name} with \`id\`. ${remedy(name)}`, { cause: error });
  }
}

async function createAccount(name: string, log: Logger): Promise<ServerUser> {
  try {
    const args = [
      ...['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'],
      ...['--shell', '/usr/sbin/nologin', '--comment', 'Fleetlens embedded Postgres', name],
    ];
    // `su` without a login keeps a path that may lack it.
    await run('useradd', args, { env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` } });
  } catch (error) {
    throw new Error(
      `Postgres refuses to run as root, no account of (${KNOWN_ACCOUNTS.join(', ')}) exists, and creating ${name} failed. ${remedy(name)}`,
      { cause: error },
    );
  }
  const account = await findAccount(name);
  if (account === undefined)
    throw new Error(`useradd reported success, but the account ${name} is not found. ${remedy(name)}`);
  log.warn({ account: name, uid: account.uid }, 'created a system account for the embedded Postgres');
  return account;
}

function remedy(name: string): string {
  return `Run the exporter as an unprivileged user, or create the account ${name}, or set ledger.database_url (DATABASE_URL) to a Postgres server.`;
}

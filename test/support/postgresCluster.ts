import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { onFreePort } from './freePort.ts';
import { type Exit, type ServerProcess, startServer } from './serverProcess.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';

/** How long a ledger of a test waits for a connection, milliseconds: a machine that is shared may stand still for a while. */
export const CONNECT_TIMEOUT_MS = 60_000;

const run = promisify(execFile);

const BINARIES = '/usr/lib/postgresql';
/** The oldest version that the ledger supports. */
const OLDEST_VERSION = 15;
const SUPERUSER = 'postgres';

export interface PostgresOptions {
  /** false gives up durability for speed: fsync, synchronous_commit and full_page_writes off. Default true. */
  readonly durable?: boolean;
  /** Further settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An existing directory (a small disk, say) to keep the data in; its contents stay when the cluster stops. */
  readonly dataDisk?: string;
}

export interface PostgresCluster {
  /** Major version, say 15. */
  readonly version: number;
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Directory of the unix socket. */
  readonly socketDir: string;
  readonly dataDir: string;
  /** Of the superuser, through loopback TCP. */
  connectionString(database?: string): string;
  /** The postmaster that runs now. */
  process(): ServerProcess;
  /** Ends the whole cluster at once, as a crash does: SIGKILL to the postmaster; its children follow by themselves. */
  crash(): Promise<Exit>;
  /** Starts it again after `crash` or `halt`, on the same port and directory. */
  restart(): Promise<void>;
  /** Stops the server in order and keeps its directory. */
  halt(): Promise<void>;
  /** Stops the server and removes its directory. */
  stop(): Promise<void>;
}

/** A throwaway Postgres cluster of the system's binaries (lowest version from 15 on) on a free loopback port. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresCluster> {
  const { version, bin } = await findBinaries();
  const user = process.getuid?.() === 0 ? await postgresAccount() : undefined;
  const directory = await temporaryDirectory('postgres', user);
  const dataDir = join(options.dataDisk ?? directory.path, 'data');
  if (options.dataDisk !== undefined && user !== undefined) await chown(options.dataDisk, user.uid, user.gid);
  const password = randomBytes(18).toString('base64url');
  const connectionString = (port: number, database: string) =>
    `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;

  const launch = (port: number) =>
    startServer({
      command: join(bin, 'postgres'),
      args: ['-D', dataDir, '-p', String(port)],
      cwd: directory.path,
      ...(user === undefined ? {} : { user }),
      // SIGINT: fast shutdown. SIGTERM would wait for the clients.
      stopSignal: 'SIGINT',
      ready: () => answers(connectionString(port, 'postgres')),
    });

  try {
    await initialise({ bin, dataDir, password, directory: directory.path, ...(user === undefined ? {} : { user }) });
    await writeFile(join(dataDir, 'postgresql.auto.conf'), settings(directory.path, options));
    let server: ServerProcess;
    const port = await onFreePort(async (free) => {
      server = await launch(free);
      return free;
    });
    const current = () => server;
    return {
      version,
      host: '127.0.0.1',
      port,
      socketDir: directory.path,
      dataDir,
      connectionString: (database = 'postgres') => connectionString(port, database),
      process: current,
      crash: () => current().kill('SIGKILL'),
      halt: () => current().stop(),
      async restart() {
        server = await launch(port);
      },
      async stop() {
        if (current().isRunning()) await current().stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** The lowest installed version that the ledger supports: what works there works on the newer ones. */
async function findBinaries(): Promise<{ version: number; bin: string }> {
  const found = await readdir(BINARIES).catch((cause: unknown) => {
    throw new Error(`No Postgres under ${BINARIES}; install one with scripts/install-test-tools.sh`, { cause });
  });
  const version = found
    .map(Number)
    .filter((major) => major >= OLDEST_VERSION)
    .sort((a, b) => a - b)[0];
  if (version === undefined) {
    throw new Error(
      `Found Postgres ${found.join(', ') || 'nothing'} under ${BINARIES}, expected ${OLDEST_VERSION} or newer; install it with scripts/install-test-tools.sh`,
    );
  }
  return { version, bin: join(BINARIES, String(version), 'bin') };
}

/** Postgres refuses to run as root; Debian's package brings this account. */
async function postgresAccount(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function initialise(cluster: {
  bin: string;
  dataDir: string;
  password: string;
  directory: string;
  user?: { uid: number; gid: number };
}): Promise<void> {
  const passwordFile = join(cluster.directory, 'password');
  await writeFile(passwordFile, cluster.password, { mode: 0o644 });
  await run(
    join(cluster.bin, 'initdb'),
    [
      ...['--pgdata', cluster.dataDir, '--username', SUPERUSER, '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    ],
    { cwd: cluster.directory, ...cluster.user },
  );
}

function settings(socketDir: string, { durable = true, settings: further = {} }: PostgresOptions): string {
  const lines = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketDir,
    max_connections: '200',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...further,
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString });
  client.on('error', () => {}); // A server that goes away while it is asked; the next look says so.
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } finally {
    await client.end();
  }
}

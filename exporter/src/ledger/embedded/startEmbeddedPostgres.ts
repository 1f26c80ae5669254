import { mkdir, readFile, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { connectionUrl, prepareDatabase } from './connectEmbedded.ts';
import {
  clearSocket,
  findCluster,
  linkCluster,
  prepareSocketDirectory,
  reachCluster,
  removeSocketDirectory,
  STATE_DIRECTORY,
} from './dataLayout.ts';
import { lockDataDirectory } from './exporterLock.ts';
import { initialiseCluster, readOrCreatePassword, resetPassword, writePrivateFile } from './initialiseCluster.ts';
import { findLivePostmaster, readPostmasterPid } from './postmasterPid.ts';
import {
  endLeftoverBackends,
  type Postmaster,
  SharedMemoryInUseError,
  spawnPostmaster,
  stopPostmaster,
  waitUntilReady,
  watchOrphan,
} from './runPostmaster.ts';
import { type InstalledBinaries, prepareServerBinaries, type ServerBinaries } from './serverBinaries.ts';
import { ServerLog } from './serverLog.ts';
import { serverArguments } from './serverSettings.ts';
import { chooseServerUser, type ServerUser } from './serverUser.ts';

export interface EmbeddedPostgresServer {
  /** for pg and psql; the same through restarts of the server */
  connectionString: string;
  /** for example 18.4 */
  version: string;
  /** true: the server was found running, left behind by an exporter that was killed */
  adopted: boolean;
  /** Stops the server (transactions are rolled back, a checkpoint is written) and waits for its end. Repeatable. */
  stop(): Promise<void>;
}

/**
 * Runs the exporter's own Postgres in a data directory, creating it the first time.
 *
 * In the data directory: `postgres/` (the cluster, or a symlink to it), `postgres-password` and `postgres-url` (0600;
 * `psql "$(cat data/postgres-url)"` connects while the exporter runs), `postgres.log`, `socket/`, `exporter.lock` and `exporter.json`.
 *
 * No signal handlers are installed: the exporter's own shutdown calls `stop()`. A server that ends by itself is started again.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: Logger;
  /** for tests: other binaries than the installed ones, and another place for what the server's account cannot reach */
  installed?: InstalledBinaries;
  stateDir?: string;
}): Promise<EmbeddedPostgresServer> {
  const { log, installed, stateDir = STATE_DIRECTORY } = options;
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const lock = await lockDataDirectory(dataDir);
  try {
    const location = await findCluster(dataDir);
    const user = await chooseServerUser({ clusterOwner: location.owner, clusterDir: location.clusterDir, log });
    const binaries = await prepareServerBinaries({
      user,
      copyTo: user === undefined ? [dataDir] : [stateDir, dataDir],
      log,
      ...(installed && { installed }),
    });
    if (location.owner !== undefined) await refuseOtherMajor(location.clusterDir, binaries.major);
    const clusterDir = await reachCluster({ dataDir, location, user, log, stateDir });
    const password = await readOrCreatePassword(path.join(dataDir, 'postgres-password'));
    if (location.owner === undefined) {
      log.info({ clusterDir, version: binaries.version }, 'creating the embedded Postgres cluster');
      await initialiseCluster({ clusterDir, binaries, user, password });
      await linkCluster(dataDir, clusterDir);
    }
    const serverLog = await ServerLog.open(path.join(dataDir, 'postgres.log'), log);
    const server = new EmbeddedServer({ dataDir, clusterDir, binaries, user, password, serverLog, log });
    try {
      return await server.start(() => lock.release());
    } catch (error) {
      await server.abandon();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function refuseOtherMajor(clusterDir: string, expected: string): Promise<void> {
  const found = (await readFile(path.join(clusterDir, 'PG_VERSION'), 'utf8')).trim();
  if (found === expected) return;
  throw new Error(
    `The embedded Postgres cluster ${clusterDir} was written by Postgres ${found}, but the installed one is Postgres ${expected}, ` +
      'which cannot read it. With the Fleetlens release that wrote it, run `fleetlens ledger backup <file>`; then move the directory away, ' +
      'and with this release run `fleetlens ledger restore <file>`.',
  );
}

interface ServerParts {
  dataDir: string;
  clusterDir: string;
  binaries: ServerBinaries;
  user: ServerUser | undefined;
  password: string;
  serverLog: ServerLog;
  log: Logger;
}

/** Pause before a server that ended by itself is started again: doubled at each failure, at most this. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 15_000;

class EmbeddedServer {
  readonly #parts: ServerParts;
  readonly #stopping = new AbortController();
  #postmaster: Postmaster | undefined;
  #socketDir = '';
  #restarting: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  async start(release: () => Promise<void>): Promise<EmbeddedPostgresServer> {
    const { dataDir, password } = this.#parts;
    let version = await this.#adopt();
    const adopted = version !== undefined;
    version ??= await this.#startAnew();
    const connectionString = connectionUrl(this.#socketDir, password);
    await writePrivateFile(path.join(dataDir, 'postgres-url'), `${connectionString}\n`);
    this.#watch();
    return {
      connectionString,
      version,
      adopted,
      stop: () => {
        this.#stopped ??= this.#stop().finally(release);
        return this.#stopped;
      },
    };
  }

  /** After a failed start: leave nothing running and nothing open. */
  async abandon(): Promise<void> {
    this.#stopping.abort();
    if (this.#postmaster !== undefined) await stopPostmaster(this.#postmaster, this.#parts.log);
    await this.#parts.serverLog.close();
  }

  /** The lock is ours, so a live server of this directory is an orphan: taken over when it is what would be started, else stopped. */
  async #adopt(): Promise<string | undefined> {
    const { clusterDir, binaries, password, log } = this.#parts;
    const orphan = await findLivePostmaster(clusterDir, log);
    if (orphan === undefined) return undefined;
    const postmaster = watchOrphan(orphan.pid, clusterDir);
    try {
      if (orphan.status === 'stopping') throw new Error('it is shutting down');
      await this.#waitUntilReady(postmaster);
      // Written before readiness, and absent from the file as it was first read.
      const socketDir = (await readPostmasterPid(clusterDir))?.socketDir;
      if (socketDir === undefined) throw new Error('it listens on no socket');
      const expected = [
        binaries.postgres,
        ...serverArguments({ clusterDir, socketDir }).map((argument) => `"${argument}"`),
      ].join(' ');
      const found = (await readFile(path.join(clusterDir, 'postmaster.opts'), 'utf8')).trim();
      if (found !== expected) throw new Error(`it was started with other settings or binaries (${found})`);
      const { version } = await prepareDatabase(socketDir, password);
      if (version !== binaries.version) throw new Error(`it is version ${version}, installed is ${binaries.version}`);
      this.#postmaster = postmaster;
      this.#socketDir = socketDir;
      log.warn(
        { pid: orphan.pid, version },
        'adopted the embedded Postgres that an exporter without a clean end left running',
      );
      return version;
    } catch (error) {
      log.warn(
        { pid: orphan.pid, err: error },
        'stopping an embedded Postgres that was left running and cannot be adopted',
      );
      await stopPostmaster(postmaster, log);
      return undefined;
    }
  }

  async #startAnew(): Promise<string> {
    const { clusterDir, binaries, user, password, log } = this.#parts;
    this.#socketDir = await prepareSocketDirectory(clusterDir, user);
    await this.#launch();
    try {
      return (await prepareDatabase(this.#socketDir, password)).version;
    } catch (error) {
      const INVALID_PASSWORD = '28P01';
      if (!(error instanceof Error && 'code' in error && error.code === INVALID_PASSWORD)) throw error;
    }
    log.warn('the password file of the embedded Postgres was lost or changed; setting the password anew');
    if (this.#postmaster !== undefined) await stopPostmaster(this.#postmaster, log);
    this.#postmaster = undefined;
    await resetPassword({ clusterDir, binaries, user, password });
    await this.#launch();
    return (await prepareDatabase(this.#socketDir, password)).version;
  }

  async #launch(): Promise<void> {
    const { clusterDir, binaries, user, serverLog, log } = this.#parts;
    const args = serverArguments({ clusterDir, socketDir: this.#socketDir });
    for (let attempt = 1; ; attempt++) {
      await serverLog.flush();
      serverLog.begin();
      const other = await findLivePostmaster(clusterDir, log);
      if (other !== undefined)
        throw new Error(`Another Postgres (pid ${other.pid}) has been started on ${clusterDir}; stop it`);
      await clearSocket(this.#socketDir);
      this.#postmaster = await spawnPostmaster({ binaries, user, args, serverLog });
      try {
        return await this.#waitUntilReady(this.#postmaster);
      } catch (error) {
        this.#postmaster = undefined;
        if (!(error instanceof SharedMemoryInUseError) || attempt === 50 || this.#stopping.signal.aborted) throw error;
        await endLeftoverBackends(clusterDir, log);
        await sleep(200);
      }
    }
  }

  #waitUntilReady(postmaster: Postmaster): Promise<void> {
    const { clusterDir, serverLog, log } = this.#parts;
    return waitUntilReady({ postmaster, clusterDir, serverLog, log });
  }

  /** A server that ends by itself (killed, out of memory, a full disk) is started again, on the same socket, until stop() is called. */
  #watch(): void {
    const { log } = this.#parts;
    const postmaster = this.#postmaster;
    void postmaster?.exited.then((how) => {
      // Its number may soon belong to another process.
      if (this.#postmaster === postmaster) this.#postmaster = undefined;
      if (this.#stopping.signal.aborted) return;
      log.error({ pid: postmaster.pid, how }, 'the embedded Postgres ended unexpectedly; starting it again');
      this.#restarting = this.#restart();
    });
  }

  async #restart(): Promise<void> {
    const { log } = this.#parts;
    const { signal } = this.#stopping;
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await sleep(pause, undefined, { signal });
        await this.#launch();
      } catch (error) {
        if (!signal.aborted)
          log.error({ err: error, retryInMs: pause }, 'the embedded Postgres could not be started again');
        continue;
      }
      if (signal.aborted) return;
      log.info({ pid: this.#postmaster?.pid }, 'the embedded Postgres runs again');
      this.#watch();
      return;
    }
  }

  async #stop(): Promise<void> {
    const { dataDir, serverLog, log } = this.#parts;
    this.#stopping.abort();
    // A server that is just being started again ends by the signal too, or has come up by the time of the second look.
    if (this.#postmaster !== undefined) await stopPostmaster(this.#postmaster, log);
    await this.#restarting;
    if (this.#postmaster !== undefined) await stopPostmaster(this.#postmaster, log);
    await removeSocketDirectory(this.#socketDir);
    await rm(path.join(dataDir, 'postgres-url'), { force: true });
    await serverLog.close();
  }
}

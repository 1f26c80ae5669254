import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { findBackends, whoIs } from './findProcess.ts';
import { readPostmasterPid } from './postmasterPid.ts';
import type { ServerBinaries } from './serverBinaries.ts';
import type { ServerLog } from './serverLog.ts';
import { clusterName, serverEnvironment } from './serverSettings.ts';
import type { ServerUser } from './serverUser.ts';

export interface Postmaster {
  readonly pid: number;
  /** Resolves once when the process is gone, with what is known about how. */
  readonly exited: Promise<string>;
}

/** Time that a clean stop (its checkpoint included) may take before the server is told to stop at once, which loses nothing but costs a recovery. */
const FAST_STOP_MS = 60_000;
const IMMEDIATE_STOP_MS = 15_000;

/** An orphan has no parent that hears of its end, so it is looked at. */
export function watchOrphan(pid: number, clusterDir: string): Postmaster {
  const gone = async (): Promise<string> => {
    while ((await whoIs(pid, clusterDir)) === 'its postmaster') await sleep(250, undefined, { ref: false });
    return 'ended';
  };
  return { pid, exited: gone() };
}

/**
 * Starts the server and resolves as soon as the process exists; `waitUntilReady` waits for the rest.
 * In a session of its own: Ctrl-C in a terminal goes to the whole foreground group, and would stop the server before the exporter has drained.
 */
export async function spawnPostmaster(options: {
  binaries: ServerBinaries;
  user: ServerUser | undefined;
  args: string[];
  serverLog: ServerLog;
}): Promise<Postmaster> {
  const { binaries, user, args, serverLog } = options;
  const child: ChildProcess = spawn(binaries.postgres, args, {
    // The exporter's own directory may be closed to the server's user.
    cwd: '/',
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', serverLog.descriptor, serverLog.descriptor],
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  // 'spawn' or 'error' comes first; `once` rejects on 'error'.
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error(`${binaries.postgres} was started without a pid`);
  return { pid: child.pid, exited };
}

export class SharedMemoryInUseError extends Error {}

/** There is no time limit: recovery after a crash takes as long as it takes, and ends with 'ready' or with the process. */
export async function waitUntilReady(options: {
  postmaster: Postmaster;
  clusterDir: string;
  serverLog: ServerLog;
  log: Logger;
}): Promise<void> {
  const { postmaster, clusterDir, serverLog, log } = options;
  let ended: string | undefined;
  void postmaster.exited.then((how) => {
    ended = how;
  });
  const since = Date.now();
  let nextNote = since + 5_000;
  for (;;) {
    if (ended !== undefined) {
      await serverLog.flush();
      const printed = serverLog.recent();
      const message = `The embedded Postgres ended while starting (${ended}) in ${clusterDir}. It printed:\n${printed}`;
      throw printed.includes('pre-existing shared memory block')
        ? new SharedMemoryInUseError(message)
        : new Error(`${message}\nCorrect what it names and start again; the data are left as they are.`);
    }
    const file = await readPostmasterPid(clusterDir);
    if (file?.pid === postmaster.pid && file.status === 'ready') return;
    if (Date.now() > nextNote) {
      log.info(
        { seconds: Math.round((Date.now() - since) / 1000) },
        'the embedded Postgres is still starting (recovering after a crash)',
      );
      nextNote += 10_000;
    }
    await sleep(15);
  }
}

/** Fast shutdown: transactions are rolled back, a checkpoint is written. */
export async function stopPostmaster(postmaster: Postmaster, log: Logger): Promise<void> {
  if (!signal(postmaster.pid, 'SIGINT')) return;
  if (await endsWithin(postmaster, FAST_STOP_MS)) return;
  log.warn(
    { pid: postmaster.pid },
    'the embedded Postgres has not stopped within 60 s; it is told to stop at once and will recover when it starts',
  );
  signal(postmaster.pid, 'SIGQUIT');
  if (await endsWithin(postmaster, IMMEDIATE_STOP_MS)) return;
  throw new Error(
    `The embedded Postgres (pid ${postmaster.pid}) did not stop, expected it to end within ${(FAST_STOP_MS + IMMEDIATE_STOP_MS) / 1000} s ` +
      `of SIGINT and SIGQUIT. Look at what it waits for (a hung disk?); kill -QUIT ${postmaster.pid} is safe to repeat.`,
  );
}

/**
 * Ends the backends that a killed postmaster left behind. They hold its shared memory, so a new one cannot start, and nothing they do can be
 * relied on any more; SIGQUIT is what the postmaster itself sends after a crash.
 */
export function endLeftoverBackends(clusterDir: string, log: Logger): Promise<void> {
  return findBackends(clusterName(clusterDir)).then((pids) => {
    if (pids.length > 0) log.warn({ pids }, 'ending processes that a killed embedded Postgres left behind');
    for (const pid of pids) signal(pid, 'SIGQUIT');
  });
}

async function endsWithin(postmaster: Postmaster, ms: number): Promise<boolean> {
  const timeout = new AbortController();
  try {
    return await Promise.race([
      postmaster.exited.then(() => true),
      sleep(ms, false, { signal: timeout.signal }).catch(() => false),
    ]);
  } finally {
    timeout.abort();
  }
}

/** false when the process is gone already */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

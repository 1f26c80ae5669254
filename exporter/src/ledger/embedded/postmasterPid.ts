import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { whoIs } from './findProcess.ts';

/** postmaster.pid, line by line (src/include/utils/pidfile.h). */
export interface PostmasterPid {
  readonly pid: number;
  readonly dataDir: string | undefined;
  readonly socketDir: string | undefined;
  /** 'starting', 'ready', 'standby' or 'stopping'; undefined while the file is being written */
  readonly status: string | undefined;
}

export async function readPostmasterPid(clusterDir: string): Promise<PostmasterPid | undefined> {
  let text: string;
  try {
    text = await readFile(pidFile(clusterDir), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const lines = text.split('\n').map((line) => line.trim());
  // Negative for a single-user server.
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isInteger(pid) || pid === 0) return undefined;
  return { pid, dataDir: lines[1], socketDir: lines[4] || undefined, status: lines[7] || undefined };
}

/**
 * The live postmaster of a cluster, if there is one; otherwise a left postmaster.pid is made harmless.
 *
 * Postgres refuses to start while the pid in the file exists, whatever it is by now: a zombie that nobody reaps (a container without an init), or
 * another program (a restarted container hands out the same small numbers). The file is not deleted, since its last lines let Postgres
 * see shared memory that is still in use; its pid becomes this process's, which Postgres takes for stale because it is the new
 * postmaster's parent (CreateLockFile in miscinit.c).
 */
export async function findLivePostmaster(clusterDir: string, log: Logger): Promise<PostmasterPid | undefined> {
  const found = await readPostmasterPid(clusterDir);
  if (found === undefined) return undefined;
  switch (await whoIs(found.pid, clusterDir)) {
    case 'its postmaster':
      return found;
    case 'another program':
      log.warn({ pid: found.pid }, 'postmaster.pid names a process that is not Postgres; taken for a stale file');
      await takeOver(clusterDir);
      return undefined;
    case 'nobody':
      await takeOver(clusterDir);
      return undefined;
    case 'another Postgres': {
      // The numbers of postmaster.pid's own directory tell a reused pid from a directory that was moved beneath a live server.
      const isElsewhere =
        found.dataDir !== undefined &&
        found.dataDir !== clusterDir &&
        (await isSameDirectory(found.dataDir, clusterDir));
      throw new Error(
        `${pidFile(clusterDir)} names pid ${found.pid}, which is a Postgres process but was not started for ${clusterDir} ` +
          `(the file says ${found.dataDir ?? 'nothing'}${isElsewhere ? ', the same directory under another name' : ''}). Expected no server or this cluster's own. ` +
          `If that process serves this directory, stop it (kill -INT ${found.pid}); if it serves another cluster, delete postmaster.pid after making sure that no Postgres uses ${clusterDir}.`,
      );
    }
  }
}

async function takeOver(clusterDir: string): Promise<void> {
  const text = await readFile(pidFile(clusterDir), 'utf8');
  await writeFile(pidFile(clusterDir), text.replace(/^-?\d+/, String(process.pid)));
}

function pidFile(clusterDir: string): string {
  return path.join(clusterDir, 'postmaster.pid');
}

async function isSameDirectory(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([stat(one), stat(other)]);
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Asked of /proc on Linux, which shows every process's arguments to everyone (its cwd and exe are closed to root in Docker), else of `ps`. */
export async function readArguments(pid: number): Promise<string[] | undefined> {
  if (process.platform !== 'linux') {
    return run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).then(
      ({ stdout }) => stdout.trim().split(' '),
      // ps exits 1 when there is no such process.
      () => undefined,
    );
  }
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    // Empty for a zombie: dead, waiting for a parent that does not ask.
    return text === '' ? undefined : text.split('\0');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}

/** What a pid is with regard to a cluster. */
export type PidOwner = 'nobody' | 'its postmaster' | 'another Postgres' | 'another program';

export async function whoIs(pid: number, clusterDir: string): Promise<PidOwner> {
  const found = await readArguments(pid);
  if (found?.[0] === undefined) return 'nobody';
  const dataDirectory = process.platform === 'linux' ? found[found.indexOf('-D') + 1] : found.join(' ');
  const program = path.basename(found[0]);
  if (program !== 'postgres' && !found[0].startsWith('postgres: ')) return 'another program';
  const isOurs =
    process.platform === 'linux' ? dataDirectory === clusterDir : dataDirectory?.includes(`-D ${clusterDir} `);
  return isOurs ? 'its postmaster' : 'another Postgres';
}

/** Backends that outlive a killed postmaster: their process titles begin with the cluster's name. */
export async function findBackends(clusterName: string): Promise<number[]> {
  const title = `postgres: ${clusterName}: `;
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-axww', '-o', 'pid=,command=']);
    return stdout.split('\n').flatMap((line) => {
      const parts = /^\s*(\d+) (.*)$/.exec(line);
      return parts?.[2]?.startsWith(title) ? [Number(parts[1])] : [];
    });
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const titles = await Promise.all(pids.map(async (pid) => ({ pid, title: (await readArguments(pid))?.[0] })));
  return titles.flatMap((found) => (found.title?.startsWith(title) ? [found.pid] : []));
}

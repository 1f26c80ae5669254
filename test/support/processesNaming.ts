import { readdir, readFile } from 'node:fs/promises';

/** The pids of processes whose command line names `text`, say the directory that a server works in (Linux). */
export async function processesNaming(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    // A process may end between the two looks.
    pids.map(async (pid) => ({
      pid: Number(pid),
      command: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    })),
  );
  return commands.filter(({ command }) => command.includes(text)).map(({ pid }) => pid);
}

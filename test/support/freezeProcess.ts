import { readFile } from 'node:fs/promises';

/**
 * Stops a process and its children in the middle of whatever they do, as a hung disk or an overloaded host does: connections
 * stay open and nothing answers.
 * @returns how to let them go on
 */
export async function freezeProcess(pid: number): Promise<() => void> {
  // The parent first: afterwards it has no more children than these.
  process.kill(pid, 'SIGSTOP');
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter((p) => p !== '');
  const frozen = [pid, ...children.map(Number)];
  for (const child of frozen.slice(1)) process.kill(child, 'SIGSTOP');
  return () => {
    for (const one of frozen.splice(0).reverse()) process.kill(one, 'SIGCONT');
  };
}

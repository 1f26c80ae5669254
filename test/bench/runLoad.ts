import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromLoad, LoadPlan, LoadResult } from './load.ts';

const LOAD = fileURLToPath(new URL('./load.ts', import.meta.url));
/** A load that takes longer than this hangs. */
const TIMEOUT_MS = 300_000;

/** Runs the load generator (load.ts) and waits for its end. `beforeStart` is called when its requests are prepared. */
export async function runLoad(
  plan: LoadPlan,
  beforeStart: () => Promise<void> = async () => {},
): Promise<LoadResult[]> {
  const child = fork(LOAD, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = async (): Promise<FromLoad> => {
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`bench: the load generator ended early (code ${code}); its error is above`);
    });
    return await Promise.race([once(child, 'message', { signal }).then(([message]) => message as FromLoad), ended]);
  };
  try {
    child.send(plan);
    await answer();
    await beforeStart();
    child.send('go');
    const last = await answer();
    if (!('results' in last)) throw new Error('bench: expected the results of the load generator');
    return [...last.results];
  } finally {
    child.kill('SIGKILL');
  }
}

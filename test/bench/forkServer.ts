import { fork, type Serializable } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that does not come up within this has failed; its error is above. */
const START_TIMEOUT_MS = 60_000;

export interface ForkedServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a module that calls {@link serveForked}, in a process of its own as the exporter is. */
export async function forkServer(file: string, settings: Serializable): Promise<ForkedServer> {
  const child = fork(file, { serialization: 'advanced' });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  child.send(settings);
  try {
    const [port] = await once(child, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    return { url: `http://127.0.0.1:${port}/`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The other side of {@link forkServer}: `create` gets its settings. */
export function serveForked<Settings>(create: (settings: Settings) => Promise<Server> | Server): void {
  process.once('message', async (settings: Settings) => {
    const server = await create(settings);
    server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  });
}

import { once } from 'node:events';
import { createServer } from 'node:net';

/** A TCP port on 127.0.0.1 that was free a moment ago. Prefer {@link onFreePort}: another process can take it meanwhile. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen({ host: '127.0.0.1', port: 0, exclusive: true });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`expected an IP address, found ${address}`);
  server.close();
  await once(server, 'close');
  return address.port;
}

const PORT_TAKEN = /address already in use|EADDRINUSE|could not bind|Failed listening on port/i;

/** Starts a server on a free port, and on another one where somebody took it between the look and the start. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 5 || !(error instanceof Error && PORT_TAKEN.test(error.message))) throw error;
    }
  }
}

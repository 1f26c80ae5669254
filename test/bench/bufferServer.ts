import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A server, in a process of its own as the exporter is, that answers every request with the same bytes. */
export async function startBufferServer(body: Buffer): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const child = fork(fileURLToPath(import.meta.url), { serialization: 'advanced' });
  const exited = once(child, 'exit');
  const listening = once(child, 'message') as Promise<[number]>;
  child.send(body);
  const [port] = await listening;
  return {
    url: `http://127.0.0.1:${port}/`,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', (body: Uint8Array) => {
    const bytes = Buffer.from(body);
    const server = createServer((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': bytes.length })
        .end(bytes);
    });
    server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  });
}

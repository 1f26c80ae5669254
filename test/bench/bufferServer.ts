import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type ForkedServer, forkServer, serveForked } from './forkServer.ts';

const FILE = fileURLToPath(import.meta.url);

/** A server that answers every request with the same bytes. */
export async function startBufferServer(body: Buffer): Promise<ForkedServer> {
  return await forkServer(FILE, body);
}

if (process.argv[1] === FILE) {
  serveForked((body: Uint8Array) => {
    const bytes = Buffer.from(body);
    return createServer((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': bytes.length })
        .end(bytes);
    });
  });
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to Postgres that can be cut in the middle of whatever is being said. */
export interface CuttingProxy {
  readonly connectionString: string;
  /** Cuts every connection once so many more bytes went to the server, or came from it. */
  cutAfter(bytes: number, direction: 'to' | 'from'): void;
  /** How often connections were cut. */
  cuts(): number;
  close(): Promise<void>;
}

export async function startCuttingProxy(connectionString: string): Promise<CuttingProxy> {
  const target = new URL(connectionString);
  const open = new Set<Socket>();
  let cuts = 0;
  const left = { to: Number.POSITIVE_INFINITY, from: Number.POSITIVE_INFINITY };
  const cutAll = () => {
    cuts += 1;
    left.to = Number.POSITIVE_INFINITY;
    left.from = Number.POSITIVE_INFINITY;
    for (const socket of open) socket.destroy();
  };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const pass = (from: Socket, to: Socket, direction: 'to' | 'from') => {
      open.add(from);
      from.on('data', (chunk: Buffer) => {
        if (chunk.length < left[direction]) {
          left[direction] -= chunk.length;
          to.write(chunk);
          return;
        }
        // The other side gets the beginning of what was said, then nothing any more.
        to.write(chunk.subarray(0, left[direction]), cutAll);
        left[direction] = 0;
      });
      // A reset is one of the ways in which a cut connection ends.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    };
    pass(client, upstream, 'to');
    pass(upstream, client, 'from');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(connectionString);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    connectionString: through.href,
    cutAfter(bytes, direction) {
      left[direction] = bytes;
    },
    cuts: () => cuts,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

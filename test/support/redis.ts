import { Redis } from 'ioredis';
import { onFreePort } from './freePort.ts';
import { type ServerProcess, startServer } from './serverProcess.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';

export interface RedisServer {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

/**
 * A throwaway redis-server on loopback. It keeps nothing on disk.
 * @param port a port of an earlier server, to stand in for its restart; default: a free one
 */
export async function startRedis(port?: number): Promise<RedisServer> {
  const directory = await temporaryDirectory('redis');
  try {
    const server = await (port === undefined
      ? onFreePort((free) => start(free, directory.path))
      : start(port, directory.path));
    return {
      ...server,
      async stop() {
        await server.process.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

async function start(port: number, directory: string) {
  const process = await startServer({
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no'],
    ready: async ({ pid }) => {
      const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
      client.on('error', () => {}); // connect() and info() reject with it
      try {
        await client.connect();
        // Another redis-server may hold the port while this one is about to give up.
        return (await client.info('server')).includes(`process_id:${pid}\r\n`);
      } finally {
        client.disconnect();
      }
    },
  });
  return { url: `redis://127.0.0.1:${port}`, port, process };
}

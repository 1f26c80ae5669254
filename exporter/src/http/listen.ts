import { once } from 'node:events';
import type { Server } from 'node:http';
import { networkInterfaces } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { formatListenAddress } from '../config/listenAddress.ts';
import type { ListenAddress } from '../config.ts';

/** The servers of one app: the framework's own and, for further addresses, siblings with the same handler. */
export class ServerGroup {
  readonly #createSibling: () => Server;
  readonly #servers: Server[] = [];
  isDraining = false;

  constructor(createSibling: () => Server) {
    this.#createSibling = createSibling;
  }

  get servers(): readonly Server[] {
    return this.#servers;
  }

  /** Stops accepting on the siblings; the framework stops the first server itself. */
  async closeSiblings(): Promise<void> {
    await Promise.all(
      this.#servers.slice(1).map(async (server) => {
        const closed = once(server, 'close');
        server.close();
        await closed;
      }),
    );
  }

  /** Opens `address`: on the app's own server first, on siblings after that. */
  async open(app: FastifyInstance, address: ListenAddress): Promise<void> {
    if (this.#servers.length === 0) {
      // Node's own `listen` answers errors as events; the framework's rejects.
      await app.listen(toListenOptions(address));
      this.#servers.push(app.server);
      return;
    }
    const server = this.#createSibling();
    server.listen(toListenOptions(address));
    // `once` rejects on an error event: the port is taken, the address is not this machine's.
    await once(server, 'listening');
    this.#servers.push(server);
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    serverGroup: ServerGroup;
  }
}

/**
 * Listens on every address with the same routes.
 * @returns the addresses, with the ports that were taken for port 0.
 * @throws Error that names the address and the remedy; the app is closed then.
 */
export async function listen(app: FastifyInstance, addresses: readonly ListenAddress[]): Promise<ListenAddress[]> {
  for (const address of addresses) {
    try {
      await app.serverGroup.open(app, address);
    } catch (error) {
      await app.close();
      throw listenError(address, error);
    }
  }
  return app.serverGroup.servers.map((server) => {
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('expected a TCP server that listens');
    return { host: bound.address, port: bound.port };
  });
}

/** Without a host: every interface, as Go's `:9960`; IPv6 and IPv4 alike, or IPv4 on a machine (a container, often) without IPv6. */
function toListenOptions({ host, port }: ListenAddress): { host: string; port: number } {
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family }) => family === 'IPv6'),
  );
  return { host: host ?? (hasIpv6 ? '::' : '0.0.0.0'), port };
}

function listenError(address: ListenAddress, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const remedies: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; stop it or choose another web.listen_address',
    EACCES: 'this user may not listen there; choose a port above 1023',
    EADDRNOTAVAIL: 'this machine has no such address; use one of its own, or :port for all',
    ENOTFOUND: 'the host name does not resolve; use an address',
    EAFNOSUPPORT: 'this machine has no IPv6; name an IPv4 address such as 0.0.0.0:9960',
  };
  const remedy = remedies[String(code)] ?? (error instanceof Error ? error.message : String(error));
  return new Error(`cannot listen on ${formatListenAddress(address)}: ${remedy}`, { cause: error });
}

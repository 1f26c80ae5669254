import { createServer as createHttpServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { handshakeOptions, refuseClient } from './webConfig/clientCertificate.ts';
import type { WebConfigFile } from './webConfig/webConfigFile.ts';

/** How long a client may take, milliseconds. */
export interface ServerTimeouts {
  /** Until the headers are there. */
  readonly headersMs: number;
  /** Until the whole request, body included, is there. */
  readonly requestMs: number;
  /** How long an idle connection is kept. Longer than the usual scrape intervals, so that Prometheus keeps its own. */
  readonly keepAliveMs: number;
  /** How often the first two are looked at. */
  readonly checkIntervalMs: number;
}

export const DEFAULT_TIMEOUTS: ServerTimeouts = {
  headersMs: 10_000,
  requestMs: 60_000,
  keepAliveMs: 75_000,
  checkIntervalMs: 5_000,
};

export interface NodeServerOptions {
  readonly timeouts: ServerTimeouts;
  readonly webConfig?: WebConfigFile;
  /** Called for each client whose certificate is refused. */
  onRefusedClient(reason: string, address: string | undefined): void;
}

/**
 * Node's HTTP or, where the web configuration has certificates, HTTPS server. Each new connection gets the certificates
 * that are in their files at that moment.
 */
export function createNodeServer(handler: RequestListener, options: NodeServerOptions): Server {
  const { timeouts, webConfig } = options;
  const common: ServerOptions = {
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: timeouts.checkIntervalMs,
  };
  const initial = webConfig?.current().tls;
  if (webConfig === undefined || initial === undefined) return createHttpServer(common, handler);

  const handshakeTimeout = timeouts.headersMs;
  const server = createHttpsServer(
    { ...common, ...initial.options, ...handshakeOptions(initial.policy), handshakeTimeout },
    handler,
  );
  let tls = initial;
  server.prependListener('connection', () => {
    const now = webConfig.current().tls;
    if (now === undefined || now === tls) return;
    tls = now;
    server.setSecureContext(now.options);
    // Node reads these two off the server for each connection; it has no setter for them.
    Object.assign(server, handshakeOptions(now.policy));
  });
  // Before the listener that would read requests from the socket.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const reason = refuseClient(socket, tls.policy);
    if (reason === undefined) return;
    options.onRefusedClient(reason, socket.remoteAddress);
    socket.destroy();
  });
  return server;
}

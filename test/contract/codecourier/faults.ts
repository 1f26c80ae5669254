import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server does to the next requests instead of answering. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Sends headers and half of the real body, then breaks the connection. */
  | { readonly kind: 'truncate' }
  /** Sends the real body in two halves with a pause. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Never answers. */
  | { readonly kind: 'hang' };

export interface SeenRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly requestId: string | undefined;
}

interface Planned {
  readonly path: RegExp;
  readonly fault: Fault;
  left: number;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

/** An HTTP server on loopback that answers as `answer` says, remembers requests and can be told to fail. */
export class ContractServer {
  readonly requests: SeenRequest[] = [];
  readonly #faults: Planned[] = [];
  readonly #server;

  constructor(answer: (request: IncomingMessage, url: URL) => Answer) {
    this.#server = createServer((request, response) => this.#serve(request, response, answer));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The next `times` requests to a path that matches, without or with its query, fail in this way. */
  fail(path: RegExp, fault: Fault, times = 1): void {
    this.#faults.push({ path, fault, left: times });
  }

  recover(): void {
    this.#faults.length = 0;
  }

  /** @returns the paths that were asked for since the last call, sorted. */
  takePaths(): string[] {
    return this.requests
      .splice(0)
      .map(({ path }) => path)
      .sort();
  }

  #serve(
    request: IncomingMessage,
    response: ServerResponse,
    answer: (request: IncomingMessage, url: URL) => Answer,
  ): void {
    const url = new URL(request.url ?? '/', 'http://server');
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' ? given : undefined;
    this.requests.push({ path: url.pathname, query: url.searchParams, requestId });
    const planned = this.#faults.find(
      ({ path, left }) => left > 0 && (path.test(url.pathname) || path.test(url.pathname + url.search)),
    );
    if (planned !== undefined) planned.left--;
    const fault = planned?.fault;
    if (fault?.kind === 'hang') return;
    const { status, body, headers }: Answer =
      fault?.kind === 'answer'
        ? { status: fault.status, body: fault.body ?? '', headers: fault.headers ?? {} }
        : answer(request, url);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-request-id': requestId ?? randomUUID(),
      ...headers,
    });
    if (fault?.kind === 'truncate') {
      response.write(body.slice(0, body.length / 2), () => response.destroy());
      return;
    }
    if (fault?.kind === 'slow') {
      response.write(body.slice(0, body.length / 2));
      setTimeout(() => response.end(body.slice(body.length / 2)), fault.ms);
      return;
    }
    response.end(body);
  }
}

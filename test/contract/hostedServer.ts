import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AskedFor {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface HostedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What goes wrong with an answer. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  /** The right body, cut off in the middle. */
  | { readonly kind: 'truncated' }
  /** The connection breaks before the answer. */
  | { readonly kind: 'reset' }
  /** Nothing comes until the caller gives up. */
  | { readonly kind: 'silent' }
  /** The body comes in pieces with pauses. */
  | { readonly kind: 'slow'; readonly pauseMs: number }
  /** The answer is changed before it is sent. */
  | { readonly kind: 'drift'; change(body: unknown): unknown };

/** A real HTTP server on loopback that answers as a hosted service does, with state in memory and faults on demand. */
export class HostedServer implements AsyncDisposable {
  /** Every request, in order. */
  readonly asked: AskedFor[] = [];
  readonly #server = createServer();
  readonly #faults: { path: RegExp; left: number; fault: Fault }[] = [];

  static async start(answer: (asked: AskedFor) => HostedAnswer): Promise<HostedServer> {
    const hosted = new HostedServer(answer);
    await new Promise<void>((resolve) => hosted.#server.listen(0, '127.0.0.1', resolve));
    return hosted;
  }

  private constructor(answer: (asked: AskedFor) => HostedAnswer) {
    this.#server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://loopback');
      const asked = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
      };
      this.asked.push(asked);
      const fault = this.#faults.find(({ path, left }) => left > 0 && path.test(url.pathname));
      if (fault !== undefined) fault.left--;
      void send(response, answer(asked), fault?.fault);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next `times` answers to requests of that path go wrong. */
  fail(path: RegExp, fault: Fault, times = 1): void {
    this.#faults.push({ path, left: times, fault });
  }

  heal(): void {
    this.#faults.length = 0;
  }

  /** @returns how often each path was asked for since a position in {@link asked}. */
  countsSince(position: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { path } of this.asked.slice(position)) counts[path] = (counts[path] ?? 0) + 1;
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A hosted service with a key, on a server of its own. */
export abstract class HostedService implements AsyncDisposable {
  readonly key: string;
  #hosted: HostedServer | undefined;

  protected constructor(key: string) {
    this.key = key;
  }

  protected abstract answer(asked: AskedFor): HostedAnswer;

  protected async listen(): Promise<this> {
    this.#hosted = await HostedServer.start((asked) => this.answer(asked));
    return this;
  }

  get http(): HostedServer {
    if (this.#hosted === undefined) throw new Error('the server is not started');
    return this.#hosted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http[Symbol.asyncDispose]();
  }
}

async function send(response: ServerResponse, answer: HostedAnswer, fault: Fault | undefined): Promise<void> {
  const headers = { 'content-type': 'application/json', ...answer.headers };
  if (fault?.kind === 'reset') return void response.destroy();
  if (fault?.kind === 'silent') return;
  if (fault?.kind === 'status') {
    response.writeHead(fault.status, { ...headers, ...fault.headers });
    response.end(JSON.stringify(fault.body ?? { error: `status ${fault.status}` }));
    return;
  }
  const body = fault?.kind === 'drift' ? fault.change(answer.body) : answer.body;
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(answer.status ?? 200, headers);
  if (fault?.kind === 'truncated') response.end(text.slice(0, Math.floor(text.length / 2)));
  else if (fault?.kind === 'slow') {
    const half = Math.floor(text.length / 2);
    response.write(text.slice(0, half));
    await sleep(fault.pauseMs);
    response.end(text.slice(half));
  } else response.end(text);
}

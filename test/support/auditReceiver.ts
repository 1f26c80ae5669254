import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface AuditPost {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a receiver answers; `hang`: nothing, so that the sender does not learn that its entries were taken. */
export type Verdict = { readonly status: number; readonly headers?: Record<string, string> } | 'hang';

/** A collector of audit logs: a real HTTP server that keeps what it took, in order. */
export class AuditReceiver {
  /** Every request, taken or not. */
  readonly posts: AuditPost[] = [];
  /** Bodies that were taken: answered 2xx, or kept although the answer never went out. */
  readonly taken: string[] = [];
  /** Decides what to answer; default: everything is taken. */
  verdict: (post: AuditPost) => Verdict = () => ({ status: 200 });
  readonly #server = createServer();

  static async start(): Promise<AuditReceiver> {
    const receiver = new AuditReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  private constructor() {
    this.#server.on('request', async (request, response) => {
      // A sender that is killed while it sends has sent nothing.
      const body = await text(request).catch(() => undefined);
      if (body === undefined) return;
      const post = { headers: request.headers, body };
      this.posts.push(post);
      const verdict = this.verdict(post);
      if (verdict === 'hang' || verdict.status < 300) this.taken.push(body);
      if (verdict !== 'hang') response.writeHead(verdict.status, verdict.headers).end();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/collect/secret-path-0123456789`;
  }

  /** Entries as they came, NDJSON, repeats included. */
  entries(): Record<string, unknown>[] {
    return this.taken.flatMap((body) =>
      body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

import { createServer, type IncomingHttpHeaders } from 'node:http';

/** What came, and how it was answered. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly status: number;
  readonly atMs: number;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answered so late, milliseconds. */
  readonly afterMs?: number;
}

export interface WebhookReceiver {
  readonly url: string;
  readonly received: readonly ReceivedRequest[];
  /** How the next requests are answered, one each; then 200 again. */
  answerNext(...answers: readonly ReceiverAnswer[]): void;
  close(): Promise<void>;
}

/** A server that takes webhooks as Slack and others do: any path, a JSON body. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedRequest[] = [];
  const next: ReceiverAnswer[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { status, headers = {}, afterMs = 0 } = next.shift() ?? { status: 200 };
      received.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: JSON.parse(text) as Record<string, unknown>,
        status,
        atMs: Date.now(),
      });
      setTimeout(() => response.writeHead(status, headers).end('ok'), afterMs);
    });
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected the receiver to have a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    answerNext: (...answers) => void next.push(...answers),
    async close() {
      server.closeAllConnections();
      const { promise, resolve: closed } = Promise.withResolvers<void>();
      server.close(() => closed());
      await promise;
    },
  };
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What the service answers next on a path: JSON, or something that a broken one does. */
export type Answer =
  | { readonly status?: number; readonly json: unknown; readonly headers?: Record<string, string> }
  | { readonly status?: number; readonly text: string }
  /** Headers and half of a body, then nothing. */
  | { readonly hang: true }
  /** Half of a body, then the connection ends. */
  | { readonly cut: true };

/** The HTTP side of GitTinkerer: `/health` and `/api/rate-limit`, with the limiter of its document (5 requests a minute). */
export interface GittinkererService {
  readonly url: string;
  /** Paths that were asked, in order. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[];
  answer(path: string, answer: Answer): void;
  stop(): Promise<void>;
}

export const HEALTHY = {
  status: 'ok',
  timestamp: '2026-01-07T14:32:15.000Z',
  uptime: 86_400.5,
  version: '1.4.2',
  components: { database: { status: 'up', latency: 3 }, redis: { status: 'up', latency: 1.5 } },
};

export async function startGittinkererService(): Promise<GittinkererService> {
  const answers = new Map<string, Answer>([
    ['/health', { json: HEALTHY }],
    [
      '/api/rate-limit',
      {
        json: {
          limit: 5,
          remaining: 3,
          resetAt: '2026-01-07T14:33:00.000Z',
          repositories: { 'octo/cli': { limit: 5, remaining: 0, resetAt: '2026-01-07T14:33:10.000Z' } },
        },
        headers: { 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '3' },
      },
    ],
  ]);
  const requests: { path: string; authorization: string | undefined }[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '';
    requests.push({ path, authorization: request.headers.authorization });
    const answer = answers.get(path) ?? {
      status: 404,
      json: { error: { code: 'NOT_FOUND', message: `no route ${path}` } },
    };
    if ('hang' in answer || 'cut' in answer) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '400' });
      response.write('{"status":"o', () => {
        if ('cut' in answer) response.destroy();
      });
      return;
    }
    const body = 'text' in answer ? answer.text : JSON.stringify(answer.json);
    const headers = 'headers' in answer ? answer.headers : {};
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...headers });
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`expected an IP address, found ${address}`);
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    answer: (path, answer) => void answers.set(path, answer),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The error that the service gives to who asks too often. */
export function rateLimited(retryAfterSeconds: number): Answer {
  return {
    status: 429,
    json: {
      error: {
        code: 'RATE_LIMITED',
        message: 'Too many requests',
        details: { resetAt: new Date(Date.now() + retryAfterSeconds * 1000).toISOString(), remaining: 0 },
      },
    },
    headers: { 'retry-after': String(retryAfterSeconds), 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '0' },
  };
}

import { Agent, request } from 'node:http';

export interface Answer {
  readonly body: Buffer;
  /** From the request to the last byte, milliseconds. */
  readonly tookMs: number;
}

const agent = new Agent({ keepAlive: true });

/** One GET over a kept connection, as Prometheus scrapes but uncompressed. @throws where it is not answered 200 */
export function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const tookMs = performance.now() - started;
        const body = Buffer.concat(chunks);
        if (response.statusCode === 200) resolve({ body, tookMs });
        else reject(new Error(`bench: ${url} answered ${response.statusCode}: ${body.subarray(0, 300)}`));
      });
      response.once('error', reject);
    });
    asked.once('error', reject).end();
  });
}

export async function post(url: string, token: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`bench: ${url} answered ${response.status}: ${text.slice(0, 300)}`);
}

/**
 * The load generator, a process of its own: prepares every request as bytes, then sends them over a number of keep-alive
 * connections, one request at a time each. It speaks HTTP/1.1 on plain sockets, because it runs on the cores it measures.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Kind } from '../../exporter/src/contract/records.ts';
import { fleetEvents, type PushedEvent } from './fleet.ts';

export interface LoadPlan {
  readonly url: string;
  readonly token: string;
  readonly runs: number;
  readonly prefix: string;
  /** Events a request. */
  readonly batch: number;
  readonly connections: number;
  /** Each kind after the other, timed alone: runs first, since steps belong to them. Default: all in their order. */
  readonly byKind?: boolean;
  /** Events of these kinds alone. */
  readonly only?: readonly Kind[];
}

export interface LoadResult {
  readonly kind: string;
  readonly events: number;
  readonly requests: number;
  readonly seconds: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU that sending took here, seconds. */
  readonly cpuSeconds: number;
}

export type FromLoad = { readonly ready: true } | { readonly results: readonly LoadResult[] };

const KIND_ORDER = ['run', 'step', 'usage', 'output', 'job'];

function groupEvents(plan: LoadPlan): Map<string, PushedEvent[]> {
  const events = [...fleetEvents(plan.runs, plan.prefix, Date.now())].filter(
    ({ kind }) => plan.only === undefined || plan.only.includes(kind),
  );
  if (plan.byKind !== true) return new Map([['mix', events]]);
  const groups = Map.groupBy(events, ({ kind }) => (KIND_ORDER.includes(kind) ? kind : 'others'));
  return new Map([...KIND_ORDER, 'others'].map((kind) => [kind, groups.get(kind as Kind | 'others') ?? []]));
}

function prepareRequests(events: readonly PushedEvent[], { url, token, batch }: LoadPlan): Buffer[] {
  const requests: Buffer[] = [];
  for (let i = 0; i < events.length; i += batch) {
    const body = JSON.stringify({ events: events.slice(i, i + batch) });
    requests.push(
      Buffer.from(
        `POST /api/v1/events HTTP/1.1\r\nhost: ${new URL(url).host}\r\nauthorization: Bearer ${token}\r\n` +
          `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    );
  }
  return requests;
}

/** Reads one answer with a Content-Length off a socket. */
function readAnswer(socket: Socket): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (text.length < end + 4 + length) return;
      done();
      resolve({ status: Number(text.slice(9, 12)), body: text.slice(end + 4) });
    };
    const onClose = () => {
      done();
      reject(new Error('load: the exporter closed the connection in the middle of an answer'));
    };
    const done = () => socket.off('data', onData).off('close', onClose).off('error', onClose);
    socket.on('data', onData).on('close', onClose).on('error', onClose);
  });
}

async function send(kind: string, events: number, requests: readonly Buffer[], plan: LoadPlan): Promise<LoadResult> {
  const { hostname, port } = new URL(plan.url);
  const sockets = await Promise.all(
    Array.from({ length: plan.connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, 'connect');
      return socket;
    }),
  );
  const latencies: number[] = [];
  let next = 0;
  let accepted = 0;
  let rejected = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      while (next < requests.length) {
        const request = requests[next++] as Buffer;
        const sent = performance.now();
        socket.write(request);
        const { status, body } = await readAnswer(socket);
        latencies.push(performance.now() - sent);
        if (status !== 200) throw new Error(`load: expected 200, found ${status}: ${body.slice(0, 500)}`);
        const answer = JSON.parse(body) as { accepted: number; rejected: { reason: string }[] };
        accepted += answer.accepted;
        rejected += answer.rejected.length;
        const [first] = answer.rejected;
        if (first !== undefined) throw new Error(`load: expected no rejection, found: ${first.reason}`);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0;
  return {
    ...{ kind, events, requests: requests.length, seconds, accepted, rejected },
    ...{ p50: quantile(0.5), p99: quantile(0.99), cpuSeconds: (used.user + used.system) / 1e6 },
  };
}

process.once('message', async (plan: LoadPlan) => {
  const groups = [...groupEvents(plan)].map(
    ([kind, events]) => [kind, events.length, prepareRequests(events, plan)] as const,
  );
  const tell = (message: FromLoad) => process.send?.(message);
  process.once('message', async () => {
    const results: LoadResult[] = [];
    for (const [kind, events, requests] of groups) results.push(await send(kind, events, requests, plan));
    tell({ results });
    process.disconnect();
  });
  tell({ ready: true });
});

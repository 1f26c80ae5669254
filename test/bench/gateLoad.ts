/**
 * The load of the gate, a process of its own: launchers that ask at a fixed rate, whatever the answers take. A question that
 * has to wait because the one before it is late counts from when it was due.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface GateLoadPlan {
  readonly url: string;
  readonly token: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface GateLoadResult {
  readonly answers: number;
  readonly refused: number;
  readonly perSecond: number;
  /** Milliseconds, from when each was due. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

async function open(url: URL): Promise<Socket> {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** @returns the body of one answer. @throws where it is not answered 200 */
function readAnswer(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const onData = (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end === -1 || text.length < end + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1])) return;
    socket.off('data', onData).off('close', onClose);
    if (text.startsWith('HTTP/1.1 200')) resolve(text.slice(end + 4));
    else reject(new Error(`bench: the gate answered ${text.slice(0, 300)}`));
  };
  const onClose = () => reject(new Error('bench: the exporter closed the connection in the middle of an answer'));
  socket.on('data', onData).once('close', onClose);
  return promise;
}

async function run({ url, token, perSecond, seconds, connections }: GateLoadPlan): Promise<GateLoadResult> {
  const address = new URL(url);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(address)));
  const total = perSecond * seconds;
  const latencies: number[] = [];
  let refused = 0;
  let next = 0;
  const started = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      while (next < total) {
        const number = next++;
        const dueMs = started + (number * 1000) / perSecond;
        while (performance.now() < dueMs)
          await new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
        // A timer is late by up to a millisecond, which is this process's own.
        const sentMs = Math.max(dueMs, Math.min(performance.now(), dueMs + 1));
        socket.write(
          `GET /api/v1/gate?project=repo-${number % 100}&persona=persona-${number % 7} HTTP/1.1\r\nhost: ${address.host}\r\nauthorization: Bearer ${token}\r\n\r\n`,
        );
        const answer = await readAnswer(socket);
        latencies.push(performance.now() - sentMs);
        if (answer.includes('"allowed":false')) refused += 1;
      }
    }),
  );
  const took = (performance.now() - started) / 1000;
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0;
  return {
    ...{ answers: latencies.length, refused, perSecond: latencies.length / took },
    ...{ p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
  };
}

process.once('message', async (plan: GateLoadPlan) => {
  process.send?.(await run(plan));
  process.disconnect();
});

import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MemoryBudget, receiveBody } from './receiveBody.ts';

const MAX = 100_000;
let server: Server;
let taken: number;
let mostTaken: number;
let outcomes: Promise<string>[];

beforeEach(async () => {
  taken = 0;
  mostTaken = 0;
  outcomes = [];
  const budget: MemoryBudget = {
    take(bytes) {
      if (taken + bytes > 2 * MAX) throw new Error('no memory');
      taken += bytes;
      mostTaken = Math.max(mostTaken, taken);
    },
    giveBack(bytes) {
      taken -= bytes;
    },
  };
  const receive = async (payload: IncomingMessage) => {
    const body = await receiveBody(payload, budget, { maxBytes: MAX });
    body.release();
    return body.bytes.toString();
  };
  server = createServer((message, response) => {
    const outcome = receive(message).catch(
      (error: Error) => `${'statusCode' in error && error.statusCode} ${error.message}`,
    );
    outcomes.push(outcome);
    void outcome.then((text) => response.writeHead(200, { connection: 'close' }).end(text));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => server.close());

function post(headers: Record<string, string> = {}) {
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return request({ port, host: '127.0.0.1', method: 'POST', headers, agent: false });
}

async function answerTo(sent: ReturnType<typeof post>): Promise<string> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

describe('receiveBody', () => {
  it('gathers a body of many chunks, and one of none', async () => {
    const sent = post();
    for (let i = 0; i < 5; i++) sent.write(`part ${i} `);
    sent.end('end');
    expect(await answerTo(sent)).toBe('part 0 part 1 part 2 part 3 part 4 end');
    const empty = post({ 'content-length': '0' });
    empty.end();
    expect(await answerTo(empty)).toBe('');
    expect(taken).toBe(0);
  });

  it('takes the largest body, and refuses one byte more, whether it says so before or not', async () => {
    const fits = post({ 'content-length': String(MAX) });
    fits.end('x'.repeat(MAX));
    expect(await answerTo(fits)).toHaveLength(MAX);
    for (const headers of [{ 'content-length': String(MAX + 1) }, { 'transfer-encoding': 'chunked' }]) {
      const sent = post(headers);
      sent.end('x'.repeat(MAX + 1));
      expect(await answerTo(sent)).toMatch(/^413 the body has more than 100000 bytes/);
    }
    expect(taken).toBe(0);
  });

  it('holds no more than the largest body of a larger one, and lets its sender finish', async () => {
    const sent = post();
    for (let i = 0; i < 30; i++) {
      if (!sent.write('x'.repeat(10_000))) await once(sent, 'drain');
    }
    sent.end();
    expect(await answerTo(sent)).toMatch(/^413/);
    expect(mostTaken).toBeLessThanOrEqual(MAX);
    expect(taken).toBe(0);
  });

  it('answers a sender only when it has sent all: before, it would see its connection break, and not the answer', async () => {
    const sent = post({ 'content-length': String(MAX + 1) });
    sent.write('x');
    while (outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const other = post();
    other.end('a whole request meanwhile');
    expect(await answerTo(other)).toBe('a whole request meanwhile');
    expect(await Promise.race([outcomes[0], 'not answered yet'])).toBe('not answered yet');
    sent.end('x'.repeat(MAX));
    expect(await answerTo(sent)).toMatch(/^413/);
  });

  it('answers a sender that goes on without end', async () => {
    const sent = post();
    const answer = answerTo(sent);
    const chunk = 'x'.repeat(10_000);
    const writing = setInterval(() => sent.write(chunk), 0);
    sent.on('error', () => {}); // It is cut off in the end.
    expect(await answer).toMatch(/^413/);
    clearInterval(writing);
    sent.destroy();
  });

  it('refuses what the budget does not hold, and gives back what it took', async () => {
    taken = 2 * MAX - 15_000;
    const sent = post();
    sent.write('x'.repeat(10_000));
    sent.write('x'.repeat(10_000));
    sent.end();
    expect(await answerTo(sent)).toBe('false no memory');
    expect(taken).toBe(2 * MAX - 15_000);
  });

  it('gives back what an interrupted body had taken', async () => {
    const sent = post({ 'content-length': '1000' });
    sent.on('error', () => {}); // The end of its connection is what the test does.
    sent.write('half');
    while (taken === 0) await new Promise((resolve) => setImmediate(resolve));
    sent.destroy();
    expect(await outcomes[0]).toBe('400 the body ended before it was complete');
    expect(taken).toBe(0);
  });
});

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { recordKey } from '../contract/recordKey.ts';
import { pushEvents } from './pushEvents.ts';
import { EventsRejected, type PushProgress, PushRefused } from './pushOutcome.ts';
import { simulateFleet } from './simulateFleet.ts';
import type { FleetEvent } from './story.ts';

/** What a server does with a request before it takes the events: undefined takes them. */
type Trouble = (request: number, response: ServerResponse) => 'handled' | 'take and drop' | undefined;

/** A small exporter: it keeps events by source and id, as the ledger does, and has its troubles. */
class Exporter {
  readonly kept = new Map<string, FleetEvent>();
  readonly arrivals: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  requests = 0;
  underWay = 0;
  mostUnderWay = 0;
  holdMs = 0;
  trouble: Trouble = () => undefined;
  refuse: (event: FleetEvent) => string | undefined = () => undefined;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const number = this.requests++;
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    this.headers.push(request.headers);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    // Long enough for whatever else is under way to arrive.
    if (this.holdMs > 0) await delay(this.holdMs);
    this.underWay--;
    const handled = this.trouble(number, response);
    if (handled === 'handled') return;
    const raw = Buffer.concat(chunks);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
    const events: FleetEvent[] =
      request.headers['content-type'] === 'application/x-ndjson'
        ? text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line))
        : JSON.parse(text).events;
    const answer = { accepted: 0, duplicates: 0, rejected: [] as { index: number; id: string; reason: string }[] };
    for (const [index, event] of events.entries()) {
      const reason = this.refuse(event);
      const key = `${event.source} ${event.id}`;
      if (reason !== undefined) answer.rejected.push({ index, id: event.id, reason });
      else if (this.kept.has(key)) answer.duplicates++;
      else {
        answer.accepted++;
        this.kept.set(key, event);
        this.arrivals.push(event.id);
      }
    }
    if (handled === 'take and drop') response.destroy();
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  }
}

function* manyEvents(count: number, runs = 20): Generator<FleetEvent> {
  for (let i = 0; i < count; i++) {
    const at = new Date(Date.UTC(2026, 10, 1) + i * 1000).toISOString();
    yield {
      id: `run${i % runs}/${i}`,
      source: 'demo',
      kind: 'run',
      at,
      data: { runId: `run${i % runs}`, iterations: i },
    };
  }
}

const TOKEN = 'ingest-token';
let exporter: Exporter;
async function started(): Promise<string> {
  exporter = new Exporter();
  return exporter.start();
}
afterEach(() => exporter.stop());

describe('pushEvents', () => {
  it.each([
    { format: 'json', gzip: false },
    { format: 'ndjson', gzip: true },
  ] as const)('pushes all events as $format (gzip: $gzip) and says how far it has come', async (how) => {
    const url = await started();
    const progress: PushProgress[] = [];
    const result = await pushEvents({
      url,
      token: TOKEN,
      events: manyEvents(2_345),
      batchSize: 100,
      onProgress: (p) => progress.push(p),
      ...how,
    });
    expect(result).toMatchObject({
      sent: 2_345,
      accepted: 2_345,
      duplicates: 0,
      rejected: 0,
      retries: 0,
      stopped: false,
    });
    expect(exporter.kept.size).toBe(2_345);
    expect(exporter.headers.every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(progress.length).toBe(exporter.requests);
    expect(progress.at(-1)).toMatchObject({
      sent: 2_345,
      at: [...exporter.kept.values()]
        .map((e) => e.at)
        .sort()
        .at(-1),
    });
    expect(progress.map((p) => p.at).every((at, i, all) => i === 0 || (at ?? '') >= (all[i - 1] ?? ''))).toBe(true);
  });

  it('keeps the events of a run in order, and no more requests under way than it may', async () => {
    const url = await started();
    exporter.holdMs = 10;
    await pushEvents({ url, token: TOKEN, events: manyEvents(3_000, 40), batchSize: 50, concurrency: 3 });
    expect(exporter.mostUnderWay).toBeGreaterThan(1);
    expect(exporter.mostUnderWay).toBeLessThanOrEqual(3);
    for (let run = 0; run < 40; run++) {
      const numbers = exporter.arrivals
        .filter((id) => id.startsWith(`run${run}/`))
        .map((id) => Number(id.split('/')[1]));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it('keeps the events of every record of a simulated day in order, and a run behind its steps and usage', async () => {
    const url = await started();
    exporter.holdMs = 2;
    const to = new Date('2026-11-19T00:00:00.000Z');
    const events = [...simulateFleet({ seed: 7, from: new Date('2026-11-18T00:00:00.000Z'), to })];
    await pushEvents({ url, token: TOKEN, events, batchSize: 40 });
    const latest = new Map<string, string>();
    const late: string[] = [];
    for (const event of exporter.kept.values()) {
      const { source, kind, data, at } = event;
      const ofRun = kind === 'run' || kind === 'step' || kind === 'usage';
      const record = `${source} ${ofRun && data.runId ? `run ${data.runId}` : `${kind} ${recordKey(kind, { at, ...data })}`}`;
      if (at < (latest.get(record) ?? '')) late.push(event.id);
      latest.set(record, at);
    }
    expect(exporter.kept.size).toBe(events.length);
    expect(late).toEqual([]);
  });

  it('sends a batch again after 503 and 429, when the server says so', async () => {
    const url = await started();
    const times: number[] = [];
    exporter.trouble = (number, response) => {
      times.push(performance.now());
      if (number > 1) return undefined;
      response.statusCode = number === 0 ? 503 : 429;
      response.setHeader('retry-after', '1').end('{"error":{"code":"LEDGER_DOWN","message":"no ledger"}}');
      return 'handled';
    };
    const result = await pushEvents({ url, token: TOKEN, events: manyEvents(300, 1), batchSize: 100, concurrency: 1 });
    expect(result).toMatchObject({ accepted: 300, retries: 2 });
    // Not a measurement: what Retry-After asks for is a lower bound.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('sends a batch again whose connection was dropped, before or after the server took it', async () => {
    const url = await started();
    exporter.trouble = (number, response) => {
      if (number % 5 === 1) {
        response.destroy();
        return 'handled';
      }
      return number % 5 === 3 ? 'take and drop' : undefined;
    };
    const result = await pushEvents({ url, token: TOKEN, events: manyEvents(2_000), batchSize: 100 });
    expect(exporter.kept.size).toBe(2_000);
    expect(result.accepted + result.duplicates).toBe(2_000);
    expect(result.duplicates).toBeGreaterThan(0);
    expect(result.retries).toBeGreaterThan(1);
  });

  it('gives up on a server that answers nothing but 503, and says what it found', async () => {
    const url = await started();
    exporter.trouble = (_number, response) => {
      response.writeHead(503).end('{"error":{"code":"LEDGER_DOWN"}}');
      return 'handled';
    };
    const push = pushEvents({ url, token: TOKEN, events: manyEvents(10), giveUpAfterMs: 500 });
    await expect(push).rejects.toThrow(/no answer to a batch of \d+ events.*status 503.*LEDGER_DOWN/);
  });

  it('reports rejected events when all others are pushed', async () => {
    const url = await started();
    exporter.refuse = ({ id }) => (id.endsWith('7') ? 'data.runId: expected a string' : undefined);
    const failure = await pushEvents({ url, token: TOKEN, events: manyEvents(1_000) }).catch((cause: unknown) => cause);
    expect(failure).toBeInstanceOf(EventsRejected);
    if (!(failure instanceof EventsRejected)) return;
    expect(failure.result).toMatchObject({ sent: 1_000, accepted: 900, rejected: 100 });
    expect(failure.rejections[0]).toEqual({ id: expect.stringMatching(/7$/), reason: 'data.runId: expected a string' });
    expect(failure.message).toContain('100 rejected');
  });

  it.each([
    [401, '{"error":{"code":"AUTH_INVALID"}}', /status 401.*role ingest.*AUTH_INVALID/],
    [404, 'no such page', /status 404.*address/],
    [200, '<html>', /status 200.*<html>/],
  ])('stops at once where the server answers %i %s', async (status, body, message) => {
    const url = await started();
    exporter.trouble = (_number, response) => {
      response.writeHead(status).end(body);
      return 'handled';
    };
    const push = pushEvents({ url, token: TOKEN, events: manyEvents(5_000), concurrency: 1, batchSize: 100 });
    await expect(push).rejects.toThrow(PushRefused);
    await expect(push).rejects.toThrow(message);
    expect(exporter.requests).toBe(1);
  });

  it('passes on what goes wrong in the events themselves', async () => {
    const url = await started();
    const broken = (function* () {
      yield* manyEvents(3);
      throw new Error('the generator broke');
    })();
    await expect(pushEvents({ url, token: TOKEN, events: broken })).rejects.toThrow('the generator broke');
  });

  it('live: sends what there is after a moment, and stops while it waits for more', async () => {
    const url = await started();
    const stop = new AbortController();
    const slow = (async function* () {
      yield* manyEvents(7);
      await new Promise(() => {});
    })();
    const result = await pushEvents({
      url,
      token: TOKEN,
      events: slow,
      flushAfterMs: 20,
      signal: stop.signal,
      onProgress: ({ sent }) => {
        if (sent === 7) stop.abort();
      },
    });
    expect(result).toMatchObject({ sent: 7, stopped: true });
    expect(exporter.kept.size).toBe(7);
  });

  it('stops while it waits to send again', async () => {
    const url = await started();
    const stop = new AbortController();
    exporter.trouble = (_number, response) => {
      response.writeHead(503, { 'retry-after': '60' }).end();
      setTimeout(() => stop.abort(), 20);
      return 'handled';
    };
    const result = await pushEvents({ url, token: TOKEN, events: manyEvents(10), signal: stop.signal });
    expect(result).toMatchObject({ sent: 0, stopped: true });
  });
});

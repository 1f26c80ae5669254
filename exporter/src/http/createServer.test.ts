import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TokenRegistry } from './auth.ts';
import { createServer, type ServerDeps } from './createServer.ts';
import { drainServer } from './drainServer.ts';
import { HealthRegistry } from './healthRegistry.ts';
import { HttpError } from './httpError.ts';
import { listen } from './listen.ts';

const errorSchema = z.object({
  error: z.strictObject({ code: z.string(), message: z.string(), requestId: z.string() }),
});
const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

function build(options: Partial<ServerDeps> = {}): FastifyInstance {
  const app = createServer({
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    tokens: new TokenRegistry([]),
    health: new HealthRegistry({ version: '1.2.3' }),
    metricsNeedToken: false,
    ...options,
  });
  opened.push(app);
  return app;
}

async function serve(app: FastifyInstance): Promise<string> {
  const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
  return `http://127.0.0.1:${address?.port}`;
}

const open = { config: { access: 'public' } } as const;

describe('request ids', () => {
  it.each(['abc-123', 'A.b_c', 'x'.repeat(128)])('keeps %s', async (id) => {
    const base = await serve(build());
    const answer = await fetch(`${base}/-/healthy`, { headers: { 'X-Request-ID': id } });
    expect(answer.headers.get('x-request-id')).toBe(id);
  });

  it.each(['with space', 'x'.repeat(129), '"},{"', ''])('replaces %j', async (id) => {
    const base = await serve(build());
    const answer = await fetch(`${base}/-/healthy`, { headers: { 'X-Request-ID': id } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('errors', () => {
  async function ask(path: string, init: RequestInit = {}, options: Partial<ServerDeps> = {}) {
    const app = build(options);
    app.get('/boom', open, async () => {
      throw new Error('password=hunter2 in table users');
    });
    app.get('/busy', open, async () => {
      throw new HttpError(503, 'ledger_down', 'the ledger is down', { headers: { 'Retry-After': '5' } });
    });
    app.post('/items/:id', { ...open, bodyLimit: 64 }, async () => ({ ok: true }));
    const answer = await fetch((await serve(app)) + path, init);
    return { answer, body: errorSchema.parse(await answer.json()) };
  }
  const json = (body: string): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });

  it.each<[string, RequestInit, number, string]>([
    ['/nowhere', {}, 404, 'not_found'],
    ['/items/1', {}, 405, 'method_not_allowed'],
    ['/items/%zz', json('{}'), 400, 'bad_url'],
    ['/items/1', json('{"a":'), 400, 'bad_request'],
    ['/items/1', json('{"__proto__":{"a":1}}'), 400, 'bad_request'],
    ['/items/1', json(''), 400, 'bad_request'],
    ['/items/1', { method: 'POST', body: 'x', headers: { 'content-type': 'text/csv' } }, 415, 'unsupported_media_type'],
    ['/items/1', json(JSON.stringify('x'.repeat(100))), 413, 'payload_too_large'],
    ['/boom', {}, 500, 'internal'],
    ['/busy', {}, 503, 'ledger_down'],
  ])('%s answers in one shape', async (path, init, status, code) => {
    const { answer, body } = await ask(path, {
      ...init,
      headers: { ...Object.fromEntries(new Headers(init.headers)), 'X-Request-ID': 'r-1' },
    });
    expect(answer.status).toBe(status);
    expect(body).toEqual({ error: { code, message: expect.any(String), requestId: 'r-1' } });
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('x-request-id')).toBe('r-1');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('says which methods a path has', async () => {
    const { answer, body } = await ask('/items/1', { method: 'DELETE' });
    expect(answer.headers.get('allow')).toBe('POST');
    expect(body.error.message).toBe('found DELETE, expected POST for /items/1');
  });

  it('passes headers of an error on', async () => {
    expect((await ask('/busy')).answer.headers.get('retry-after')).toBe('5');
  });

  it('tells the client nothing of an unexpected error, and the log and the reporter everything', async () => {
    const lines: string[] = [];
    const captured: unknown[] = [];
    const { body } = await ask(
      '/boom',
      {},
      {
        log: pino({}, { write: (line: string) => lines.push(line) }),
        errors: { captureException: (error, context) => captured.push([error, context.route]) },
      },
    );
    expect(JSON.stringify(body)).not.toContain('hunter2');
    const failures = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request failed');
    expect(failures).toEqual([expect.objectContaining({ reqId: body.error.requestId, level: 50 })]);
    expect(failures[0].err.message).toContain('hunter2');
    expect(captured).toEqual([[expect.any(Error), '/boom']]);
  });

  it.each([
    ['GARBAGE\r\n\r\n', 400, 'bad_request'],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ])('answers broken HTTP in the same shape', async (bytes, status, code) => {
    const text = await rawRequest(await serve(build()), bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code } });
  });
});

describe('headers', () => {
  it('restrict what a browser does with an answer, and name no server', async () => {
    const answer = await fetch(`${await serve(build())}/-/healthy`);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('x-frame-options')).toBe('deny');
    expect(answer.headers.has('server')).toBe(false);
    expect(answer.headers.has('x-powered-by')).toBe(false);
  });
});

describe('landing page', () => {
  it('links to what there is, and its policy allows its style', async () => {
    const answer = await fetch(`${await serve(build())}/`);
    const page = await answer.text();
    for (const href of ['metrics', 'health', 'openapi.json']) expect(page).toContain(`href="${href}"`);
    expect(page).toContain('Version 1.2.3');
    expect(page).toMatch(/<html lang="en">/);
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    expect(answer.headers.get('content-security-policy')).toContain(Buffer.from(digest).toString('base64'));
  });
});

describe('slow clients', () => {
  const timeouts = { headersMs: 150, requestMs: 300, keepAliveMs: 1000, checkIntervalMs: 50 };

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['a body', 'POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'],
  ])('that never end %s are cut off with 408', async (_what, bytes) => {
    const app = build({ timeouts });
    app.post('/items', open, async () => ({}));
    expect(await rawRequest(await serve(app), bytes)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('listen', () => {
  it('serves the same routes on several addresses and closes all', async () => {
    const app = build();
    const addresses = await listen(app, [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.2', port: 0 },
    ]);
    const urls = addresses.map(({ host, port }) => `http://${host}:${port}/-/healthy`);
    expect(await Promise.all(urls.map(async (url) => (await fetch(url)).status))).toEqual([200, 200]);
    await app.close();
    for (const url of urls) await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('says what to do when the port is taken, also for a further address, and leaves nothing open', async () => {
    const taken = (await listen(build(), [{ host: '127.0.0.1', port: 0 }]))[0]?.port ?? 0;
    const app = build();
    const listening = listen(app, [
      { host: '127.0.0.2', port: 0 },
      { host: '127.0.0.1', port: taken },
    ]);
    await expect(listening).rejects.toThrow(`cannot listen on 127.0.0.1:${taken}: another process listens there`);
    expect(app.server.listening).toBe(false);
  });
});

describe('drainServer', () => {
  it('ends requests under way, on every address, while it accepts no new ones', async () => {
    const app = build();
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    let inside = 0;
    app.get('/slow', open, async () => {
      inside += 1;
      if (inside === 2) entered.resolve();
      await gate.promise;
      return { done: true };
    });
    const addresses = await listen(app, [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.2', port: 0 },
    ]);
    const agent = new Agent({ keepAlive: true });
    const answers = addresses.map(({ host, port }) => get(`http://${host}:${port}/slow`, agent));
    await entered.promise;
    const drained = drainServer(app, { timeoutMs: 60_000 });
    await expect.poll(() => app.server.listening).toBe(false);
    for (const { host, port } of addresses) {
      await expect(fetch(`http://${host}:${port}/-/healthy`)).rejects.toThrow('fetch failed');
    }
    gate.resolve();
    for (const answer of await Promise.all(answers)) {
      expect(answer).toEqual({ status: 200, connection: 'close', body: '{"done":true}' });
    }
    expect(await drained).toEqual({ cut: 0 });
    agent.destroy();
  });

  it('turns away in the usual shape what a connection had half sent', async () => {
    const app = build();
    const base = await serve(app);
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.write('GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-Request-ID: r-9\r\n');
    await expect.poll(() => new Promise((resolve) => app.server.getConnections((_e, count) => resolve(count)))).toBe(1);
    // The server has read the bytes once a request that came later is answered.
    await fetch(`${base}/-/healthy`);
    const drained = drainServer(app, { timeoutMs: 60_000 });
    await expect.poll(() => app.server.listening).toBe(false);
    socket.write('\r\n');
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 503 [\s\S]*connection: close/i);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      error: { code: 'draining', requestId: 'r-9' },
    });
    await drained;
  });

  it('waits for requests of further addresses too', async () => {
    const app = build();
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    app.get('/slow', open, async () => {
      entered.resolve();
      await gate.promise;
      return { done: true };
    });
    const [first, second] = await listen(app, [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.2', port: 0 },
    ]);
    const answer = get(`http://127.0.0.2:${second?.port}/slow`, new Agent());
    await entered.promise;
    let ended = false;
    const drained = drainServer(app, { timeoutMs: 60_000 }).then(() => {
      ended = true;
    });
    await expect.poll(() => app.server.listening).toBe(false);
    await expect(fetch(`http://127.0.0.1:${first?.port}/-/healthy`)).rejects.toThrow('fetch failed');
    expect(ended).toBe(false);
    gate.resolve();
    expect(await answer).toMatchObject({ status: 200 });
    await drained;
  });

  it('closes idle kept connections at once', async () => {
    const app = build();
    const base = await serve(app);
    const agent = new Agent({ keepAlive: true });
    expect((await get(`${base}/-/healthy`, agent)).connection).toBe('keep-alive');
    expect(await drainServer(app, { timeoutMs: 60_000 })).toEqual({ cut: 0 });
    agent.destroy();
  });

  it('cuts what does not end in time', async () => {
    const app = build();
    const entered = Promise.withResolvers<void>();
    app.get('/forever', open, () => {
      entered.resolve();
      return new Promise(() => undefined);
    });
    const hanging = get(`${await serve(app)}/forever`, new Agent());
    const failed = expect(hanging).rejects.toThrow(/socket hang up|ECONNRESET/);
    await entered.promise;
    expect(await drainServer(app, { timeoutMs: 50 })).toEqual({ cut: 1 });
    await failed;
  });
});

describe('request log', () => {
  async function linesFor(requests: boolean, healthRequests: boolean) {
    const lines: string[] = [];
    const app = build({
      log: pino({}, { write: (line: string) => lines.push(line) }),
      requestLog: () => ({ requests, healthRequests }),
    });
    app.get('/data', open, async () => ({}));
    const base = await serve(app);
    await fetch(`${base}/data?token=abc`, { headers: { 'X-Request-ID': 'r-7' } });
    await fetch(`${base}/health`);
    await app.close();
    return lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request');
  }

  it('says nothing by default', async () => expect(await linesFor(false, false)).toEqual([]));

  it('has a line with the request id for each, without its query', async () => {
    expect(await linesFor(true, false)).toEqual([
      expect.objectContaining({ reqId: 'r-7', method: 'GET', path: '/data', status: 200 }),
    ]);
  });

  it('has probes only when asked for', async () => {
    expect((await linesFor(false, true)).map(({ path }) => path)).toEqual(['/health']);
  });
});

async function get(url: string, agent: Agent) {
  const request = httpRequest(url, { agent }).end();
  const [response] = await once(request, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, connection: response.headers.connection, body };
}

async function rawRequest(base: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

import { describe, expect, it, onTestFinished } from 'vitest';
import { E2bServer, e2bMetric, e2bSandbox } from '../../../../test/contract/e2b/e2bServer.ts';
import { pollHosted } from '../../../../test/contract/pollHosted.ts';
import { warnings } from '../pollForTest.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import { e2b } from './e2b.ts';

async function startServer(key?: string): Promise<E2bServer> {
  const server = await E2bServer.start(key);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function open(server: E2bServer, config: object = {}) {
  const { log, lines } = warnings();
  const options = { api_key: server.key, api_url: server.http.url, ...config };
  const source = e2b.create('test', e2b.configSchema.parse(options), log);
  onTestFinished(() => source.close());
  return { source, lines };
}

describe('sandboxes', () => {
  it('are killed when two complete lists in a row miss them, paused and resumed in between, and can come back', async () => {
    const server = await startServer();
    const { source, lines } = open(server);
    const ledger = new RecordingLedger();
    const sandbox = (id: string) => ledger.get('sandbox', id);
    const started = '2026-11-20T10:00:00.000Z';
    server.put(e2bSandbox({ sandboxID: 'a' }));
    server.put(e2bSandbox({ sandboxID: 'b' }));
    await pollHosted(source, ledger);
    server.put(e2bSandbox({ sandboxID: 'a', state: 'paused' }));
    server.sandboxes.delete('b');
    await pollHosted(source, ledger);
    expect(sandbox('a')).toMatchObject({ status: 'paused', createdAt: started });
    expect(sandbox('b')).toMatchObject({ status: 'running' });
    const missedFrom = ledger.batches.at(-1)?.startedAt.toISOString();
    server.put(e2bSandbox({ sandboxID: 'a', startedAt: '2026-11-20T10:30:00.000Z' }));
    await pollHosted(source, ledger);
    expect(sandbox('a')).toMatchObject({
      status: 'running',
      createdAt: started,
      startedAt: '2026-11-20T10:30:00.000Z',
    });
    // Its time was not up: it was killed before it was first missed.
    expect(sandbox('b')).toMatchObject({ status: 'killed', endedAt: missedFrom, rawStatus: null });
    // What it used last is not what it uses now.
    expect(sandbox('b')).toMatchObject({ cpuUsedRatio: null, memoryUsedBytes: null });
    server.put(e2bSandbox({ sandboxID: 'b' }));
    await pollHosted(source, ledger);
    expect(sandbox('b')).toMatchObject({ status: 'running', endedAt: null });
    expect(sandbox('a')).toHaveProperty(['attributes.killedInferred'], null);
    // Nothing of that is new to the exporter.
    expect(lines).toEqual([]);
  });

  it('that only an interrupted poll has seen are missed as well, and ended when their time was up', async () => {
    const server = await startServer();
    server.pageSize = 1;
    const ledger = new RecordingLedger();
    const poll = () => pollHosted(open(server, { metrics: 'none' }).source, ledger);
    const [startedAt, endAt] = ['2000-01-01T00:00:00.000Z', '2000-01-01T01:00:00.000Z'];
    for (const id of ['a', 'b']) server.put(e2bSandbox({ sandboxID: id, startedAt, endAt }));
    server.http.fail(/v2/, { kind: 'slow', pauseMs: 1 });
    server.http.fail(/v2/, { kind: 'status', status: 500 });
    expect((await poll()).failure?.result).toBe('server');
    const [seen] = ledger.all('sandbox');
    expect(ledger.all('sandbox')).toHaveLength(1);
    server.sandboxes.delete(String(seen?.sandboxId));
    await poll();
    await poll();
    expect(ledger.get('sandbox', String(seen?.sandboxId))).toMatchObject({ status: 'killed', endedAt: endAt });
  });

  it('are not taken for killed when a page of the list cannot be read, nor by a process that starts anew', async () => {
    const server = await startServer();
    server.pageSize = 2;
    const { source } = open(server, { metrics: 'none' });
    const ledger = new RecordingLedger();
    for (const id of ['a', 'b', 'c', 'd', 'e']) server.put(e2bSandbox({ sandboxID: id }));
    await pollHosted(source, ledger);
    expect(server.http.asked).toHaveLength(3);
    for (let poll = 0; poll < 3; poll++) {
      const again = open(server, { metrics: 'none' }).source;
      server.http.fail(/v2/, { kind: 'slow', pauseMs: 1 });
      server.http.fail(/v2/, { kind: 'status', status: 500 });
      expect((await pollHosted(again, ledger)).failure?.result).toBe('server');
    }
    expect(ledger.all('sandbox').map(({ status }) => status)).toEqual([
      'running',
      'running',
      'running',
      'running',
      'running',
    ]);
    server.sandboxes.delete('e');
    await pollHosted(open(server, { metrics: 'none' }).source, ledger);
    await pollHosted(open(server, { metrics: 'none' }).source, ledger);
    expect(ledger.get('sandbox', 'e')).toMatchObject({ status: 'killed' });
  });

  it('that did not change cost one request a page and no write', async () => {
    const server = await startServer();
    const { source } = open(server, { metrics_interval: '1h' });
    const ledger = new RecordingLedger();
    for (let index = 0; index < 150; index++) server.put(e2bSandbox({ sandboxID: `sbx_${index}` }));
    server.put(e2bSandbox({ sandboxID: 'paused', state: 'paused' }));
    await pollHosted(source, ledger);
    expect(server.http.countsSince(0)).toEqual({ '/v2/sandboxes': 2, '/sandboxes/metrics': 2 });
    expect(ledger.all('sandbox')).toHaveLength(151);
    const [position, recorded] = [server.http.asked.length, ledger.batches.length];
    await pollHosted(source, ledger);
    expect(server.http.countsSince(position)).toEqual({ '/v2/sandboxes': 2 });
    expect(ledger.batches).toHaveLength(recorded);
  });

  it('of another source are marked as counted there; only some can be picked by their metadata', async () => {
    const server = await startServer();
    const { source } = open(server, {
      sandboxes_of: 'codecourier-main',
      project: 'acme',
      metadata: { 'app name': 'a & b' },
    });
    const ledger = new RecordingLedger();
    server.put(e2bSandbox({ sandboxID: 'a', metadata: { 'app name': 'a & b' } }));
    server.put(e2bSandbox({ sandboxID: 'b', metadata: { 'app name': 'a' } }));
    await pollHosted(source, ledger);
    expect(ledger.all('sandbox')).toMatchObject([{ sandboxId: 'a', project: 'acme' }]);
    expect(ledger.all('sandbox')).toMatchObject([{ countedBy: 'codecourier-main' }]);
  });
});

describe('metrics', () => {
  it('are asked for one by one where the server has no bulk', async () => {
    const server = await startServer();
    server.hasBulk = false;
    server.put(e2bSandbox({ sandboxID: 'a' }));
    server.put(e2bSandbox({ sandboxID: 'b' }));
    server.metrics.set('a', [e2bMetric({ cpuUsedPct: 5 }), e2bMetric({ cpuUsedPct: 250 })]);
    const bulk = await pollHosted(open(server).source, new RecordingLedger());
    expect(bulk.failure).toMatchObject({ result: 'other', partial: true });
    expect(bulk.failure?.message).toContain('set metrics to each or none');
    const ledger = new RecordingLedger();
    expect((await pollHosted(open(server, { metrics: 'each' }).source, ledger)).failure).toBeUndefined();
    expect(ledger.get('sandbox', 'a')).toMatchObject({ cpuUsedRatio: 2.5 });
    expect(ledger.get('sandbox', 'b')).not.toHaveProperty('cpuUsedRatio');
  });

  it('that fail hold up no list', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.put(e2bSandbox({ sandboxID: 'a' }));
    server.http.fail(/metrics/, { kind: 'status', status: 429, headers: { 'retry-after': '7' } });
    const { failure } = await pollHosted(source, ledger);
    expect(failure).toMatchObject({ result: 'rate_limit', partial: true, retryAfterMs: 7_000 });
    expect(ledger.get('sandbox', 'a')).toMatchObject({ status: 'running' });
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
  });
});

describe('failures', () => {
  const cases = [
    { what: 'a wrong key', fault: { kind: 'status', status: 401, body: { code: 401, message: 'no' } }, result: 'auth' },
    { what: 'a key without rights', fault: { kind: 'status', status: 403 }, result: 'auth' },
    { what: 'a server error', fault: { kind: 'status', status: 500 }, result: 'server' },
    { what: 'a busy server', fault: { kind: 'status', status: 503 }, result: 'server' },
    { what: 'a list that is no list', fault: { kind: 'drift', change: () => ({ sandboxes: [] }) }, result: 'schema' },
    { what: 'JSON that is cut off', fault: { kind: 'truncated' }, result: 'schema' },
    { what: 'a broken connection', fault: { kind: 'reset' }, result: 'network' },
    { what: 'an address that is no API', fault: { kind: 'status', status: 404 }, result: 'other' },
  ] as const;
  it.each(cases)('$what is $result, asked for once, and passes', async ({ fault, result }) => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.put(e2bSandbox({ sandboxID: 'a' }));
    server.http.fail(/v2\/sandboxes/, fault);
    const { failure, results } = await pollHosted(source, ledger);
    expect(failure?.result).toBe(result);
    expect(results).toEqual([result]);
    expect(server.http.asked).toHaveLength(1);
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
    expect(ledger.all('sandbox')).toHaveLength(1);
  });

  it('a rate limit says when to come back, in seconds or as a date, and is not waited out in the call', async () => {
    const server = await startServer();
    const { source } = open(server);
    server.http.fail(/v2/, { kind: 'status', status: 429, headers: { 'retry-after': '30' } });
    expect((await pollHosted(source, new RecordingLedger())).failure).toMatchObject({
      result: 'rate_limit',
      retryAfterMs: 30_000,
    });
    const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
    server.http.fail(/v2/, { kind: 'status', status: 429, headers: { 'retry-after': inAnHour } });
    // No header holds a source for more than ten minutes.
    expect((await pollHosted(source, new RecordingLedger())).failure).toMatchObject({ retryAfterMs: 600_000 });
    expect(server.http.asked).toHaveLength(2);
  });

  it('an answer that does not come is given up', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.put(e2bSandbox({ sandboxID: 'a' }));
    await pollHosted(source, new RecordingLedger());
    server.http.fail(/v2/, { kind: 'silent' });
    expect((await pollHosted(source, ledger, { timeoutMs: 2_000 })).failure?.result).toBe('network');
    await pollHosted(source, ledger);
    expect(ledger.all('sandbox')).toHaveLength(1);
  });

  it('a state or field that is new is kept, with one warning; an entry that is none is passed over', async () => {
    const server = await startServer();
    const { source, lines } = open(server);
    const ledger = new RecordingLedger();
    server.put(e2bSandbox({ sandboxID: 'a' }));
    server.put(e2bSandbox({ sandboxID: 'b' }));
    server.metrics.set('b', [Object.assign(e2bMetric(), { gpuUsedPct: 3 })]);
    const change = (body: unknown) => [
      'no sandbox',
      ...(body as object[]).map((sandbox, index) =>
        index === 0 ? { ...sandbox, state: 'hibernating', gpu: 1 } : sandbox,
      ),
    ];
    server.http.fail(/v2/, { kind: 'drift', change }, 2);
    for (let poll = 0; poll < 2; poll++) expect((await pollHosted(source, ledger)).failure).toBeUndefined();
    expect(ledger.get('sandbox', 'a')).toMatchObject({
      status: 'unknown',
      rawStatus: 'hibernating',
      'attributes.gpu': 1,
    });
    expect(ledger.get('sandbox', 'b')).toMatchObject({ status: 'running', 'attributes.gpuUsedPct': 3 });
    expect(lines).toMatchObject([{ state: 'hibernating', expected: ['running', 'paused'] }]);
  });
});

it('two sources in one process use their own keys', async () => {
  const [one, two] = [await startServer('e2b_one'), await startServer('e2b_two')];
  one.put(e2bSandbox({ sandboxID: 'one' }));
  two.put(e2bSandbox({ sandboxID: 'two' }));
  const ledgers = [new RecordingLedger(), new RecordingLedger()] as const;
  await Promise.all([pollHosted(open(one).source, ledgers[0]), pollHosted(open(two).source, ledgers[1])]);
  expect(ledgers.map((ledger) => ledger.all('sandbox').map(({ sandboxId }) => sandboxId))).toEqual([['one'], ['two']]);
});

describe('probe', () => {
  it('tells what it found and what does not fit', async () => {
    const server = await startServer();
    server.put(e2bSandbox({ sandboxID: 'a', metadata: { projectId: 'acme' } }));
    const { reachable, found, problems } = await open(server).source.probe(new AbortController().signal);
    expect(reachable).toBe(true);
    expect(found).toEqual(['1 sandboxes', '1 of them running']);
    expect(problems).toEqual([
      'run_key: no sandbox has runId in its metadata, so none has a runId; set run_key to the key that has it',
    ]);
  });

  it('of a wrong key or address says so', async () => {
    const server = await startServer();
    expect(await open(server, { api_key: 'x' }).source.probe(new AbortController().signal)).toMatchObject({
      reachable: true,
      problems: [expect.stringContaining('check api_key')],
    });
    const nobody = open(server, { api_url: 'http://127.0.0.1:9' }).source;
    expect(await nobody.probe(new AbortController().signal)).toMatchObject({ reachable: false });
  });
});

import { describe, expect, it, onTestFinished } from 'vitest';
import { pollHosted } from '../../../../test/contract/pollHosted.ts';
import { TriggerDevServer, triggerRun } from '../../../../test/contract/trigger-dev/triggerDevServer.ts';
import { warnings } from '../pollForTest.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import { triggerDev } from './triggerDev.ts';

const START = Date.parse('2026-11-20T10:00:00.000Z');
const after = (seconds: number) => new Date(START + seconds * 1000).toISOString();

async function startServer(key?: string): Promise<TriggerDevServer> {
  const server = await TriggerDevServer.start(key);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function open(server: TriggerDevServer, config: object = {}) {
  const { log, lines } = warnings();
  const options = { api_key: server.key, base_url: server.http.url, history: '36500d', ...config };
  const source = triggerDev.create('test', triggerDev.configSchema.parse(options), log);
  onTestFinished(() => source.close());
  return { source, lines };
}

const finished = (id: string, at = 0) =>
  triggerRun({
    id,
    status: 'COMPLETED',
    createdAt: after(at),
    startedAt: after(at + 1),
    finishedAt: after(at + 61),
    costInCents: 1,
  });
const QUEUE = {
  id: 'queue_1',
  name: 'codecourier-run',
  type: 'task',
  running: 0,
  queued: 0,
  paused: false,
  concurrencyLimit: 10,
} as const;

describe('runs', () => {
  it('are followed from the queue to the end, each attempt as a try of a job', async () => {
    const server = await startServer();
    const { source, lines } = open(server);
    const ledger = new RecordingLedger();
    const job = () => ledger.get('job', 'task/codecourier-run\u001frun_1');
    server.putRun(triggerRun({ id: 'run_1', status: 'QUEUED', createdAt: after(0), tags: ['a'] }));
    await pollHosted(source, ledger);
    expect(ledger.get('run', 'run_1')).toMatchObject({
      origin: 'other',
      trigger: 'api',
      workflow: 'codecourier-run',
      status: 'queued',
      rawStatus: 'QUEUED',
      createdAt: after(0),
      'attributes.tags': ['a'],
    });
    expect(ledger.get('run', 'run_1')).not.toHaveProperty('startedAt');
    expect(job()).toMatchObject({ enqueuedAt: after(0) });
    expect(job()).not.toHaveProperty('result');

    const started = { status: 'EXECUTING', startedAt: after(5), attemptCount: 2 } as const;
    server.changeRun('run_1', { ...started, isExecuting: true, isQueued: false, updatedAt: after(20) });
    await pollHosted(source, ledger);
    expect(ledger.get('run', 'run_1')).toMatchObject({ status: 'running', startedAt: after(5), attempts: 2 });
    expect(job()).toMatchObject({ tries: 2, startedAt: after(5), result: null });
    expect(ledger.batches.flatMap(({ records }) => records.map(({ data }) => data.result))).toContain('retried');

    const end = { status: 'COMPLETED', finishedAt: after(90), attemptCount: 2, durationMs: 70_000 } as const;
    server.changeRun('run_1', { ...end, isCompleted: true, costInCents: 2.5, updatedAt: after(90) });
    await pollHosted(source, ledger);
    expect(ledger.get('run', 'run_1')).toMatchObject({ status: 'succeeded', finishedAt: after(90), costUsd: 0.025 });
    // By the clock of Trigger.dev, so that what is read late does not win over what is newer.
    const told = ledger.batches.flatMap(({ records }) => records).slice(-4);
    expect(told.map(({ kind, at }) => [kind, at])).toEqual([
      ['run', after(90)],
      ['job', after(89.999)],
      ['job', after(90)],
      ['usage', after(90)],
    ]);
    expect(job()).toMatchObject({ tries: 2, result: 'complete', finishedAt: after(90) });
    expect(ledger.get('usage', 'run_1')).toMatchObject({
      runId: 'run_1',
      service: 'trigger_dev',
      costUsd: 0.025,
      unit: 'compute_seconds',
      quantity: 70,
      date: '2026-11-20',
    });
    expect(lines).toEqual([]);
  });

  it('have every status of the SDK', async () => {
    const server = await startServer();
    const { source, lines } = open(server);
    const ledger = new RecordingLedger();
    const words = {
      PENDING_VERSION: ['queued', undefined],
      QUEUED: ['queued', undefined],
      DELAYED: ['queued', undefined],
      DEQUEUED: ['running', undefined],
      EXECUTING: ['running', undefined],
      WAITING: ['waiting', undefined],
      COMPLETED: ['succeeded', 'complete'],
      FAILED: ['failed', 'failed'],
      CRASHED: ['failed', 'failed'],
      SYSTEM_FAILURE: ['failed', 'failed'],
      TIMED_OUT: ['timed_out', 'failed'],
      EXPIRED: ['timed_out', 'failed'],
      // It neither completed nor failed.
      CANCELED: ['cancelled', undefined],
    } as const;
    for (const status of Object.keys(words) as (keyof typeof words)[]) {
      server.putRun(triggerRun({ id: status, status, createdAt: after(0) }));
    }
    await pollHosted(source, ledger);
    const found = Object.keys(words).map((id) => [
      id,
      [ledger.get('run', id)?.status, ledger.get('job', `task/codecourier-run\u001f${id}`)?.result],
    ]);
    expect(Object.fromEntries(found)).toEqual(words);
    expect(ledger.get('run', 'TIMED_OUT')).toMatchObject({ error: { surface: 'run', category: 'timeout' } });
    expect(lines).toEqual([]);
  });

  it('with runs_of become jobs alone: the other source counts the run and its cost', async () => {
    const server = await startServer();
    const { source } = open(server, { runs_of: 'codecourier-main' });
    const ledger = new RecordingLedger();
    server.putRun(finished('run_1'));
    server.putRun(triggerRun({ id: 'run_2', status: 'EXECUTING', createdAt: after(9), startedAt: after(10) }));
    await pollHosted(source, ledger);
    expect(ledger.all('run')).toEqual([]);
    expect(ledger.all('usage')).toEqual([]);
    const jobs = ledger.all('job').map(({ jobId, result }) => [jobId, result]);
    expect(jobs).toEqual([
      ['run_2', undefined],
      ['run_1', 'complete'],
    ]);
    // The open one is followed although the ledger has no run of it; a deleted one ends no run of this source.
    server.runs.delete('run_2');
    await pollHosted(source, ledger);
    expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual([]);
    const position = server.http.asked.length;
    await pollHosted(source, ledger);
    expect(server.http.countsSince(position)).toEqual({ '/api/v1/runs': 1, '/api/v1/queues': 1 });
  });

  it('that are deleted are gone, and those that stand still for long are still there', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(triggerRun({ id: 'run_deleted', status: 'QUEUED', createdAt: after(0) }));
    const longAgo = new Date(Date.now() - 20 * 3_600_000).toISOString();
    server.putRun(triggerRun({ id: 'run_delayed', status: 'DELAYED', createdAt: longAgo }));
    await pollHosted(source, ledger);
    server.runs.delete('run_deleted');
    await pollHosted(source, ledger);
    expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual(['run_deleted']);
    const told = () =>
      ledger.batches.flatMap(({ records }) => records).filter(({ data }) => data.runId === 'run_delayed').length;
    const before = told();
    expect(ledger.get('run', 'run_delayed')).toHaveProperty(['attributes.stillThereAt']);
    await pollHosted(source, ledger);
    expect(told()).toBe(before);
  });

  it('of some tasks can be picked; queues and projects are named by the configuration', async () => {
    const server = await startServer();
    const { source } = open(server, {
      tasks: ['pipeline'],
      queue_by_task: { pipeline: 'agents' },
      project_tag: 'repo:',
    });
    const ledger = new RecordingLedger();
    server.putRun({ ...finished('run_1'), taskIdentifier: 'pipeline', tags: ['x', 'repo:acme/shop'] });
    server.putRun({ ...finished('run_2'), taskIdentifier: 'cron' });
    await pollHosted(source, ledger);
    expect(ledger.all('run').map(({ runId, project }) => [runId, project])).toEqual([['run_1', 'acme/shop']]);
    expect(ledger.all('job').map(({ queue }) => queue)).toEqual(['agents']);
  });
});

describe('a backfill', () => {
  it('goes page by page, resumes where it stopped, and then only changes are asked for', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    for (let index = 0; index < 230; index++) server.putRun(finished(`run_${String(index).padStart(3, '0')}`, index));
    server.http.fail(/runs\/run_060$/, { kind: 'status', status: 500 });
    const failed = await pollHosted(source, ledger);
    expect(failed.failure?.result).toBe('server');
    const before = ledger.all('run').length;
    expect(before).toBeGreaterThan(100);
    expect(before).toBeLessThan(230);
    const position = server.http.asked.length;
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
    expect(ledger.all('run')).toHaveLength(230);
    // The first page was done: it is not read again.
    expect(server.http.countsSince(position)).not.toHaveProperty('/api/v3/runs/run_229');
    const pages = ledger.batches.map(({ records }) => records.length);
    expect(Math.max(...pages)).toBeLessThanOrEqual(75);

    const idle = server.http.asked.length;
    const recorded = ledger.batches.length;
    await pollHosted(source, ledger);
    expect(server.http.countsSince(idle)).toEqual({ '/api/v1/runs': 1, '/api/v1/queues': 1 });
    expect(ledger.batches).toHaveLength(recorded);
  });

  it('finds what was created and what ended while it ran, and what was listed late', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(triggerRun({ id: 'run_1', status: 'EXECUTING', createdAt: after(0), startedAt: after(1) }));
    server.putRun(finished('run_late', 100));
    server.unlisted = 1;
    await pollHosted(source, ledger);
    server.unlisted = 0;
    server.changeRun('run_1', { status: 'FAILED', finishedAt: after(60), updatedAt: after(60), isCompleted: true });
    server.putRun(finished('run_2', 90));
    await pollHosted(source, ledger);
    const runs = ledger.all('run').map(({ runId, status }) => [runId, status]);
    expect(Object.fromEntries(runs)).toEqual({ run_1: 'failed', run_late: 'succeeded', run_2: 'succeeded' });
  });
});

it('a run that is listed late is found, although newer ones were read before', async () => {
  const server = await startServer();
  const { source } = open(server);
  const ledger = new RecordingLedger();
  const ago = (seconds: number) => (Date.now() - START) / 1000 - seconds;
  server.putRun(finished('run_newest', ago(100)));
  await pollHosted(source, ledger);
  await pollHosted(source, ledger);
  server.putRun(finished('run_late', ago(400)));
  await pollHosted(source, ledger);
  expect(ledger.get('run', 'run_late')).toMatchObject({ status: 'succeeded' });
});

it('a poll with nothing new costs one request an endpoint and one for each 100 open runs, also in a new process', async () => {
  const server = await startServer();
  const { source } = open(server);
  const ledger = new RecordingLedger();
  server.putQueue(QUEUE);
  for (let index = 0; index < 3; index++) {
    server.putRun(
      triggerRun({ id: `run_${index}`, status: 'EXECUTING', createdAt: after(index), startedAt: after(9) }),
    );
  }
  server.putRun(finished('run_newest', 3_600));
  await pollHosted(source, ledger);
  // The first look after the backfill says of old open runs that they are still there.
  await pollHosted(source, ledger);
  const recorded = ledger.batches.length;
  let position = server.http.asked.length;
  const { quota } = await pollHosted(source, ledger);
  expect(server.http.countsSince(position)).toEqual({ '/api/v1/runs': 2, '/api/v1/queues': 1 });
  expect(ledger.batches).toHaveLength(recorded);
  expect(quota).toBe(1_499);
  position = server.http.asked.length;
  const again = open(server).source;
  await pollHosted(again, ledger);
  expect(server.http.asked.length - position).toBe(3 + 4);
  position = server.http.asked.length;
  await pollHosted(again, ledger);
  expect(server.http.asked.length - position).toBe(3);
});

describe('queues', () => {
  it('have their depth by state, from all pages, and since when the first run waits', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    for (let index = 0; index < 130; index++) server.putQueue({ ...QUEUE, id: `q${index}`, name: `task-${index}` });
    server.putQueue({ ...QUEUE, running: 4, queued: 2 });
    server.putQueue({
      ...QUEUE,
      id: 'queue_2',
      name: 'agents',
      type: 'custom',
      queued: 1,
      version: 'V2',
      concurrencyLimit: null,
    });
    server.putRun(triggerRun({ id: 'run_2', status: 'QUEUED', createdAt: after(20) }));
    server.putRun(triggerRun({ id: 'run_1', status: 'QUEUED', createdAt: after(10) }));
    const delayed = { status: 'DELAYED', createdAt: after(0), delayedUntil: after(900) } as const;
    server.putRun(triggerRun({ id: 'run_3', ...delayed }));
    await pollHosted(source, ledger);
    expect(ledger.all('queue')).toHaveLength(132);
    const samples = ledger.batches.flatMap(({ records }) => records.filter(({ kind }) => kind === 'queue'));
    expect(samples.every(({ at, data }) => at !== undefined && data.at === at)).toBe(true);
    expect(ledger.get('queue', 'task/codecourier-run')).toMatchObject({
      due: 2,
      inProgress: 4,
      deferred: 1,
      concurrencyLimit: 10,
      oldestDueAt: after(10),
      'attributes.paused': false,
    });
    expect(ledger.get('queue', 'agents')).toMatchObject({ due: 1, concurrencyLimit: null, oldestDueAt: null });

    server.putQueue({ ...QUEUE, running: 6, queued: 0 });
    for (const id of ['run_1', 'run_2']) {
      server.changeRun(id, { status: 'EXECUTING', startedAt: after(30), updatedAt: after(30) });
    }
    const position = ledger.batches.length;
    await pollHosted(source, ledger);
    expect(ledger.get('queue', 'task/codecourier-run')).toMatchObject({ due: 0, inProgress: 6, oldestDueAt: null });
    // Those that stand still are not told again.
    const told = ledger.batches.slice(position).flatMap(({ records }) => records);
    expect(told.filter(({ kind }) => kind === 'queue')).toHaveLength(1);
  });
});

describe('failures', () => {
  const cases = [
    { what: 'a wrong key', fault: { kind: 'status', status: 401, body: { error: 'Invalid API key' } }, result: 'auth' },
    { what: 'a key without the scope', fault: { kind: 'status', status: 403 }, result: 'auth' },
    { what: 'a server error', fault: { kind: 'status', status: 500 }, result: 'server' },
    { what: 'a gateway that answers in HTML', fault: { kind: 'drift', change: () => '<html>' }, result: 'schema' },
    { what: 'a list that is no list', fault: { kind: 'drift', change: () => ({ items: [] }) }, result: 'schema' },
    { what: 'JSON that is cut off', fault: { kind: 'truncated' }, result: 'schema' },
    { what: 'a broken connection', fault: { kind: 'reset' }, result: 'network' },
    { what: 'an address that is no API', fault: { kind: 'status', status: 404 }, result: 'other' },
  ] as const;
  it.each(cases)('$what is $result, asked for once, and passes', async ({ fault, result }) => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(finished('run_1'));
    server.putQueue(QUEUE);
    server.http.fail(/v1\/runs$/, fault);
    const { failure, results } = await pollHosted(source, ledger);
    expect(failure?.result).toBe(result);
    expect(failure?.cause).toBeDefined();
    expect(results.filter((r) => r === result)).toHaveLength(1);
    expect(server.http.asked.filter(({ path }) => path === '/api/v1/runs')).toHaveLength(1);
    // What one endpoint does says nothing of the other, except about the key and the network.
    const others = result === 'auth' || result === 'network' ? 0 : 1;
    expect(ledger.all('queue')).toHaveLength(others);
    expect(failure?.partial).toBe(others === 1);
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
    expect(ledger.all('run')).toHaveLength(1);
  });

  it('a rate limit says when to come back, by the clock of the server, and is not waited out in the call', async () => {
    const server = await startServer();
    const { source } = open(server);
    const serverTime = Date.parse('2030-01-01T00:00:00Z');
    const headers = {
      date: new Date(serverTime).toUTCString(),
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(serverTime + 42_000),
    };
    server.http.fail(/v1\/runs$/, { kind: 'status', status: 429, headers });
    const { failure, quota, results } = await pollHosted(source, new RecordingLedger());
    expect(failure).toMatchObject({ result: 'rate_limit', retryAfterMs: 42_000, partial: false });
    expect(quota).toBe(0);
    expect(results).toEqual(['rate_limit']);
    expect(server.http.asked).toHaveLength(1);
  });

  it('queues that fail hold up no runs', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(finished('run_1'));
    server.http.fail(/queues/, { kind: 'status', status: 503 });
    const { failure } = await pollHosted(source, ledger);
    expect(failure).toMatchObject({ result: 'server', partial: true });
    expect(ledger.all('run')).toHaveLength(1);
  });

  it('a run whose details cannot be read holds up no other; it is asked for again, then the list has to do', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(finished('run_1'));
    server.putRun({ ...finished('run_2'), attemptCount: 3 });
    server.http.fail(/run_2/, { kind: 'truncated' }, 2);
    for (const expected of [1, 1, 2]) {
      const { failure } = await pollHosted(source, ledger);
      expect(failure?.partial ?? false).toBe(expected === 1);
      expect(ledger.all('run')).toHaveLength(expected);
    }
    expect(ledger.get('run', 'run_2')).toMatchObject({ attempts: 3 });
    server.putRun(finished('run_3', 120));
    server.http.fail(/run_3/, { kind: 'truncated' }, 5);
    for (let poll = 0; poll < 5; poll++) await pollHosted(source, ledger);
    expect(ledger.get('run', 'run_3')).toMatchObject({ status: 'succeeded' });
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
  });

  it('an answer that does not come is given up, and the next poll goes on', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(finished('run_1'));
    // Loading the SDK is no part of what is tested here.
    await pollHosted(source, new RecordingLedger());
    server.http.fail(/v3\/runs/, { kind: 'silent' });
    const { failure } = await pollHosted(source, ledger, { timeoutMs: 2_000 });
    expect(failure?.result).toBe('network');
    await pollHosted(source, ledger);
    expect(ledger.all('run')).toHaveLength(1);
  });

  it('a body that comes in pieces is waited for', async () => {
    const server = await startServer();
    const { source } = open(server);
    const ledger = new RecordingLedger();
    server.putRun(finished('run_1'));
    server.http.fail(/runs/, { kind: 'slow', pauseMs: 50 }, 2);
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
    expect(ledger.all('run')).toHaveLength(1);
  });

  it('a status that is new is shown as unknown, with its word, and followed until it is over', async () => {
    const server = await startServer();
    const { source, lines } = open(server);
    const ledger = new RecordingLedger();
    const run = triggerRun({ id: 'run_1', status: 'EXECUTING', createdAt: after(0), startedAt: after(1) });
    server.putRun(run);
    server.putRun(finished('run_2'));
    const rename = (from: string, to: string) => (body: unknown) =>
      JSON.parse(JSON.stringify(body).replaceAll(from, to));
    server.http.fail(/runs/, { kind: 'drift', change: rename('EXECUTING', 'HIBERNATING') }, 3);
    expect((await pollHosted(source, ledger)).failure).toBeUndefined();
    expect(ledger.get('run', 'run_1')).toMatchObject({ status: 'unknown', rawStatus: 'HIBERNATING' });
    expect(ledger.get('run', 'run_2')).toMatchObject({ status: 'succeeded' });
    expect(lines.map(({ word }) => word)).toContain('HIBERNATING');
    server.changeRun('run_1', { ...finished('run_1'), updatedAt: after(61) });
    await pollHosted(source, ledger);
    expect(ledger.get('run', 'run_1')).toMatchObject({ status: 'succeeded' });
  });
});

it('two sources in one process use their own keys, whatever is set for the SDK as a whole', async () => {
  const { configure } = await import('@trigger.dev/sdk');
  const [one, two, global] = [await startServer('tr_prod_one'), await startServer('tr_prod_two'), await startServer()];
  configure({ baseURL: global.http.url, accessToken: 'tr_prod_global' });
  const sources = [one, two].map((server) => open(server).source);
  for (let index = 0; index < 40; index++) {
    one.putRun(finished(`one_${index}`, index));
    two.putRun(finished(`two_${index}`, index));
  }
  const ledgers = [new RecordingLedger(), new RecordingLedger()] as const;
  await Promise.all(sources.map((source, index) => pollHosted(source, ledgers[index] as RecordingLedger)));
  expect(ledgers.map((ledger) => ledger.all('run').length)).toEqual([40, 40]);
  expect(ledgers[1].all('run').every(({ runId }) => String(runId).startsWith('two_'))).toBe(true);
  expect(global.http.asked).toEqual([]);
  expect(new Set(one.http.asked.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer tr_prod_one']));
});

describe('probe', () => {
  it('tells what it found and what does not fit', async () => {
    const server = await startServer();
    server.putRun(finished('run_1'));
    server.putRun({ ...finished('run_2', 5), taskIdentifier: 'pipeline' });
    server.putQueue(QUEUE);
    const { source } = open(server, { queue_by_task: { other: 'agents' } });
    const { reachable, found, problems } = await source.probe(new AbortController().signal);
    expect(reachable).toBe(true);
    expect(found).toEqual([
      '2 runs in the history that is read',
      '1 queues',
      '1499 requests left in the rate-limit window',
    ]);
    expect(problems).toEqual([
      'queue_by_task.other: found agents, expected one of task/codecourier-run',
      'pipeline: no queue of its own, so its runs wait in a declared one; name it under queue_by_task',
    ]);
  });

  it('of a wrong key or address says so', async () => {
    const server = await startServer();
    const wrongKey = open(server, { api_key: 'tr_prod_other' }).source;
    expect(await wrongKey.probe(new AbortController().signal)).toMatchObject({
      reachable: true,
      problems: [expect.stringContaining('check api_key'), expect.stringContaining('check api_key')],
    });
    const nobody = open(server, { base_url: 'http://127.0.0.1:9' }).source;
    expect(await nobody.probe(new AbortController().signal)).toMatchObject({ reachable: false });
  });
});

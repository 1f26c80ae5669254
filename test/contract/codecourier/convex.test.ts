import { describe, expect, it } from 'vitest';
import { DOCUMENT_KINDS } from '../../../exporter/src/sources/codecourier/documents.ts';
import { pollForTest } from '../../../exporter/src/sources/pollForTest.ts';
import { RecordingLedger } from '../../../exporter/src/sources/recordingLedger.ts';
import { failureOf, openConvex } from './bed.ts';
import { DAY_MS, makeWeek, makeWorld } from './world.ts';

const DELTAS = '/api/document_deltas';
const SNAPSHOT = '/api/list_snapshot';
const world = makeWorld();
const documentOf = (kind: 'runs' | 'runSteps' | 'sprintChains' | 'messages', id: string) => {
  const found = world[kind].find(({ _id }) => _id === id);
  if (found === undefined) throw new Error(`the world has no ${kind} ${id}`);
  return found;
};

describe('a poll of the tables', () => {
  it('keeps every digit of the 64-bit moments, in requests and in the cursor', async () => {
    const { server, source, again } = await openConvex(makeWeek(100));
    const ledger = new RecordingLedger();
    server.isBusy = true;
    // The first call is answered a tick later.
    const first = server.now + 1_000n;
    await pollForTest(source, ledger);
    server.isBusy = false;
    expect(BigInt(Number(first))).not.toBe(first);
    const snapshots = server.requests.filter(({ path }) => path === SNAPSHOT);
    // 100 runs, three pages: all of the first read is as of one moment, told back with all its digits.
    expect(new Set(snapshots.flatMap(({ query }) => query.get('snapshot') ?? []))).toEqual(new Set([String(first)]));
    expect(snapshots.filter(({ query }) => query.get('tableName') === 'runs')).toHaveLength(3);
    expect((await ledger.readCursor()).cursor).toContain(String(first));

    server.requests.splice(0);
    server.write('runs', { ...documentOf('runs', 'run4'), _id: 'next' });
    // Another process: the cursor alone has to be enough.
    await pollForTest(again(), ledger);
    expect(new Set(server.requests.map(({ query }) => query.get('cursor')))).toEqual(new Set([String(first)]));
    expect(ledger.all('run')).toHaveLength(101);
  });

  it('with nothing new costs one request a table, and writes nothing although the moment moves on', async () => {
    const { server, source } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    const batches = ledger.batches.length;
    server.takePaths();
    for (let poll = 0; poll < 3; poll++) {
      server.tick(1_000_000_000n);
      await pollForTest(source, ledger);
      expect(server.takePaths()).toEqual(DOCUMENT_KINDS.map(() => DELTAS));
    }
    expect(ledger.batches.length).toBe(batches);
  });

  it('writes an idle cursor now and then, before the deployment forgets it', async () => {
    const { server, source } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    const batches = ledger.batches.length;
    server.tick(11n * 60n * 1_000_000_000n);
    await pollForTest(source, ledger);
    expect((await ledger.readCursor()).cursor).toContain(String(server.now));
    expect(ledger.batches.length).toBeGreaterThan(batches);
    expect(ledger.recordsSince(batches)).toBe(0);
  });

  it('names a table in each call', async () => {
    const { server, source } = await openConvex(makeWorld(), { tables: { messages: null, notifications: null } });
    await pollForTest(source, new RecordingLedger());
    await pollForTest(source, new RecordingLedger());
    const named = server.requests.map(({ query }) => query.get('tableName'));
    expect(named).not.toContain(null);
    expect(new Set(named)).not.toContain('notifications');
    expect(new Set(named).size).toBe(DOCUMENT_KINDS.length - 2);
  });

  it('follows changes over several pages, in their order', async () => {
    const { server, source } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    const run = documentOf('runs', 'run4');
    for (let index = 0; index < 60; index++) server.write('runs', { ...run, iterations: index });
    server.write('runs', { ...run, status: 'completed', completedAt: DAY_MS + 4 * 3_600_000, iterations: 60 });
    server.takePaths();
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'run4')).toMatchObject({ status: 'succeeded', iterations: 60 });
    expect(server.takePaths()).toHaveLength(DOCUMENT_KINDS.length + 2);
  });

  it('a message that streams is told once a poll', async () => {
    const { server, source } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    const message = documentOf('messages', 'msg5');
    for (const content of ['Still writing', 'Still writing it', 'Still writing it down.']) {
      server.write('sandboxMessages', { ...message, content });
    }
    const batches = ledger.batches.length;
    await pollForTest(source, ledger);
    expect(ledger.recordsSince(batches)).toBe(1);
    expect(ledger.all('output').find(({ seq }) => seq === 4)).toMatchObject({ text: 'Still writing it down.' });
  });

  it('deletions: an open run is lost, an open sandbox killed, an open chain cancelled, a workflow archived', async () => {
    const { server, source, again, lines } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    for (const [table, id] of [
      ['runs', 'run4'],
      ['runSteps', 'stp1'],
      ['sandboxes', 'sbx1'],
      ['sandboxes', 'sbx2'],
      ['sandboxes', 'sbx3'],
      ['sprintChains', 'chn1'],
      ['sprintChains', 'chn2'],
      ['workflows', 'wfl1'],
      ['usageRecords', 'use1'],
      ['notifications', 'ntf1'],
    ] as const) {
      server.remove(table, id);
    }
    // What was open is known to another process, too.
    await pollForTest(again(), ledger);
    expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual(['run4']);
    expect(ledger.get('sandbox', 'sbx3')).toMatchObject({ status: 'killed', rawStatus: 'deleted' });
    expect(ledger.get('sandbox', 'sbx2')).toMatchObject({ status: 'error' });
    expect(ledger.get('sandbox', 'sbx1')).toMatchObject({ endedAt: '2026-10-16T01:12:00.000Z' });
    expect(ledger.get('chain', 'chn2')).toMatchObject({ status: 'cancelled' });
    expect(ledger.get('chain', 'chn1')).toMatchObject({ status: 'failed' });
    expect(ledger.get('workflow', 'feature-builder\u001facme/shop')).toHaveProperty('archivedAt');
    expect(ledger.get('usage', 'use1')).toMatchObject({ costUsd: 0.45 });
    expect(lines).toEqual([]);
  });

  it.each(['scores before the run', 'the run before its scores'])(
    'joins an evaluation with its run: %s',
    async (order) => {
      const { server, source, again } = await openConvex(makeWorld());
      const ledger = new RecordingLedger();
      await pollForTest(source, ledger);
      const step = { ...documentOf('runSteps', 'stp3'), _id: 'stp8', runId: 'run4' };
      const run = { ...documentOf('runs', 'run4'), status: 'completed', qualityScore: 77 };
      const writes = [() => server.write('runSteps', step), () => server.write('runs', run)];
      if (order !== 'scores before the run') writes.reverse();
      for (const write of writes) {
        write();
        await pollForTest(again(), ledger);
      }
      expect(ledger.get('run', 'run4')).toMatchObject({
        status: 'succeeded',
        quality: { composite: 77, correctness: 91, thresholdMet: true, threshold: 80 },
      });
    },
  );

  it('labels what a later poll of another process reads as before', async () => {
    const { server, source, again } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    server.write('runs', { ...documentOf('runs', 'run1'), _id: 'run9' });
    server.write('sandboxMessages', {
      _id: 'msg9',
      _creationTime: DAY_MS + 0.5,
      sandboxId: 'sbx3',
      type: 'assistant',
      content: 'Hi',
    });
    await pollForTest(again(), ledger);
    expect(ledger.get('run', 'run9')).toMatchObject({
      project: 'acme/shop',
      workflow: 'feature-builder',
      persona: 'Strict evaluator',
    });
    // The message names its sandbox alone; its place in time stands in for its number.
    expect(ledger.all('output').find(({ sandboxId }) => sandboxId === 'sbx3')).toMatchObject({
      runId: 'run4',
      seq: (DAY_MS + 0.5) * 1_000,
    });
  });

  it('goes on where an interrupted first read stopped, and reads again what is joined', async () => {
    const { server, source, again } = await openConvex(makeWeek(200));
    const ledger = new RecordingLedger();
    let runPages = 0;
    const interrupted = {
      readCursor: () => ledger.readCursor(),
      openRunIds: () => ledger.openRunIds(),
      openPullRequests: () => ledger.openPullRequests(),
      async recordPulled(batch: Parameters<RecordingLedger['recordPulled']>[0]) {
        await ledger.recordPulled(batch);
        if (batch.records.some(({ kind }) => kind === 'run') && ++runPages === 2) {
          server.fail(
            /list_snapshot/,
            { kind: 'answer', status: 560, body: '{"code":"Overloaded","message":"try again"}' },
            99,
          );
        }
      },
    };
    expect(await failureOf(pollForTest(source, interrupted))).toMatchObject({ result: 'server', partial: true });
    expect(ledger.all('run')).toHaveLength(80);
    server.recover();
    server.requests.splice(0);
    await pollForTest(again(), ledger);
    expect(ledger.all('run')).toHaveLength(200);
    expect(
      ledger
        .all('run')
        .every(
          ({ quality, error }) => error !== undefined || (quality as { correctness?: number })?.correctness === 80,
        ),
    ).toBe(true);
    const pagesOf = (table: string) => server.requests.filter(({ query }) => query.get('tableName') === table).length;
    expect(pagesOf('usageRecords')).toBe(1);
    expect(pagesOf('runs')).toBe(3);
    expect(pagesOf('runSteps')).toBe(15);
  });

  it('reads a table anew whose last moment the deployment has forgotten', async () => {
    const { server, source, lines } = await openConvex(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    server.write('runs', { ...documentOf('runs', 'run1'), _id: 'later' });
    server.oldest = server.now;
    await pollForTest(source, ledger);
    expect(ledger.all('run')).toHaveLength(5);
    expect(lines.filter(({ msg }) => msg.includes('read anew'))).toHaveLength(DOCUMENT_KINDS.length);
    server.takePaths();
    await pollForTest(source, ledger);
    expect(server.takePaths()).toEqual(DOCUMENT_KINDS.map(() => DELTAS));
  });
});

describe('when the deployment fails', () => {
  it('a wrong key ends the poll as auth', async () => {
    const { server, source } = await openConvex(makeWorld(), { deploy_key: 'prod:other|wrong-key' });
    const error = await failureOf(pollForTest(source, new RecordingLedger()));
    expect(error).toMatchObject({ result: 'auth', partial: false });
    expect(error.message).toMatch(/401 BadDeployKey .*\(request id [0-9a-f-]{36}\)/);
    expect(error.message).not.toContain('wrong-key');
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [
      '560 of its own code',
      { kind: 'answer', status: 560, body: '{"code":"UncaughtError","message":"boom"}' },
      'server',
    ],
    ['503 without a body', { kind: 'answer', status: 503 }, 'server'],
    [
      'another shape',
      { kind: 'answer', status: 200, body: '{"values":[{"_id":1}],"snapshot":1,"cursor":null,"hasMore":false}' },
      'schema',
    ],
    [
      'a moment that lost its digits',
      { kind: 'answer', status: 200, body: '{"values":[],"snapshot":1.7e18,"cursor":null,"hasMore":false}' },
      'schema',
    ],
    ['half an answer', { kind: 'truncate' }, 'network'],
    ['no answer', { kind: 'hang' }, 'network'],
    ['a slow body', { kind: 'slow', ms: 20_000 }, 'network'],
  ] as const)('%s fails one table, and the others are read', async (_what, fault, result) => {
    const isLate = fault.kind === 'hang' || fault.kind === 'slow';
    const { server, source } = await openConvex(makeWorld(), isLate ? { request_timeout: '3s' } : {});
    const ledger = new RecordingLedger();
    server.fail(/tableName=sandboxes/, fault);
    const error = await failureOf(pollForTest(source, ledger));
    expect(error).toMatchObject({ result, partial: true });
    expect(error.message).toContain('/list_snapshot');
    expect(ledger.all('run')).toHaveLength(4);
    expect(ledger.all('dailyStat')).toHaveLength(1);
    expect(ledger.batches.some(({ backfillDone }) => backfillDone)).toBe(false);
    await pollForTest(source, ledger);
    expect(ledger.all('sandbox')).toHaveLength(3);
    expect(ledger.batches.at(-1)?.backfillDone).toBe(true);
  });

  it('a limit of the rate says for how long', async () => {
    const { server, source } = await openConvex(makeWorld());
    server.fail(/list_snapshot/, {
      kind: 'answer',
      status: 429,
      headers: { 'retry-after': '30' },
      body: '{"code":"TooManyRequests","message":"slow down"}',
    });
    const error = await failureOf(pollForTest(source, new RecordingLedger()));
    expect(error).toMatchObject({ result: 'rate_limit', retryAfterMs: 30_000 });
  });
});

it('the probe says which tables there are and what their documents lack', async () => {
  const { source } = await openConvex(makeWorld(), {
    tables: { runSteps: 'run_steps' },
    fields: { runs: { prompt: 'task' } },
  });
  const report = await source.probe(new AbortController().signal);
  expect(report).toMatchObject({
    reachable: true,
    found: expect.arrayContaining([
      `Convex deployment with ${DOCUMENT_KINDS.length} tables`,
      expect.stringMatching(/^runs: 4 documents, fields /),
    ]),
    problems: [
      expect.stringMatching(/^there is no table run_steps; set tables.runSteps to one of .*runSteps.*, or to null$/),
      "runs: no document gives prompt; name the platform's field in fields.runs",
      'runs: fields.runs.prompt: no document has task',
    ],
  });
});

import { describe, expect, it } from 'vitest';
import { pollForTest } from '../../../exporter/src/sources/pollForTest.ts';
import { RecordingLedger } from '../../../exporter/src/sources/recordingLedger.ts';
import { waitFor } from '../../support/waitFor.ts';
import { failureOf, openRest } from './bed.ts';
import type { World } from './world.ts';
import { DAY_MS, makeWeek, makeWorld, PROJECT_ID } from './world.ts';

const WALKED = [
  '/api/v1/audit-log',
  '/api/v1/notifications',
  '/api/v1/personas',
  '/api/v1/project',
  '/api/v1/project/counters',
  '/api/v1/project/daily-stats',
  '/api/v1/runs',
  '/api/v1/sandboxes',
  '/api/v1/sprint-chains',
  '/api/v1/usage',
  '/api/v1/workflows',
];

function change(world: World, kind: keyof World, id: string, more: object): void {
  world[kind] = world[kind].map((document) => (document._id === id ? { ...document, ...more } : document));
}

const newRun = (id: string, more: object = {}) => ({
  _id: id,
  _creationTime: DAY_MS + 5 * 3_600_000,
  projectId: PROJECT_ID,
  workflowId: 'wfl1',
  name: id,
  source: 'workflow',
  status: 'completed',
  ...more,
});

describe('a poll by REST', () => {
  it('with nothing new costs one request a list and one for each open run, and writes nothing', async () => {
    const { server, source } = await openRest(makeWorld());
    server.world.runs.push(newRun('run6', { status: 'running' }), newRun('run7', { status: 'pending' }));
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    // A first read remembers nothing: what is open is sent once more.
    await pollForTest(source, ledger);
    const batches = ledger.batches.length;
    server.takePaths();
    for (let poll = 0; poll < 3; poll++) {
      await pollForTest(source, ledger);
      expect(server.takePaths()).toEqual(
        [...WALKED, ...['run4', 'run6', 'run7'].map((id) => `/api/v1/runs/${id}`)].sort(),
      );
    }
    expect(ledger.batches.length).toBe(batches);
  });

  it('sends its own request id with each call', async () => {
    const { server, source } = await openRest(makeWorld());
    await pollForTest(source, new RecordingLedger());
    const ids = server.requests.map(({ requestId }) => requestId);
    expect(ids.every((id) => /^[0-9a-f-]{36}$/.test(id ?? ''))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('walks newest first until what is known, and reads what is new once', async () => {
    const { server, source } = await openRest(makeWeek(250));
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.all('run')).toHaveLength(250);
    server.world.runs.push(newRun('new1'), newRun('new2'));
    server.takePaths();
    await pollForTest(source, ledger);
    expect(server.takePaths().filter((path) => path.startsWith('/api/v1/runs'))).toEqual([
      '/api/v1/runs',
      '/api/v1/runs/new1',
      '/api/v1/runs/new2',
    ]);
    expect(ledger.all('run')).toHaveLength(252);
  });

  it('follows an open run until it ends, and a finished one whose row changes', async () => {
    const { server, source } = await openRest(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    server.world.messages.push({
      _id: 'msg9',
      _creationTime: DAY_MS,
      runId: 'run4',
      stepId: 'stp9',
      seq: 0,
      type: 'assistant',
      content: 'Hi',
    });
    server.world.runSteps.push({
      _id: 'stp9',
      _creationTime: DAY_MS,
      runId: 'run4',
      role: 'designer',
      status: 'running',
    });
    await pollForTest(source, ledger);
    expect(ledger.all('output').find(({ stepId }) => stepId === 'stp9')).toMatchObject({ runId: 'run4', text: 'Hi' });
    change(server.world, 'runs', 'run4', { status: 'completed', completedAt: DAY_MS + 4 * 3_600_000 });
    change(server.world, 'runs', 'run3', { prStatus: 'merged' });
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'run4')).toMatchObject({ status: 'succeeded', finishedAt: '2026-10-16T04:00:00.000Z' });
    expect(ledger.get('run', 'run3')).toMatchObject({ pullRequest: { status: 'merged' } });
  });

  it('re-reads what is open and no longer on the first page, and sees a change of an old run at the next deeper look', async () => {
    const { server, source } = await openRest(
      makeWorld(),
      {},
      { page_size: 2, rescan_interval: '1ms', rescan_pages: 3 },
    );
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    for (let index = 0; index < 4; index++)
      server.world.runs.push(newRun(`later${index}`, { _creationTime: DAY_MS + 6 * 3_600_000 + index }));
    await pollForTest(source, ledger);
    change(server.world, 'runs', 'run4', { status: 'failed', error: 'Timeout exceeded' });
    change(server.world, 'runs', 'later0', { prStatus: 'created' });
    change(server.world, 'sprintChains', 'chn2', { status: 'completed' });
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'run4')).toMatchObject({ status: 'failed', error: { category: 'timeout' } });
    await waitFor(
      async () => {
        await pollForTest(source, ledger);
        return ledger.get('run', 'later0')?.pullRequest;
      },
      { what: 'a deeper look at the list' },
    );
    expect(ledger.get('run', 'later0')).toMatchObject({ pullRequest: { status: 'created' } });
    expect(ledger.get('chain', 'chn2')).toMatchObject({ status: 'succeeded' });
  });

  it('tells what is gone: an open run is lost, an open sandbox killed, an open chain cancelled, a persona archived', async () => {
    const { server, source, lines } = await openRest(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    const { world } = server;
    world.runs = world.runs.filter(({ _id }) => _id !== 'run4' && _id !== 'run1');
    world.sandboxes = world.sandboxes.filter(({ _id }) => _id === 'sbx2');
    world.sprintChains = [];
    world.personas = [];
    await pollForTest(source, ledger);
    expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual(['run4']);
    expect(ledger.get('run', 'run1')).toMatchObject({ status: 'succeeded' });
    expect(ledger.get('sandbox', 'sbx3')).toMatchObject({ status: 'killed', rawStatus: 'deleted' });
    expect(ledger.get('sandbox', 'sbx2')).toMatchObject({ status: 'error' });
    expect(ledger.get('chain', 'chn2')).toMatchObject({ status: 'cancelled' });
    expect(ledger.get('chain', 'chn1')).toMatchObject({ status: 'failed' });
    expect(ledger.get('persona', 'Strict evaluator\u001facme/shop')).toHaveProperty('archivedAt');
    expect(lines).toEqual([]);
  });

  it('a chain that is resumed is open again, and its sprint has another run', async () => {
    const { server, source } = await openRest(makeWorld());
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    change(server.world, 'sprintChains', 'chn1', { status: 'running', completedAt: null, resumeFromSprint: 1 });
    server.world.runs.push(
      newRun('run5', {
        source: 'sprint',
        chainId: 'chn1',
        sprintIndex: 1,
        status: 'running',
        startedAt: DAY_MS + 5 * 3_600_000,
      }),
    );
    await pollForTest(source, ledger);
    expect(ledger.get('chain', 'chn1')).toMatchObject({
      status: 'running',
      finishedAt: null,
      failedSprintIndex: null,
      sprints: [
        { runId: 'run1', status: 'succeeded' },
        { runId: 'run5', status: 'running' },
        { index: 2, status: 'queued' },
      ],
    });
  });

  it('goes on where an interrupted first read stopped', async () => {
    const { server, source, again } = await openRest(makeWeek(230));
    const ledger = new RecordingLedger();
    server.fail(/\/runs$/, { kind: 'answer', status: 500, body: '{"error":"boom"}' }, 0);
    // The second page of runs fails: what was read before is committed.
    let pages = 0;
    const listed = server.requests;
    const error = await failureOf(
      pollForTest(source, {
        readCursor: () => ledger.readCursor(),
        openRunIds: () => ledger.openRunIds(),
        openPullRequests: () => ledger.openPullRequests(),
        async recordPulled(batch) {
          if (batch.records.some(({ kind }) => kind === 'run') && ++pages === 5) {
            server.fail(/\/runs$/, { kind: 'answer', status: 500, body: '{"error":"boom"}' });
          }
          await ledger.recordPulled(batch);
        },
      }),
    );
    expect(error).toMatchObject({ result: 'server', partial: true });
    const before = ledger.all('run').length;
    expect(before).toBeGreaterThan(50);
    expect(before).toBeLessThan(230);
    listed.splice(0);
    await pollForTest(again(), ledger);
    expect(ledger.all('run')).toHaveLength(230);
    const details = server.takePaths().filter((path) => /\/runs\/r/.test(path)).length;
    expect(details).toBeLessThanOrEqual(230 - Math.floor(before / 100) * 100);
    expect(ledger.batches.at(-1)?.backfillDone).toBe(true);
  });

  it('reads a list anew whose cursor the platform no longer knows', async () => {
    const { server, source, again } = await openRest(makeWeek(230));
    const ledger = new RecordingLedger();
    server.fail(/runs\?.*cursor=/, { kind: 'answer', status: 503 });
    expect(await failureOf(pollForTest(source, ledger))).toMatchObject({ result: 'server', partial: true });
    expect(ledger.all('run')).toHaveLength(100);
    // The cursor names the last run of the page.
    server.world.runs = server.world.runs.filter(({ _id }) => _id !== 'r00130');
    await pollForTest(again(), ledger);
    expect(ledger.all('run')).toHaveLength(230);
    expect(ledger.batches.at(-1)?.backfillDone).toBe(true);
  });

  it('keeps what it does not know, and warns once', async () => {
    const world = makeWorld();
    world.runs.push(
      newRun('odd', {
        status: 'hibernating',
        source: 'telepathy',
        prStatus: 'draft',
        startedAt: 'yesterday',
        iterations: 'many',
        ciChecks: { status: 'odd', checks: 'none' },
        futureField: { a: 1 },
      }),
    );
    world.notifications.push({ _id: 'ntfx', _creationTime: DAY_MS, type: 'run_levitated', userId: 'usr1' });
    const { source, lines } = await openRest(world);
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'odd')).toMatchObject({
      status: 'unknown',
      rawStatus: 'hibernating',
      origin: 'other',
      pullRequest: { rawStatus: 'draft' },
      ci: { rawStatus: 'odd' },
      'attributes.rawSource': 'telepathy',
      'attributes.startedAt': 'yesterday',
      'attributes.iterations': 'many',
      'attributes.futureField': { a: 1 },
    });
    expect(ledger.get('notification', 'ntfx')).toMatchObject({ 'attributes.rawType': 'run_levitated' });
    expect(lines).toHaveLength(7);
  });

  it('reads fields under the names that the configuration gives them', async () => {
    const world = makeWorld();
    world.runs = world.runs.map(({ prompt, qualityScore, ...run }) => ({
      ...run,
      task: { description: prompt },
      score: qualityScore,
    }));
    const { source } = await openRest(
      world,
      {},
      { fields: { runs: { prompt: 'task.description', qualityScore: 'score' } } },
    );
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'run1')).toMatchObject({
      prompt: 'Build feature X.\nWith tests.\nSmall steps.\nAnd a page.',
      quality: { composite: 86, correctness: 91 },
    });
  });

  it('passes over a guessed path that the platform does not have, and goes live without it', async () => {
    const { server, source, lines } = await openRest(makeWorld(), { without: [/^\/sprint-chains/, /^\/runs\/\w+/] });
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.batches.at(-1)?.backfillDone).toBe(true);
    expect(ledger.all('run').map(({ runId, status }) => [runId, status])).toEqual([
      ['run4', 'running'],
      ['run3', 'succeeded'],
      ['run2', 'failed'],
      ['run1', 'succeeded'],
    ]);
    expect(lines.map(({ path }) => path).sort()).toEqual([
      '/runs/{id}',
      '/runs/{id}/messages',
      '/runs/{id}/steps',
      '/sprint-chains',
    ]);
    server.takePaths();
    await pollForTest(source, ledger);
    expect(server.takePaths()).toEqual(WALKED.filter((path) => path !== '/api/v1/sprint-chains'));
  });

  it('a path that somebody wrote down has to exist', async () => {
    const { source } = await openRest(makeWorld(), {}, { paths: { sandboxes: '/boxes' } });
    const ledger = new RecordingLedger();
    const error = await failureOf(pollForTest(source, ledger));
    expect(error).toMatchObject({ result: 'schema', partial: true });
    expect(error.message).toMatch(/\/api\/v1\/boxes: found 404 .*\(request id [0-9a-f-]{36}\)/);
    expect(ledger.all('run')).toHaveLength(4);
  });
});

describe('when the platform fails', () => {
  it('a wrong key ends the poll as auth, with the id of the request', async () => {
    const { server, source, lines } = await openRest(makeWorld(), {}, { api_key: 'cc_test_wrong' });
    const error = await failureOf(pollForTest(source, new RecordingLedger()));
    expect(error).toMatchObject({ result: 'auth', partial: false });
    const [request] = server.requests;
    expect(error.message).toContain(`found 401 AUTH_INVALID The API key is not valid`);
    expect(error.message).toContain(`(request id ${request?.requestId})`);
    expect(error.message).not.toContain('cc_test_wrong');
    expect(server.requests).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  it('a missing scope fails one list, and the others are read', async () => {
    const { source } = await openRest(makeWorld(), { scopes: ['runs:read'] });
    const ledger = new RecordingLedger();
    const error = await failureOf(pollForTest(source, ledger));
    expect(error).toMatchObject({ result: 'auth', partial: true });
    expect(error.message).toContain('SCOPE_DENIED');
    expect(ledger.all('run')).toHaveLength(4);
    expect(ledger.all('notification')).toHaveLength(9);
    expect(ledger.all('sandbox')).toEqual([]);
  });

  it.each([
    [
      '500 in the older shape of errors',
      { kind: 'answer', status: 500, body: '{"error":"it broke"}' },
      'server',
      /500 it broke/,
    ],
    [
      '560 of the deployment',
      { kind: 'answer', status: 560, body: '{"code":"UncaughtError","message":"boom"}' },
      'server',
      /560 UncaughtError boom/,
    ],
    ['502 of a proxy', { kind: 'answer', status: 502, body: '<html>' }, 'server', /502 <html>/],
    ['a page of HTML', { kind: 'answer', status: 200, body: '<html>' }, 'schema', /expected JSON, found "<html>"/],
    [
      'another envelope',
      { kind: 'answer', status: 200, body: '{"items":[]}' },
      'schema',
      /found \{"items":\[\]\}, expected \{"data"/,
    ],
    [
      'more pages without a cursor',
      { kind: 'answer', status: 200, body: '{"data":[],"hasMore":true}' },
      'schema',
      /nextCursor/,
    ],
    ['a redirect', { kind: 'answer', status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'other', /302/],
    ['half an answer', { kind: 'truncate' }, 'network', /check base_url and the network/],
    ['no answer', { kind: 'hang' }, 'network', /no whole answer within 3 s; raise request_timeout/],
    ['a slow body', { kind: 'slow', ms: 20_000 }, 'network', /no whole answer within 3 s/],
  ] as const)('%s fails one list, and the others are read', async (_what, fault, result, message) => {
    const isLate = fault.kind === 'hang' || fault.kind === 'slow';
    const { server, source } = await openRest(makeWorld(), {}, isLate ? { request_timeout: '3s' } : {});
    const ledger = new RecordingLedger();
    server.fail(/\/sandboxes$/, fault);
    const error = await failureOf(pollForTest(source, ledger));
    expect(error).toMatchObject({ result, partial: true });
    expect(error.message).toMatch(message);
    expect(ledger.all('run')).toHaveLength(4);
    expect(ledger.all('dailyStat')).toHaveLength(1);
    expect(ledger.batches.some(({ backfillDone }) => backfillDone)).toBe(false);
    await pollForTest(source, ledger);
    expect(ledger.all('sandbox')).toHaveLength(3);
    expect(ledger.batches.at(-1)?.backfillDone).toBe(true);
  });

  it('a short limit of the rate is waited for, by all calls', async () => {
    const { server, source } = await openRest(makeWorld());
    server.fail(
      /\/runs\/run/,
      { kind: 'answer', status: 429, headers: { 'retry-after': '0' }, body: '{"error":"slow down"}' },
      3,
    );
    const ledger = new RecordingLedger();
    const results = await pollForTest(source, ledger);
    expect(results.filter((result) => result === 'rate_limit')).toHaveLength(3);
    expect(ledger.all('run')).toHaveLength(4);
  });

  it.each([
    ['seconds', () => ({ 'retry-after': '90' })],
    ['a date', () => ({ 'retry-after': new Date(Date.now() + 90_000).toUTCString() })],
    ['the end of the window', () => ({ 'x-ratelimit-reset': String(Math.round(Date.now() / 1_000) + 90) })],
  ])('a long one ends the poll, which says for how long: %s', async (_what, headersNow) => {
    const headers = headersNow();
    const { server, source } = await openRest(makeWorld());
    server.fail(/\/sprint-chains$/, { kind: 'answer', status: 429, headers, body: '{"error":"slow down"}' });
    const error = await failureOf(pollForTest(source, new RecordingLedger()));
    expect(error).toMatchObject({ result: 'rate_limit', partial: false });
    expect(Math.abs((error.retryAfterMs ?? 0) - 90_000)).toBeLessThan(10_000);
    expect(server.takePaths()).not.toContain('/api/v1/runs');
  });

  it('a network that fails from the beginning ends the poll at its first call', async () => {
    const { server, source } = await openRest(makeWorld());
    server.fail(/./, { kind: 'truncate' }, 99);
    expect(await failureOf(pollForTest(source, new RecordingLedger()))).toMatchObject({
      result: 'network',
      partial: false,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('a server that is not there ends the poll', async () => {
    const { server, source } = await openRest(makeWorld());
    await server.close();
    const error = await failureOf(pollForTest(source, new RecordingLedger()));
    expect(error).toMatchObject({ result: 'network', partial: false });
    expect(error.message).toMatch(/ECONNREFUSED/);
  });
});

describe('config check --probe', () => {
  const probe = (source: { probe(signal: AbortSignal): Promise<unknown> }) =>
    source.probe(new AbortController().signal);

  it('says what it found', async () => {
    const { source } = await openRest(makeWorld());
    const report = await probe(source);
    expect(report).toMatchObject({
      reachable: true,
      found: expect.arrayContaining([
        'key fleetlens of project k57project, scopes runs:read, sandboxes:read, usage:read',
        expect.stringMatching(/^\/runs\/\{id\}: 1 documents, fields/),
      ]),
    });
  });

  it('says what is missing, and what the configuration names in vain', async () => {
    const world = makeWorld();
    world.usageRecords = world.usageRecords.map(({ costUsd: _costUsd, ...others }) => others);
    const { source } = await openRest(
      world,
      { without: [/^\/personas/], scopes: ['runs:read', 'runs:write'] },
      { fields: { runs: { promt: 'task' }, usageRecords: { costUsd: 'price' } } },
    );
    expect(await probe(source)).toMatchObject({
      reachable: true,
      problems: expect.arrayContaining([
        'the key can do more than read (runs:write); make one with read scopes alone',
        expect.stringContaining('SCOPE_DENIED'),
        'there is no /personas; set paths.personas to the right path, or to null if the platform has none',
        "/usage: no document gives costUsd; name the platform's field in fields.usageRecords",
        '/usage: fields.usageRecords.costUsd: no document has price',
        expect.stringMatching(/fields\.runs\.promt is no field that is read; expected one of .*prompt/),
      ]),
    });
  });

  it('says that the key is wrong', async () => {
    const { source } = await openRest(makeWorld(), {}, { api_key: 'cc_test_wrong' });
    expect(await probe(source)).toMatchObject({ problems: [expect.stringContaining('AUTH_INVALID')] });
  });
});

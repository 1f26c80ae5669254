import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { enqueueJobs, startArqWorker } from '../../../../test/support/arqWorker.ts';
import { withClient } from '../../../../test/support/ledgerContents.ts';
import { type RedisServer, startRedis } from '../../../../test/support/redis.ts';
import { waitFor } from '../../../../test/support/waitFor.ts';
import { workflowLedgerDatabase } from '../../../../test/support/workflowLedgerDatabase.ts';
import type { PullLedger } from '../poll/pullLedger.ts';
import { type Logged, pollForTest, warnings } from '../pollForTest.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import { type PollContext, type Source, SourceError } from '../source.ts';
import { workflowLedger } from './workflowLedger.ts';

const START = new Date('2026-11-20T10:00:00.000Z');
const after = (seconds: number) => new Date(START.getTime() + seconds * 1000);
const iso = (seconds: number) => after(seconds).toISOString();

function open(config: object): { source: Source; lines: Logged[]; ledger: RecordingLedger; poll(): Promise<unknown> } {
  const { log, lines } = warnings();
  const source = workflowLedger.create('flows', workflowLedger.configSchema.parse(config), log);
  onTestFinished(() => source.close());
  const ledger = new RecordingLedger();
  return { source, lines, ledger, poll: () => pollForTest(source, ledger) };
}

async function database(options?: Parameters<typeof workflowLedgerDatabase>[0]) {
  const created = await workflowLedgerDatabase(options);
  onTestFinished(() => created.drop());
  return created;
}

async function redisServer(): Promise<{ server: RedisServer; redis: Redis }> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  redis.on('error', () => {});
  onTestFinished(async () => {
    redis.disconnect();
    if (server.process.isRunning()) await server.stop();
  });
  return { server, redis };
}

/** Jobs that are due, of which arq keeps what it keeps. */
async function addJobs(server: RedisServer, redis: Redis, from: number, to: number): Promise<void> {
  await enqueueJobs(server.url, [{ function: 'succeed', jobId: 'model' }]);
  const pickled = (await redis.getBuffer('arq:job:model')) as Buffer;
  await redis.zrem('arq:queue', 'model');
  const now = Date.now();
  const pipeline = redis.pipeline();
  for (let i = from; i < to; i++) {
    const id = i.toString(16).padStart(32, '0');
    pipeline.zadd('arq:queue', now - 60_000 + i, id).set(`arq:job:${id}`, pickled);
  }
  await pipeline.exec();
}

describe.each([{ updatedAt: true }, { updatedAt: false }])('run tables (updated_at: $updatedAt)', (options) => {
  it('are read as runs, steps and calls of adapters', async () => {
    const tables = await database(options);
    const { ledger, poll, lines } = open({
      database_url: tables.connectionString,
      adapters: [{ verb: 'fetch', step: '^erp-', adapter: 'erp' }, { verb: 'FETCH' }, { verb: 'PUSH' }],
    });
    const run = await tables.createRun({
      workflowName: 'sync',
      project: 'acme',
      triggerSource: 'schedule',
      createdAt: START,
    });
    await poll();
    expect(ledger.get('run', run)).toMatchObject({
      status: 'queued',
      rawStatus: 'PENDING',
      trigger: 'schedule',
      workflow: 'sync',
      project: 'acme',
      createdAt: iso(0),
    });
    await tables.startRun(run, after(2));
    const steps = [
      await tables.startTask(run, { stepName: 'erp-orders', verb: 'FETCH', startedAt: after(2) }),
      await tables.startTask(run, { stepName: 'crm', verb: 'PUSH', startedAt: after(3) }),
      await tables.startTask(run, { stepName: 'erp-stock', verb: 'FETCH', startedAt: after(4) }),
      await tables.startTask(run, { stepName: 'map', verb: 'TRANSFORM', startedAt: after(5) }),
      await tables.startTask(run, { stepName: 'gate', verb: 'LOGIC_GATE', startedAt: after(6) }),
    ];
    await poll();
    expect(ledger.get('run', run)).toMatchObject({ status: 'running', startedAt: iso(2) });
    expect(ledger.all('step').map(({ status }) => status)).toEqual(Array(5).fill('running'));
    const [orders = '', crm = '', stock = '', map = '', gate = ''] = steps;
    // Two calls of one adapter with one result that end in the same millisecond stay two.
    await tables.finishTask(orders, { status: 'SUCCEEDED', at: after(8) });
    await tables.finishTask(stock, { status: 'SUCCEEDED', at: after(8) });
    await tables.finishTask(crm, { status: 'FAILED', at: after(9), error: 'HTTP 401: token expired' });
    await tables.finishTask(map, { status: 'CANCELLED', at: after(9) });
    await tables.finishTask(gate, { status: 'SKIPPED', at: after(9) });
    await tables.finishRun(run, 'FAILED', { at: after(10), error: 'step crm failed' });
    await poll();
    expect(ledger.get('run', run)).toMatchObject({
      status: 'failed',
      finishedAt: iso(10),
      error: { surface: 'run', stepId: crm, category: 'other', message: 'step crm failed' },
    });
    expect(
      ledger
        .all('step')
        .sort((a, b) => Number(a.index) - Number(b.index))
        .map(({ name, verb, status }) => [name, verb, status]),
    ).toEqual([
      ['erp-orders', 'FETCH', 'succeeded'],
      ['crm', 'PUSH', 'failed'],
      ['erp-stock', 'FETCH', 'succeeded'],
      ['map', 'TRANSFORM', 'cancelled'],
      ['gate', 'LOGIC_GATE', 'skipped'],
    ]);
    expect(ledger.get('step', `${run}\u001f${crm}`)).toMatchObject({
      startedAt: iso(3),
      finishedAt: iso(9),
      error: { surface: 'step', category: 'api_key' },
    });
    const calls = ledger.all('adapter');
    expect(calls.map(({ adapter, result, project }) => [adapter, result, project]).sort()).toEqual([
      ['crm', 'auth', 'acme'],
      ['erp', 'ok', 'acme'],
      ['erp', 'ok', 'acme'],
    ]);
    expect(calls.find(({ eventId }) => eventId === orders)).toMatchObject({ at: iso(8), latencySeconds: 6, count: 1 });
    expect(ledger.all('store')).toMatchObject([{ store: 'postgres', up: true }]);
    expect(lines).toEqual([]);

    const before = ledger.batches.length;
    await poll();
    // Unchanged rows are not sent again: only the state of the store is.
    expect(ledger.batches.slice(before).flatMap(({ records }) => records.map(({ kind }) => kind))).toEqual(['store']);
  });

  it('a suspended run waits for its approval, whose table tells the rest', async () => {
    const tables = await database(options);
    const { ledger, poll } = open({
      database_url: tables.connectionString,
      approval_sla: '2h',
      approval_sla_by_workflow: { deploy: '30m' },
    });
    const [deploy, other] = [
      await tables.createRun({ workflowName: 'deploy', createdAt: START }),
      await tables.createRun({ workflowName: 'other', createdAt: START }),
    ];
    const first = await tables.suspendRun(deploy, { policy: 'four-eyes', approver: 'ann', requestedAt: after(5) });
    const second = await tables.suspendRun(other, {
      policy: 'budget',
      requestedAt: after(6),
      expiresAt: new Date(Date.now() + 3_600_000),
    });
    await poll();
    expect(ledger.get('run', deploy)).toMatchObject({ status: 'waiting', rawStatus: 'SUSPENDED' });
    expect(ledger.get('approval', first)).toMatchObject({
      runId: deploy,
      workflow: 'deploy',
      policy: 'four-eyes',
      actor: 'ann',
      requestedAt: iso(5),
      slaSeconds: 1800,
    });
    expect(ledger.get('approval', second)).toMatchObject({ slaSeconds: 7200 });
    expect(ledger.get('approval', second)).not.toHaveProperty('decision');
    await tables.decideApproval(first, 'APPROVED', { at: after(65) });
    await tables.execute(
      `update approval_requests set expires_at = now() - interval '1 minute' where id = '${second}'`,
    );
    await poll();
    expect(ledger.get('run', deploy)).toMatchObject({ status: 'running' });
    expect(ledger.get('approval', first)).toMatchObject({ decision: 'approved', decidedAt: iso(65) });
    expect(ledger.get('approval', second)).toMatchObject({ decision: 'expired' });
  });
});

describe('run tables', () => {
  it('without a table of approvals: the suspended run is one', async () => {
    const tables = await database();
    const { ledger, poll } = open({ database_url: tables.connectionString, approval_requests: null });
    const ids = [
      await tables.createRun({ workflowName: 'deploy', createdAt: START }),
      await tables.createRun({ workflowName: 'deploy', createdAt: START }),
    ];
    for (const id of ids) {
      await tables.startRun(id, after(1));
      const gate = await tables.startTask(id, { stepName: 'policy', verb: 'GOVERN', startedAt: after(2) });
      await tables.finishTask(gate, { status: 'FAILED', at: after(4), error: 'needs approval' });
      await tables.execute(`update workflow_runs set status = 'SUSPENDED' where id = '${id}'`);
    }
    await poll();
    const pending = ledger.all('approval');
    expect(pending.map(({ requestedAt, decision }) => [requestedAt, decision])).toEqual([
      [iso(4), undefined],
      [iso(4), undefined],
    ]);
    const [approved = '', rejected = ''] = ids;
    await tables.startTask(approved, { stepName: 'ship', verb: 'PUSH', startedAt: after(90) });
    await tables.execute(`update workflow_runs set status = 'RUNNING' where id = '${approved}'`);
    await tables.finishRun(rejected, 'CANCELLED', { at: after(100) });
    await poll();
    expect(ledger.get('approval', `${approved}@${iso(4)}`)).toMatchObject({ decision: 'approved', decidedAt: iso(90) });
    expect(ledger.get('approval', `${rejected}@${iso(4)}`)).toMatchObject({
      decision: 'rejected',
      decidedAt: iso(100),
    });
    expect(ledger.all('approval')).toHaveLength(2);
  });

  it('under other names, in a schema, as a view, with integer ids and without most columns', async () => {
    const tables = await database();
    await tables.execute(`
      create schema "Flow";
      create table "Flow".hidden (run_no bigint primary key, handler text, state text, "end" timestamp);
      insert into "Flow".hidden select i, 'invoice', 'SUCCEEDED', timestamp '2026-11-20 12:00:00' + i * interval '1 s' from generate_series(1, 30) i;
      create view "Flow".runs as select * from "Flow".hidden`);
    const { ledger, poll, source } = open({
      database_url: tables.connectionString,
      schema: 'Flow',
      page_size: 7,
      workflow_runs: {
        table: 'runs',
        columns: {
          id: 'run_no',
          workflow_name: 'handler',
          status: 'state',
          finished_at: 'end',
          project: null,
          trigger_source: null,
          created_at: null,
          started_at: null,
          error: null,
          updated_at: null,
        },
      },
      task_runs: null,
      approval_requests: null,
    });
    await poll();
    expect(ledger.all('run')).toHaveLength(30);
    expect(ledger.get('run', '3')).toMatchObject({
      workflow: 'invoice',
      status: 'succeeded',
      finishedAt: '2026-11-20T12:00:03.000Z',
    });
    await tables.execute(
      `insert into "Flow".hidden values (31, 'invoice', 'RUNNING', null), (32, 'invoice', 'RUNNING', null)`,
    );
    await poll();
    expect(ledger.get('run', '31')).toMatchObject({ status: 'running' });
    await tables.execute(`delete from "Flow".hidden where run_no = 31`);
    await poll();
    expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual(['31']);
    expect((await source.probe(AbortSignal.timeout(90_000))).problems).toEqual([]);
  });

  it('what is missing is named by the probe, and what cannot be done without by the poll', async () => {
    const tables = await database();
    await tables.execute(`
      drop table approval_requests; alter table task_runs drop column verb;
      create type run_status as enum ('PENDING', 'RUNNING', 'PAUSED');
      alter table workflow_runs alter status type run_status using status::run_status`);
    const { source, ledger, poll } = open({ database_url: tables.connectionString });
    const { problems, found } = await source.probe(AbortSignal.timeout(90_000));
    expect(found.join('; ')).toMatch(/PostgreSQL 1\d.*workflow_runs: 10 of 10 mapped columns/);
    expect(problems).toEqual([
      'workflow_runs: statuses PAUSED are not known and are shown as unknown',
      'task_runs has no column verb; name the right one in task_runs.columns, or null if there is none',
      'there is no table approval_requests; set schema or approval_requests.table, or approval_requests: null',
    ]);
    const run = await tables.createRun({ workflowName: 'sync' });
    await poll();
    expect(ledger.get('run', run)).toMatchObject({ status: 'queued' });
    await tables.execute('alter table workflow_runs rename column status to state');
    await expect(poll()).rejects.toMatchObject({
      ...{ result: 'schema', partial: false },
      message: expect.stringContaining('column for status'),
    });
  });

  it('a run of ten thousand steps goes in pages', async () => {
    const tables = await database();
    const run = await tables.createRun({ workflowName: 'huge', createdAt: START });
    await tables.execute(`insert into task_runs select gen_random_uuid(), '${run}', 'step ' || i, 'EXECUTE', 'SUCCEEDED', null,
      timestamptz '2026-11-20 10:00Z' + i * interval '1 ms', timestamptz '2026-11-20 10:01Z' + i * interval '1 ms', 1 from generate_series(1, 10000) i`);
    const { ledger, poll } = open({ database_url: tables.connectionString });
    await poll();
    expect(ledger.all('step')).toHaveLength(10_000);
    expect(Math.max(...ledger.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(2_000);
  });
});

describe('arq queues with a real worker', () => {
  it('depth, waits, outcomes and tries are those of the jobs', async () => {
    const { server, redis } = await redisServer();
    const { ledger, poll, lines } = open({ redis_url: server.url });
    const [done, failed, retried, deferred] = await enqueueJobs(server.url, [
      { function: 'succeed', args: [{ secret: 'hunter2', list: [1, 2] }] },
      { function: 'fail', args: ['no such file'] },
      { function: 'retry', args: [2] },
      { function: 'succeed', deferBySeconds: 3600 },
    ]);
    await poll();
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ due: 3, deferred: 1, inProgress: 0, workers: 0 });
    expect(ledger.get('queue', 'arq:queue')?.oldestDueAt).toMatch(/^20\d\d-/);
    expect(
      ledger
        .all('job')
        .map(({ jobId }) => jobId)
        .sort(),
    ).toEqual([done, failed, retried].sort());
    expect(ledger.get('job', `arq:queue\u001f${done}`)?.enqueuedAt).toBe(
      new Date(Number(await redis.zscore('arq:queue', done ?? ''))).toISOString(),
    );

    const worker = await startArqWorker({ redisUrl: server.url, healthCheckIntervalSeconds: 1 });
    onTestFinished(async () => {
      if (worker.isRunning()) await worker.kill('SIGKILL');
    });
    const [long] = await enqueueJobs(server.url, [{ function: 'sleep', args: [600], jobId: 'nightly' }]);
    expect(long).toBe('nightly');
    await waitFor(() => redis.exists('arq:in-progress:nightly', `arq:result:${retried}`).then((n) => n === 2), {
      what: 'the jobs to be worked',
    });
    await poll();
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ due: 0, deferred: 1, inProgress: 1, workers: 1 });
    const results = Object.fromEntries(
      [done, failed, retried].map((id) => [id, ledger.get('job', `arq:queue\u001f${id}`)]),
    );
    expect(results[done ?? '']).toMatchObject({ result: 'complete', tries: 1 });
    expect(results[failed ?? '']).toMatchObject({ result: 'failed', tries: 1 });
    expect(results[retried ?? '']).toMatchObject({ result: 'complete', tries: 3 });
    for (const job of Object.values(results)) {
      const { enqueuedAt, startedAt, finishedAt } = job as Record<string, string>;
      expect([enqueuedAt, startedAt, finishedAt]).toEqual([enqueuedAt, startedAt, finishedAt].sort());
    }
    // Its two tries that ended with another one are told too, in their order.
    const tries = ledger.batches
      .flatMap(({ records }) => records)
      .filter(({ kind, data }) => kind === 'job' && data.jobId === retried && data.result !== undefined);
    expect(tries.map(({ data, at }) => [data.tries, data.result, at]).sort()).toEqual([
      [1, 'retried', expect.any(String)],
      [2, 'retried', expect.any(String)],
      [3, 'complete', expect.any(String)],
    ]);
    expect(new Set(tries.map(({ at }) => at)).size).toBe(3);
    // A program's own id may return: the time of enqueueing belongs to the identity.
    expect(ledger.all('job').filter((job) => job['attributes.arqJobId'] === 'nightly')).toMatchObject([
      { jobId: expect.stringMatching(/^nightly@\d{13}$/) },
    ]);
    expect(JSON.stringify(ledger.batches)).not.toMatch(/hunter2|no such file|"list"/);
    expect(deferred).not.toBeNull();
    expect(lines).toEqual([]);

    const before = ledger.batches.length;
    await poll();
    const again = ledger.batches.slice(before).flatMap(({ records }) => records.map(({ kind }) => kind));
    expect(again.sort()).toEqual(['queue', 'store']);
  });

  it('a worker that was killed is missed as soon as jobs wait', async () => {
    const { server, redis } = await redisServer();
    const { ledger, poll } = open({ redis_url: server.url });
    const worker = await startArqWorker({ redisUrl: server.url });
    await waitFor(() => redis.exists('arq:queue:health-check'), { what: 'the health key' });
    await poll();
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ due: 0, workers: 1 });
    await worker.kill('SIGKILL');
    // The health key lives on for an hour. A job that has been due for a minute says more.
    expect(await redis.exists('arq:queue:health-check')).toBe(1);
    await redis.zadd('arq:queue', Date.now() - 60_000, 'waiting');
    await poll();
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ due: 1, workers: 0 });
  });

  it('jobs_from health counts by the worker’s totals, and by them alone', async () => {
    const { server, redis } = await redisServer();
    const { ledger, poll } = open({ redis_url: server.url, queues: ['arq:reports'], jobs_from: 'health' });
    const worker = await startArqWorker({
      redisUrl: server.url,
      queueName: 'arq:reports',
      healthCheckIntervalSeconds: 1,
      timeZone: 'Asia/Tokyo',
    });
    onTestFinished(async () => {
      await worker.kill('SIGKILL');
    });
    await enqueueJobs(
      server.url,
      [{ function: 'succeed' }, { function: 'fail' }, { function: 'retry' }],
      'arq:reports',
    );
    await waitFor(
      async () => (await redis.get('arq:reports:health-check'))?.includes('j_complete=2 j_failed=1 j_retried=1'),
      { what: 'the totals' },
    );
    await poll();
    expect(ledger.get('queue', 'arq:reports')).toMatchObject({ completedTotal: 2, failedTotal: 1, retriedTotal: 1 });
    expect(ledger.all('job').filter(({ result }) => result !== undefined)).toEqual([]);
  });
});

describe('arq queues', () => {
  it('a queue of 100,000 jobs costs a poll no more than its share', async () => {
    const { server, redis } = await redisServer();
    const tables = await database();
    // With tables, the first poll ends the backfill; what comes then is live and bounded.
    const { ledger, poll } = open({ redis_url: server.url, database_url: tables.connectionString });
    await poll();
    await enqueueJobs(server.url, [{ function: 'succeed', jobId: 'model' }]);
    const pickled = await redis.getBuffer('arq:job:model');
    await redis.zrem('arq:queue', 'model');
    const now = Date.now();
    for (let from = 0; from < 100_000; from += 5_000) {
      const pipeline = redis.pipeline();
      for (let i = from; i < from + 5_000; i++) {
        const id = i.toString(16).padStart(32, '0');
        // Thousands share one millisecond.
        pipeline.zadd('arq:queue', now - 600_000 + Math.floor(i / 3_000), id).set(`arq:job:${id}`, pickled as Buffer);
      }
      for (let i = from; i < from + 5_000; i += 1_000)
        pipeline.set(`arq:in-progress:${i.toString(16).padStart(32, '0')}`, '1');
      await pipeline.exec();
    }
    const before = ledger.batches.length;
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);
    const start = await commands();
    await poll();
    // At most 6,000 jobs with two commands each, the walk, and a bounded round of SCAN.
    expect((await commands()) - start).toBeLessThan(6_000 * 2 + 300);
    expect(ledger.recordsSince(before)).toBeLessThan(6_100);
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ deferred: 0 });
    const { due, inProgress } = ledger.get('queue', 'arq:queue') as { due: number; inProgress: number };
    expect(due + inProgress).toBe(100_000);
    // The walk goes on where it stopped and reaches every job.
    await waitFor(() => poll().then(() => ledger.all('job').length >= 100_000), {
      what: 'all jobs to be read',
    });
    expect(ledger.all('job')).toHaveLength(100_000);
  });

  it('the first poll of queues alone reads every job, each later one its share', async () => {
    const { server, redis } = await redisServer();
    const { ledger, poll } = open({ redis_url: server.url });
    await addJobs(server, redis, 0, 6_000);
    await poll();
    expect(ledger.all('job')).toHaveLength(6_000);
    await addJobs(server, redis, 6_000, 12_000);
    await poll();
    expect(ledger.all('job')).toHaveLength(11_000);
  });

  it('garbage in the keys is counted and left out, and nothing in it is executed', async () => {
    const { server, redis } = await redisServer();
    const { ledger, poll, lines } = open({ redis_url: server.url });
    const id = (letter: string) => letter.repeat(32);
    // cos\nsystem\n(S'…'\ntR.: a pickle that would run a command.
    await redis.set(`arq:result:${id('a')}`, "cos\nsystem\n(S'touch /tmp/fleetlens-pickle-ran'\ntR.");
    await redis.set(`arq:result:${id('b')}`, Buffer.from([0x80, 0x04, 0x95, 0xff, 0xff]));
    await redis.set(`arq:result:${id('c')}`, 'x'.repeat(600_000));
    await redis.rpush(`arq:result:${id('d')}`, 'a list');
    await redis.set(`arq:job:${id('e')}`, '{"f":"msgpack"}');
    await redis.zadd('arq:queue', Date.now() - 1_000, id('e'), Date.now() - 1_000, id('f'));
    await redis.set('arq:queue:health-check', 'nonsense');
    await redis.set(`arq:retry:${id('e')}`, 'many');
    await poll();
    expect(ledger.all('job')).toEqual([]);
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ due: 2, inProgress: 0 });
    expect(lines[0]?.msg).toMatch(/cannot be read/);
    await expect(import('node:fs/promises').then((fs) => fs.stat('/tmp/fleetlens-pickle-ran'))).rejects.toThrow(
      'ENOENT',
    );

    await redis.del('arq:queue');
    await redis.set('arq:queue', 'a string');
    await expect(poll()).rejects.toMatchObject({
      result: 'schema',
      message: expect.stringContaining('check the configured names of queues'),
    });
  });

  it('the probe tells an idle queue from a wrong name', async () => {
    const { server, redis } = await redisServer();
    await redis.set(
      'arq:idle:health-check',
      'Nov-20 22:16:57 j_complete=4 j_failed=1 j_retried=2 j_ongoing=0 queued=0',
    );
    const { source } = open({ redis_url: server.url, queues: ['arq:idle', 'arq:typo'] });
    const { problems, found, reachable } = await source.probe(AbortSignal.timeout(90_000));
    expect(reachable).toBe(true);
    expect(found.join('; ')).toMatch(/Redis 7.*arq:idle: empty/);
    expect(problems).toEqual([expect.stringMatching(/neither a queue arq:typo nor a worker of it; check queues/)]);
  });

  it('a wrong password is an auth failure', async () => {
    const { server, redis } = await redisServer();
    await redis.config('SET', 'requirepass', 'right');
    for (const [user, message] of [
      ['', /NOAUTH|authentication/i],
      [':wrong@', /WRONGPASS|password/i],
    ] as const) {
      const { poll, ledger } = open({ redis_url: server.url.replace('redis://', `redis://${user}`) });
      const failure: unknown = await poll().catch((error: unknown) => error);
      // The whole source, and its log says so once.
      expect(failure).toMatchObject({ result: 'auth', partial: false, message: expect.stringMatching(message) });
      expect((failure as SourceError).cause).not.toBeInstanceOf(SourceError);
      expect(ledger.get('store', 'redis')).toMatchObject({ up: false, error: { kind: 'connection' } });
    }
    const { poll, ledger } = open({ redis_url: server.url.replace('redis://', 'redis://:right@') });
    await poll();
    expect(ledger.get('store', 'redis')).toMatchObject({ up: true });
  });
});

describe('one half down', () => {
  it('the other is still read, and the store is down until it comes back', async () => {
    const { server } = await redisServer();
    const tables = await database();
    const { ledger, poll } = open({ redis_url: server.url, database_url: tables.connectionString });
    await poll();
    expect(ledger.all('store').map(({ store, up }) => [store, up])).toEqual([
      ['redis', true],
      ['postgres', true],
    ]);
    expect(ledger.get('store', 'redis')).toMatchObject({ serverRunId: expect.stringMatching(/^[0-9a-f]{40}$/) });
    // Postgres is asked after Redis, and what is told of it is of the time at which it answered.
    const [askedFirst, askedThen] = ledger.all('store').map(({ at }) => Date.parse(at as string));
    expect(askedThen).toBeGreaterThanOrEqual(askedFirst as number);
    await server.stop();
    const run = await tables.createRun({ workflowName: 'sync' });
    await expect(poll()).rejects.toMatchObject({ result: 'network', partial: true });
    expect(ledger.get('store', 'redis')).toMatchObject({ up: false, error: { kind: 'connection' } });
    expect(ledger.get('run', run)).toMatchObject({ status: 'queued' });

    const again = await startRedis(server.port);
    onTestFinished(() => again.stop());
    await tables.execute('alter table workflow_runs rename to elsewhere');
    await expect(poll()).rejects.toMatchObject({ result: 'schema', partial: true });
    expect(ledger.get('store', 'redis')).toMatchObject({ up: true });
    expect(ledger.get('queue', 'arq:queue')).toMatchObject({ due: 0 });
    await tables.execute('alter table elsewhere rename to workflow_runs');
    await poll();
  });

  it('both down: the poll failed as a whole', async () => {
    const { ledger, poll } = open({
      redis_url: 'redis://127.0.0.1:1',
      database_url: 'postgres://nobody@127.0.0.1:1/nothing',
    });
    await expect(poll()).rejects.toMatchObject({
      ...{ partial: false, result: 'network', message: expect.stringMatching(/Redis.*; .*database_url/) },
      cause: { message: expect.stringContaining('Redis') },
    });
    expect(ledger.all('store').map(({ store, up }) => [store, up])).toEqual([
      ['redis', false],
      ['postgres', false],
    ]);
  });
});

describe('a first read of the tables', () => {
  /** Some runs, each of them a page, and a queue; `afterRun` is called when a run is recorded. */
  async function firstRead(runs: number, afterRun: (recorded: number) => unknown) {
    const { server, redis } = await redisServer();
    const tables = await database();
    for (let i = 0; i < runs; i++) await tables.createRun({ workflowName: 'sync', createdAt: after(i) });
    const { source, ledger } = open({
      ...{ redis_url: server.url, database_url: tables.connectionString, page_size: 1 },
      ...{ task_runs: null, approval_requests: null },
    });
    const told: string[] = [];
    const watched: PullLedger = {
      readCursor: () => ledger.readCursor(),
      openRunIds: () => ledger.openRunIds(),
      openPullRequests: () => ledger.openPullRequests(),
      async recordPulled(batch) {
        await ledger.recordPulled(batch);
        told.push(...batch.records.map(({ kind, data }) => (kind === 'store' ? `${data.store} ${data.up}` : kind)));
        if (batch.records.some(({ kind }) => kind === 'run')) await afterRun(ledger.all('run').length);
      },
    };
    return { server, redis, source, ledger, told, poll: () => pollForTest(source, watched) };
  }

  /** The clock that intervals are measured by; the others go on. */
  function clock(): { pass(ms: number): void } {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    return { pass: (ms) => void vi.advanceTimersByTime(ms) };
  }

  it('that takes long looks at the queues again every 15 s, also where their Redis has gone', async () => {
    const { pass } = clock();
    const { server, told, poll } = await firstRead(6, async (recorded) => {
      if (recorded === 5) await server.stop();
      pass(8_000);
    });
    await poll();
    expect(told).toEqual([
      ...['queue', 'redis true', 'postgres true'],
      ...['run', 'run', 'queue', 'redis true'],
      ...['run', 'run', 'queue', 'redis true'],
      ...['run', 'run', 'redis false'],
    ]);
  });

  it('that is given up tells of no Redis that is down', async () => {
    const { pass } = clock();
    const { source } = await firstRead(2, () => {});
    const controller = new AbortController();
    const context: PollContext = {
      ...{ signal: controller.signal, startedAt: new Date(), log: warnings().log },
      ...{ openRunIds: async () => [], openPullRequests: async () => [] },
      ...{ countRequest: () => {}, quotaRemaining: () => {} },
    };
    const pages = source.poll(undefined, context)[Symbol.asyncIterator]();
    let page = await pages.next();
    while (page.done !== true && page.value.records[0]?.kind !== 'run') page = await pages.next();
    pass(20_000);
    controller.abort(new Error('the exporter stops'));
    await expect(pages.next()).rejects.toThrow('the exporter stops');
  });

  it('that goes on where it stopped reads all jobs that are due', async () => {
    const { server, redis, ledger, poll } = await firstRead(3, (recorded) => {
      if (recorded === 1) throw new Error('the ledger went away');
    });
    await expect(poll()).rejects.toMatchObject({ cause: { message: 'the ledger went away' } });
    await addJobs(server, redis, 0, 6_000);
    await poll();
    expect(ledger.all('run')).toHaveLength(3);
    expect(ledger.all('job')).toHaveLength(6_000);
    // What comes then is read bit by bit.
    await addJobs(server, redis, 6_000, 12_000);
    await poll();
    expect(ledger.all('job')).toHaveLength(11_000);
  });
});

it('a source that is closed leaves no connection behind', async () => {
  const { server, redis } = await redisServer();
  const tables = await database();
  const config = { redis_url: server.url, database_url: tables.connectionString };
  const source = workflowLedger.create('flows', workflowLedger.configSchema.parse(config), warnings().log);
  const connected = async () =>
    withClient(tables.connectionString, async (client) => {
      const { rowCount } = await client.query(
        `select from pg_stat_activity where application_name = 'fleetlens' and datname = current_database()`,
      );
      return { postgres: rowCount, redis: String(await redis.client('LIST')).includes('name=fleetlens') };
    });
  await pollForTest(source, new RecordingLedger());
  expect(await connected()).toEqual({ postgres: 1, redis: true });
  await source.close();
  await waitFor(async () => isDeepStrictEqual(await connected(), { postgres: 0, redis: false }), {
    what: 'the connections to be gone',
  });
});

describe('configuration', () => {
  it('refuses what cannot be meant, and quotes what can', () => {
    const issues = (config: object) =>
      workflowLedger.configSchema.safeParse(config).error?.issues.map(({ message }) => message);
    expect(issues({})?.join()).toContain('expected database_url');
    expect(issues({ redis_url: 'http://x' })?.join()).toContain('redis://');
    expect(issues({ redis_url: 'redis://x', workflow_runs: { table: 'a; drop table b' } })?.join()).toContain(
      'name of a table',
    );
    expect(issues({ redis_url: 'redis://x', workflow_runs: { columns: { stauts: 'x' } } })).toHaveLength(1);
    expect(issues({ redis_url: 'redis://x', adapters: [{ verb: 'FETCH', step: '(' }] })?.join()).toContain(
      'regular expression',
    );
    const config = workflowLedger.configSchema.parse({
      redis_url: 'redis://x',
      workflow_runs: { columns: { project: null, workflow_name: 'handler' } },
    });
    expect(config.workflow_runs.columns).toMatchObject({ id: 'id', project: null, workflow_name: 'handler' });
  });
});

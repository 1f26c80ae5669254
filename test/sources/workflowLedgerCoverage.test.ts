import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { warnings } from '../../exporter/src/sources/pollForTest.ts';
import { coverage } from '../../exporter/src/sources/workflow-ledger/coverage.ts';
import { workflowLedger } from '../../exporter/src/sources/workflow-ledger/workflowLedger.ts';
import { pollHosted } from '../contract/pollHosted.ts';
import { readShown, walkCoverage } from '../contract/walkCoverage.ts';
import { openLedger } from '../ledger/ledgerBed.ts';
import { enqueueJobs, startArqWorker } from '../support/arqWorker.ts';
import { startRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';
import {
  type TaskEnd,
  type TaskVerb,
  type WorkflowLedgerDatabase,
  workflowLedgerDatabase,
} from '../support/workflowLedgerDatabase.ts';

const START = Date.now() - 3_600_000;
const after = (seconds: number) => new Date(START + seconds * 1000);
const iso = (seconds: number) => after(seconds).toISOString();

const RUN = '00000000-0000-4000-8000-000000000001';
const SUSPENDED = '00000000-0000-4000-8000-000000000002';
const TASK = (number: number) => `00000000-0000-4000-8000-0000000001${number}0`;
const TIME = expect.stringMatching(/^20\d\d-.*Z$/);

/** What the tables and the queue say, by section and field of the document. */
const SAID: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'Workflow observability, WorkflowRun': {
    'run identifier': RUN,
    workflow_name: 'sync',
    project: 'acme',
    'trigger source': 'schedule',
    created_at: iso(0),
    'execution start': iso(1),
    'end time': iso(30),
    'final status': 'failed',
    'state, as written': 'FAILED',
    error: 'step crm failed: connection refused',
    'error, its category': 'network',
    'error, the step that failed': TASK(5),
    'columns that the configuration names': 'eu-1',
    FAILED: 'failed',
  },
  'Workflow observability, TaskRun': {
    id: TASK(1),
    workflow_run_id: RUN,
    'step name': 'erp',
    verb: 'FETCH',
    'order of the starts': 3,
    'execution status': 'failed',
    'execution status, as written': 'FAILED',
    'error details': 'HTTP 401: token expired',
    'error details, their category': 'api_key',
    'error details, the step': TASK(2),
    started_at: iso(2),
    finished_at: iso(5),
    'execution duration, without an end': iso(12.5),
    'execution duration, without a start': iso(14.5),
  },
  'Run states, SUSPENDED': {
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    'the run': SUSPENDED,
    'the workflow': 'deploy',
    'the project': 'acme',
    requested_at: iso(40),
    decided_at: iso(65),
    decision: 'approved',
    'decision, as written': 'escalated',
    approver: 'ann',
    policy: 'four-eyes',
    expires_at: iso(7_200),
    'SLA for approvals': 1_800,
  },
  'Integration monitoring': {
    'the external system, by verb and step name': 'erp',
    'a call': 1,
    'a call, its step': TASK(1),
    'a call, its run': RUN,
    'a call, its project': 'acme',
    'a call, its end': iso(5),
    'a call, how long': 3,
    'API authentication failures': 'auth',
    'network connectivity errors': 'network',
    'unexpected schema changes': 'schema',
    'rate limit responses': 'rate_limit',
    'error details': 'HTTP 401: token expired',
  },
  'Queue monitoring': {
    queue: 'arq:queue',
    'queue depth: due': 3,
    'queue depth: deferred': 1,
    'queue depth: in progress': 1,
    'queue depth: the first that waits': TIME,
    workers: 1,
    'health record, its time to live': expect.any(Number),
    'health record, j_ongoing': 1,
    job: expect.stringMatching(/^[0-9a-f]{32}$/),
    'job, its queue': 'arq:queue',
    'job, an id that its program chose': 'nightly',
    enqueue: TIME,
    'execution start': TIME,
    'execution end': TIME,
    'worker throughput': 'failed',
    tries: 3,
    'health record, j_complete (jobs_from: health)': 2,
    'health record, j_failed (jobs_from: health)': 1,
    'health record, j_retried (jobs_from: health)': 2,
    'Redis answers': true,
    'Redis or Postgres': 'postgres',
    'how long it takes': expect.any(Number),
    'memory pressure: used_memory': expect.any(Number),
    'memory pressure: evicted_keys': 0,
    'Redis run_id': expect.stringMatching(/^[0-9a-f]{40}$/),
  },
};

it('every field of the tables and the queue comes out of the API and the metrics', async () => {
  const tables = await workflowLedgerDatabase();
  const redis = await startRedis();
  const client = new Redis(redis.url);
  onTestFinished(async () => {
    client.disconnect();
    await redis.stop();
    await tables.drop();
  });
  await fillTables(tables);
  await using bed = await openLedger();
  const open = (config: object) => {
    const source = workflowLedger.create('flows', workflowLedger.configSchema.parse(config), warnings().log);
    onTestFinished(() => source.close());
    return source;
  };
  const flows = open({
    database_url: tables.connectionString,
    redis_url: redis.url,
    attributes: ['region'],
    approval_sla_by_workflow: { deploy: '30m' },
  });
  const health = open({ redis_url: redis.url, jobs_from: 'health' });
  const poll = async () => {
    expect((await pollHosted(flows, bed.ledger, { name: 'flows' })).failure).toBeUndefined();
    expect((await pollHosted(health, bed.ledger, { name: 'health' })).failure).toBeUndefined();
  };
  await enqueueJobs(redis.url, [
    { function: 'succeed' },
    { function: 'fail' },
    { function: 'retry', args: [2] },
    { function: 'succeed', deferBySeconds: 3_600 },
  ]);
  await poll();
  const worker = await startArqWorker({ redisUrl: redis.url, healthCheckIntervalSeconds: 1 });
  onTestFinished(async () => {
    if (worker.isRunning()) await worker.kill('SIGKILL');
  });
  await enqueueJobs(redis.url, [{ function: 'sleep', args: [600], jobId: 'nightly' }]);
  const worked = 'j_complete=2 j_failed=1 j_retried=2 j_ongoing=1';
  await waitFor(async () => (await client.get('arq:queue:health-check'))?.includes(worked), {
    what: 'the worker to say what it did',
  });
  await poll();
  // A job that waits for a worker that is gone.
  await worker.kill('SIGKILL');
  await enqueueJobs(redis.url, [{ function: 'succeed' }]);
  await poll();
  expect(await bed.query('select reason from fleetlens.dead_letter')).toEqual([]);
  walkCoverage(await readShown(bed), coverage, {
    expected: ({ document, field }) => SAID[document]?.[field],
    isFrom: ({ field }, { source }) => source === (field.includes('jobs_from: health') ? 'health' : 'flows'),
  });
});

async function fillTables(tables: WorkflowLedgerDatabase): Promise<void> {
  const run = { workflowName: 'sync', project: 'acme', createdAt: after(0) };
  await tables.insertHistory([
    {
      ...run,
      id: RUN,
      triggerSource: 'schedule',
      startedAt: after(1),
      finishedAt: after(30),
      status: 'FAILED',
      error: 'step crm failed: connection refused',
      tasks: [
        task(1, 'erp', 'FETCH', { status: 'SUCCEEDED', at: after(5) }),
        task(2, 'crm', 'PUSH', { status: 'FAILED', at: after(6), error: 'HTTP 401: token expired' }),
        task(3, 'bank', 'FETCH', { status: 'FAILED', at: after(7), error: 'ECONNREFUSED' }),
        task(4, 'tax', 'LOOKUP', { status: 'FAILED', at: after(8), error: 'unexpected field vat_id' }),
        task(5, 'mail', 'PUSH', { status: 'FAILED', at: after(9), error: 'too many requests' }),
        task(6, 'map', 'TRANSFORM', { status: 'SUCCEEDED', at: after(12.5) }),
        task(7, 'sum', 'TRANSFORM', { status: 'SUCCEEDED', at: after(20) }),
      ],
    },
  ]);
  await tables.createRun({ ...run, createdAt: after(3_000) });
  for (const id of [SUSPENDED, undefined]) {
    const suspended = await tables.createRun({ ...run, ...(id && { id }), workflowName: 'deploy' });
    await tables.startRun(suspended, after(30));
    const approval = await tables.suspendRun(suspended, {
      policy: 'four-eyes',
      requestedAt: after(40),
      expiresAt: after(7_200),
    });
    if (id !== undefined) await tables.decideApproval(approval, 'APPROVED', { at: after(65), approver: 'ann' });
    else await tables.execute(`update approval_requests set decision = 'escalated' where id = '${approval}'`);
  }
  await tables.execute(`
    alter table workflow_runs add region text;
    update workflow_runs set region = 'eu-1';
    update task_runs set finished_at = null where id = '${TASK(6)}';
    update task_runs set started_at = null, duration_ms = 5500 where id = '${TASK(7)}'`);
}

function task(number: number, stepName: string, verb: TaskVerb, end: TaskEnd) {
  return { id: TASK(number), stepName, verb, startedAt: after(number + 1), ...end };
}

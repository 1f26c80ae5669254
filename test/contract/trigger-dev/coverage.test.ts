import { expect, it, onTestFinished } from 'vitest';
import { pollForTest, warnings } from '../../../exporter/src/sources/pollForTest.ts';
import { RecordingLedger } from '../../../exporter/src/sources/recordingLedger.ts';
import { coverage } from '../../../exporter/src/sources/trigger-dev/coverage.ts';
import { triggerDev } from '../../../exporter/src/sources/trigger-dev/triggerDev.ts';
import { openLedger } from '../../ledger/ledgerBed.ts';
import { pollHosted } from '../pollHosted.ts';
import { readShown, walkCoverage } from '../walkCoverage.ts';
import { TriggerDevServer, triggerRun } from './triggerDevServer.ts';

const WAITING_SINCE = new Date(Date.now() - 60_000).toISOString();
const RUN = triggerRun({
  id: 'run_full',
  status: 'FAILED',
  taskIdentifier: 'pipeline',
  createdAt: '2026-11-20T10:00:00.000Z',
  delayedUntil: '2026-11-20T10:01:00.000Z',
  startedAt: '2026-11-20T10:01:05.500Z',
  finishedAt: '2026-11-20T10:03:00.000Z',
  updatedAt: '2026-11-20T10:03:01.000Z',
  expiredAt: '2026-11-20T11:00:00.000Z',
  version: '20261120.7',
  idempotencyKey: 'idem-1',
  isTest: true,
  tags: ['project:acme', 'nightly'],
  costInCents: 1.25,
  baseCostInCents: 0.0025,
  durationMs: 114_500,
  attemptCount: 3,
  ttl: '1h',
  taskKind: 'SCHEDULED',
  region: 'eu-central-1',
  depth: 2,
  triggerFunction: 'batchTrigger',
  batchId: 'batch_1',
  metadata: { step: 'checker' },
  payload: { runId: 'cc-1' },
  output: { verdict: 'fail' },
  error: { name: 'ProviderError', message: 'rate limit reached', stackTrace: 'at checker' },
  schedule: { id: 'sched_1', generator: { type: 'CRON', expression: '0 * * * *', description: 'hourly' } },
  env: { id: 'env_9', name: 'staging' },
});
const related = (id: string) => {
  const { env: _env, relatedRuns: _related, attemptCount: _attempts, ...run } = triggerRun({ ...RUN, id });
  return run;
};
const SCHEDULE = { id: 'sched_1', generator: { type: 'CRON', expression: '0 * * * *', description: 'hourly' } };
const ERROR = {
  name: 'ProviderError',
  message: 'rate limit reached',
  stackTrace: 'at checker',
  surface: 'run',
  category: 'rate_limit',
};
const CONCURRENCY = { current: 4, base: 5, override: null, overriddenAt: null, overriddenBy: null };

const ATTRIBUTES: Record<string, unknown> = {
  baseCostUsd: 0.000025,
  durationSeconds: 114.5,
  updatedAt: '2026-11-20T10:03:01.000Z',
  version: '20261120.7',
  idempotencyKey: 'idem-1',
  isTest: true,
  tags: ['project:acme', 'nightly'],
  delayedUntil: '2026-11-20T10:01:00.000Z',
  expiredAt: '2026-11-20T11:00:00.000Z',
  ttl: '1h',
  taskKind: 'SCHEDULED',
  region: 'eu-central-1',
  depth: 2,
  triggerFunction: 'batchTrigger',
  batchId: 'batch_1',
  schedule: SCHEDULE,
  environment: { id: 'env_9', name: 'staging' },
  rootRunId: 'run_root',
  parentRunId: 'run_parent',
  childRuns: [{ id: 'run_child', status: 'FAILED', taskIdentifier: 'pipeline' }],
  payload: { runId: 'cc-1' },
  output: { verdict: 'fail' },
};
const inAttributes = (kind: string) =>
  Object.fromEntries(Object.entries(ATTRIBUTES).map(([name, value]) => [`${kind}.attributes.${name}`, value]));

/** What the fixture says, by field of the record. */
const EXPECTED: Record<string, unknown> = {
  ...inAttributes('run'),
  ...inAttributes('job'),
  'run.runId': 'run_full',
  'run.status': 'failed',
  'run.rawStatus': 'FAILED',
  'run.workflow': 'pipeline',
  'run.createdAt': '2026-11-20T10:00:00.000Z',
  'run.startedAt': '2026-11-20T10:01:05.500Z',
  'run.finishedAt': '2026-11-20T10:03:00.000Z',
  'run.attempts': 3,
  'run.costUsd': 0.012525,
  'run.error': ERROR,
  'run.metadata': { step: 'checker' },
  'run.trigger': 'schedule',
  'run.project': 'acme',
  'run.links.trigger': 'https://trigger.example/runs/run_full',
  'usage.stepType': 'pipeline',
  'usage.date': '2026-11-20',
  'usage.costUsd': 0.012525,
  'usage.durationSeconds': 114.5,
  'usage.quantity': 114.5,
  'usage.project': 'acme',
  'job.jobId': 'run_full',
  'job.runSource': 'codecourier',
  'job.queue': 'task/pipeline',
  'job.enqueuedAt': '2026-11-20T10:01:00.000Z',
  'job.startedAt': '2026-11-20T10:01:05.500Z',
  'job.finishedAt': '2026-11-20T10:03:00.000Z',
  'job.tries': 3,
  'job.result': 'failed',
  'job.attributes.status': 'failed',
  'job.attributes.rawStatus': 'FAILED',
  'job.attributes.task': 'pipeline',
  'job.attributes.createdAt': '2026-11-20T10:00:00.000Z',
  'job.attributes.costUsd': 0.012525,
  'job.attributes.error': ERROR,
  'job.attributes.metadata': { step: 'checker' },
  'job.attributes.project': 'acme',
  'job.attributes.link': 'https://trigger.example/runs/run_full',
  'queue.queue': 'task/pipeline',
  'queue.due': 7,
  'queue.inProgress': 3,
  'queue.concurrencyLimit': 4,
  'queue.deferred': 1,
  'queue.oldestDueAt': WAITING_SINCE,
  'queue.attributes.paused': true,
  'queue.attributes.queueId': 'queue_1',
  'queue.attributes.type': 'task',
  'queue.attributes.version': 'V1',
  'queue.attributes.concurrency': CONCURRENCY,
};

it('every field that the SDK knows comes out of the API and the metrics', async () => {
  await using server = await TriggerDevServer.start();
  server.putRun({
    ...RUN,
    relatedRuns: { root: related('run_root'), parent: related('run_parent'), children: [related('run_child')] },
  });
  // How long a run waited is known of those with one attempt.
  const { createdAt } = RUN;
  server.putRun(
    triggerRun({ id: 'run_once', status: 'COMPLETED', createdAt, startedAt: createdAt, finishedAt: createdAt }),
  );
  const waiting = { taskIdentifier: 'pipeline', createdAt: WAITING_SINCE } as const;
  server.putRun(triggerRun({ ...waiting, id: 'run_queued', status: 'QUEUED' }));
  server.putRun(
    triggerRun({ ...waiting, id: 'run_delayed', status: 'DELAYED', delayedUntil: '2036-11-20T12:00:00.000Z' }),
  );
  server.putQueue({
    id: 'queue_1',
    name: 'pipeline',
    type: 'task',
    running: 3,
    queued: 7,
    paused: true,
    concurrencyLimit: 4,
    version: 'V1',
    concurrency: CONCURRENCY,
  });
  await using bed = await openLedger();
  for (const [name, more] of [
    ['own', {}],
    ['executing', { runs_of: 'codecourier' }],
  ] as const) {
    const config = triggerDev.configSchema.parse({
      api_key: server.key,
      base_url: server.http.url,
      history: '36500d',
      project_tag: 'project:',
      run_url: 'https://trigger.example/runs/{id}',
      ...more,
    });
    const source = triggerDev.create(name, config, warnings().log);
    onTestFinished(() => source.close());
    expect((await pollHosted(source, bed.ledger, { name })).failure).toBeUndefined();
  }
  walkCoverage(await readShown(bed), coverage, {
    expected: ({ record }) => EXPECTED[record],
    // Runs and cost where the runs are its own; jobs where it executes the runs of another source.
    isFrom: ({ record }, { source }) => source === (record.startsWith('job.') ? 'executing' : 'own'),
  });
});

it('fields that the SDK does not know become attributes; links that open payloads to everybody do not', async () => {
  const server = await TriggerDevServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  server.putRun({
    ...triggerRun({ id: 'run_1', status: 'COMPLETED', createdAt: '2026-11-20T10:00:00.000Z' }),
    outputPresignedUrl: `${server.http.url}/object-store/output?signature=s`,
  });
  server.http.fail(/v3\/runs/, { kind: 'drift', change: (run) => ({ ...(run as object), machine: { cpu: 0.5 } }) });
  const parsed = triggerDev.configSchema.parse({ api_key: server.key, base_url: server.http.url, history: '36500d' });
  const ledger = new RecordingLedger();
  await pollForTest(triggerDev.create('test', parsed, warnings().log), ledger);
  const run = ledger.get('run', 'run_1');
  expect(run).toMatchObject({ 'attributes.machine': { cpu: 0.5 }, 'attributes.outputIn': 'object store' });
  expect(JSON.stringify(run)).not.toContain('signature');
  expect(server.http.asked.map(({ path }) => path)).not.toContain('/object-store/output');
});

it('a payload or output that is too large is left out, and its size is kept', async () => {
  const server = await TriggerDevServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const large = { text: 'x'.repeat(5_000) };
  server.putRun({
    ...triggerRun({ id: 'run_1', status: 'COMPLETED', createdAt: '2026-11-20T10:00:00.000Z' }),
    payload: large,
    output: large,
  });
  const options = { api_key: server.key, base_url: server.http.url, history: '36500d', max_payload: '4KiB' };
  const ledger = new RecordingLedger();
  await pollForTest(triggerDev.create('test', triggerDev.configSchema.parse(options), warnings().log), ledger);
  const run = ledger.get('run', 'run_1');
  expect(run).toMatchObject({ 'attributes.payloadBytes': 5_011, 'attributes.outputBytes': 5_011 });
  expect(run).not.toHaveProperty(['attributes.payload']);
  expect(run).not.toHaveProperty(['attributes.output']);
});

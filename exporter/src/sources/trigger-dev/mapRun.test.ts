import { describe, expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import { configSchema } from './config.ts';
import { mapRun, TRIGGER_STATUSES } from './mapRun.ts';

const CREATED = '2026-11-20T10:00:00.000Z';
const STARTED = '2026-11-20T10:00:05.000Z';
const UPDATED = '2026-11-20T10:01:30.000Z';

/** The data of the records of one kind. */
function mapped(kind: string, run: Record<string, unknown>, config: Record<string, unknown> = {}) {
  const raw = { id: 'run_1', taskIdentifier: 'pipeline', createdAt: CREATED, updatedAt: UPDATED, ...run };
  const words = new StatusWords(TRIGGER_STATUSES, warnings().log);
  const { records = [] } = mapRun(raw, configSchema.parse({ api_key: 'k', ...config }), words) ?? {};
  return records.flatMap((record) => (record.kind === kind ? [record.data] : []));
}

describe('a run', () => {
  it('has no attribute of what its status says already, nor a link that opens its payload to everybody', () => {
    const flags = ['isQueued', 'isExecuting', 'isWaiting', 'isCompleted', 'isSuccess', 'isFailed', 'isCancelled'];
    const repeated = Object.fromEntries(flags.map((name) => [name, true]));
    const links = { payloadPresignedUrl: 'https://store/1?sig=x', outputPresignedUrl: 'https://store/2?sig=x' };
    expect(mapped('run', { status: 'EXECUTING', region: 'eu', ...repeated, ...links })).toMatchObject([
      { attributes: { region: 'eu', payloadIn: 'object store', outputIn: 'object store', updatedAt: UPDATED } },
    ]);
    const [run] = mapped('run', { status: 'EXECUTING', region: 'eu', ...repeated, ...links });
    expect(Object.keys(run?.attributes ?? {}).sort()).toEqual(['outputIn', 'payloadIn', 'region', 'updatedAt']);
  });

  it.each([
    ['FAILED', { message: '429 Too Many Requests' }, 'rate_limit'],
    ['FAILED', { name: 'SchemaError', message: 'no' }, 'validation'],
    ['TIMED_OUT', { message: 'gone' }, 'timeout'],
    ['FAILED', { message: 'gone' }, 'other'],
  ])('that is %s with %j has an error of the category of %s', (status, error, category) => {
    expect(mapped('run', { status, error })).toMatchObject([{ error: { ...error, surface: 'run', category } }]);
  });
});

it('each attempt is a try of one job: those before the last have no end of their own', () => {
  const job = { queue: 'task/pipeline', jobId: 'run_1', enqueuedAt: CREATED };
  const run = { status: 'COMPLETED', startedAt: STARTED, finishedAt: UPDATED, attemptCount: 3 };
  expect(mapped('job', run)).toEqual([
    { ...job, startedAt: STARTED, finishedAt: null, tries: 1, result: 'retried' },
    { ...job, startedAt: null, finishedAt: null, tries: 2, result: 'retried' },
    { ...job, startedAt: STARTED, finishedAt: UPDATED, tries: 3, result: 'complete' },
  ]);
});

it('what a run cost where another source counts the runs is counted on demand, by project and task', () => {
  const run = { status: 'COMPLETED', finishedAt: UPDATED, costInCents: 2.5, durationMs: 1_500 };
  const config = { runs_of: 'codecourier', project: 'acme' };
  expect(mapped('usage', run, config)).toEqual([]);
  expect(mapped('usage', run, { ...config, count_cost: true })).toEqual([
    {
      usageId: 'run_1',
      project: 'acme',
      service: 'trigger_dev',
      stepType: 'pipeline',
      date: '2026-11-20',
      costUsd: 0.025,
      durationSeconds: 1.5,
      quantity: 1.5,
      unit: 'compute_seconds',
    },
  ]);
});

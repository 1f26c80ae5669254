import { describe, expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import { configSchema } from './config.ts';
import { LEDGER_STATUSES, mapWorkflowRun } from './mapWorkflowRun.ts';

const CONFIG = configSchema.parse({ database_url: 'postgres://ledger', adapters: [{ verb: 'FETCH' }] });
const at = (second: number) => `2026-11-20T10:00:${String(second).padStart(2, '0')}.000Z`;

function mapped(row: Record<string, string>, ...tasks: Record<string, string>[]) {
  const words = new StatusWords(LEDGER_STATUSES, warnings().log);
  return mapWorkflowRun({ id: 'r1', status: 'RUNNING', ...row }, tasks, {}, CONFIG, words).records;
}
const step = (task: Record<string, string>) => mapped({}, { id: 't1', ...task })[1]?.data;

it.each([
  ['PENDING', 'queued'],
  ['running', 'running'],
  ['SUCCEEDED', 'succeeded'],
  ['FAILED', 'failed'],
  ['SUSPENDED', 'waiting'],
  ['CANCELLED', 'cancelled'],
  ['SKIPPED', 'skipped'],
])('a step that is %s has the status %s', (rawStatus, status) => {
  expect(step({ status: rawStatus })).toMatchObject({ status, rawStatus });
});

describe('a step', () => {
  it.each(['SUCCEEDED', 'FAILED', 'SKIPPED'])('that is %s ended after its duration', (status) => {
    expect(step({ status, started_at: at(1), duration_ms: '2000' })).toMatchObject({ finishedAt: at(3) });
  });

  it.each(['PENDING', 'RUNNING', 'SUSPENDED', 'puzzled'])(
    'that is %s has not ended, however long it took so far',
    (status) => {
      expect(step({ status, started_at: at(1), duration_ms: '2000' })).not.toHaveProperty('finishedAt');
    },
  );

  it('began its duration before its end', () => {
    expect(step({ status: 'SUCCEEDED', finished_at: at(3), duration_ms: '2000' })).toMatchObject({ startedAt: at(1) });
  });
});

it('a run with its steps by their start, and a call of an adapter for each step that made one', () => {
  const records = mapped(
    {
      status: 'FAILED',
      project: 'acme',
      workflow_name: 'sync',
      trigger_source: 'SCHEDULE',
      created_at: at(0),
      started_at: at(1),
      finished_at: at(9),
      error: 'step crm failed: connection refused',
    },
    { id: 't3', step_name: 'map', verb: 'transform', status: 'PENDING' },
    {
      id: 't2',
      step_name: 'crm',
      verb: 'fetch',
      status: 'FAILED',
      started_at: at(4),
      finished_at: at(6),
      error: 'HTTP 401',
    },
    {
      id: 't1',
      step_name: 'erp',
      verb: 'fetch',
      status: 'SUCCEEDED',
      started_at: at(2),
      finished_at: at(4),
      duration_ms: '1500',
    },
  );
  const call = { kind: 'adapter', data: { project: 'acme', count: 1, attributes: { runId: 'r1' } } };
  expect(records).toEqual([
    {
      kind: 'run',
      data: {
        runId: 'r1',
        project: 'acme',
        workflow: 'sync',
        origin: 'workflow',
        trigger: 'schedule',
        status: 'failed',
        rawStatus: 'FAILED',
        createdAt: at(0),
        startedAt: at(1),
        finishedAt: at(9),
        error: { surface: 'run', message: 'step crm failed: connection refused', category: 'network', stepId: 't2' },
      },
    },
    {
      kind: 'step',
      data: {
        runId: 'r1',
        stepId: 't1',
        index: 0,
        name: 'erp',
        verb: 'FETCH',
        status: 'succeeded',
        rawStatus: 'SUCCEEDED',
        startedAt: at(2),
        finishedAt: at(4),
      },
    },
    {
      kind: 'step',
      data: {
        runId: 'r1',
        stepId: 't2',
        index: 1,
        name: 'crm',
        verb: 'FETCH',
        status: 'failed',
        rawStatus: 'FAILED',
        startedAt: at(4),
        finishedAt: at(6),
        error: { surface: 'step', message: 'HTTP 401', category: 'api_key', stepId: 't2' },
      },
    },
    {
      kind: 'step',
      data: {
        runId: 'r1',
        stepId: 't3',
        index: 2,
        name: 'map',
        verb: 'TRANSFORM',
        status: 'queued',
        rawStatus: 'PENDING',
      },
    },
    {
      ...call,
      at: at(4),
      data: { ...call.data, adapter: 'erp', eventId: 't1', result: 'ok', at: at(4), latencySeconds: 1.5 },
    },
    {
      ...call,
      at: at(6),
      data: {
        ...call.data,
        adapter: 'crm',
        eventId: 't2',
        result: 'auth',
        at: at(6),
        latencySeconds: 2,
        message: 'HTTP 401',
      },
    },
  ]);
});

it('times of several clocks: what lies after the end is left out', () => {
  const late = { created_at: at(7), started_at: at(8), finished_at: at(6) };
  const [run, task] = mapped({ status: 'SUCCEEDED', ...late }, { id: 't1', status: 'SUCCEEDED', ...late });
  for (const { data } of [run, task].flatMap((record) => record ?? [])) {
    expect(data).toMatchObject({ finishedAt: at(6) });
    expect(data).not.toHaveProperty('createdAt');
    expect(data).not.toHaveProperty('startedAt');
  }
});

it('columns that the configuration adds are attributes of the run', () => {
  const words = new StatusWords(LEDGER_STATUSES, warnings().log);
  const [run] = mapWorkflowRun({ id: 'r1', status: 'RUNNING' }, [], { region: 'eu-1' }, CONFIG, words).records;
  expect(run?.data).toMatchObject({ attributes: { region: 'eu-1' } });
});

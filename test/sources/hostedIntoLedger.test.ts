import { expect, it, onTestFinished } from 'vitest';
import { readRun } from '../../exporter/src/ledger/read/readRun.ts';
import { e2b } from '../../exporter/src/sources/e2b/e2b.ts';
import { warnings } from '../../exporter/src/sources/pollForTest.ts';
import type { Source } from '../../exporter/src/sources/source.ts';
import { triggerDev } from '../../exporter/src/sources/trigger-dev/triggerDev.ts';
import { E2bServer, e2bMetric, e2bSandbox } from '../contract/e2b/e2bServer.ts';
import { pollHosted } from '../contract/pollHosted.ts';
import { TriggerDevServer, triggerRun } from '../contract/trigger-dev/triggerDevServer.ts';
import { correctionsOf, event, type LedgerBed, openLedger, rollupsOf, totalOf } from '../ledger/ledgerBed.ts';

const START = Date.now() - 3_600_000;
const after = (seconds: number) => new Date(START + seconds * 1000).toISOString();

async function ledgerBed(): Promise<LedgerBed> {
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  return bed;
}

async function triggerServer(): Promise<TriggerDevServer> {
  const server = await TriggerDevServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function e2bServer(): Promise<E2bServer> {
  const server = await E2bServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function openTrigger(server: TriggerDevServer, config: object = {}): Source {
  const options = { api_key: server.key, base_url: server.http.url, ...config };
  const source = triggerDev.create('trigger', triggerDev.configSchema.parse(options), warnings().log);
  onTestFinished(() => source.close());
  return source;
}

function openE2b(server: E2bServer, config: object = {}): Source {
  const options = { api_key: server.key, api_url: server.http.url, ...config };
  const source = e2b.create('e2b', e2b.configSchema.parse(options), warnings().log);
  onTestFinished(() => source.close());
  return source;
}

async function poll(source: Source, bed: LedgerBed, name = 'trigger'): Promise<void> {
  expect((await pollHosted(source, bed.ledger, { name })).failure).toBeUndefined();
}

const commits = async ({ query }: LedgerBed) =>
  (await query<{ seq: string }>('select seq from fleetlens.head'))[0]?.seq;
const deadLetters = ({ query }: LedgerBed) => query('select kind, reason, payload from fleetlens.dead_letter');
const finishedJobs = async ({ query }: LedgerBed) =>
  Object.fromEntries(
    (
      await query<{ result: string; value: string }>(
        "select labels[3] as result, value from fleetlens.rollup where family = 'fleet_queue_jobs_finished_total'",
      )
    ).map(({ result, value }) => [result, Number(value) / 1e9]),
  );
/** Counters alone: gauges and samples follow the clock. */
const countersOf = async (bed: LedgerBed) =>
  Object.fromEntries(Object.entries(await rollupsOf(bed)).filter(([name]) => /_total\{|_seconds\{|_usd\{/.test(name)));

/** A run that is retried twice, polled in every state. */
async function liveRun(server: TriggerDevServer, poll: () => Promise<void>): Promise<void> {
  server.putRun(triggerRun({ id: 'run_live', status: 'QUEUED', createdAt: after(100) }));
  await poll();
  const running = { status: 'EXECUTING', startedAt: after(105), isQueued: false, isExecuting: true } as const;
  server.changeRun('run_live', { ...running, attemptCount: 1, updatedAt: after(105) });
  await poll();
  server.changeRun('run_live', { attemptCount: 2, updatedAt: after(120) });
  await poll();
  const end = { status: 'COMPLETED', finishedAt: after(200), isExecuting: false, isCompleted: true } as const;
  server.changeRun('run_live', { ...end, attemptCount: 3, costInCents: 3, durationMs: 95_000, updatedAt: after(200) });
  await poll();
}

function history(server: TriggerDevServer): void {
  for (let index = 0; index < 60; index++) {
    const isFailed = index % 6 === 0;
    server.putRun(
      triggerRun({
        id: `run_${index}`,
        status: isFailed ? 'CRASHED' : 'COMPLETED',
        createdAt: after(index),
        startedAt: after(index + 2),
        finishedAt: after(index + 62),
        attemptCount: index % 10 === 0 ? 2 : 1,
        costInCents: 0.5,
        baseCostInCents: 0.5,
        durationMs: 60_000,
        ...(isFailed && { error: { message: 'out of memory' } }),
      }),
    );
  }
}

it('runs of a Trigger.dev project are counted once, whatever is read again, and an idle poll writes nothing', async () => {
  const bed = await ledgerBed();
  const server = await triggerServer();
  history(server);
  const source = openTrigger(server);
  await poll(source, bed);
  await liveRun(server, () => poll(source, bed));
  expect(await deadLetters(bed)).toEqual([]);
  expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(61);
  expect(await totalOf(bed, 'fleet_runs_finished_total')).toBe(61);
  expect(await totalOf(bed, 'fleet_run_errors_total')).toBe(10);
  expect(await totalOf(bed, 'fleet_cost_usd_total')).toBeCloseTo(60 * 0.01 + 0.03, 9);
  expect(await totalOf(bed, 'fleet_queue_jobs_enqueued_total')).toBe(61);
  expect(await totalOf(bed, 'fleet_queue_wait_seconds')).toBe(61);
  expect(await finishedJobs(bed)).toEqual({ complete: 51, failed: 10, retried: 6 + 2 });
  expect(await correctionsOf(bed)).toBe(0);

  const seq = await commits(bed);
  await poll(source, bed);
  expect(await commits(bed)).toBe(seq);

  const before = await countersOf(bed);
  await bed.query('update fleetlens.source_state set cursor = null');
  await poll(openTrigger(server), bed);
  expect(await countersOf(bed)).toEqual(before);
  expect(await correctionsOf(bed)).toBe(0);
});

it('the job that executes the run of another source counts no run and no cost, and is shown with that run', async () => {
  const bed = await ledgerBed();
  const server = await triggerServer();
  const platform = (id: string, triggerRunId: string) =>
    event(
      `e-${id}`,
      'run',
      after(0),
      { runId: id, triggerRunId, status: 'running', createdAt: after(0) },
      'codecourier',
    );
  await bed.ledger.recordPushed([
    platform('cc-1', 'run_live'),
    platform('cc-2', 'run_w2'),
    platform('cc-3', 'run_none'),
  ]);
  // Another platform may have a run that names the same id: it is not the one.
  await bed.ledger.recordPushed([
    event('e-o', 'run', after(0), { runId: 'o', triggerRunId: 'run_live', status: 'running' }, 'other'),
  ]);
  const source = openTrigger(server, { runs_of: 'codecourier' });
  history(server);
  await liveRun(server, () => poll(source, bed));
  for (const [id, at] of [
    ['run_w1', 300],
    ['run_w2', 310],
    ['run_w3', 320],
  ] as const) {
    server.putRun(triggerRun({ id, status: 'QUEUED', createdAt: after(at) }));
  }
  await poll(source, bed);
  expect(await deadLetters(bed)).toEqual([]);
  expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(4);
  expect(await totalOf(bed, 'fleet_runs_finished_total')).toBe(0);
  expect(await totalOf(bed, 'fleet_cost_usd_total')).toBe(0);
  expect(await totalOf(bed, 'fleet_run_errors_total')).toBe(0);
  expect(await finishedJobs(bed)).toEqual({ complete: 51, failed: 10, retried: 8 });
  expect(await correctionsOf(bed)).toBe(0);

  const answer = async (run: string, of = 'codecourier', visible?: string[]) => {
    const found = await readRun(bed.ledger.pool, of, run, ['job'], visible);
    return found !== undefined && 'run' in found ? found.run : undefined;
  };
  const run = await answer('cc-1');
  expect(run).toMatchObject({ source: 'codecourier', status: 'running' });
  expect(run?.job).toMatchObject({
    source: 'trigger',
    queue: 'task/codecourier-run',
    tries: 3,
    result: 'complete',
    enqueuedAt: after(100),
    startedAt: after(105),
    finishedAt: after(200),
    attributes: { status: 'succeeded', costUsd: 0.03, durationSeconds: 95 },
  });
  expect(run?.job).not.toHaveProperty('queuePosition');
  expect((await answer('cc-2'))?.job).toMatchObject({ queuePosition: 2 });
  expect(await answer('cc-3')).not.toHaveProperty('job');
  expect(await answer('o', 'other')).not.toHaveProperty('job');
  // Who may not see the run does not see what executes it.
  expect(await answer('cc-1', 'codecourier', ['elsewhere'])).toBeUndefined();

  const before = await countersOf(bed);
  await bed.query("update fleetlens.source_state set cursor = null where source = 'trigger'");
  await poll(openTrigger(server, { runs_of: 'codecourier' }), bed);
  expect(await countersOf(bed)).toEqual(before);
});

it('sandboxes of E2B are counted once, and not at all where another source counts them', async () => {
  const bed = await ledgerBed();
  const server = await e2bServer();
  for (const id of ['a', 'b', 'c']) {
    server.put(e2bSandbox({ sandboxID: id, startedAt: after(0), state: id === 'c' ? 'paused' : 'running' }));
    server.metrics.set(id, [e2bMetric()]);
  }
  const [source, shown] = [openE2b(server), openE2b(server, { sandboxes_of: 'codecourier' })];
  const both = async () => {
    await poll(source, bed, 'e2b');
    await poll(shown, bed, 'e2b-shown');
  };
  const gauge = async () => {
    const found = Object.entries(await rollupsOf(bed)).filter(([name]) => name.startsWith('fleet_sandboxes{'));
    return Object.fromEntries(found.map(([name, value]) => [name, value.split(' ')[1]]));
  };
  await both();
  expect(await gauge()).toEqual({ 'fleet_sandboxes{e2b,,running}': '2', 'fleet_sandboxes{e2b,,paused}': '1' });
  const seq = await commits(bed);
  await both();
  expect(await commits(bed)).toBe(seq);
  server.sandboxes.delete('a');
  await both();
  await both();
  expect(await gauge()).toEqual({ 'fleet_sandboxes{e2b,,running}': '1', 'fleet_sandboxes{e2b,,paused}': '1' });
  expect(await totalOf(bed, 'fleet_sandboxes_created_total')).toBe(3);
  const [record] = await bed.query<{ doc: object }>(
    "select doc from fleetlens.sandbox where source = 'e2b-shown' and key = 'b'",
  );
  expect(record?.doc).toMatchObject({ countedBy: 'codecourier', memoryBytes: 1_073_741_824, cpuUsedRatio: 0.375 });
  expect(await deadLetters(bed)).toEqual([]);
  const before = await countersOf(bed);
  await bed.query('update fleetlens.source_state set cursor = null');
  await poll(openE2b(server), bed, 'e2b');
  expect(await countersOf(bed)).toEqual(before);
  expect(await correctionsOf(bed)).toBe(0);
});

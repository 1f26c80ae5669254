import { expect, it, onTestFinished } from 'vitest';
import { intCrucible } from '../../exporter/src/sources/int-crucible/intCrucible.ts';
import { pollForTest, warnings } from '../../exporter/src/sources/pollForTest.ts';
import type { Source } from '../../exporter/src/sources/source.ts';
import { workflowLedger } from '../../exporter/src/sources/workflow-ledger/workflowLedger.ts';
import { type LedgerBed, openLedger, rollupsOf, totalOf } from '../ledger/ledgerBed.ts';
import { enqueueJobs, startArqWorker } from '../support/arqWorker.ts';
import { crucibleOnPostgres } from '../support/crucibleDatabase.ts';
import { startRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';
import { workflowLedgerDatabase } from '../support/workflowLedgerDatabase.ts';

const START = new Date(Date.now() - 3_600_000);
const after = (seconds: number) => new Date(START.getTime() + seconds * 1000);

async function ledgerBed(): Promise<LedgerBed> {
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  return bed;
}

const crucible = (config: object): Source =>
  intCrucible.create('test', intCrucible.configSchema.parse(config), warnings().log);
const flows = (config: object): Source =>
  workflowLedger.create('test', workflowLedger.configSchema.parse(config), warnings().log);

const deadLetters = ({ query }: LedgerBed) => query('select kind, reason, payload from fleetlens.dead_letter');

it('an Int Crucible is counted once, whatever is read again', async () => {
  const bed = await ledgerBed();
  const database = await crucibleOnPostgres();
  onTestFinished(() => database.drop());
  await database.createProject('p1');
  const usage = { input_tokens: 10, output_tokens: 2, total_tokens: 12, call_count: 1, cost_usd: 0.5 };
  const end = (at: Date) => ({
    at,
    durationSeconds: 60,
    counts: { candidates: 5 },
    phases: [{ phase: 'design' as const, startedAt: START, durationSeconds: 30, usage }],
  });
  await database.insertHistory(
    Array.from({ length: 120 }, (_, index) => ({
      id: `r${index}`,
      projectId: 'p1',
      createdAt: after(index),
      startedAt: after(index + 1),
      end: end(after(index + 61)),
      ...(index % 4 === 0 ? { error: 'rate limit reached' } : {}),
    })),
  );
  const source = crucible({ ...database.sourceConfig, page_size: 50 });
  onTestFinished(() => source.close());
  await pollForTest(source, bed.ledger);
  const live = await database.createRun({ projectId: 'p1' });
  await pollForTest(source, bed.ledger);
  await database.updateRunStatus(live, 'RUNNING', { startedAt: new Date() });
  await database.completeRun(live, end(new Date()));
  await pollForTest(source, bed.ledger);
  expect(await deadLetters(bed)).toEqual([]);
  expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(121);
  expect(await totalOf(bed, 'fleet_runs_finished_total')).toBe(121);
  expect(await totalOf(bed, 'fleet_run_errors_total')).toBe(30);
  expect(await totalOf(bed, 'fleet_cost_usd_total')).toBeCloseTo(60.5, 6);
  expect(await totalOf(bed, 'fleet_run_duration_seconds')).toBe(121);
  expect(await totalOf(bed, 'fleetlens_corrections_total')).toBe(0);
  const before = await rollupsOf(bed);
  // A new process without memory, and a source that is read from its beginning.
  await bed.query('update fleetlens.source_state set cursor = null');
  const again = crucible({ ...database.sourceConfig, page_size: 7 });
  onTestFinished(() => again.close());
  await pollForTest(again, bed.ledger);
  expect(await rollupsOf(bed)).toEqual(before);
});

it('a workflow platform with its workers is counted once, whatever is read again', async () => {
  const bed = await ledgerBed();
  const tables = await workflowLedgerDatabase();
  onTestFinished(() => tables.drop());
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const config = { database_url: tables.connectionString, redis_url: redis.url };
  const source = flows(config);
  onTestFinished(() => source.close());
  await pollForTest(source, bed.ledger);

  const run = await tables.createRun({ workflowName: 'sync', project: 'acme', createdAt: START });
  await tables.startRun(run, after(1));
  for (const at of [after(5), after(5), after(6)]) {
    const task = await tables.startTask(run, { stepName: 'erp', verb: 'FETCH', startedAt: after(2) });
    await tables.finishTask(task, { status: 'SUCCEEDED', at });
  }
  const approval = await tables.suspendRun(run, { policy: 'p', requestedAt: after(10) });
  await pollForTest(source, bed.ledger);
  await tables.decideApproval(approval, 'APPROVED', { at: after(40) });
  await tables.finishRun(run, 'SUCCEEDED', { at: after(50) });
  const worker = await startArqWorker({ redisUrl: redis.url });
  onTestFinished(async () => {
    await worker.kill('SIGKILL');
  });
  await enqueueJobs(redis.url, [
    ...Array.from({ length: 20 }, () => ({ function: 'succeed' as const })),
    { function: 'fail' },
    { function: 'retry', args: [2] },
  ]);
  await waitFor(
    async () => {
      await pollForTest(source, bed.ledger);
      return (await totalOf(bed, 'fleet_queue_jobs_finished_total')) >= 24;
    },
    { what: 'the jobs to be worked and read' },
  );
  expect(await deadLetters(bed)).toEqual([]);
  const results = await bed.query<{ result: string; value: string }>(
    `select labels[3] as result, value from fleetlens.rollup where family = 'fleet_queue_jobs_finished_total' order by 1`,
  );
  expect(results.map(({ result, value }) => [result, Number(value) / 1e9])).toEqual([
    ['complete', 21],
    ['failed', 1],
    ['retried', 2],
  ]);
  expect(await totalOf(bed, 'fleet_queue_jobs_enqueued_total')).toBe(22);
  // A job that was tried three times waited for its first try, and only its last one is told.
  expect(await totalOf(bed, 'fleet_queue_wait_seconds')).toBe(21);
  expect(await totalOf(bed, 'fleet_adapter_requests_total')).toBe(3);
  expect(await totalOf(bed, 'fleet_approval_wait_seconds')).toBe(1);
  expect(await totalOf(bed, 'fleet_runs_finished_total')).toBe(1);
  expect(await totalOf(bed, 'fleetlens_corrections_total')).toBe(0);
  const counters = async () =>
    Object.fromEntries(
      Object.entries(await rollupsOf(bed)).filter(
        ([name]) => /_total\{|_seconds\{/.test(name) && !/latency|oldest/.test(name),
      ),
    );
  const before = await counters();
  await bed.query('update fleetlens.source_state set cursor = null');
  const again = flows(config);
  onTestFinished(() => again.close());
  await pollForTest(again, bed.ledger);
  expect(await counters()).toEqual(before);
});

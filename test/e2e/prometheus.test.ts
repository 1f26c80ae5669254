import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enqueueJobs, startArqWorker } from '../support/arqWorker.ts';
import { type CrucibleDatabase, crucibleOnPostgres } from '../support/crucibleDatabase.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { fleetHistory } from '../support/fleetHistory.ts';
import { withClient } from '../support/ledgerContents.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { promtoolCheckMetrics } from '../support/promtool.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import type { ServerProcess } from '../support/serverProcess.ts';
import { waitFor } from '../support/waitFor.ts';
import { type WorkflowLedgerDatabase, workflowLedgerDatabase } from '../support/workflowLedgerDatabase.ts';

const TOKEN = 'ingest-token-for-tests';
const HOUR_MS = 3_600_000;

const ago = (ms: number) => new Date(Date.now() - ms);

/** What the ledger holds of a counter, by label set; the truth that Prometheus has to repeat. */
async function ledgerCounters(connectionString: string): Promise<Map<string, number>> {
  return await withClient(connectionString, async (client) => {
    const { rows } = await client.query<{ family: string; labels: string[]; value: string }>(
      "select family, labels, value from fleetlens.rollup where family like 'fleet\\_%\\_total'",
    );
    return new Map(
      rows.map(({ family, labels, value }) => [`${family} ${[...labels].sort().join(' ')}`, Number(value) / 1e9]),
    );
  });
}

/** The same of Prometheus: label values in the same order, those of the target left out. */
async function prometheusCounters(prometheus: PrometheusServer): Promise<Map<string, number>> {
  const samples = await prometheus.query('{__name__=~"fleet_.+_total", job="fleetlens"}');
  return new Map(
    samples.map(({ metric: { __name__, job: _job, instance: _instance, ...labels }, value }) => [
      `${__name__} ${Object.values(labels).sort().join(' ')}`,
      value,
    ]),
  );
}

/** Prometheus drops empty labels. */
function withoutEmptyLabels(counters: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...counters].map(([key, value]) => [key.replace(/ +/g, ' ').trim(), value]));
}

describe('a fleet on real parts', () => {
  let ledger: TestDatabase;
  let crucible: CrucibleDatabase;
  let workflows: WorkflowLedgerDatabase;
  let redis: RedisServer;
  let worker: ServerProcess;
  let exporter: ExporterProcess;
  let prometheus: PrometheusServer;

  beforeAll(async () => {
    [ledger, crucible, workflows, redis] = await Promise.all([
      freshDatabase(),
      crucibleOnPostgres(),
      workflowLedgerDatabase(),
      startRedis(),
    ]);
    worker = await startArqWorker({ redisUrl: redis.url, healthCheckIntervalSeconds: 1, keepResultSeconds: 600 });

    // A past, so that the label sets exist before what this test watches happens.
    await crucible.createProject('alpha');
    const old = {
      createdAt: ago(2 * HOUR_MS),
      startedAt: ago(2 * HOUR_MS - 5_000),
      end: { at: ago(HOUR_MS), durationSeconds: 3_500 },
    };
    await crucible.insertHistory([
      { projectId: 'alpha', ...old },
      { projectId: 'alpha', ...old, error: 'invalid API key' },
    ]);
    const past = {
      workflowName: 'nightly',
      project: 'ops',
      triggerSource: 'schedule' as const,
      createdAt: ago(2 * HOUR_MS),
      startedAt: ago(2 * HOUR_MS),
      finishedAt: ago(HOUR_MS),
    };
    await workflows.insertHistory([
      {
        ...past,
        status: 'SUCCEEDED',
        tasks: [{ stepName: 'erp', verb: 'FETCH', startedAt: ago(2 * HOUR_MS), status: 'SUCCEEDED', at: ago(HOUR_MS) }],
      },
    ]);
    await enqueueJobs(redis.url, [{ function: 'succeed' }, { function: 'fail', args: ['broken'] }]);

    exporter = await startExporter({
      config: {
        ledger: { database_url: ledger.connectionString },
        tokens: [{ name: 'ci', role: 'ingest', token: TOKEN }],
        sources: [
          { name: 'crucible', type: 'int-crucible', poll_interval: '1s', ...crucible.sourceConfig },
          {
            name: 'workflows',
            type: 'workflow-ledger',
            poll_interval: '1s',
            database_url: workflows.connectionString,
            redis_url: redis.url,
          },
        ],
      },
    });
    prometheus = await startPrometheus({ targets: [exporter.url] });
    // The pushing source has a past too: an old event first, then a fresh one ends its backfill.
    const history = [
      ...fleetHistory({ source: 'pushed', runs: 30, seed: 1, endMs: Date.now() - HOUR_MS, prefix: 'old' }),
      ...fleetHistory({ source: 'pushed', runs: 1, seed: 2, endMs: Date.now(), prefix: 'now' }),
    ];
    expect(await pushEvents(exporter.url, TOKEN, history)).toMatchObject({ status: 200, rejected: [] });
    await waitFor(async () => (await prometheus.query('count(fleetlens_source_catching_up == 0)'))[0]?.value === 3, {
      what: 'all sources to be live',
    });
  });

  afterAll(async () => {
    await prometheus?.stop();
    await exporter?.stop();
    await worker?.stop();
    await Promise.all([redis?.stop(), ledger?.drop(), crucible?.drop(), workflows?.drop()]);
  });

  it('what Prometheus answers equals what happened, and what the ledger holds', async () => {
    const before = await ledgerCounters(ledger.connectionString);
    const total = (counters: ReadonlyMap<string, number>, prefix: RegExp) =>
      [...counters].filter(([key]) => prefix.test(key)).reduce((sum, [, value]) => sum + value, 0);

    // Things happen on every platform at once.
    const ids = await Promise.all([1, 2, 3].map(() => crucible.createRun({ projectId: 'alpha' })));
    for (const id of ids) await crucible.updateRunStatus(id, 'RUNNING', { startedAt: new Date() });
    const nightly = await workflows.createRun({ workflowName: 'nightly', project: 'ops', triggerSource: 'schedule' });
    await workflows.startRun(nightly, new Date());
    const fetched = await workflows.startTask(nightly, { stepName: 'erp', verb: 'FETCH', startedAt: new Date() });
    await enqueueJobs(redis.url, [
      { function: 'succeed' },
      { function: 'succeed' },
      { function: 'fail', args: ['again'] },
    ]);
    await waitFor(
      async () => (await prometheus.query('sum(fleet_runs{source="crucible",status="running"})'))[0]?.value === 3,
      { what: 'three running runs in Prometheus' },
    );

    await crucible.completeRun(ids[0] as string, { at: new Date(), durationSeconds: 2 });
    await crucible.completeRun(ids[1] as string, { at: new Date(), durationSeconds: 2 });
    await crucible.failRun(ids[2] as string, 'the model provider said: 429 rate limit', { durationSeconds: 1 });
    await workflows.finishTask(fetched, { status: 'FAILED', at: new Date(), error: '401 Unauthorized' });
    await workflows.finishRun(nightly, 'FAILED', { at: new Date(), error: 'step erp failed' });
    const pushed = fleetHistory({ source: 'pushed', runs: 40, seed: 3, endMs: Date.now(), prefix: 'live' });
    expect(await pushEvents(exporter.url, TOKEN, pushed)).toMatchObject({ status: 200, accepted: pushed.length });

    const grown = async (key: RegExp, by: number) => {
      await waitFor(async () => total(await ledgerCounters(ledger.connectionString), key) - total(before, key) === by, {
        what: `${key} to grow by ${by}`,
      });
    };
    await grown(/^fleet_runs_created_total .*crucible/, 3);
    await grown(/^fleet_runs_finished_total .*crucible.*succeeded/, 2);
    await grown(/^fleet_runs_finished_total .*crucible.*failed|^fleet_runs_finished_total .*failed.*crucible/, 1);
    await grown(/^fleet_runs_finished_total .*failed.*workflows/, 1);
    await grown(/^fleet_adapter_requests_total .*auth.*workflows/, 1);
    await grown(/^fleet_queue_jobs_finished_total .*complete.*workflows/, 2);
    await grown(/^fleet_queue_jobs_finished_total .*failed.*workflows/, 1);
    await grown(/^fleet_runs_created_total .*pushed/, 40);

    // Label sets that were born just now show 0 for their first minute; all others have to agree at once.
    const young = await withClient(ledger.connectionString, async (client) => {
      const { rows } = await client.query<{ family: string; labels: string[] }>(
        "select family, labels from fleetlens.rollup where born_at > now() - interval '70 seconds'",
      );
      return new Set(
        rows.map(({ family, labels }) => `${family} ${[...labels].sort().join(' ')}`.replace(/ +/g, ' ').trim()),
      );
    });
    const settledOnes = (counters: ReadonlyMap<string, number>) =>
      new Map([...withoutEmptyLabels(counters)].filter(([key]) => !young.has(key)).sort());
    await waitFor(
      async () => {
        const [inPrometheus, inLedger] = await Promise.all([
          prometheusCounters(prometheus),
          ledgerCounters(ledger.connectionString),
        ]);
        return JSON.stringify([...settledOnes(inPrometheus)]) === JSON.stringify([...settledOnes(inLedger)]);
      },
      { what: 'Prometheus to agree with the ledger', intervalMs: 500 },
    ).catch(async () => {
      expect(settledOnes(await prometheusCounters(prometheus))).toEqual(
        settledOnes(await ledgerCounters(ledger.connectionString)),
      );
    });
    expect(settledOnes(await prometheusCounters(prometheus)).size).toBeGreaterThan(25);
  });

  it('exemplars name the run', async () => {
    const now = Date.now() / 1000;
    const [series] = await waitFor(
      async () => {
        const found = await prometheus.queryExemplars('fleet_run_duration_seconds_bucket{source="pushed"}', {
          start: now - 600,
          end: now + 60,
        });
        return found.length > 0 && found;
      },
      { what: 'exemplars in Prometheus' },
    );
    expect(series?.exemplars[0]?.labels).toMatchObject({
      source: 'pushed',
      run_id: expect.stringMatching(/^(old|now|live)-\d+$/),
    });
  });

  it('promtool has nothing to say about the exposition', async () => {
    expect(await promtoolCheckMetrics(await exporter.scrape())).toEqual({ exitCode: 0, output: '' });
  });
});

describe('the backfill of an old database', () => {
  const RUNS = 5_000;

  it('pages nobody: increase() is 0 over it, and 1 over the next live run', async () => {
    const [ledger, crucible] = await Promise.all([freshDatabase(), crucibleOnPostgres()]);
    await crucible.createProject('alpha');
    await crucible.createProject('beta');
    await crucible.insertHistory(
      Array.from({ length: RUNS }, (_, i) => ({
        projectId: 'alpha',
        createdAt: ago(HOUR_MS * 24 + i * 60_000),
        startedAt: ago(HOUR_MS * 24 + i * 60_000 - 2_000),
        end: { at: ago(HOUR_MS * 24 + i * 60_000 - 50_000), durationSeconds: 48 },
        ...(i % 10 === 0 ? { error: 'the sandbox timed out' } : {}),
      })),
    );
    const exporter = await startExporter({
      config: {
        ledger: { database_url: ledger.connectionString },
        sources: [{ name: 'crucible', type: 'int-crucible', poll_interval: '1s', ...crucible.sourceConfig }],
      },
    });
    const prometheus = await startPrometheus({ targets: [exporter.url] });
    const value = async (expression: string) => (await prometheus.query(expression))[0]?.value;
    try {
      await waitFor(async () => (await value('sum(fleet_runs_created_total)')) === RUNS, {
        what: 'the backfill to be exposed',
        timeoutMs: 120_000,
      });
      const shown = Date.now();
      await waitFor(async () => Date.now() - shown > 5_000, { what: 'some scrapes' });
      expect(await value('sum(increase(fleet_runs_created_total[5m]))')).toBe(0);
      expect(await value('sum(increase(fleet_runs_finished_total[5m]))')).toBe(0);
      expect(await value('sum(increase(fleet_run_duration_seconds_count[5m]))')).toBe(0);
      expect(await value('sum(increase(fleet_run_errors_total[5m]))')).toBe(0);
      expect(await value('max(fleetlens_source_catching_up)')).toBe(0);

      // A label set that exists, and one that is born by this run and shows its first value after a minute.
      await crucible.createRun({ projectId: 'alpha' });
      await crucible.createRun({ projectId: 'beta' });
      await waitFor(async () => (await value('sum(fleet_runs_created_total)')) === RUNS + 2, {
        what: 'both runs in Prometheus',
        intervalMs: 1_000,
      });
      for (const project of ['alpha', 'beta']) {
        const increase = await value(`sum(increase(fleet_runs_created_total{project="${project}"}[5m]))`);
        // increase() extrapolates to the window's edges by a few scrapes.
        expect(increase, project).toBeGreaterThan(0.9);
        expect(increase, project).toBeLessThan(1.25);
      }
    } finally {
      await prometheus.stop();
      await exporter.stop();
      await Promise.all([ledger.drop(), crucible.drop()]);
    }
  });
}, 300_000);

import { expect, it, onTestFinished } from 'vitest';
import { startCodecourierOnTrigger } from '../contract/codecourierOnTrigger.ts';
import { startExporter } from '../support/exporterProcess.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { freshDatabase } from '../support/postgres.ts';
import { waitFor } from '../support/waitFor.ts';

const RUNS = 60;

it('CodeCourier and the Trigger.dev that executes its runs are read together: each run once, with its job', async () => {
  await using platform = await startCodecourierOnTrigger(RUNS);
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const exporter = await startExporter({
    config: { ledger: { database_url: database.connectionString }, sources: platform.sources },
  });
  onTestFinished(() => exporter.stop());
  const samples = await waitFor(
    async () => {
      const shown = parseExposition(await exporter.scrape());
      const isRead = (source: string) => shown.get(`fleetlens_source_catching_up{source="${source}"}`) === 0;
      return isRead('codecourier') && isRead('trigger') ? shown : undefined;
    },
    { what: 'both sources to be read' },
  );
  const sum = (series: RegExp) =>
    [...samples].reduce((total, [name, value]) => total + (series.test(name) ? value : 0), 0);
  const { expected } = platform;
  expect({
    finished: sum(/^fleet_runs_finished_total\{/),
    jobs: sum(/^fleet_queue_jobs_finished_total\{.*result="(complete|failed)"/),
    retried: sum(/^fleet_queue_jobs_finished_total\{.*result="retried"/),
  }).toEqual(expected);
  // The runs and what they cost are counted by the platform, not by what executes them.
  expect(sum(/^fleet_runs_created_total\{source="trigger"/)).toBe(0);
  expect(sum(/^fleet_cost_usd_total\{source="trigger"/)).toBe(0);
  expect(sum(/^fleetlens_dead_letters\{/)).toBe(0);
  expect(platform.refused()).toBe(0);
  const response = await fetch(`${exporter.url}/api/v1/runs/codecourier/r00000?include=job`);
  expect(await response.json()).toMatchObject({
    triggerRunId: 'run_r00000',
    job: { source: 'trigger', jobId: 'run_r00000', result: 'complete', tries: 2 },
  });
});

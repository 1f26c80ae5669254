import { startCodecourierOnTrigger } from '../contract/codecourierOnTrigger.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { waitFor } from '../support/waitFor.ts';
import { type Bed, createLedger, dropDatabase } from './bed.ts';
import { startExporter } from './exporterProcess.ts';
import { atMost, count, type Figure, megabytes } from './figure.ts';
import { get } from './httpClient.ts';

const DATABASE = 'bench_backfill';
const GOAL_SECONDS = 300;

/**
 * How long a first read of a week takes: a CodeCourier project by its REST API and Trigger.dev, which executed its runs, read
 * together by one exporter. Both answer no more than 1,500 requests a minute.
 */
export async function benchBackfill(bed: Bed): Promise<Figure[]> {
  const runs = bed.quick ? 100 : 5_000;
  bed.say(`backfill: a week of ${count(runs)} runs from CodeCourier and Trigger.dev`);
  await using platform = await startCodecourierOnTrigger(runs);
  const url = await createLedger(bed.cluster, DATABASE);
  const started = performance.now();
  const exporter = await startExporter(url, { sources: platform.sources });
  try {
    const samples = await waitFor(
      async () => {
        const shown = parseExposition((await get(`${exporter.url}/metrics`)).body.toString());
        const isRead = (source: string) => shown.get(`fleetlens_source_catching_up{source="${source}"}`) === 0;
        return isRead('codecourier') && isRead('trigger') ? shown : undefined;
      },
      { what: 'both sources to be read', timeoutMs: 3 * GOAL_SECONDS * 1_000, intervalMs: 500 },
    );
    const seconds = (performance.now() - started) / 1_000;
    const sum = (series: RegExp) =>
      [...samples].reduce((total, [name, value]) => total + (series.test(name) ? value : 0), 0);
    const { expected } = platform;
    const found = {
      finished: sum(/^fleet_runs_finished_total\{/),
      jobs: sum(/^fleet_queue_jobs_finished_total\{.*result="(complete|failed)"/),
      retried: sum(/^fleet_queue_jobs_finished_total\{.*result="retried"/),
    };
    if (JSON.stringify(found) !== JSON.stringify(expected))
      throw new Error(`bench: expected ${JSON.stringify(expected)} after the backfill, found ${JSON.stringify(found)}`);
    return [
      {
        what: `first read of a week of ${count(runs)} runs from CodeCourier (REST) and Trigger.dev together, each limited to 1,500 requests/min`,
        value: `${Math.round(seconds)} s`,
        goal: atMost(Math.round(seconds), GOAL_SECONDS, ' s'),
      },
      { what: '… requests that a limit refused', value: count(platform.refused()) },
      { what: '… most memory of the exporter', value: megabytes(await exporter.peakRss()) },
    ];
  } finally {
    await exporter.stop();
    await dropDatabase(bed.cluster, DATABASE);
  }
}

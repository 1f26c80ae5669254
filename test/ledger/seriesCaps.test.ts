import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { METRIC_CATALOGUE, seriesPerLabelSet } from '../../exporter/src/contract/metricCatalogue.ts';
import { DEFAULT_SERIES_CAPS, type SeriesCaps, SeriesRegistry } from '../../exporter/src/ledger/seriesRegistry.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { createScraper } from '../../exporter/src/metrics/scrape.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { event, type LedgerBed, openLedger, totalOf } from './ledgerBed.ts';

/** Series that the rollups make when all are exposed, by family. */
async function seriesOf(bed: LedgerBed): Promise<Map<string, number>> {
  const rows = await bed.query<{ family: string; sets: string }>(
    'select family, count(*) as sets from fleetlens.rollup group by 1',
  );
  const sizes = new Map<string, number>(METRIC_CATALOGUE.map((f) => [f.name, seriesPerLabelSet(f)]));
  return new Map(rows.map((r) => [r.family, Number(r.sets) * (sizes.get(r.family) ?? 0)]));
}

const scrape = async (bed: LedgerBed) => {
  const scraper = createScraper(
    new RollupSnapshot(bed.ledger.pool, { allows: () => true }),
    new Registry(),
    pino({ level: 'silent' }),
  );
  return parseExposition(Buffer.concat(await scraper.scrape('text')).toString());
};

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe('caps on series', () => {
  it('100,000 distinct label values: bounded series, all events in __other__, folds counted once', async () => {
    await using bed = await openLedger();
    const now = Date.now();
    const total = 100_000;
    for (let from = 0; from < total; from += 10_000) {
      await bed.ledger.recordPushed(
        Array.from({ length: 10_000 }, (_, i) =>
          event(`e${from + i}`, 'platformError', now, { errorId: `e${from + i}`, component: `handler-${from + i}` }),
        ),
      );
    }
    await bed.query("update fleetlens.rollup set born_at = now() - interval '2 minutes', seq = seq");
    const capped = DEFAULT_SERIES_CAPS.maxSeries * DEFAULT_SERIES_CAPS.familyShare;
    const series = await seriesOf(bed);
    expect(series.get('fleet_errors_total')).toBe(capped + 1);
    expect(await totalOf(bed, 'fleet_errors_total')).toBe(total);
    const [other] = await bed.query<{ value: string }>(
      "select value / 1000000000 as value from fleetlens.rollup where family = 'fleet_errors_total' and labels = '{pushed,__other__}'",
    );
    expect(Number(other?.value)).toBe(total - capped);
    const samples = await scrape(bed);
    expect(samples.get('fleet_errors_total{source="pushed",component="__other__"}')).toBe(total - capped);
    expect(samples.get('fleetlens_series{family="fleet_errors_total"}')).toBe(capped + 1);
    expect(samples.get('fleetlens_series_folded_total{family="fleet_errors_total"}')).toBe(total - capped);
    expect((await verifyLedger(bed.ledger.pool)).differences).toEqual([]);
  });

  it.each([
    ['projects, in families of every size', (i: number) => ({ source: 's', project: `p${i}`, workflow: `w${i}` })],
    [
      'workflows of a project that calls itself __other__',
      (i: number) => ({ source: 's', project: '__other__', workflow: `w${i}` }),
    ],
    ['sources', (i: number) => ({ source: `s${i}`, project: 'p', workflow: 'w' })],
  ])('stays within the cap for 2,000 %s', async (_what, labels) => {
    const caps = { maxSeries: 2_000, familyShare: 0.25, maxSeriesByFamily: { fleet_runs: 50 } };
    await using bed = await openLedger({ caps });
    const now = Date.now();
    const iso = (ms: number) => new Date(now - ms).toISOString();
    await bed.ledger.recordPushed(
      Array.from({ length: 2_000 }, (_, i) => {
        const { source, ...data } = labels(i);
        const ended = { startedAt: iso(5_000), finishedAt: iso(1_000), status: 'succeeded', iterations: 2 };
        return event('e', 'run', now, { runId: `r${i}`, ...data, ...ended }, source === 's' ? `s-${i % 3}` : source);
      }).map((e, i) => ({ ...e, id: `e${i}` })),
    );
    const series = await seriesOf(bed);
    const slack = 1.1;
    const all = [...series.values()].reduce((a, b) => a + b, 0);
    expect(all).toBeLessThanOrEqual(caps.maxSeries * slack + 200);
    // A family holds its share, the reserve for what its sources fold into, and one set of all.
    expect(series.get('fleet_runs') ?? 0).toBeLessThanOrEqual(50 * slack + 3);
    expect(series.get('fleet_run_duration_seconds') ?? 0).toBeLessThanOrEqual(500 * slack + 4 * 17);
    expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(2_000);
    expect(await totalOf(bed, 'fleet_run_duration_seconds')).toBe(2_000);
    // What folds is named by its family, whatever else is full.
    const named = await bed.query<{ family: string }>(
      "select labels[1] as family from fleetlens.rollup where family = 'fleetlens_series_folded_total'",
    );
    expect(named.map((r) => r.family)).toEqual(expect.arrayContaining(['fleet_runs', 'fleet_run_duration_seconds']));
    expect(named.map((r) => r.family)).not.toContain('__other__');
    expect((await verifyLedger(bed.ledger.pool)).differences).toEqual([]);
  });

  it('what an alert names is counted for itself, however late it comes, and takes no room from others', () => {
    const resolver = (caps: Partial<SeriesCaps>) => {
      const registry = new SeriesRegistry({ ...DEFAULT_SERIES_CAPS, ...caps });
      return (component: string) => registry.resolve('fleet_errors_total', ['s', component]).labels[1];
    };
    const inFamily = resolver({ maxSeriesByFamily: { fleet_errors_total: 3 } });
    expect(inFamily('handleIssueComment')).toBe('handleIssueComment');
    for (const component of ['a', 'b', 'c']) expect(inFamily(component)).toBe(component);
    expect(inFamily('d')).toBe('__other__');
    expect(inFamily('handlePullRequest')).toBe('handlePullRequest');
    expect(inFamily('x handlePullRequest')).toBe('__other__');
    // The cap on all series holds: sources are as many as they like.
    const inAll = resolver({ maxSeries: 20, familyShare: 1 });
    for (let i = 0; i < 20; i++) inAll(`c${i}`);
    expect(inAll('handlePullRequest')).toBe('handlePullRequest');
    const sources = new SeriesRegistry({ ...DEFAULT_SERIES_CAPS, maxSeries: 20, familyShare: 1 });
    for (let i = 0; i < 1_000; i++) sources.resolve('fleet_errors_total', [`s${i}`, 'handlePullRequest']);
    expect(sources.takeNew().created.length).toBeLessThanOrEqual(23);
  });

  it('a registry of a full ledger stays small, and long names of folded sets are not kept', () => {
    const registry = new SeriesRegistry(DEFAULT_SERIES_CAPS);
    const long = 'x'.repeat(230);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 200_000; i++) registry.resolve('fleet_errors_total', ['s', `${long}${i}`]);
    collectGarbage();
    // The names alone of 195,000 folded sets take 45 MB, of 50,000 remembered ones 12 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(24e6);
    const { created, folded } = registry.takeNew();
    expect(created).toHaveLength(5_001);
    expect(folded.length).toBe(195_000);
  });

  it('a transaction that fails counts its folds the next time', async () => {
    const caps = { maxSeries: 100, familyShare: 0.02, maxSeriesByFamily: {} };
    await using bed = await openLedger({ caps });
    const now = Date.now();
    const events = ['a', 'b', 'c', 'd'].map((c) => event(c, 'platformError', now, { errorId: c, component: c }));
    await bed.query('alter table fleetlens.change add constraint broken check (seq < 0) not valid');
    expect(new Set((await bed.ledger.recordPushed(events)).map((r) => r.result))).toEqual(new Set(['rejected']));
    await bed.query('alter table fleetlens.change drop constraint broken');
    await bed.ledger.recordPushed(events);
    expect(await totalOf(bed, 'fleetlens_series_folded_total')).toBe(2);
    expect(await totalOf(bed, 'fleet_errors_total')).toBe(4);
  });
});

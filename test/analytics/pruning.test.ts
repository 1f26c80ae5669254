import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { FiguresAnswer, TimeseriesAnswer } from '../../exporter/src/contract/analytics.ts';
import { catchUpFacts } from '../../exporter/src/ledger/analytics/catchUpFacts.ts';
import { refreshFigures } from '../../exporter/src/ledger/analytics/refreshFigures.ts';
import { verifyFacts } from '../../exporter/src/ledger/analytics/verifyFacts.ts';
import { pruneLedger } from '../../exporter/src/ledger/retention/pruneLedger.ts';
import { DAY_MS, event } from '../ledger/ledgerBed.ts';
import { HOUR_MS } from './fleets.ts';
import { type ServedAnalytics, serveAnalytics } from './servedAnalytics.ts';

const END = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const iso = (ms: number) => new Date(ms).toISOString();
const RETENTION = { output: DAY_MS, output_bytes_per_run: 1_000, samples: DAY_MS, runs: 10 * DAY_MS, changes: 1 };

/** Forty days of runs, one every five hours, with waits, merges, money and verdicts; and money without a run. */
function* history() {
  for (let ms = END - 40 * DAY_MS, n = 0; ms < END - DAY_MS; ms += 5 * HOUR_MS, n++) {
    const runId = `run-${n}`;
    const status = ['succeeded', 'failed', 'timed_out', 'cancelled'][n % 4];
    yield event(runId, 'run', ms + 60_000, {
      ...{ runId, project: `acme/${n % 3}`, workflow: `w${n % 2}`, persona: 'engineer', model: 'large', status },
      ...{ createdAt: iso(ms), startedAt: iso(ms + n * 100), finishedAt: iso(ms + 60_000), iterations: n % 5 },
      ...{
        quality: { composite: n % 101 },
        pullRequest: { status: 'merged', createdAt: iso(ms), mergedAt: iso(ms + n * 1000) },
      },
    });
    yield event(`${runId} step`, 'step', ms + 50_000, {
      runId,
      stepId: 's',
      role: 'checker',
      verdict: { passed: n % 2 === 0 },
    });
    yield event(`${runId} usage`, 'usage', ms + 70_000, { usageId: runId, runId, costUsd: 0.25 * (n % 7) });
    if (n % 6 === 0) {
      yield event(`loose ${n}`, 'usage', ms, {
        usageId: `loose ${n}`,
        project: 'acme/0',
        costUsd: 1,
        date: iso(ms).slice(0, 10),
      });
      yield event(`lost ${n}`, 'usage', ms, {
        usageId: `lost ${n}`,
        runId: 'never came',
        costUsd: 2,
        date: iso(ms).slice(0, 10),
      });
    }
  }
}

async function figures(served: ServedAnalytics): Promise<unknown> {
  const windows = [
    [END - 45 * DAY_MS, END],
    // Nodes of 64 days lie in it.
    [END - 200 * DAY_MS, END + 100 * DAY_MS],
    [END - 35 * DAY_MS - 7 * HOUR_MS, END - 5 * DAY_MS + 3 * HOUR_MS],
  ] as const;
  const answers = await Promise.all(
    windows.map(([from, to]) =>
      served.ask<FiguresAnswer>(`runs?from=${iso(from)}&to=${iso(to)}&by=project,workflow,persona,model`),
    ),
  );
  return answers.map((answer) => answer.data.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
}

/** By hours: of UTC, and of a zone whose hours retention divides otherwise than the records did, so that it says nothing of before. */
async function series(served: ServedAnalytics, zone: 'UTC' | 'Asia/Kolkata'): Promise<unknown> {
  const answers = [];
  for (const by of ['project', 'project,workflow', 'project,workflow,persona']) {
    const [from, to] = [END - 32 * DAY_MS, END - 28 * DAY_MS].map(iso);
    const path = `timeseries?from=${from}&to=${to}&bucket=hour&time_zone=${zone}&by=${by}`;
    const { data } = await served.ask<TimeseriesAnswer>(path);
    answers.push(data.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
  }
  return answers;
}

async function prune({ bed: { ledger } }: ServedAnalytics) {
  return await pruneLedger(ledger, RETENTION);
}

it('keeps the figures of every hour when retention takes the records, whether they were added up before or not', async () => {
  for (const isRefreshed of [true, false]) {
    await using served = await serveAnalytics();
    const { ledger } = served.bed;
    await ledger.recordPushed([...history()]);
    await served.bed.query('update fleetlens.source_state set backfilled = true');
    while (await ledger.sweep()) {}
    const before = await figures(served);
    const seriesBefore = await series(served, 'UTC');
    const refresh = async () => {
      await catchUpFacts(ledger.pool);
      while (await refreshFigures(ledger.pool, { quiet: false })) {}
    };
    if (isRefreshed) await refresh();

    const { runs, records } = await prune(served);
    expect(runs).toBeGreaterThan(100);
    expect(records).toBeGreaterThan(20);
    expect(await figures(served)).toEqual(before);
    expect(await series(served, 'UTC')).toEqual(seriesBefore);
    const ofKolkata = await series(served, 'Asia/Kolkata');
    await refresh();
    expect(await figures(served)).toEqual(before);
    expect(await series(served, 'UTC')).toEqual(seriesBefore);
    expect(await series(served, 'Asia/Kolkata')).toEqual(ofKolkata);
    expect(await verifyFacts(ledger.pool)).toEqual({ facts: 0, sums: 0 });
    // What is pushed again of a run that is gone counts nothing.
    await ledger.recordPushed([...history()].slice(0, 50));
    await catchUpFacts(ledger.pool);
    expect(await figures(served)).toEqual(before);
  }
});

it('finds facts and sums that are wrong, and sets them right', async () => {
  await using served = await serveAnalytics();
  const { ledger } = served.bed;
  await ledger.recordPushed([...history()]);
  while (await ledger.sweep()) {}
  const before = await figures(served);
  while (await refreshFigures(ledger.pool, { quiet: false })) {}
  expect(await verifyFacts(ledger.pool)).toEqual({ facts: 0, sums: 0 });

  await served.bed.query("update fleetlens.run_fact set cost = cost + 1 where key = 'run-7'");
  await served.bed.query("delete from fleetlens.run_fact where key = 'run-9' and part = 0");
  await served.bed.query(
    "insert into fleetlens.run_fact (source, key, part, at_ms, dim, runs) select source, 'nobody', 0, at_ms, dim, 1 from fleetlens.run_fact where key = 'run-3' and part = 0",
  );
  // Of every level, since an answer is added up from the longest.
  await served.bed.query(
    `update fleetlens.run_sum set runs = runs + 1 where (level, mask, n, dim) in (
      select distinct on (level) level, mask, n, dim from fleetlens.run_sum where mask = 31 and runs > 0 order by level, n desc)`,
  );
  const found = await verifyFacts(ledger.pool);
  expect(found.facts).toBe(3);
  expect(found.sums).toBeGreaterThan(0);
  expect(await figures(served)).not.toEqual(before);

  await verifyFacts(ledger.pool, { repair: true });
  expect(await figures(served)).toEqual(before);
  expect(await verifyFacts(ledger.pool)).toEqual({ facts: 0, sums: 0 });
});

it('reads the records of a ledger that had none of these tables', async () => {
  await using served = await serveAnalytics();
  const { ledger } = served.bed;
  await ledger.recordPushed([...history()]);
  while (await ledger.sweep()) {}
  const before = await figures(served);
  await served.bed.query('truncate fleetlens.run_fact, fleetlens.run_sum, fleetlens.run_dirty');
  await served.bed.query("update fleetlens.run_fact_state set scan_kind = 'run', scan_source = '', scan_key = ''");
  expect(await figures(served)).toEqual(before);
});

it('tells the same hours when a ledger had no sums of them by two dimensions and of their halves, and adds them up anew', async () => {
  await using served = await serveAnalytics();
  const { ledger } = served.bed;
  await ledger.recordPushed([...history()]);
  while (await ledger.sweep()) {}
  await catchUpFacts(ledger.pool);
  while (await refreshFigures(ledger.pool, { quiet: false })) {}
  const before = await series(served, 'UTC');
  const ofKolkata = await series(served, 'Asia/Kolkata');
  const file = new URL('../../exporter/src/ledger/migrations/0016_analytics_pairs.sql', import.meta.url);
  const [up = '', down = ''] = (await readFile(file, 'utf8')).split('-- Down Migration');
  await served.bed.query(down);
  await served.bed.query(up);
  expect(await series(served, 'UTC')).toEqual(before);
  expect(await series(served, 'Asia/Kolkata')).toEqual(ofKolkata);
  while (await refreshFigures(ledger.pool, { quiet: false })) {}
  expect(await verifyFacts(ledger.pool)).toEqual({ facts: 0, sums: 0 });
  expect(await series(served, 'UTC')).toEqual(before);
  expect(await series(served, 'Asia/Kolkata')).toEqual(ofKolkata);
});

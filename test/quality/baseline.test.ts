import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { pruneLedger } from '../../exporter/src/ledger/retention/pruneLedger.ts';
import { rebuildLedger } from '../../exporter/src/ledger/verify/rebuildLedger.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { batched, PROPERTY_TIMEOUT_MS, propertyRuns, scrambled } from '../ledger/histories.ts';
import { correctionsOf, DAY_MS, event, type LedgerBed, openLedger, rollupsOf } from '../ledger/ledgerBed.ts';

const RUNS = 3;
const MARGIN = 10;
const POLICY = { settleAfterMs: 0, quality: { baselineRuns: RUNS, margin: MARGIN } };
const CAPS = { maxSeries: 10_000_000, familyShare: 1, maxSeriesByFamily: {} };
const SCOPE = { project: 'acme/shop', workflow: 'ship' };
const NOW = Date.now();
/** Minutes ago, so that a source which pushes it is live at once. */
const recent = (tenths: number) => NOW - 8 * 60_000 + tenths * 100;

interface Evaluated {
  readonly runId: string;
  readonly composite: number;
  readonly atMs: number;
  readonly workflow?: string;
}

function evaluated(
  { runId, composite, atMs, workflow = SCOPE.workflow }: Evaluated,
  source = 'pushed',
): NormalisedEvent {
  const finishedAt = new Date(atMs).toISOString();
  const data = { runId, project: SCOPE.project, workflow, status: 'succeeded', finishedAt, quality: { composite } };
  return event(`${runId} done`, 'run', atMs, data, source);
}

const inTime = (scores: readonly number[]): Evaluated[] =>
  scores.map((composite, i) => ({ runId: `run-${i}`, composite, atMs: recent(i) }));

/** What shows of a workflow: its baseline and how many regressions were counted. */
async function shown(bed: LedgerBed, source = 'pushed', workflow = SCOPE.workflow) {
  const rows = await bed.query<{ family: string; value: string; count: string }>(
    `select family, value, count from fleetlens.rollup where family like 'fleet_quality_%' and labels = $1`,
    [[source, SCOPE.project, workflow]],
  );
  const of = (family: string) => rows.find((row) => row.family === family);
  const baseline = of('fleet_quality_baseline_score');
  return {
    baseline: baseline === undefined || baseline.count === '0' ? undefined : Number(baseline.value) / 1e9,
    regressions: Number(of('fleet_quality_regressions_total')?.value ?? 0) / 1e9,
  };
}

const differences = async ({ ledger }: LedgerBed) => (await verifyLedger(ledger.pool)).differences;

/** Slow and obvious: sort all, take the first, sort their scores, take the middle; the others are judged. */
function byHand(history: readonly Evaluated[], runs = RUNS, margin = MARGIN) {
  const sorted = [...history].sort((a, b) => a.atMs - b.atMs || (a.runId < b.runId ? -1 : 1));
  if (sorted.length < runs) return { baseline: undefined, regressions: 0 };
  const scores = sorted.slice(0, runs).map(({ composite }) => composite);
  scores.sort((a, b) => a - b);
  const half = runs / 2;
  const baseline =
    runs % 2 === 1 ? scores[Math.floor(half)] : ((scores[half - 1] as number) + (scores[half] as number)) / 2;
  const regressions = sorted.slice(runs).filter(({ composite }) => (baseline as number) - composite > margin).length;
  return { baseline, regressions };
}

describe('the baseline of a workflow', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  let bed: LedgerBed;
  let sources = 0;
  beforeAll(async () => {
    bed = await openLedger({ policy: POLICY, caps: CAPS });
  });
  afterAll(async () => bed?.[Symbol.asyncDispose]());

  // Whole and half points, so that a difference is exactly the margin now and then.
  const history = fc
    .array(fc.tuple(fc.integer({ min: 120, max: 190 }), fc.integer({ min: 0, max: 40 })), {
      minLength: 1,
      maxLength: 12,
    })
    .map((drawn) =>
      drawn.map(([half, tenths], i) => ({ runId: `run-${i}`, composite: half / 2, atMs: recent(tenths) })),
    );
  const ways = (all: readonly Evaluated[]) => scrambled(all.map((_, i) => i)).chain((order) => batched(order));
  const makeLive = (source: string) =>
    bed.ledger.recordPushed([
      event('live', 'notification', Date.now(), { notificationId: 'live', type: 'pr_merged' }, source),
    ]);

  async function send(source: string, all: readonly Evaluated[], batches: readonly (readonly number[])[]) {
    const before = await correctionsOf(bed);
    for (const batch of batches) {
      await bed.ledger.recordPushed(batch.map((i) => evaluated(all[i] as Evaluated, source)));
    }
    return (await correctionsOf(bed)) - before;
  }

  it('live: in any order and batches the slow computation’s, or a correction says that something came too late', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        history.chain((all) => fc.tuple(fc.constant(all), ways(all))),
        async ([all, batches]) => {
          const source = `live-${++sources}`;
          await makeLive(source);
          const corrections = await send(source, all, batches);
          const found = await shown(bed, source);
          if (corrections > 0) expect(found.baseline).toBeDefined();
          else {
            compared += 1;
            expect(found).toEqual(byHand(all));
          }
        },
      ),
      { ...propertyRuns(40), endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(5);
    expect(await differences(bed)).toEqual([]);
  });

  it('live and in the order of time, as it mostly is: never a correction, however it is batched', async () => {
    await fc.assert(
      fc.asyncProperty(
        history.chain((all) => {
          const order = all.map((_, i) => i).sort((a, b) => byTime(all[a] as Evaluated, all[b] as Evaluated));
          return fc.tuple(fc.constant(all), batched(order));
        }),
        async ([all, batches]) => {
          const source = `ordered-${++sources}`;
          await makeLive(source);
          expect(await send(source, all, batches)).toBe(0);
          expect(await shown(bed, source)).toEqual(byHand(all));
        },
      ),
      { ...propertyRuns(20), endOnFailure: true },
    );
  });

  it('a backfill: in any order and batches the slow computation’s, without a correction', async () => {
    await fc.assert(
      fc.asyncProperty(
        history.chain((all) => fc.tuple(fc.constant(all), ways(all))),
        async ([recentOnes, batches]) => {
          const source = `old-${++sources}`;
          const all = recentOnes.map((one) => ({ ...one, atMs: one.atMs - DAY_MS }));
          const before = await correctionsOf(bed);
          for (const batch of batches) {
            await bed.ledger.recordPulled({
              source,
              startedAt: new Date(),
              records: batch.map((i) => {
                const { kind, fields, at } = evaluated(all[i] as Evaluated, source);
                return { kind, data: fields, at };
              }),
              cursor: 1,
              backfillDone: false,
            });
            while (await bed.ledger.sweep()) {}
            // Half a history makes no baseline.
            expect((await shown(bed, source)).baseline).toBeUndefined();
          }
          await bed.ledger.recordPulled({ source, startedAt: new Date(), records: [], cursor: 2, backfillDone: true });
          while (await bed.ledger.sweep()) {}
          expect((await correctionsOf(bed)) - before).toBe(0);
          expect(await shown(bed, source)).toEqual(byHand(all));
        },
      ),
      { ...propertyRuns(20), endOnFailure: true },
    );
    expect(await differences(bed)).toEqual([]);
  });
});

function byTime(a: Evaluated, b: Evaluated): number {
  return a.atMs - b.atMs || (a.runId < b.runId ? -1 : 1);
}

describe('what counts', () => {
  it('is absent before enough runs were evaluated, and judges none of those that it is made of', async () => {
    await using bed = await openLedger({ policy: POLICY });
    const runs = inTime([90, 20, 80, 71, 70, 69.9]);
    await bed.ledger.recordPushed(runs.slice(0, 2).map((run) => evaluated(run)));
    expect(await shown(bed)).toEqual({ baseline: undefined, regressions: 0 });
    await bed.ledger.recordPushed(runs.slice(2, 5).map((run) => evaluated(run)));
    // Exactly the margin below is not more than it.
    expect(await shown(bed)).toEqual({ baseline: 80, regressions: 0 });
    await bed.ledger.recordPushed(runs.slice(5).map((run) => evaluated(run)));
    expect(await shown(bed)).toEqual({ baseline: 80, regressions: 1 });
  });

  it('a run that comes after the baseline was fixed and ended before moves nothing, and is a correction', async () => {
    await using bed = await openLedger({ policy: POLICY });
    await bed.ledger.recordPushed(
      inTime([90, 90, 90, 90])
        .slice(1)
        .map((run) => evaluated(run)),
    );
    await bed.ledger.recordPushed([evaluated({ runId: 'late', composite: 10, atMs: recent(0) })]);
    expect(await shown(bed)).toEqual({ baseline: 90, regressions: 0 });
    expect(await correctionsOf(bed)).toBe(1);
    expect(await differences(bed)).toEqual([]);
  });

  it('a replay, another event of a flagged run, and its second attempt: each evaluation once', async () => {
    await using bed = await openLedger({ policy: POLICY });
    const events = inTime([90, 90, 90, 50]).map((run) => evaluated(run));
    await bed.ledger.recordPushed(events);
    const again = await bed.ledger.recordPushed(events);
    expect(new Set(again.map(({ result }) => result))).toEqual(new Set(['duplicate']));
    await bed.ledger.recordPushed([
      event('merged', 'run', recent(100), { runId: 'run-3', pullRequest: { status: 'merged', number: 1 } }),
    ]);
    expect(await shown(bed)).toEqual({ baseline: 90, regressions: 1 });
    const second = { runId: 'run-3', attempts: 2 };
    await bed.ledger.recordPushed([
      event('again', 'run', recent(200), { ...second, status: 'running', finishedAt: null, quality: null }),
      event('done', 'run', recent(300), {
        ...second,
        status: 'succeeded',
        finishedAt: new Date(recent(300)).toISOString(),
        quality: { composite: 40 },
      }),
    ]);
    expect(await shown(bed)).toEqual({ baseline: 90, regressions: 2 });
    expect(await correctionsOf(bed)).toBe(0);
    expect(await differences(bed)).toEqual([]);
  });

  it('a score that is restated is not judged again; where that would have changed the judgement it is a correction', async () => {
    await using bed = await openLedger({ policy: POLICY });
    await bed.ledger.recordPushed(inTime([90, 90, 90, 50]).map((run) => evaluated(run)));
    const restate = (composite: number, n: number) =>
      bed.ledger.recordPushed([
        event(`restate ${n}`, 'run', recent(100 + n), { runId: 'run-3', quality: { composite } }),
      ]);
    await restate(51, 1);
    const [{ count } = { count: 0 }] = await bed.query<{ count: number }>(
      `select (value / 1000000000)::int as count from fleetlens.rollup where family = 'fleetlens_corrections_total' and labels = '{fleet_quality_regressions_total}'`,
    );
    expect(count).toBe(0);
    await restate(95, 2);
    const [{ count: after } = { count: 0 }] = await bed.query<{ count: number }>(
      `select (value / 1000000000)::int as count from fleetlens.rollup where family = 'fleetlens_corrections_total' and labels = '{fleet_quality_regressions_total}'`,
    );
    expect(after).toBe(1);
    expect(await shown(bed)).toEqual({ baseline: 90, regressions: 1 });
    expect(await differences(bed)).toEqual([]);
  });

  it('two replicas that write at once count what one would', async () => {
    await using bed = await openLedger({ policy: POLICY });
    const other = bed.replica();
    const first = inTime([90, 90, 90]).map((run) => evaluated(run));
    await Promise.all([bed.ledger.recordPushed(first), other.recordPushed(first)]);
    const later = Array.from({ length: 40 }, (_, i) =>
      evaluated({ runId: `later-${i}`, composite: i % 2 === 0 ? 60 : 88, atMs: recent(100 + i) }),
    );
    await Promise.all(
      later.map((one, i) =>
        (i % 3 === 0 ? bed.ledger : other).recordPushed([one, later[(i * 7) % 40] as NormalisedEvent]),
      ),
    );
    expect(await shown(bed)).toEqual({ baseline: 90, regressions: 20 });
    expect(await correctionsOf(bed)).toBe(0);
    expect(await differences(bed)).toEqual([]);
  });

  it('retention changes neither baseline nor regressions, nor what a baseline is still to be made of', async () => {
    await using bed = await openLedger({ policy: POLICY });
    await bed.ledger.recordPushed(inTime([90, 90, 90, 50]).map((run) => evaluated(run)));
    await bed.ledger.recordPushed(
      inTime([70, 80]).map((run) => evaluated({ ...run, runId: `young-${run.runId}`, workflow: 'young' })),
    );
    while (await bed.ledger.sweep()) {}
    const before = await rollupsOf(bed);
    const keep = { output: 1, output_bytes_per_run: 1, samples: 1, runs: 1, changes: 1 };
    expect((await pruneLedger(bed.ledger, keep)).runs).toBe(6);
    expect(await rollupsOf(bed)).toEqual(before);
    expect(await differences(bed)).toEqual([]);
    expect(await bed.query('select run_id from fleetlens.evaluation order by run_id')).toEqual([
      { run_id: 'young-run-0' },
      { run_id: 'young-run-1' },
    ]);
    await bed.ledger.recordPushed([
      evaluated({ runId: 'next', composite: 50, atMs: recent(100) }),
      evaluated({ runId: 'third', composite: 75, atMs: recent(100), workflow: 'young' }),
    ]);
    expect(await shown(bed)).toEqual({ baseline: 90, regressions: 2 });
    expect(await shown(bed, 'pushed', 'young')).toEqual({ baseline: 75, regressions: 0 });
  });

  it('verification finds a baseline and a count that are not what the runs say, and rebuild mends both', async () => {
    await using bed = await openLedger({ policy: POLICY });
    await bed.ledger.recordPushed(inTime([90, 80, 85, 50]).map((run) => evaluated(run)));
    await bed.query(
      `update fleetlens.rollup set value = value + 1000000000 where family in ('fleet_quality_baseline_score', 'fleet_quality_regressions_total')`,
    );
    expect(await differences(bed)).toMatchObject([
      { family: 'fleet_quality_baseline_score', what: 'value', expected: '85', found: '86' },
      { family: 'fleet_quality_regressions_total', what: 'value', expected: '1', found: '2' },
    ]);
    await rebuildLedger(bed.ledger.pool);
    expect(await shown(bed)).toEqual({ baseline: 85, regressions: 1 });
    expect(await differences(bed)).toEqual([]);
  });

  it('past the cap a baseline is not shown, rather than a sum of those of many workflows', async () => {
    const caps = { maxSeries: 20_000, familyShare: 1, maxSeriesByFamily: { fleet_quality_baseline_score: 1 } };
    await using bed = await openLedger({ policy: { ...POLICY, quality: { baselineRuns: 1, margin: MARGIN } }, caps });
    for (const workflow of ['a', 'b', 'c']) {
      await bed.ledger.recordPushed([evaluated({ runId: workflow, composite: 80, atMs: recent(0), workflow })]);
    }
    const rows = await bed.query(
      `select labels, value::text from fleetlens.rollup where family = 'fleet_quality_baseline_score' and count > 0`,
    );
    expect(rows).toEqual([{ labels: ['pushed', SCOPE.project, 'a'], value: '80000000000' }]);
    expect(await differences(bed)).toEqual([]);
  });
});

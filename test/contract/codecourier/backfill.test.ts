import { expect, it, onTestFinished } from 'vitest';
import { pollForTest } from '../../../exporter/src/sources/pollForTest.ts';
import { type LedgerBed, openLedger, rollupsOf, totalOf } from '../../ledger/ledgerBed.ts';
import { openConvex, openRest } from './bed.ts';
import { makeWeek } from './world.ts';

const RUNS = 5_000;
const CONVEX_PAGE = 500;

async function openWeek(way: string, runs: number) {
  if (way === 'REST') return await openRest(makeWeek(runs));
  const opened = await openConvex(makeWeek(runs));
  opened.server.snapshotPage = CONVEX_PAGE;
  return opened;
}

async function ledgerBed(): Promise<LedgerBed> {
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  return bed;
}

it.each([
  // 50 pages of runs, of usage, and the details of each run.
  { way: 'REST', requests: RUNS + 2 * (RUNS / 100) + 9 },
  // Runs, usage and three steps each; one page of each other table.
  { way: 'Convex', requests: (5 * RUNS) / CONVEX_PAGE + 10 },
])(
  'a week of 5,000 runs is read by $way, each thing once',
  async ({ way, requests }) => {
    const { source, server } = await openWeek(way, RUNS);
    const bed = await ledgerBed();
    await pollForTest(source, bed.ledger);
    expect(server.requests).toHaveLength(requests);
    while (await bed.ledger.sweep());
    expect(await bed.query('select * from fleetlens.dead_letter')).toEqual([]);
    expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(RUNS);
    expect(await totalOf(bed, 'fleet_runs_finished_total')).toBe(RUNS);
    expect(await totalOf(bed, 'fleet_run_errors_total')).toBe(RUNS / 20);
    expect(await totalOf(bed, 'fleet_steps_finished_total')).toBe(3 * RUNS);
    expect(await totalOf(bed, 'fleet_quality_score')).toBe(RUNS);
    expect(await totalOf(bed, 'fleet_run_cost_usd')).toBe(RUNS);
    expect(await totalOf(bed, 'fleet_cost_usd_total')).toBeCloseTo(RUNS / 4, 6);
    expect(await totalOf(bed, 'fleetlens_corrections_total')).toBe(0);
  },
  300_000,
);

it.each(['REST', 'Convex'])('what is read again by %s is not counted again', async (way) => {
  const { source, again } = await openWeek(way, 250);
  const bed = await ledgerBed();
  await pollForTest(source, bed.ledger);
  while (await bed.ledger.sweep());
  const before = await rollupsOf(bed);
  // Another process that knows nothing reads all of it again.
  await bed.query('update fleetlens.source_state set cursor = null');
  await pollForTest(again(), bed.ledger);
  while (await bed.ledger.sweep());
  expect(await rollupsOf(bed)).toEqual(before);
});

it.each(['REST', 'Convex'])('a poll by %s with nothing new writes nothing', async (way) => {
  const { source } = await openWeek(way, 50);
  const bed = await ledgerBed();
  await pollForTest(source, bed.ledger);
  const state = () => bed.query('select seq, cursor from fleetlens.source_state');
  await pollForTest(source, bed.ledger);
  const before = await state();
  await pollForTest(source, bed.ledger);
  expect(await state()).toEqual(before);
});

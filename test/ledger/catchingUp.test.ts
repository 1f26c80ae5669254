import { describe, expect, it } from 'vitest';
import type { Kind } from '../../exporter/src/contract/records.ts';
import { readSources } from '../../exporter/src/ledger/read/readSources.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { event, type LedgerBed, openLedger } from './ledgerBed.ts';

const HOUR_MS = 3_600_000;
const before = (ms: number) => new Date(Date.now() - ms).toISOString();

/** Sources that `fleetlens_source_catching_up` is 1 of; the API says the same. */
async function catchingUp({ ledger }: LedgerBed): Promise<string[]> {
  const snapshot = new RollupSnapshot(ledger.pool, { allows: () => true });
  await snapshot.refresh();
  const shown = snapshot.sources.filter((one) => one.catchingUp).map(({ source }) => source);
  const told = (await readSources(ledger.pool, undefined)).filter((one) => one.catchingUp).map(({ source }) => source);
  expect(told).toEqual(shown);
  return shown;
}

const run = (id: string, agoMs: number, over: Record<string, unknown> = {}) =>
  event(id, 'run', Date.now() - agoMs, {
    runId: id,
    project: 'p',
    workflow: 'w',
    status: 'failed',
    startedAt: before(agoMs + 60_000),
    finishedAt: before(agoMs),
    ...over,
  });
/** Five of them, the least that are history. */
const old = (over: Record<string, unknown> = {}) => [1, 2, 3, 4, 5].map((n) => run(`old ${n}`, HOUR_MS, over));
const now = (id: string) => run(id, 1_000, { status: 'succeeded' });

/** A source that pushes and is live, and one that is polled. */
async function openLive(): Promise<LedgerBed> {
  const bed = await openLedger();
  await bed.ledger.recordPushed([now('first')]);
  await bed.ledger.recordPulled({
    source: 'pulled',
    startedAt: new Date(),
    records: [],
    cursor: 0,
    backfillDone: true,
  });
  while (await bed.ledger.sweep()) {}
  expect(await catchingUp(bed)).toEqual([]);
  return bed;
}

describe('a live source that pushes history', () => {
  it('catches up although something fresh comes with it', async () => {
    await using bed = await openLive();
    await bed.ledger.recordPushed([...old(), now('new')]);
    expect(await catchingUp(bed)).toEqual(['pushed']);
  });

  it('goes on catching up when the next thing is fresh, and ends after five minutes', async () => {
    await using bed = await openLive();
    await bed.ledger.recordPushed(old());
    await bed.ledger.recordPushed([now('new')]);
    expect(await catchingUp(bed)).toEqual(['pushed']);
    const later = (seconds: number) =>
      bed.query('update fleetlens.source_state set history_at = history_at - make_interval(secs => $1)', [seconds]);
    await later(290);
    await bed.ledger.recordPushed([now('newer')]);
    expect(await catchingUp(bed)).toEqual(['pushed']);
    await later(11);
    expect(await catchingUp(bed)).toEqual([]);
  });

  it('catches up again when what it told late is settled', async () => {
    await using bed = await openLive();
    await bed.ledger.recordPushed(old({ usageMissing: true, artifacts: [] }));
    await bed.query("update fleetlens.source_state set history_at = history_at - interval '301 seconds'");
    await bed.query("update fleetlens.run set due_at = now() where key like 'old%'");
    expect(await catchingUp(bed)).toEqual([]);
    while (await bed.ledger.sweep()) {}
    expect(await catchingUp(bed)).toEqual(['pushed']);
  });

  it('counts few that come late, or few of many, as now: what pages waits for none of them', async () => {
    await using bed = await openLive();
    for (const one of old().slice(1)) await bed.ledger.recordPushed([one]);
    expect(await catchingUp(bed)).toEqual([]);
    // The fifth, but one of more than fifty.
    await bed.ledger.recordPushed(Array.from({ length: 50 }, (_, n) => now(`new ${n}`)));
    await bed.ledger.recordPushed([run('old 1', HOUR_MS)]);
    expect(await catchingUp(bed)).toEqual([]);
  });

  it('catches up also where history comes one by one', async () => {
    await using bed = await openLive();
    for (const one of old()) await bed.ledger.recordPushed([one]);
    expect(await catchingUp(bed)).toEqual(['pushed']);
  });

  it.each<[string, Kind, number, (n: number) => Record<string, unknown>]>([
    [
      'a clock that is minutes behind',
      'run',
      9 * 60_000,
      (n) => ({ runId: `r${n}`, status: 'failed', finishedAt: before(1_000) }),
    ],
    [
      'usage, which is told afterwards',
      'usage',
      HOUR_MS,
      (n) => ({ usageId: `u${n}`, service: 'anthropic', costUsd: 1 }),
    ],
    [
      'a step of a run that has just ended',
      'step',
      HOUR_MS,
      (n) => ({ runId: 'first', stepId: `s${n}`, status: 'succeeded' }),
    ],
    ['what counts nothing', 'project', HOUR_MS, (n) => ({ project: `p${n}`, members: 3 })],
  ])('does not for %s', async (_what, kind, agoMs, data) => {
    await using bed = await openLive();
    await bed.ledger.recordPushed(old().map((_, n) => event(`late ${n}`, kind, Date.now() - agoMs, data(n))));
    expect(await catchingUp(bed)).toEqual([]);
  });
});

describe('a source that is polled', () => {
  const read = (bed: LedgerBed, runId: string, over: { afterPause?: boolean; readUpTo?: string }) =>
    bed.ledger.recordPulled({
      source: 'pulled',
      startedAt: new Date(),
      records: [
        ...[1, 2, 3, 4, 5].map((n) => ({
          kind: 'run' as const,
          at: before(HOUR_MS),
          data: { runId: `${runId} ${n}`, status: 'failed', finishedAt: before(HOUR_MS) },
        })),
        { kind: 'run', at: before(0), data: { runId: `${runId} now`, status: 'running' } },
      ],
      cursor: runId,
      backfillDone: false,
      ...over,
    });

  it('catches up when it answers again after a while', async () => {
    await using bed = await openLive();
    await read(bed, 'a', { afterPause: true });
    expect(await catchingUp(bed)).toEqual(['pulled']);
  });

  it('catches up while it says that it has read up to long ago', async () => {
    await using bed = await openLive();
    await read(bed, 'a', { readUpTo: before(HOUR_MS) });
    expect(await catchingUp(bed)).toEqual(['pulled']);
  });

  it('does not where things are as old as they always are', async () => {
    await using bed = await openLive();
    await read(bed, 'a', { afterPause: false });
    expect(await catchingUp(bed)).toEqual([]);
  });
});

it('a source that is read for the first time goes live without delay: none of its history ever showed as growth', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([run('old', HOUR_MS)]);
  expect(await catchingUp(bed)).toEqual(['pushed']);
  await bed.query('update fleetlens.source_state set backfilled = true; update fleetlens.run set due_at = now()');
  while (await bed.ledger.sweep()) {}
  expect(await catchingUp(bed)).toEqual([]);
});

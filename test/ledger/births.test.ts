import pg from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { PulledRecord } from '../../exporter/src/contract/events.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { createScraper } from '../../exporter/src/metrics/scrape.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { event, type LedgerBed, openLedger, totalOf } from './ledgerBed.ts';

const iso = (ago: number) => new Date(Date.now() - ago).toISOString();

/** The samples of a family, as a scraper that starts now sees them: labels -> value. */
async function shown({ ledger }: LedgerBed, family: string): Promise<Record<string, number>> {
  const snapshot = new RollupSnapshot(ledger.pool, { allows: () => true });
  const scraper = createScraper(snapshot, new Registry(), pino({ level: 'silent' }));
  const samples = parseExposition(Buffer.concat(await scraper.scrape('text')).toString());
  return Object.fromEntries(
    [...samples]
      .filter(([series]) => series.startsWith(`${family}{`))
      .map(([series, value]) => [series.slice(family.length), value]),
  );
}

/** As {@link shown}, so many seconds after the births: looks again where the look itself took a second or more. */
async function shownAtAge(bed: LedgerBed, family: string, seconds: number): Promise<Record<string, number>> {
  for (;;) {
    await bed.query(
      'update fleetlens.rollup set born_at = now() - make_interval(secs => $1) where born_at is not null',
      [seconds],
    );
    const samples = await shown(bed, family);
    const late = 'select from fleetlens.rollup where born_at <= now() - make_interval(secs => $1 + 1)';
    if ((await bed.query(late, [seconds])).length === 0) return samples;
  }
}

const finished = (id: string, over: Record<string, unknown> = {}) =>
  event(id, 'run', Date.now() - 1_000, {
    runId: id,
    project: 'p',
    workflow: 'w',
    persona: 'c',
    status: 'failed',
    startedAt: iso(9_000),
    finishedAt: iso(1_000),
    ...over,
  });

describe('births', () => {
  it('a label set of a live source shows 0 with all its siblings for 60 s, then its value', async () => {
    await using bed = await openLedger();
    await bed.ledger.recordPushed([finished('a'), finished('b')]);
    const labels = (status: string) => `{source="pushed",project="p",workflow="w",persona="c",status="${status}"}`;
    const all = { [labels('succeeded')]: 0, [labels('failed')]: 0, [labels('timed_out')]: 0, [labels('cancelled')]: 0 };
    expect(await shown(bed, 'fleet_runs_finished_total')).toEqual(all);
    const duration = await shown(bed, 'fleet_run_duration_seconds_count');
    expect(Object.values(duration)).toEqual([0]);
    expect(await shownAtAge(bed, 'fleet_runs_finished_total', 59)).toEqual(all);
    await bed.query("update fleetlens.rollup set born_at = born_at - interval '2 seconds'");
    expect(await shown(bed, 'fleet_runs_finished_total')).toEqual({ ...all, [labels('failed')]: 2 });
    expect(Object.values(await shown(bed, 'fleet_run_duration_seconds_count'))).toEqual([2]);
    // A sibling that grows later was there at 0 all along.
    await bed.ledger.recordPushed([finished('c', { status: 'succeeded' })]);
    expect(await shown(bed, 'fleet_runs_finished_total')).toEqual({
      ...all,
      [labels('failed')]: 2,
      [labels('succeeded')]: 1,
    });
  });

  it('is born when it is written, however long the writer had to wait for the lock', async () => {
    await using bed = await openLedger();
    const holder = new pg.Client({ connectionString: bed.database.connectionString });
    await holder.connect();
    try {
      await holder.query('begin; select pg_advisory_xact_lock(7251944002)');
      const waiting = bed.ledger.recordPushed([finished('a')]);
      // The transaction of the writer has begun when it waits.
      for (let waits = false; !waits; ) {
        waits =
          (
            await bed.query(
              "select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()",
            )
          ).length > 0;
      }
      const [released] = (await holder.query<{ now: Date }>('select clock_timestamp() as now')).rows;
      await holder.query('commit');
      await waiting;
      const born = await bed.query('select from fleetlens.rollup where born_at > $1', [released?.now]);
      expect(born.length).toBeGreaterThan(5);
      expect(await bed.query('select family from fleetlens.rollup where born_at <= $1', [released?.now])).toEqual([]);
    } finally {
      await holder.end();
    }
  });

  it('a source whose history is being read shows nothing, then all of it at once', async () => {
    await using bed = await openLedger({ policy: { settleAfterMs: 0 } });
    const page = (n: number, records: PulledRecord[], backfillDone = false) =>
      bed.ledger.recordPulled({ source: 'pulled', startedAt: new Date(), records, cursor: n, backfillDone });
    const run = (runId: string): PulledRecord => ({
      kind: 'run',
      data: {
        runId,
        project: 'p',
        status: 'succeeded',
        costUsd: 2,
        startedAt: iso(90_000_000),
        finishedAt: iso(80_000_000),
      },
      at: iso(80_000_000),
    });
    await page(1, [run('a'), run('b')]);
    while (await bed.ledger.sweep()) {}
    expect(await shown(bed, 'fleet_runs_created_total')).toEqual({});
    await page(2, [run('c')], true);
    expect(await shown(bed, 'fleet_runs_created_total')).toEqual({});
    while (await bed.ledger.sweep()) {}
    expect(Object.values(await shown(bed, 'fleet_runs_created_total'))).toEqual([3]);
    // What waited for late usage was counted before, not after, the source went live.
    expect(Object.values(await shown(bed, 'fleet_run_cost_usd_sum'))).toEqual([6]);
    // What comes now is live.
    await bed.ledger.recordPushed([
      event('x', 'notification', Date.now(), { notificationId: 'n', type: 'pr_merged' }, 'pulled'),
    ]);
    expect(Object.values(await shown(bed, 'fleet_notifications_total'))).toEqual([0]);
  });

  it('steps that a backfill reads before their run wait for it, and are not born live', async () => {
    await using bed = await openLedger({ policy: { settleAfterMs: 0 } });
    const page = (records: PulledRecord[], backfillDone = false) =>
      bed.ledger.recordPulled({ source: 'pulled', startedAt: new Date(), records, cursor: 1, backfillDone });
    const at = iso(80_000_000);
    const step = (runId: string): PulledRecord => ({
      kind: 'step',
      data: { runId, stepId: 's', role: 'checker', status: 'succeeded' },
      at,
    });
    await page([step('r'), step('never')]);
    while (await bed.ledger.sweepIfDue()) {}
    expect(await totalOf(bed, 'fleet_steps_finished_total')).toBe(0);
    await page([{ kind: 'run', data: { runId: 'r', project: 'p', status: 'running' }, at }], true);
    while (await bed.ledger.sweepIfDue()) {}
    expect(await shown(bed, 'fleet_steps_finished_total')).toEqual({
      '{source="pulled",project="p",step="checker",status="succeeded"}': 1,
      '{source="pulled",project="",step="checker",status="succeeded"}': 1,
    });
  });

  it('a series that was idle for 30 days comes back as it went, and grows 60 s later', async () => {
    await using bed = await openLedger();
    await bed.ledger.recordPushed([finished('a')]);
    await bed.query("update fleetlens.rollup set born_at = null, touched_at = now() - interval '31 days', seq = 0");
    expect(await shown(bed, 'fleet_run_duration_seconds_count')).toEqual({});
    await bed.ledger.recordPushed([finished('b')]);
    expect(Object.values(await shown(bed, 'fleet_run_duration_seconds_count'))).toEqual([1]);
    expect(Object.values(await shown(bed, 'fleet_run_duration_seconds_sum'))).toEqual([expect.closeTo(8, 0)]);
    await bed.ledger.recordPushed([finished('c')]);
    expect(Object.values(await shown(bed, 'fleet_run_duration_seconds_count'))).toEqual([1]);
    await bed.query("update fleetlens.rollup set born_at = born_at - interval '61 seconds'");
    expect(Object.values(await shown(bed, 'fleet_run_duration_seconds_count'))).toEqual([3]);
  });
});

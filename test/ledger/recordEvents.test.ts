import { describe, expect, it } from 'vitest';
import type { PulledRecord } from '../../exporter/src/contract/events.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { correctionsOf, event, type LedgerBed, openLedger, rollupsOf, settle, totalOf } from './ledgerBed.ts';

const now = Date.now();
const iso = (ago: number) => new Date(now - ago).toISOString();
const silent = async ({ ledger }: LedgerBed) => expect((await verifyLedger(ledger.pool)).differences).toEqual([]);

describe('steps that come before their run', () => {
  const step = (id: string, ago: number, data: Record<string, unknown>) =>
    event(id, 'step', now - ago, { runId: 'r', stepId: 's', role: 'checker', ...data });
  const run = event('run', 'run', now - 9_000, { runId: 'r', project: 'p', status: 'running' });
  const failed = step('1', 8_000, { attempt: 1, status: 'failed' });
  const passed = step('2', 7_000, { attempt: 2, status: 'succeeded' });

  it.each([
    ['in one batch, each attempt is counted', [[failed, run, passed]], 2, 0],
    ['one by one, each attempt is counted', [[failed], [run], [passed]], 2, 0],
    ['where the next attempt comes before the run too, the lost one is a correction', [[failed, passed], [run]], 1, 1],
    ['the older attempt last: a correction', [[passed], [failed], [run]], 1, 1],
  ])('%s', async (_what, batches, total, corrections) => {
    await using bed = await openLedger();
    for (const batch of batches) await bed.ledger.recordPushed(batch);
    expect(await totalOf(bed, 'fleet_steps_finished_total')).toBe(total);
    expect(await correctionsOf(bed)).toBe(corrections);
    expect(
      Object.keys(await rollupsOf(bed))
        .filter((s) => s.startsWith('fleet_steps'))
        .every((s) => s.includes('{pushed,p,')),
    ).toBe(true);
    await silent(bed);
  });

  it('one that was counted without its run, which never came, is not counted again', async () => {
    await using bed = await openLedger({ policy: { settleAfterMs: 0 } });
    await bed.ledger.recordPushed([failed]);
    await settle(bed);
    await bed.ledger.recordPushed([step('3', 6_000, { attempt: 1, tool: 'bash' })]);
    await settle(bed);
    await bed.ledger.recordPushed([step('4', 5_000, { attempt: 1, costUsd: 1 })]);
    await settle(bed);
    expect(await totalOf(bed, 'fleet_steps_finished_total')).toBe(1);
    await silent(bed);
  });
});

describe('pulled records', () => {
  const pull = (bed: LedgerBed, records: PulledRecord[], over: { cursor?: unknown; startedAt?: Date } = {}) =>
    bed.ledger.recordPulled({
      source: 'pulled',
      startedAt: new Date(),
      records,
      cursor: 1,
      backfillDone: true,
      ...over,
    });
  const letters = (bed: LedgerBed) =>
    bed.query<{ reason: string; payload: string }>('select reason, payload from fleetlens.dead_letter order by id');

  it('one that Postgres refuses is kept aside; the rest and the cursor go on', async () => {
    await using bed = await openLedger();
    const good = (i: number): PulledRecord => ({
      kind: 'platformError',
      data: { errorId: `e${i}`, component: 'c' },
      at: iso(1_000),
    });
    // A sum of 1e300 dollars in units of 1e-9 is beyond the column.
    const bad: PulledRecord = { kind: 'usage', data: { usageId: 'u', costUsd: 1e300 }, at: iso(1_000) };
    await pull(
      bed,
      [...Array.from({ length: 5 }, (_, i) => good(i)), bad, ...Array.from({ length: 6 }, (_, i) => good(10 + i))],
      { cursor: { page: 7 } },
    );
    expect(await totalOf(bed, 'fleet_errors_total')).toBe(11);
    expect((await bed.ledger.readCursor('pulled')).cursor).toEqual({ page: 7 });
    expect(await letters(bed)).toMatchObject([
      {
        reason: expect.stringMatching(/^the ledger could not store the record: /),
        payload: expect.stringContaining('1e+300'),
      },
    ]);
    await silent(bed);
  });

  it('one of the future is kept aside: it would outlive every later word', async () => {
    await using bed = await openLedger();
    await pull(bed, [
      { kind: 'run', data: { runId: 'a', status: 'running' }, at: new Date(Date.now() + 3_600_000).toISOString() },
      { kind: 'run', data: { runId: 'b', status: 'running' }, at: iso(1_000) },
    ]);
    expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(1);
    expect((await letters(bed)).map((l) => l.reason)).toEqual([
      expect.stringMatching(/^at: found .* expected a time at most 5 minutes ahead of/),
    ]);
  });

  it('a row that did not change is no event, though the poll is another', async () => {
    await using bed = await openLedger();
    const rows: PulledRecord[] = [
      { kind: 'platformError', data: { errorId: 'e', component: 'c' } },
      { kind: 'audit', data: { auditId: 'x', action: 'pr_merge' } },
      { kind: 'run', data: { runId: 'r', status: 'running' } },
    ];
    await pull(bed, rows, { startedAt: new Date(now - 60_000) });
    const state = () =>
      bed.query(
        'select at, seq from fleetlens.platform_error union all select at, seq from fleetlens.audit union all select at, seq from fleetlens.run',
      );
    const before = await state();
    await pull(bed, rows, { startedAt: new Date(now) });
    expect(await state()).toEqual(before);
  });
});

describe('two versions of the exporter on one ledger', () => {
  it('what a newer one counted stays with the record when an older one writes it', async () => {
    await using bed = await openLedger();
    await bed.ledger.recordPushed([event('1', 'run', now - 9_000, { runId: 'r', status: 'running' })]);
    await bed.query(
      "insert into fleetlens.rollup (id, family, labels, value, count, seq) values (9000, 'fleet_of_tomorrow_total', '{pushed}', 1000000000, 0, 1), (9001, 'fleet_of_tomorrow', '{pushed}', 1000000000, 1, 1)",
    );
    await bed.query(
      `update fleetlens.run set counted = (counted::jsonb || '[[9000, "tomorrow#1", 1]]')::json, held = (held::jsonb || '[[9001, 1]]')::json`,
    );
    const older = bed.replica();
    await older.recordPushed([event('2', 'run', now - 8_000, { runId: 'r', status: 'failed' })]);
    const [row] = await bed.query<{ counted: unknown[]; held: unknown[] }>('select counted, held from fleetlens.run');
    expect(row?.counted).toContainEqual([9000, 'tomorrow#1', 1]);
    expect(row?.held).toContainEqual([9001, 1]);
    expect(row?.counted.length).toBeGreaterThan(2);
    await silent(bed);
  });
});

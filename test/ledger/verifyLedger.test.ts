import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebuildLedger } from '../../exporter/src/ledger/verify/rebuildLedger.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { event, type LedgerBed, openLedger, rollupsOf } from './ledgerBed.ts';

describe('ledger verify and rebuild', () => {
  let bed: LedgerBed;
  let before: Record<string, string>;

  beforeAll(async () => {
    bed = await openLedger();
    const now = Date.now();
    const iso = (ms: number) => new Date(now - ms).toISOString();
    const run = { project: 'web', workflow: 'build', persona: 'coder', trigger: 'user', createdAt: iso(9_000) };
    await bed.ledger.recordPushed([
      event('1', 'run', now - 8_000, { ...run, runId: 'a', status: 'running', startedAt: iso(8_000) }),
      event('2', 'run', now - 7_000, {
        ...run,
        runId: 'b',
        status: 'failed',
        startedAt: iso(8_000),
        finishedAt: iso(7_000),
      }),
      event('3', 'run', now - 6_000, {
        ...run,
        runId: 'c',
        workflow: 'fix',
        status: 'failed',
        startedAt: iso(8_500),
        finishedAt: iso(6_000),
      }),
      event('4', 'usage', now - 5_000, {
        usageId: 'u',
        runId: 'a',
        project: 'web',
        service: 'anthropic',
        model: 'm',
        costUsd: 0.1234567,
        inputTokens: 12,
      }),
      event('5', 'usage', now - 5_000, {
        usageId: 'v',
        runId: 'a',
        project: 'web',
        service: 'anthropic',
        model: 'm',
        costUsd: 0.2,
      }),
      event('6', 'store', now - 4_000, { store: 'redis', up: true, latencySeconds: 0.0125, hitsTotal: 100 }),
      event('7', 'store', now - 3_000, { store: 'redis', up: true, latencySeconds: 0.0375, hitsTotal: 130 }),
      event('8', 'approval', now - 3_000, {
        approvalId: 'p',
        project: 'web',
        requestedAt: iso(3_000),
        slaSeconds: 60.5,
      }),
    ]);
    before = await rollupsOf(bed);
  });
  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
  });

  const verify = async () => (await verifyLedger(bed.ledger.pool)).differences;
  const mismatches = async () =>
    (await bed.query<{ mismatches: number | null }>('select mismatches from fleetlens.head'))[0]?.mismatches;

  it('is silent on a ledger that nothing touched, and keeps the number of differences', async () => {
    expect(await mismatches()).toBeNull();
    const seen: { done: number; total: number }[] = [];
    expect(await verifyLedger(bed.ledger.pool, { onProgress: (p) => seen.push(p) })).toEqual({ differences: [] });
    expect(await mismatches()).toBe(0);
    expect(seen.at(-1)).toEqual({ done: 7, total: 7 });
  });

  it.each([
    [
      'a counter',
      "value = value + 1000000000 where family = 'fleet_runs_created_total' and labels[3] = 'fix'",
      [
        {
          family: 'fleet_runs_created_total',
          labels: ['pushed', 'web', 'fix', 'user'],
          what: 'value',
          expected: '1',
          found: '2',
        },
      ],
    ],
    [
      'a sum by a billionth',
      "value = value - 1 where family = 'fleet_cost_usd_total'",
      [
        {
          family: 'fleet_cost_usd_total',
          labels: ['pushed', 'web', 'anthropic', 'm', ''],
          what: 'value',
          expected: '0.3234567',
          found: '0.323456699',
        },
      ],
    ],
    [
      'a bucket',
      "buckets[2] = buckets[2] + 1 where family = 'fleet_run_duration_seconds' and labels[3] = 'fix'",
      [
        {
          family: 'fleet_run_duration_seconds',
          labels: ['pushed', 'web', 'fix', 'failed'],
          what: 'buckets',
          expected: '0 1 0 0 0 0 0 0 0 0 0 0 0 0 0',
          found: '0 2 0 0 0 0 0 0 0 0 0 0 0 0 0',
        },
      ],
    ],
    [
      'a gauge and its members',
      "value = 0, count = 0 where family = 'fleet_runs' and labels[4] = 'running'",
      [
        {
          family: 'fleet_runs',
          labels: ['pushed', 'web', 'build', 'running'],
          what: 'value',
          expected: '1',
          found: '0',
        },
        {
          family: 'fleet_runs',
          labels: ['pushed', 'web', 'build', 'running'],
          what: 'count',
          expected: '1',
          found: '0',
        },
      ],
    ],
    [
      'a least',
      "value = value + 1, count = 1 where family = 'fleet_approval_sla_seconds'",
      [
        {
          family: 'fleet_approval_sla_seconds',
          labels: ['pushed', 'web', ''],
          what: 'value',
          expected: '60.5',
          found: '60.500000001',
        },
      ],
    ],
  ])('names %s that was changed, and nothing else; rebuild repairs it', async (_what, change, expected) => {
    await bed.query(`update fleetlens.rollup set ${change}`);
    expect(await verify()).toEqual(expected);
    expect(await mismatches()).toBe(expected.length);
    const [head] = await bed.query<{ seq: string }>('select seq from fleetlens.head');
    expect(await rebuildLedger(bed.ledger.pool)).toEqual({ repaired: expected, unrepaired: [] });
    expect(await mismatches()).toBe(0);
    expect(await verify()).toEqual([]);
    expect(await rollupsOf(bed)).toEqual(before);
    // A scrape reads what changed after the number it saw last.
    const changed = await bed.query<{ family: string }>('select distinct family from fleetlens.rollup where seq > $1', [
      head?.seq,
    ]);
    expect(changed).toEqual([{ family: expected[0]?.family }]);
  });

  it('finds a lost, an added and a wrong part of the oldest unresolved failure', async () => {
    const part = (found: string) => ({
      family: 'fleet_run_oldest_unresolved_failure_timestamp_seconds',
      labels: ['pushed', 'web', 'build'],
      what: 'parts',
      expected: '1 records',
      found,
    });
    const ofRunB = "from fleetlens.rollup r where r.id = p.series and r.family like '%unresolved%' and p.key = 'b'";
    for (const [change, found] of [
      [`delete from fleetlens.part p using fleetlens.rollup r ${ofRunB.slice(ofRunB.indexOf('where'))}`, '0 records'],
      [
        `insert into fleetlens.part select p.series, p.kind, p.source, 'ghost', p.value from fleetlens.part p, fleetlens.rollup r ${ofRunB.slice(ofRunB.indexOf('where'))}`,
        '2 records',
      ],
      [`update fleetlens.part p set value = p.value + 5 ${ofRunB}`, '1 others'],
    ] as const) {
      await bed.query(change);
      expect(await verify()).toEqual([part(found)]);
      await rebuildLedger(bed.ledger.pool);
      expect(await verify()).toEqual([]);
    }
  });

  it('says that a label set is gone, and that rebuild cannot bring it back', async () => {
    const [gone] = await bed.query<{ id: number; row: string }>(
      "delete from fleetlens.rollup r where family = 'fleet_store_up' returning id, family, labels, value, count, seq",
    );
    const missing = {
      family: '',
      labels: [],
      what: 'series',
      expected: `series ${gone?.id}, to which records refer 1 times`,
      found: 'none; restore the ledger from a backup',
    };
    expect(await verify()).toEqual([missing]);
    expect(await rebuildLedger(bed.ledger.pool)).toEqual({ repaired: [], unrepaired: [missing] });
    await bed.query(
      "insert into fleetlens.rollup (id, family, labels, value, count, seq) values ($1, 'fleet_store_up', '{pushed,redis}', 1000000000, 1, 1)",
      [gone?.id],
    );
    expect(await verify()).toEqual([]);
  });
});

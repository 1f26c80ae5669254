import { describe, expect, it } from 'vitest';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { fleetHistory, seededRandom, shuffled } from '../support/fleetHistory.ts';
import { event, type LedgerBed, openLedger, recordsOf, rollupsOf, settle } from './ledgerBed.ts';

/** Of a large group what is new is written before all of it is computed: the ledger must be what the events one by one, in order, make of it. */
describe('large groups', () => {
  const now = Date.now();
  const output = (n: number) =>
    event(`output-${n}`, 'output', now - 60_000, { runId: 'r', seq: n, role: 'assistant', text: `line ${n}` });
  const outputs = (from: number, count: number) => Array.from({ length: count }, (_, i) => output(from + i));
  const usage = (n: number, costUsd: number, runId: string) =>
    event(`usage-${n}-${costUsd}`, 'usage', now - 50_000 + Math.min(costUsd, 10) * 1_000, {
      ...{ usageId: `u${n}`, project: 'web', model: 'm', costUsd, runId },
    });
  const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
  const step = (n: number, status: string, at: number) =>
    event(`step-${n}-${status}`, 'step', at, {
      ...{ runId: `w${n}`, stepId: 's', role: 'coder', status, startedAt: new Date(now - 90_000).toISOString() },
      ...(status === 'running' ? {} : { finishedAt: new Date(at).toISOString() }),
    });
  const run = (n: number) =>
    event(`run-${n}`, 'run', now - 100_000, { runId: `w${n}`, project: 'web', workflow: 'fix', status: 'running' });

  const groups: { name: string; events: readonly NormalisedEvent[] }[] = [
    {
      name: 'a fleet, scrambled',
      events: shuffled(
        fleetHistory({ source: 'pushed', runs: 80, seed: 7, endMs: now - 60_000 }).map(({ id, kind, at, data }) =>
          event(id, kind as NormalisedEvent['kind'], at, data),
        ),
        seededRandom(7),
      ),
    },
    {
      name: 'records that change when they were written',
      events: [
        ...times(40, (n) => usage(n, 1, 'r')),
        ...outputs(0, 140),
        ...times(40, (n) => usage(n, 2, 'r')),
        ...outputs(200, 140),
        // To another run, whose figures change, too.
        ...times(40, (n) => usage(n, 3, 'other')),
        ...outputs(400, 140),
      ],
    },
    {
      name: 'steps that wait for runs of the same group, and change',
      events: [
        ...times(40, (n) => step(n, 'running', now - 90_000)),
        ...outputs(0, 140),
        ...times(30, run),
        ...outputs(200, 140),
        ...times(40, (n) => step(n, 'succeeded', now - 80_000)),
        ...outputs(400, 140),
      ],
    },
  ];

  /** The records that changes name. */
  const changedOf = async ({ query }: LedgerBed) =>
    await query(`select distinct e ->> 0 as kind, e ->> 1 as source, e ->> 2 as key
      from fleetlens.change, json_array_elements(entries) e order by 1, 2, 3`);

  it.each(groups)('$name', async ({ events }) => {
    await using atOnce = await openLedger();
    await using oneByOne = await openLedger();
    const results = await atOnce.ledger.recordPushed(events);
    expect(results.filter(({ result }) => result !== 'accepted')).toEqual([]);
    // One transaction: had something been inserted twice, the group would have been halved until it was not.
    expect(await atOnce.query('select count(*)::int as n from fleetlens.change')).toEqual([{ n: 1 }]);
    for (const one of events.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)))
      await oneByOne.ledger.recordPushed([one]);
    expect(await changedOf(atOnce)).toEqual(await changedOf(oneByOne));
    // A group that is the first of its source is backfill.
    for (const bed of [atOnce, oneByOne]) await settle(bed);
    expect(await recordsOf(atOnce)).toEqual(await recordsOf(oneByOne));
    expect(await rollupsOf(atOnce)).toEqual(await rollupsOf(oneByOne));
    expect((await verifyLedger(atOnce.ledger.pool)).differences).toEqual([]);
    // All of it again: duplicates.
    expect(new Set((await atOnce.ledger.recordPushed(events)).map(({ result }) => result))).toEqual(
      new Set(['duplicate']),
    );
  });

  it('one value that the database cannot hold, far behind what was written already', async () => {
    await using bed = await openLedger();
    // A sum of 1e300 dollars in units of 1e-9 is beyond the column.
    const results = await bed.ledger.recordPushed([...outputs(0, 300), usage(0, 1e300, 'r'), output(900)]);
    expect(results.map(({ result }) => result)).toEqual([...Array(300).fill('accepted'), 'rejected', 'accepted']);
    expect(await bed.query('select count(*)::int as n from fleetlens.output')).toEqual([{ n: 301 }]);
    expect((await verifyLedger(bed.ledger.pool)).differences).toEqual([]);
  });
});

import fc from 'fast-check';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { KINDS } from '../../exporter/src/contract/records.ts';
import type { Ledger } from '../../exporter/src/ledger/ledger.ts';
import { LedgerUnavailable } from '../../exporter/src/ledger/ledgerErrors.ts';
import { recordTable } from '../../exporter/src/ledger/recordTable.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { createScraper } from '../../exporter/src/metrics/scrape.ts';
import { fallen, monotonicSamples, parseExposition } from '../support/parseExposition.ts';
import { laggingStandby } from '../support/postgres.ts';
import { startCuttingProxy } from './cuttingProxy.ts';
import {
  batched,
  faithfulHistory,
  type Happening,
  nastyHistory,
  PROPERTY_TIMEOUT_MS,
  propertyRuns,
  scrambled,
  toEvents,
} from './histories.ts';
import { correctionsOf, DAY_MS, event, type LedgerBed, openLedger, settle } from './ledgerBed.ts';

// Each run of a property has sources of its own: on one database, without meeting another.
const CAPS = { maxSeries: 10_000_000, familyShare: 1, maxSeriesByFamily: {} };
const POLICY = { settleAfterMs: 0, dedupeWindowMs: 30 * DAY_MS };

let sources = 0;
const freshSource = () => `source-${++sources}`;

/** All that came of a source, without its name: records with who set their fields, and rollups that are not 0. */
async function outcome({ query }: LedgerBed, source: string) {
  const records: Record<string, unknown> = {};
  for (const kind of KINDS) {
    const rows = await query<{ key: string; doc: object }>(
      `select key, doc - 'source' as doc, stamps, at from ${recordTable(kind)} where source = $1 order by key`,
      [source],
    );
    for (const { key, ...record } of rows) records[`${kind} ${key}`] = record;
  }
  const rollups = await query<{
    family: string;
    labels: string[];
    value: string;
    count: string;
    buckets: string[] | null;
  }>(
    `select family, labels[2:] as labels, value, count, buckets from fleetlens.rollup
      where labels[1] = $1 and (value <> 0 or count <> 0) order by family, labels`,
    [source],
  );
  return {
    records,
    rollups: Object.fromEntries(rows(rollups)),
  };
}

function rows(
  rollups: readonly { family: string; labels: string[]; value: string; count: string; buckets: string[] | null }[],
) {
  return rollups.map(({ family, labels, value, count, buckets }) => [
    `${family}{${labels.join(',')}}`,
    `${Number(value) / 1e9} (${value}) of ${count} ${buckets?.join(' ') ?? ''}`,
  ]);
}

const silent = async ({ ledger }: LedgerBed) => expect((await verifyLedger(ledger.pool)).differences).toEqual([]);

/** Sends a batch until it is acknowledged, as a sender does. @returns how often it was not. */
async function sendUntilAcknowledged(ledger: Ledger, batch: readonly NormalisedEvent[]): Promise<number> {
  for (let refused = 0; ; refused++) {
    try {
      for (const { result } of await ledger.recordPushed(batch)) expect(['accepted', 'duplicate']).toContain(result);
      return refused;
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      expect(refused).toBeLessThan(20);
    }
  }
}

describe('exactly once, on a real Postgres', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  let bed: LedgerBed;
  let other: Ledger;
  beforeAll(async () => {
    bed = await openLedger({ caps: CAPS, policy: POLICY });
    other = bed.replica();
  });
  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
  });

  /** One event at a time, in the order of time. */
  async function inOrder(history: readonly Happening[]) {
    const source = freshSource();
    const before = await correctionsOf(bed);
    const events = toEvents(history, source).sort((a, b) =>
      a.at === b.at ? (a.id < b.id ? -1 : 1) : a.at < b.at ? -1 : 1,
    );
    for (const e of events) await bed.ledger.recordPushed([e]);
    await settle(bed, source);
    return { ...(await outcome(bed, source)), corrections: (await correctionsOf(bed)) - before };
  }

  /** Scrambled, some of it twice, in batches of random sizes, some at once and through two replicas. */
  const anyWay = (history: readonly Happening[]) =>
    fc.tuple(
      scrambled(history.map((_, index) => index)).chain((order) => batched(order)),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      fc.constantFrom(1, 2, 4),
    );

  async function sendAnyWay(
    history: readonly Happening[],
    [batches, replicas, atOnce]: readonly [readonly number[][], readonly boolean[], number],
  ) {
    const source = freshSource();
    const before = await correctionsOf(bed);
    const events = toEvents(history, source);
    for (let i = 0; i < batches.length; i += atOnce) {
      await Promise.all(
        batches.slice(i, i + atOnce).map((batch, n) => {
          const ledger = replicas[(i + n) % replicas.length] ? other : bed.ledger;
          return ledger.recordPushed(batch.map((index) => events[index] as NormalisedEvent));
        }),
      );
    }
    await settle(bed, source);
    return { source, events, ...(await outcome(bed, source)), corrections: (await correctionsOf(bed)) - before };
  }

  it('a source that never contradicts itself: any order, batching, duplication, replica gives the same records and rollups', async () => {
    await fc.assert(
      fc.asyncProperty(
        faithfulHistory(4).chain((history) => fc.tuple(fc.constant(history), anyWay(history))),
        async ([history, way]) => {
          const first = await inOrder(history);
          const second = await sendAnyWay(history, way);
          expect(first.corrections).toBe(0);
          expect(second.corrections).toBe(0);
          expect(second.records).toEqual(first.records);
          expect(second.rollups).toEqual(first.rollups);
          expect(second.rollups).toMatchObject(countedByHand(history));
        },
      ),
      { ...propertyRuns(25), endOnFailure: true },
    );
    await silent(bed);
  });

  it('whatever a source says: the same records in any order; the same rollups where nothing was corrected', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        nastyHistory(14).chain((history) => fc.tuple(fc.constant(history), anyWay(history))),
        async ([history, way]) => {
          const first = await inOrder(history);
          const second = await sendAnyWay(history, way);
          expect(second.records).toEqual(first.records);
          if (first.corrections > 0 || second.corrections > 0) return;
          compared += 1;
          expect(second.rollups).toEqual(first.rollups);
        },
      ),
      { ...propertyRuns(60), endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(5);
    await silent(bed);
  });

  it('replays, in any batches, change nothing at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        nastyHistory(20).chain((history) => fc.tuple(fc.constant(history), anyWay(history), anyWay(history))),
        async ([history, way, again]) => {
          const { source, events } = await sendAnyWay(history, way);
          const before = { ...(await outcome(bed, source)), corrections: await correctionsOf(bed) };
          for (const batch of again[0]) {
            const results = await bed.ledger.recordPushed(batch.map((index) => events[index] as NormalisedEvent));
            expect(new Set(results.map((r) => r.result))).toEqual(new Set(['duplicate']));
          }
          await settle(bed, source);
          expect({ ...(await outcome(bed, source)), corrections: await correctionsOf(bed) }).toEqual(before);
        },
      ),
      { ...propertyRuns(12), endOnFailure: true },
    );
    await silent(bed);
  });

  it('the same id with another body is a conflict, per event, and changes nothing', async () => {
    const source = freshSource();
    const at = Date.now() - 60_000;
    const e = (id: string, component: string) => event(id, 'platformError', at, { errorId: id, component }, source);
    expect(
      (await bed.ledger.recordPushed([e('a', 'x'), e('b', 'x'), e('a', 'x'), e('a', 'y')])).map((r) => r.result),
    ).toEqual(['accepted', 'accepted', 'duplicate', 'conflict']);
    const before = await outcome(bed, source);
    expect((await bed.ledger.recordPushed([e('a', 'y'), e('c', 'x'), e('b', 'x')])).map((r) => r.result)).toEqual([
      'conflict',
      'accepted',
      'duplicate',
    ]);
    const after = await outcome(bed, source);
    expect(after.records['platformError a']).toEqual(before.records['platformError a']);
    expect(Object.keys(after.rollups)).toEqual(['fleet_errors_total{x}']);
    expect(after.rollups['fleet_errors_total{x}']).toContain('3 (');
  });

  it('pulled and pushed records of one source meet: any number of polls adds nothing, and the latest word stands', async () => {
    await fc.assert(
      fc.asyncProperty(
        faithfulHistory(3),
        fc.array(fc.nat(100), { minLength: 1, maxLength: 4 }),
        async (history, cuts) => {
          const first = await inOrder(history);
          // What a poll sees is the state of the rows at that time; here: all that was said until then.
          const source = freshSource();
          const events = toEvents(history, source).sort((a, b) => (a.at < b.at ? -1 : 1));
          const polls = [
            ...cuts.map((percent) => Math.ceil((events.length * percent) / 100)),
            events.length,
            events.length,
          ].sort((a, b) => a - b);
          for (const [n, until] of polls.entries()) {
            const seen = new Map<
              string,
              { kind: NormalisedEvent['kind']; data: Record<string, unknown>; at: string }
            >();
            for (const { kind, key, fields, at } of events.slice(0, until)) {
              const known = seen.get(`${kind} ${key}`);
              seen.set(`${kind} ${key}`, { kind, data: { ...known?.data, ...fields }, at });
            }
            await bed.ledger.recordPulled({
              source,
              startedAt: new Date(),
              records: [...seen.values()],
              cursor: n,
              backfillDone: true,
            });
            if (n === 0) await bed.ledger.recordPushed(events.slice(0, 3));
          }
          await settle(bed, source);
          const second = await outcome(bed, source);
          const docs = (records: Record<string, unknown>) =>
            Object.fromEntries(Object.entries(records).map(([key, record]) => [key, (record as { doc: unknown }).doc]));
          expect(docs(second.records)).toEqual(docs(first.records));
          const { cursor } = await bed.ledger.readCursor(source);
          expect(cursor).toBe(polls.length - 1);
          // A poll sees the last state of a row alone: what passed in between was never told to it, and gauges are of now.
          expect(second.rollups).toEqual(first.rollups);
        },
      ),
      { ...propertyRuns(8), endOnFailure: true },
    );
    await silent(bed);
  });

  it('a connection that is cut anywhere, then everything sent again: the same as without', async () => {
    const proxy = await startCuttingProxy(bed.database.connectionString);
    const victim = bed.replica({ connectionString: proxy.connectionString });
    let refused = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          faithfulHistory(3).chain((history) => fc.tuple(fc.constant(history), batched(history.map((_, i) => i)))),
          fc.array(fc.tuple(fc.integer({ min: 1, max: 30_000 }), fc.constantFrom('to' as const, 'from' as const)), {
            minLength: 2,
            maxLength: 4,
          }),
          async ([history, batches], cuts) => {
            const first = await inOrder(history);
            const source = freshSource();
            const events = toEvents(history, source);
            for (const [i, batch] of batches.entries()) {
              const cut = cuts[i];
              // Answers are shorter than what is sent.
              if (cut !== undefined) proxy.cutAfter(cut[1] === 'to' ? cut[0] : Math.ceil(cut[0] / 20), cut[1]);
              refused += await sendUntilAcknowledged(
                victim,
                batch.map((index) => events[index] as NormalisedEvent),
              );
            }
            for (const { result } of await bed.ledger.recordPushed(events)) expect(result).toBe('duplicate');
            await settle(bed, source);
            const second = await outcome(bed, source);
            expect(second.records).toEqual(first.records);
            expect(second.rollups).toEqual(first.rollups);
          },
        ),
        { ...propertyRuns(16), endOnFailure: true },
      );
    } finally {
      await proxy.close();
    }
    // Had no cut hit a batch, this would show nothing.
    expect(proxy.cuts()).toBeGreaterThan(8);
    expect(refused).toBeGreaterThan(4);
    await silent(bed);
  });

  it('a backend that is terminated while it works: the same', async () => {
    const source = freshSource();
    const [history = []] = fc.sample(faithfulHistory(40), { seed: 7, numRuns: 1 });
    const first = await inOrder(history);
    const events = toEvents(history, source);
    let refused = 0;
    let sending = true;
    // Twelve times, then it may end, however slow the machine.
    const kill = async () => {
      for (let killed = 0; sending && killed < 12; ) {
        const hit = await bed.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'fleetlens writer' and state <> 'idle'",
        );
        killed += hit.length;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const killer = kill();
    try {
      for (let i = 0; i < events.length; i += 3)
        refused += await sendUntilAcknowledged(bed.ledger, events.slice(i, i + 3));
    } finally {
      sending = false;
      await killer;
    }
    expect(refused).toBeGreaterThan(0);
    for (const { result } of await bed.ledger.recordPushed(events)) expect(result).toBe('duplicate');
    await settle(bed, source);
    const second = await outcome(bed, source);
    expect(second.records).toEqual(first.records);
    expect(second.rollups).toEqual(first.rollups);
    await silent(bed);
  });
});

/** What a few families must show of a faithful history, counted from its events alone. */
function countedByHand(history: readonly Happening[]): Record<string, unknown> {
  const created = new Map<string, number>();
  const cost = new Map<string, bigint>();
  for (const { kind, data } of history) {
    if (kind === 'run' && data.status === 'queued') {
      const series = `fleet_runs_created_total{${[data.project, data.workflow, data.trigger].join(',')}}`;
      created.set(series, (created.get(series) ?? 0) + 1);
    }
    if (kind === 'run' && ['succeeded', 'failed', 'timed_out', 'cancelled'].includes(data.status as string)) {
      const series = `fleet_runs_finished_total{${[data.project, data.workflow, data.persona, data.status].join(',')}}`;
      created.set(series, (created.get(series) ?? 0) + 1);
    }
    if (kind === 'usage') {
      const series = `fleet_cost_usd_total{${[data.project, 'anthropic', 'm', ''].join(',')}}`;
      cost.set(series, (cost.get(series) ?? 0n) + BigInt(Math.round((data.costUsd as number) * 1e9)));
    }
  }
  return Object.fromEntries([
    ...[...created].map(([series, n]) => [series, expect.stringContaining(`(${n}000000000)`)]),
    ...[...cost]
      .filter(([, nano]) => nano > 0n)
      .map(([series, nano]) => [series, expect.stringContaining(`(${nano})`)]),
  ]);
}

describe('two replicas on one ledger', () => {
  it('both write at once, scrapes alternate: no value falls, both agree when it is quiet, verify is silent', async () => {
    await using bed = await openLedger({ caps: CAPS, policy: POLICY });
    const other = bed.replica();
    // A fresh event makes the source live; births are over at once, so that each value is seen as it grows.
    await bed.ledger.recordPushed([
      event('first', 'notification', Date.now(), { notificationId: 'first', type: 'pr_merged' }, 's'),
    ]);
    await bed.query(
      `create function unborn() returns trigger language plpgsql as 'begin new.born_at := null; return new; end'`,
    );
    await bed.query('create trigger unborn before insert on fleetlens.rollup for each row execute function unborn()');
    const replicas = [bed.ledger, other].map((ledger) => ({
      ledger,
      scraper: createScraper(
        new RollupSnapshot(ledger.pool, { allows: () => true }),
        new Registry(),
        pino({ level: 'silent' }),
      ),
    }));
    const scrape = async (n: number) => {
      const chunks = await (replicas[n % 2] as (typeof replicas)[number]).scraper.scrape('text');
      return parseExposition(Buffer.concat(chunks).toString());
    };
    const [faithful = []] = fc.sample(faithfulHistory(60), { seed: 3, numRuns: 1 });
    const [nasty = []] = fc.sample(fc.array(nastyHistory(30), { minLength: 10, maxLength: 10 }), {
      seed: 4,
      numRuns: 1,
    });
    const events = toEvents([...faithful, ...nasty.flat()], 's');
    let writing = true;
    const write = async () => {
      // Each sends half in order and half backwards, and every fifth event goes to both.
      try {
        await Promise.all(
          replicas.map(async ({ ledger }, mine) => {
            const own = events.filter((_, i) => i % 2 === mine || i % 5 === 0);
            if (mine === 1) own.reverse();
            for (let i = 0; i < own.length; i += 7) await ledger.recordPushed(own.slice(i, i + 7));
            await ledger.sweep();
          }),
        );
      } finally {
        writing = false;
      }
    };
    const lost: string[] = [];
    let last = new Map<string, number>();
    let grew = 0;
    const watch = async () => {
      for (let turn = 0; writing; turn++) {
        const seen = monotonicSamples(await scrape(turn));
        lost.push(...fallen(last, seen));
        grew += [...seen].filter(([series, value]) => value > (last.get(series) ?? 0)).length;
        last = seen;
      }
    };
    await Promise.all([write(), watch()]);
    expect(lost).toEqual([]);
    expect(grew).toBeGreaterThan(100);
    await settle(bed, 's');
    const ofLedger = (samples: ReadonlyMap<string, number>) =>
      new Map([...samples].filter(([series]) => series.startsWith('fleet_')));
    const [one, two] = [ofLedger(await scrape(0)), ofLedger(await scrape(1))];
    expect(two).toEqual(one);
    expect(fallen(last, one)).toEqual([]);
    await silent(bed);
  });
});

describe('a standby is promoted that has not heard the last', () => {
  const run = (id: string) =>
    event(`${id}-finished`, 'run', Date.now(), {
      runId: id,
      project: id,
      status: 'succeeded',
      createdAt: new Date(Date.now() - 60_000).toISOString(),
      finishedAt: new Date().toISOString(),
    });
  const finished = ({ query }: LedgerBed) =>
    query(
      `select labels[2] as project, value::text from fleetlens.rollup
        where family = 'fleet_runs_finished_total' and value > 0 order by labels`,
    );

  it.each([
    ['nobody wrote since', [] as string[]],
    ['another replica made the change of that number', ['other']],
    ['another replica made more changes', ['other', 'further']],
  ])('%s: what it lost is recorded again when it is sent again, under series of its own', async (_what, ofOthers) => {
    await using bed = await openLedger({ caps: CAPS, policy: POLICY });
    await bed.ledger.recordPushed([run('first')]);
    const standby = await laggingStandby(bed.database);
    await bed.ledger.recordPushed([run('lost')]);
    await standby.promote();
    const other = bed.replica();
    for (const id of ofOthers) await other.recordPushed([run(id)]);

    expect(await bed.ledger.recordPushed([run('lost')])).toEqual([{ result: 'accepted' }]);

    const expected = ['first', 'lost', ...ofOthers].sort().map((project) => ({ project, value: '1000000000' }));
    expect(await finished(bed)).toEqual(expected);
    await silent(bed);
  });
});

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { PulledRecord } from '../../exporter/src/contract/events.ts';
import { pruneLedger, type RetentionPolicy } from '../../exporter/src/ledger/retention/pruneLedger.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { createScraper } from '../../exporter/src/metrics/scrape.ts';
import { monotonicSamples, parseExposition } from '../support/parseExposition.ts';
import { correctionsOf, DAY_MS, event, type LedgerBed, openLedger, rollupsOf } from './ledgerBed.ts';

const POLICY: RetentionPolicy = {
  output: 14 * DAY_MS,
  output_bytes_per_run: 64 * 2 ** 20,
  samples: 7 * DAY_MS,
  runs: 400 * DAY_MS,
  changes: DAY_MS,
};
// So wide that no replay is refused for its age: what must hold is that it counts nothing.
const REMEMBERS_ALL = { dedupeWindowMs: 3_000 * DAY_MS, lostAfterMs: 3_000 * DAY_MS, settleAfterMs: 0 };

const now = Date.now();
const OLD = now - 500 * DAY_MS;
const iso = (ms: number) => new Date(ms).toISOString();

/** As after a day: sources are live, all that waited was looked at, births are over. */
async function settle(bed: LedgerBed): Promise<void> {
  await bed.query(
    "update fleetlens.source_state set backfilled = true, live_at = coalesce(live_at, now() - interval '1 hour')",
  );
  while (await bed.ledger.sweep()) {}
  await bed.query('update fleetlens.rollup set born_at = null');
}

async function counters({ ledger }: LedgerBed): Promise<Map<string, number>> {
  const scraper = createScraper(
    new RollupSnapshot(ledger.pool, { allows: () => true }),
    new Registry(),
    pino({ level: 'silent' }),
  );
  return monotonicSamples(parseExposition(Buffer.concat(await scraper.scrape('text')).toString()));
}

/** Each kind that retention takes, old, and over. */
function oldHistory() {
  const run = { project: 'web', workflow: 'build', persona: 'coder', trigger: 'user' };
  return [
    event('r1', 'run', OLD, {
      runId: 'r',
      ...run,
      status: 'running',
      createdAt: iso(OLD - 9_000),
      startedAt: iso(OLD),
    }),
    event('s1', 'step', OLD + 1_000, {
      runId: 'r',
      stepId: 's',
      role: 'checker',
      status: 'succeeded',
      startedAt: iso(OLD),
      finishedAt: iso(OLD + 900),
      verdict: { passed: true },
    }),
    event('u1', 'usage', OLD + 1_000, {
      usageId: 'u',
      runId: 'r',
      project: 'web',
      service: 'anthropic',
      costUsd: 0.123456789,
      inputTokens: 7,
      date: iso(OLD).slice(0, 10),
    }),
    event('u2', 'usage', OLD + 1_000, {
      usageId: 'alone',
      project: 'web',
      service: 'e2b',
      costUsd: 2,
      quantity: 3,
      unit: 'sandbox_seconds',
      date: iso(OLD).slice(0, 10),
    }),
    event('o1', 'output', OLD + 1_000, { runId: 'r', stepId: 's', seq: 1, text: 'hello' }),
    event('r2', 'run', OLD + 2_000, {
      runId: 'r',
      status: 'failed',
      finishedAt: iso(OLD + 2_000),
      iterations: 2,
      quality: { composite: 70, correctness: 80 },
      error: { message: 'rate limit' },
    }),
    event('orphan', 'step', OLD, {
      runId: 'never',
      stepId: 's',
      role: 'checker',
      status: 'failed',
      startedAt: iso(OLD - 10),
      finishedAt: iso(OLD),
    }),
    event('c1', 'chain', OLD, {
      chainId: 'c',
      project: 'web',
      status: 'succeeded',
      createdAt: iso(OLD - 5_000),
      finishedAt: iso(OLD),
      sprints: [{ index: 0, status: 'succeeded', startedAt: iso(OLD - 4_000), finishedAt: iso(OLD) }],
    }),
    event('b1', 'sandbox', OLD, {
      sandboxId: 'b',
      project: 'web',
      status: 'killed',
      createdAt: iso(OLD - 5_000),
      endedAt: iso(OLD),
      error: { message: 'timed out' },
    }),
    event('j1', 'job', OLD, {
      queue: 'q',
      jobId: 'j',
      enqueuedAt: iso(OLD - 3_000),
      startedAt: iso(OLD - 2_000),
      finishedAt: iso(OLD),
      result: 'complete',
    }),
    event('a1', 'approval', OLD, {
      approvalId: 'a',
      project: 'web',
      requestedAt: iso(OLD - 60_000),
      decidedAt: iso(OLD),
      decision: 'approved',
    }),
    event('n1', 'notification', OLD, { notificationId: 'n', project: 'web', type: 'run_failed', createdAt: iso(OLD) }),
    event('p1', 'platformError', OLD, { errorId: 'p', component: 'handle', at: iso(OLD) }),
    event('g1', 'errorGroup', OLD, {
      fingerprint: 'g',
      component: 'handle',
      kind: 'new',
      firstSeenAt: iso(OLD),
      lastSeenAt: iso(OLD),
    }),
    event('d1', 'adapter', OLD, { adapter: 'erp', result: 'auth', at: iso(OLD), count: 3 }),
    event('l1', 'rateLimit', OLD, { layer: 'ip', limited: true, at: iso(OLD) }),
  ];
}

/** What stays, however old: it goes on, or is never pruned. */
function stayingHistory() {
  return [
    event('k1', 'run', OLD, { runId: 'open', project: 'web', status: 'running', startedAt: iso(OLD) }),
    event('k13', 'run', OLD, { runId: 'asleep', project: 'web', status: 'waiting' }),
    event('k2', 'run', now - 1_000, { runId: 'new', project: 'web', status: 'failed', finishedAt: iso(now - 1_000) }),
    event('k3', 'chain', OLD, { chainId: 'open', project: 'web', status: 'running' }),
    event('k4', 'sandbox', OLD, { sandboxId: 'open', project: 'web', status: 'paused' }),
    event('k5', 'approval', OLD, { approvalId: 'pending', project: 'web', requestedAt: iso(OLD) }),
    event('k6', 'audit', OLD, { auditId: 'x', action: 'pr_merge' }),
    event('k7', 'project', OLD, { project: 'web', members: 4 }),
    event('k8', 'workflow', OLD, { workflow: 'build', approvalSlaSeconds: 60 }),
    event('k9', 'persona', OLD, { persona: 'coder', lastUsedAt: iso(OLD) }),
    event('k10', 'dailyStat', OLD, { project: 'web', date: '2024-01-01', runsCreated: 3 }),
    event('k11', 'queue', OLD, { queue: 'q', due: 4, enqueuedTotal: 10, at: iso(OLD) }),
    event('k12', 'store', OLD, { store: 'redis', up: true, hitsTotal: 10, at: iso(OLD) }),
  ];
}

const tables = [
  'run',
  'step',
  'usage',
  'output',
  'chain',
  'sandbox',
  'job',
  'approval',
  'notification',
  'platform_error',
  'error_group',
  'adapter',
  'rate_limit',
];

async function rowCounts({ query }: LedgerBed): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of [...tables, 'audit', 'project', 'workflow', 'persona', 'daily_stat', 'queue', 'store']) {
    counts[table] = Number((await query<{ n: string }>(`select count(*) as n from fleetlens.${table}`))[0]?.n);
  }
  return counts;
}

const silent = async ({ ledger }: LedgerBed) => expect((await verifyLedger(ledger.pool)).differences).toEqual([]);

/** Rollups but gauges of what ended: those of runs that were pruned. */
const withoutEnded = (rollups: Record<string, string>) =>
  Object.fromEntries(Object.entries(rollups).filter(([name]) => !name.startsWith('fleet_run_oldest_unresolved')));

describe('retention', () => {
  it('takes every kind that is over and old; counters stay; what goes on stays; replays move nothing', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    const events = [...stayingHistory(), ...oldHistory()];
    await bed.ledger.recordPushed(events);
    await settle(bed);
    const before = await counters(bed);
    const rollups = await rollupsOf(bed);
    const failures = Object.keys(rollups).filter((name) => name.startsWith('fleet_run_oldest_unresolved'));
    expect(failures.sort()).toEqual(
      [
        'fleet_run_oldest_unresolved_failure_timestamp_seconds{pushed,web,build}',
        'fleet_run_oldest_unresolved_failure_timestamp_seconds{pushed,web,}',
      ].sort(),
    );
    expect(before.size).toBeGreaterThan(100);

    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ runs: 1, records: 11, output: 0 });
    await silent(bed);
    expect(await counters(bed)).toEqual(before);
    const after = await rollupsOf(bed);
    expect(withoutEnded(after)).toEqual(withoutEnded(rollups));
    // The failure of the pruned run is over, that of the other one is not.
    expect(Object.keys(after).filter((name) => name.startsWith('fleet_run_oldest_unresolved'))).toEqual([
      'fleet_run_oldest_unresolved_failure_timestamp_seconds{pushed,web,}',
    ]);
    const left = await rowCounts(bed);
    expect(left).toMatchObject({
      run: 3,
      step: 0,
      usage: 0,
      output: 0,
      chain: 1,
      sandbox: 1,
      approval: 1,
      job: 0,
      notification: 0,
    });
    expect(left).toMatchObject({
      platform_error: 0,
      error_group: 0,
      adapter: 0,
      rate_limit: 0,
      audit: 1,
      project: 1,
      workflow: 1,
    });
    expect(left).toMatchObject({ persona: 1, daily_stat: 1, queue: 1, store: 1 });
    expect(await bed.query('select source, run_id from fleetlens.tombstone')).toEqual([
      { source: 'pushed', run_id: 'r' },
    ]);

    // Nothing remembers the ids any more, and still nothing moves: in order, and backwards.
    for (const again of [events, [...events].reverse()]) {
      await bed.query('delete from fleetlens.dedupe');
      const results = await bed.ledger.recordPushed(again);
      expect(new Set(results.map((r) => r.result))).toEqual(new Set(['accepted']));
      await settle(bed);
      expect(await rowCounts(bed)).toEqual(left);
      expect(await rollupsOf(bed)).toEqual(after);
      expect(await counters(bed)).toEqual(before);
      await silent(bed);
    }
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ runs: 0, records: 0 });
  });

  it.each([
    ['as of when the source updated them', (record: PulledRecord) => record],
    ['as of the poll', ({ at: _at, ...record }: PulledRecord) => record],
  ])('pulled records, %s: a poll from a dropped cursor moves nothing', async (_what, form) => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    const kinds = new Set([
      'run',
      'step',
      'usage',
      'output',
      'chain',
      'sandbox',
      'job',
      'approval',
      'notification',
      'platformError',
      'errorGroup',
      'adapter',
      'rateLimit',
    ]);
    const rows = new Map<string, PulledRecord>();
    for (const { kind, key, fields, at } of oldHistory()) {
      if (!kinds.has(kind)) continue;
      const known = rows.get(`${kind} ${key}`);
      rows.set(`${kind} ${key}`, { kind, data: { ...known?.data, ...fields }, at });
    }
    const poll = (startedAt: number) =>
      bed.ledger.recordPulled({
        source: 'pulled',
        startedAt: new Date(startedAt),
        records: [...rows.values()].map(form),
        cursor: { page: 1 },
        backfillDone: true,
      });
    // The first poll was long ago too.
    await poll(OLD + 10_000);
    await settle(bed);
    const before = await rollupsOf(bed);
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ runs: 1, records: 11 });
    await silent(bed);
    const after = await rollupsOf(bed);
    expect(withoutEnded(after)).toEqual(withoutEnded(before));
    await bed.query("update fleetlens.source_state set cursor = null where source = 'pulled'");
    await poll(now);
    await settle(bed);
    expect(await rollupsOf(bed)).toEqual(after);
    expect(await correctionsOf(bed)).toBe(0);
    expect((await rowCounts(bed)).run).toBe(0);
    await silent(bed);
  });

  it('keeps a pulled record that names no time: read again it could not be told from a new one', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    const poll = (startedAt: number) =>
      bed.ledger.recordPulled({
        source: 'pulled',
        startedAt: new Date(startedAt),
        records: [{ kind: 'notification', data: { notificationId: 'n', type: 'run_failed' } }],
        cursor: 1,
        backfillDone: true,
      });
    await poll(OLD);
    await settle(bed);
    const before = await rollupsOf(bed);
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ records: 0 });
    await poll(now);
    expect(await rollupsOf(bed)).toEqual(before);
    expect(Object.keys(before)).toEqual(['fleet_notifications_total{pulled,,run_failed}']);
  });

  it('leaves a source alone whose history is still being read', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    await bed.ledger.recordPushed(oldHistory());
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ runs: 0, records: 0 });
  });

  it('a record that comes after a notice of a pruned run is its own: only what belongs to the run is passed over', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    await bed.ledger.recordPushed(oldHistory());
    await settle(bed);
    await pruneLedger(bed.ledger, POLICY);
    const before = await rollupsOf(bed);
    await bed.ledger.recordPushed([
      event('late1', 'usage', now, { usageId: 'late', runId: 'r', project: 'web', costUsd: 5 }),
      event('late2', 'step', now, { runId: 'r', stepId: 'late', status: 'failed' }),
      event('late3', 'run', now, { runId: 'r', status: 'running' }),
    ]);
    expect(await rollupsOf(bed)).toEqual(before);
    await bed.ledger.recordPushed([
      event('late4', 'notification', now, { notificationId: 'late', runId: 'r', project: 'web', type: 'run_failed' }),
    ]);
    expect((await rollupsOf(bed))['fleet_notifications_total{pushed,web,run_failed}']).toBe(
      'value 2 count 0 buckets undefined',
    );
    await silent(bed);
  });

  it('more runs than one transaction takes, all of them, exactly', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    await bed.ledger.recordPushed(
      Array.from({ length: 450 }, (_, i) =>
        event(`r${i}`, 'run', OLD + i, {
          runId: `r${i}`,
          project: `p${i % 3}`,
          status: 'succeeded',
          startedAt: iso(OLD - i * 100),
          finishedAt: iso(OLD + i),
          costUsd: i / 7,
        }),
      ),
    );
    await settle(bed);
    const before = await rollupsOf(bed);
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ runs: 450 });
    expect(await rollupsOf(bed)).toEqual(before);
    await silent(bed);
    const { count } = (await bed.query<{ count: string }>('select count(*) from fleetlens.tombstone'))[0] ?? {};
    expect(Number(count)).toBe(450);
  });

  it('output: by age, and of one run the newest bytes', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    const piece = (runId: string | undefined, seq: number, at: number, sandboxId?: string) =>
      event(`${runId}${sandboxId}${seq}`, 'output', at, {
        ...(runId === undefined ? { sandboxId } : { runId }),
        stepId: `s${seq % 2}`,
        seq,
        text: 'é'.repeat(500),
      });
    await bed.ledger.recordPushed([
      piece('old', 1, now - 15 * DAY_MS),
      ...Array.from({ length: 10 }, (_, i) => piece('loud', i, now - 10_000 + i)),
      ...Array.from({ length: 3 }, (_, i) => piece('quiet', i, now - 10_000 + i)),
      ...Array.from({ length: 6 }, (_, i) => piece(undefined, i, now - 10_000 + i, 'box')),
    ]);
    const pruned = await pruneLedger(bed.ledger, { ...POLICY, output_bytes_per_run: 4_500 });
    const left = await bed.query<{ key: string }>('select key from fleetlens.output order by at, key');
    const seqs = (run: string, box = '') =>
      left.filter((r) => r.key.startsWith(`${run}\u001f${box}`)).map((r) => Number(r.key.split('\u001f')[3]));
    expect(seqs('loud')).toEqual([6, 7, 8, 9]);
    expect(seqs('quiet')).toEqual([0, 1, 2]);
    expect(seqs('', 'box')).toEqual([2, 3, 4, 5]);
    expect(seqs('old')).toEqual([]);
    expect(pruned.output).toBe(1 + 6 + 2);
    await bed.query('delete from fleetlens.dedupe');
    await bed.ledger.recordPushed([piece('old', 1, now - 15 * DAY_MS)]);
    expect((await rowCounts(bed)).output).toBe(left.length);
  });

  it('samples, changes, dead letters', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    await bed.ledger.recordPushed(
      [8, 6, 0].map((days) => event(`${days}`, 'queue', now - days * DAY_MS, { queue: 'q', due: days })),
    );
    await bed.ledger.keepAside(['old', 'new'].map((payload) => ({ source: 's', reason: 'r', payload })));
    await bed.query("update fleetlens.dead_letter set received_at = now() - interval '31 days' where payload = 'old'");
    await bed.query(
      "insert into fleetlens.change (seq, at, entries) select -n, now() - interval '25 hours', '[]' from generate_series(1, 12000) n",
    );
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ samples: 1, changes: 12_000, deadLetters: 1 });
    expect(
      (await bed.query<{ days: number }>("select (doc ->> 'due')::int as days from fleetlens.sample order by at")).map(
        (r) => r.days,
      ),
    ).toEqual([6, 0]);
    expect(await bed.query('select payload from fleetlens.dead_letter')).toEqual([{ payload: 'new' }]);
    expect((await bed.query('select from fleetlens.change')).length).toBeGreaterThan(0);
  });

  it('an event whose id was forgotten is refused as too old, not taken for new', async () => {
    await using bed = await openLedger({ policy: { dedupeWindowMs: 60 * DAY_MS } });
    const days = (n: number) =>
      event(`${n} days`, 'platformError', now - n * DAY_MS, { errorId: `${n}`, component: 'c' });
    // Ids are forgotten by the day, a day late: that of 36 days ago is still known, at any hour.
    const events = [50, 38, 36, 34, 1].map(days);
    await bed.ledger.recordPushed(events);
    bed.ledger.policy = { ...bed.ledger.policy, dedupeWindowMs: 35 * DAY_MS };
    const { dedupeKeys } = await pruneLedger(bed.ledger, POLICY);
    expect(dedupeKeys).toBe(2);
    const before = await rollupsOf(bed);
    expect((await bed.ledger.recordPushed(events)).map((r) => r.result)).toEqual([
      'too_old',
      'too_old',
      'too_old',
      'duplicate',
      'duplicate',
    ]);
    expect(await rollupsOf(bed)).toEqual(before);
  });

  it('does not touch what a newer exporter on the same ledger counted', async () => {
    await using bed = await openLedger({ policy: REMEMBERS_ALL });
    await bed.ledger.recordPushed(oldHistory());
    await settle(bed);
    await bed.query(
      "insert into fleetlens.rollup (id, family, labels, seq) values (9999, 'fleet_of_tomorrow_total', '{pushed}', 1)",
    );
    expect(await pruneLedger(bed.ledger, POLICY)).toMatchObject({ runs: 0, records: 0 });
    await silent(bed);
  });
});

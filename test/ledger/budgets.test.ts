import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetScope } from '../../exporter/src/contract/budgets.ts';
import { acknowledgeBudget } from '../../exporter/src/ledger/budgets/acknowledgeBudget.ts';
import type { BudgetPolicy } from '../../exporter/src/ledger/budgets/budgetPolicy.ts';
import { evaluateBudgets } from '../../exporter/src/ledger/budgets/evaluateBudgets.ts';
import { readBudgets } from '../../exporter/src/ledger/budgets/readBudgets.ts';
import { readPaused } from '../../exporter/src/ledger/budgets/readPaused.ts';
import { toNano } from '../../exporter/src/ledger/nano.ts';
import { pruneLedger } from '../../exporter/src/ledger/retention/pruneLedger.ts';
import { rebuildLedger } from '../../exporter/src/ledger/verify/rebuildLedger.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { DAY_MS, event, type LedgerBed, openLedger } from './ledgerBed.ts';

const HOUR_MS = 3_600_000;

function policyOf(limits: Partial<Record<BudgetScope, number>>, more: Partial<BudgetPolicy> = {}): BudgetPolicy {
  return {
    timeZone: 'UTC',
    limits: new Map(Object.entries(limits).map(([scope, usd]) => [scope as BudgetScope, toNano(usd)])),
    pauses: true,
    needsAcknowledgement: true,
    tells: ['notify:slack'],
    pausers: ['source:cc'],
    ...more,
  };
}

let sequence = 0;
const usage = (costUsd: number, data: Record<string, unknown> = {}, at = Date.now()) => {
  sequence += 1;
  return event(`u${sequence}`, 'usage', at, { usageId: `u${sequence}`, project: 'web', costUsd, ...data });
};
const pausedIn = async (bed: LedgerBed) => (await readPaused(bed.ledger.pool)).map((p) => `${p.scope} ${p.subject}`);
const outbox = async (bed: LedgerBed) =>
  (
    await bed.query<{ told: string }>(
      "select receiver || ' ' || (message ->> 'type') as told from fleetlens.outbox order by id",
    )
  ).map((row) => row.told);
async function spentOf(bed: LedgerBed, policy: BudgetPolicy, scope: BudgetScope, subject = 'web') {
  const { states } = await readBudgets(bed.ledger.pool, policy);
  const state = states.find((s) => s.scope === scope && s.subject === subject);
  return state?.spent === undefined ? undefined : Number(state.spent) / 1e9;
}
const verify = async (bed: LedgerBed) => (await verifyLedger(bed.ledger.pool)).differences;

describe('a daily budget of a repository', () => {
  it('is paused once when the limit is reached, by the day that is open, and tells once', async () => {
    const budgets = policyOf({ repo_daily: 10 });
    await using bed = await openLedger({ policy: { budgets } });
    await bed.ledger.recordPushed([usage(4), usage(5.999999999)]);
    expect(await pausedIn(bed)).toEqual([]);
    await bed.ledger.recordPushed([usage(0.000000001), usage(3), usage(30, { project: '' })]);
    await bed.ledger.recordPushed([usage(7)]);
    expect(await pausedIn(bed)).toEqual(['repo_daily web']);
    expect(await outbox(bed)).toEqual(['notify:slack budget_exceeded', 'source:cc budget_pause']);
    expect(await spentOf(bed, budgets, 'repo_daily')).toBe(20);
    expect(await verify(bed)).toEqual([]);
  });

  it('history neither pauses nor tells; what comes late within the day counts', async () => {
    const budgets = policyOf({ repo_daily: 10, persona_run: 10 });
    await using bed = await openLedger({ policy: { budgets } });
    const yesterday = Date.now() - 1.5 * DAY_MS;
    await bed.ledger.recordPushed([
      usage(50, { runId: 'old', persona: 'coder' }, yesterday),
      usage(50, { date: new Date(yesterday).toISOString().slice(0, 10), runId: 'old', persona: 'coder' }, yesterday),
    ]);
    expect(await pausedIn(bed)).toEqual([]);
    expect(await outbox(bed)).toEqual([]);
    const today = new Date().toISOString().slice(0, 10);
    await bed.ledger.recordPushed([usage(11, { date: today }, Date.parse(`${today}T00:00:01.000Z`))]);
    expect(await pausedIn(bed)).toEqual(['repo_daily web']);
    expect(await verify(bed)).toEqual([]);
  });

  it('stays paused past its window until somebody acknowledges; without that sentence it ends with the window', async () => {
    for (const needsAcknowledgement of [true, false]) {
      await using bed = await openLedger({
        policy: { budgets: policyOf({ repo_daily: 1 }, { needsAcknowledgement }) },
      });
      await bed.ledger.recordPushed([usage(1)]);
      expect(await pausedIn(bed)).toEqual(['repo_daily web']);
      // As if it were the next day.
      await bed.query(
        "update fleetlens.budget_pause set starts = starts - 96, ends = ends - 96, paused_at = paused_at - interval '1 day', until = until - interval '1 day'",
      );
      expect(await pausedIn(bed)).toEqual(needsAcknowledgement ? ['repo_daily web'] : []);
    }
  });

  it('an acknowledgement resumes, a raised limit pauses again when it is reached, and holds for the window', async () => {
    const budgets = policyOf({ repo_daily: 10 });
    await using bed = await openLedger({ policy: { budgets } });
    const acknowledge = (raiseToUsd?: number) =>
      bed.ledger.transaction((tx) =>
        acknowledgeBudget(tx, { scope: 'repo_daily', subject: 'web', reason: 'release day', raiseToUsd }, 'ann'),
      );
    await expect(acknowledge()).rejects.toThrow(/not paused, expected a paused one/);
    await bed.ledger.recordPushed([usage(12)]);
    await expect(acknowledge(11)).rejects.toThrow('raiseToUsd: found 11, expected more than 12, what is spent already');
    expect(await pausedIn(bed)).toEqual(['repo_daily web']);
    const day = new Date();
    expect(await acknowledge(20)).toMatchObject({
      spentUsd: 12,
      raisedToUsd: 20,
      raisedUntil: new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + 1)).toISOString(),
    });
    expect(await pausedIn(bed)).toEqual([]);
    await bed.ledger.recordPushed([usage(7.9)]);
    expect(await pausedIn(bed)).toEqual([]);
    await bed.ledger.recordPushed([usage(0.1)]);
    expect(await pausedIn(bed)).toEqual(['repo_daily web']);
    await acknowledge();
    await bed.ledger.recordPushed([usage(100)]);
    expect(await pausedIn(bed)).toEqual([]);
    const told = ['notify:slack budget_exceeded', 'source:cc budget_pause', 'source:cc budget_resume'];
    expect(await outbox(bed)).toEqual([...told, ...told]);
    const { states } = await readBudgets(bed.ledger.pool, budgets);
    expect(states).toMatchObject([{ cap: toNano(20), pause: { acknowledgedBy: 'ann', reason: 'release day' } }]);
  });

  it('looks at what was spent before it was set, and in another time zone, when the configuration changes', async () => {
    await using bed = await openLedger();
    const startOfDay = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    // In the first minute of the day in Kiritimati (14 hours ahead), which is another day than that of Pago Pago.
    const kiritimati = Math.floor((Date.now() + 14 * HOUR_MS) / DAY_MS) * DAY_MS - 14 * HOUR_MS;
    await bed.ledger.recordPushed([
      usage(3, {}, kiritimati + 60_000),
      usage(4, {}, kiritimati - 60_000),
      usage(1, {}, startOfDay),
    ]);
    const budgets = policyOf({ repo_daily: 4 }, { timeZone: 'Pacific/Kiritimati' });
    bed.ledger.policy = { ...bed.ledger.policy, budgets };
    await bed.ledger.transaction(evaluateBudgets);
    const today = startOfDay >= kiritimati ? 4 : 3;
    expect(await spentOf(bed, budgets, 'repo_daily')).toBe(today);
    expect(await pausedIn(bed)).toEqual(today === 4 ? ['repo_daily web'] : []);
    expect(await verify(bed)).toEqual([]);
  });
});

describe('a budget of a persona’s run', () => {
  it('pauses the persona by the run that is too dear, whichever of run and usage comes first', async () => {
    const budgets = policyOf({ persona_run: 25 });
    await using bed = await openLedger({ policy: { budgets } });
    const run = (runId: string, data: Record<string, unknown>) => {
      sequence += 1;
      return event(`r${sequence}`, 'run', Date.now() + sequence, { runId, project: 'web', ...data });
    };
    await bed.ledger.recordPushed([run('a', { persona: 'coder', status: 'running' }), usage(20, { runId: 'a' })]);
    await bed.ledger.recordPushed([usage(30, { runId: 'b' })]);
    expect(await spentOf(bed, budgets, 'persona_run', 'coder')).toBe(20);
    expect(await pausedIn(bed)).toEqual([]);
    await bed.ledger.recordPushed([run('b', { persona: 'tester', status: 'running' })]);
    expect(await pausedIn(bed)).toEqual(['persona_run tester']);
    await bed.ledger.recordPushed([usage(5, { runId: 'a' }), usage(40, { runId: 'c', persona: 'tester' })]);
    expect(await pausedIn(bed)).toEqual(['persona_run tester', 'persona_run coder']);
    await bed.ledger.transaction((tx) =>
      acknowledgeBudget(tx, { scope: 'persona_run', subject: 'coder', reason: 'ok', raiseToUsd: 40 }, 'ann'),
    );
    await bed.ledger.recordPushed([usage(14, { runId: 'a' })]);
    expect(await pausedIn(bed)).toEqual(['persona_run tester']);
    await bed.ledger.recordPushed([usage(1, { runId: 'a' })]);
    expect(await pausedIn(bed)).toEqual(['persona_run tester', 'persona_run coder']);
    await bed.ledger.recordPushed([run('a', { status: 'succeeded', finishedAt: new Date().toISOString() })]);
    expect(await spentOf(bed, budgets, 'persona_run', 'coder')).toBeUndefined();
    expect(await verify(bed)).toEqual([]);
  });
});

describe('what the budgets have spent', () => {
  it('stays when records are pruned; verify names each wrong figure and rebuild mends it', async () => {
    const budgets = policyOf({ workspace_monthly: 1_000, repo_daily: 1_000, persona_run: 1_000 });
    await using bed = await openLedger({ policy: { budgets } });
    await bed.ledger.recordPushed([
      event('run', 'run', Date.now() - 5_000, { runId: 'a', project: 'web', persona: 'coder', status: 'running' }),
      ...Array.from({ length: 10 }, (_, i) => usage(0.1 + i / 7, { runId: i % 2 === 0 ? 'a' : `gone-${i}` })),
    ]);
    const figures = async () => [
      await spentOf(bed, budgets, 'workspace_monthly', 'workspace'),
      await spentOf(bed, budgets, 'repo_daily'),
      await spentOf(bed, budgets, 'persona_run', 'coder'),
    ];
    const before = await figures();
    expect(before[0]).toBeGreaterThan(7);
    expect(await verify(bed)).toEqual([]);
    await bed.query('update fleetlens.source_state set live_at = now()');
    await bed.query("update fleetlens.usage set at = now() - interval '500 days'");
    const day = { output: DAY_MS, output_bytes_per_run: 1e9, samples: DAY_MS, runs: 400 * DAY_MS, changes: DAY_MS };
    await pruneLedger(bed.ledger, { ...day, audit: undefined });
    expect(await bed.query("select from fleetlens.usage where run_id <> 'a'")).toHaveLength(0);
    expect(await figures()).toEqual(before);
    expect(await verify(bed)).toEqual([]);

    await bed.query('update fleetlens.spent_slot set nano = nano + 5');
    await bed.query('update fleetlens.budget_run set spent = spent - 1');
    const found = await verify(bed);
    expect(found.map(({ of }) => of?.replace(/ from .*/, ''))).toEqual([
      'the quarter of an hour',
      'run a of pushed',
      'the window',
      'the window',
    ]);
    expect((await rebuildLedger(bed.ledger.pool)).unrepaired).toEqual([]);
    expect(await verify(bed)).toEqual([]);
    expect(await figures()).toEqual(before);
  });

  it('is the sum of the costs, in any order, in any batches and however often they are told', async () => {
    const budgets = policyOf({ workspace_monthly: 1e6, repo_daily: 1e6, persona_run: 1e6 });
    await using bed = await openLedger({ policy: { budgets } });
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    const dayStart = Math.floor(now / DAY_MS) * DAY_MS;
    const monthStart = Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth(), 1);
    let round = 0;
    const cost = fc.record({
      nano: fc.integer({ min: 0, max: 50_000_000_000 }),
      project: fc.constantFrom('a', 'b'),
      run: fc.constantFrom('x', 'y', undefined),
      agoMs: fc.oneof(fc.integer({ min: 0, max: 12 * HOUR_MS }), fc.integer({ min: 0, max: 34 * DAY_MS })),
      tellings: fc.integer({ min: 1, max: 2 }),
      order: fc.double({ noNaN: true, min: 0, max: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(cost, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 7 }),
        async (costs, batch) => {
          round += 1;
          const source = `s${round}`;
          const name = (project: string) => `${project}${round}`;
          const before = (await spentOf(bed, budgets, 'workspace_monthly', 'workspace')) ?? 0;
          const events = costs
            .flatMap((c, i) =>
              Array.from({ length: c.tellings }, (_, n) => ({
                order: (c.order + n / 3) % 1,
                event: event(
                  `${i}`,
                  'usage',
                  now - c.agoMs,
                  {
                    usageId: `${i}`,
                    project: name(c.project),
                    costUsd: c.nano / 1e9,
                    persona: 'p',
                    ...(c.run && { runId: c.run }),
                  },
                  source,
                ),
              })),
            )
            .sort((a, b) => a.order - b.order)
            .map((e) => e.event);
          for (let i = 0; i < events.length; i += batch) await bed.ledger.recordPushed(events.slice(i, i + batch));
          const sum = (of: (c: (typeof costs)[number]) => boolean) =>
            costs.filter(of).reduce((total, c) => total + BigInt(c.nano), 0n);
          const atMs = (c: (typeof costs)[number]) => now - c.agoMs;
          const { states } = await readBudgets(bed.ledger.pool, budgets);
          for (const project of ['a', 'b']) {
            const state = states.find((s) => s.subject === name(project));
            expect(state?.spent ?? 0n).toBe(sum((c) => c.project === project && atMs(c) >= dayStart));
          }
          const month = sum((c) => atMs(c) >= monthStart);
          expect(await spentOf(bed, budgets, 'workspace_monthly', 'workspace')).toBeCloseTo(
            before + Number(month) / 1e9,
            6,
          );
          for (const run of ['x', 'y']) {
            const [row] = await bed.query<{ spent: string }>(
              'select spent from fleetlens.budget_run where source = $1 and run_id = $2',
              [source, run],
            );
            expect(BigInt(row?.spent ?? 0)).toBe(sum((c) => c.run === run));
          }
        },
      ),
      { numRuns: 25 },
    );
    expect(await verify(bed)).toEqual([]);
  });
});

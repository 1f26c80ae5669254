import type pg from 'pg';
import { isFinished } from '../contract/status.ts';
import { isLate } from './historyTally.ts';
import { lostEvent } from './lostEvent.ts';
import { observe } from './observe/observe.ts';
import { judgeWaiting } from './quality/judgeEvaluations.ts';
import { attemptOf, observeWaitingStep, recordEvents, runDueAt } from './recordEvents.ts';
import type { Transaction } from './transaction.ts';
import type { WorkingRecord } from './workingSet.ts';

/** Records looked at in one transaction; the writer lock is given up between them. */
const MAX_DUE = 500;

/** @returns whether {@link sweepDue} has something to do; reads only. */
export async function isAnythingDue(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ due: boolean }>({
    name: 'anything_due',
    text: `select exists (select from fleetlens.source_state where live_at is null
          and (backfilled or (way = 'push' and updated_at < now() - interval '60 seconds')))
        or exists (select from fleetlens.source_state s where (s.live_at is not null or s.backfilled)
          and (exists (select from fleetlens.run r where r.source = s.source and r.due_at <= now())
            or exists (select from fleetlens.step t where t.source = s.source and t.due_at <= now()))) as due`,
  });
  return rows[0]?.due ?? false;
}

/**
 * Looks at records whose time has come: open runs that went silent are lost, finished runs are settled with their late usage,
 * steps whose run never came are counted without it. A source whose backfill is done goes live once none of its runs is
 * left to settle and none of its evaluations to judge, so that what it counted appears at once and increase() sees none of it.
 * @returns whether more is due.
 */
export async function sweepDue(tx: Transaction): Promise<boolean> {
  const { client } = tx;
  const runs = await client.query<{ source: string; key: string; live: boolean }>({
    name: 'due_runs',
    text: `select s.source, r.key, s.live_at is not null as live from fleetlens.source_state s cross join lateral (
        select key from fleetlens.run where source = s.source and due_at <= now() order by due_at limit $1) r
      where s.live_at is not null or s.backfilled limit $1`,
    values: [MAX_DUE],
  });
  const steps = await client.query<{ source: string; key: string; run_id: string; live: boolean }>({
    name: 'due_steps',
    // During a backfill the run may be on one of the pages to come.
    text: `select s.source, t.key, t.run_id, s.live_at is not null as live from fleetlens.source_state s cross join lateral (
        select key, doc ->> 'runId' as run_id from fleetlens.step where source = s.source and due_at <= now() limit $1) t
      where s.live_at is not null or s.backfilled limit $1`,
    values: [MAX_DUE],
  });
  tx.hide([...runs.rows, ...steps.rows].filter((due) => !due.live).map((due) => due.source));
  // That a run was lost long ago is known only now.
  const context = tx.recording({ mayBeHistory: false });
  await tx.working.load('run', [...runs.rows, ...steps.rows.map((s) => ({ source: s.source, key: s.run_id }))]);
  await tx.working.load('step', steps.rows);

  const silent: WorkingRecord[] = [];
  const finished: WorkingRecord[] = [];
  for (const { source, key } of runs.rows) {
    const run = tx.working.get('run', source, key);
    if (isFinished(run.state?.doc.status as string | undefined)) finished.push(run);
    else silent.push(run);
  }
  await recordEvents(
    silent.flatMap((run) => lostEvent(run) ?? []),
    context,
  );
  await settleRuns(finished, tx);
  for (const { source, key } of steps.rows) observeWaitingStep(tx.working.get('step', source, key), context);
  if (runs.rows.length > 0 || steps.rows.length > 0) return true;

  // A pushing source that stopped in the middle of its history has said what it had to say.
  await client.query(`update fleetlens.source_state set backfilled = true
    where way = 'push' and not backfilled and live_at is null and updated_at < now() - interval '60 seconds'`);
  if (await judgeWaiting(tx)) return true;
  await client.query(
    'update fleetlens.source_state set live_at = now(), seq = $1 where live_at is null and backfilled',
    [tx.seq],
  );
  return false;
}

/** Counts what waits for late usage: the cost of finished runs, and figures that never came. */
async function settleRuns(runs: readonly WorkingRecord[], tx: Transaction): Promise<void> {
  const { client, policy, moves, nowMs } = tx;
  if (runs.length === 0) return;
  const usage = await client.query<{ source: string; run_id: string; cost: number | null; tokens: number | null }>({
    name: 'usage_of_runs',
    text: `select u.source, u.run_id, sum((u.doc ->> 'costUsd')::numeric)::float8 as cost,
        sum(coalesce((u.doc ->> 'inputTokens')::numeric, 0) + coalesce((u.doc ->> 'outputTokens')::numeric, 0))::float8 as tokens
      from fleetlens.usage u join unnest($1::text[], $2::text[]) as w(source, run_id) on u.source = w.source and u.run_id = w.run_id
      group by 1, 2`,
    values: [runs.map((r) => r.source), runs.map((r) => r.key)],
  });
  const usageOf = new Map(usage.rows.map((row) => [`${row.source}\0${row.run_id}`, row]));
  for (const run of runs) {
    const { state } = run;
    if (state === undefined) continue;
    const sums = usageOf.get(`${run.source}\0${run.key}`);
    const observation = observe('run', state, state, {
      costFrom: policy.costFrom(run.source),
      settled: {
        ...(sums?.cost == null ? {} : { usageCostUsd: sums.cost }),
        ...(sums === undefined ? {} : { usageTokens: sums.tokens ?? 0 }),
      },
    });
    moves.add(run, observation);
    const endedAt = state.doc.finishedAt as string | undefined;
    // What was told late is settled late, too.
    if (endedAt !== undefined && !tx.hides(run.source)) {
      const late = isLate('run', endedAt, observation, nowMs - policy.settleAfterMs);
      if (late !== undefined) tx.tell(run.source, late);
    }
    run.state = { ...state, counted: observation.counted, held: observation.held };
    run.settled = attemptOf(state);
    run.dueAt = runDueAt(run, policy);
    run.dirty = true;
  }
}

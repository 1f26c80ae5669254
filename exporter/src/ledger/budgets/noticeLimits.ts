import type { ClientBase } from 'pg';
import type { BudgetMessage } from '../../contract/budgetMessage.ts';
import { budgetOf } from '../../contract/budgets.ts';
import { fromNano } from '../nano.ts';
import { type OutboxEntry, writeOutbox } from '../outbox/writeOutbox.ts';
import type { BudgetPolicy } from './budgetPolicy.ts';
import { windowAt } from './calendarWindow.ts';
import { IS_PAUSED } from './isPaused.ts';
import type { ReachedLimit } from './reachedLimits.ts';
import { SLOT_MS, slotTime } from './slot.ts';

/**
 * Pauses what has reached its limit, and tells those who are to know. A scope that is paused already is not paused again, and
 * nobody is told again: its pause is still to be acknowledged.
 */
export async function noticeLimits(
  client: ClientBase,
  reached: readonly ReachedLimit[],
  { policy, nowMs }: { policy: BudgetPolicy; nowMs: number },
): Promise<void> {
  if (reached.length === 0) return;
  await rememberNoticed(client, reached);
  const paused = await readPaused(client, reached);
  for (const limit of reached) {
    const key = keyOf(limit);
    if (paused.has(key)) continue;
    if (policy.pauses) {
      paused.add(key);
      await writePause(client, limit, policy, nowMs);
    }
    await writeOutbox(client, entriesFor(limit, policy, nowMs));
  }
}

const keyOf = ({ scope, subject }: { scope: string; subject: string }) => `${scope}\0${subject}`;

async function readPaused(client: ClientBase, reached: readonly ReachedLimit[]): Promise<Set<string>> {
  const { rows } = await client.query<{ scope: string; subject: string }>(
    `select distinct p.scope, p.subject from fleetlens.budget_pause p
      join unnest($1::text[], $2::text[]) as r(scope, subject) on p.scope = r.scope and p.subject = r.subject
      where ${IS_PAUSED}`,
    [reached.map((r) => r.scope), reached.map((r) => r.subject)],
  );
  return new Set(rows.map(keyOf));
}

async function rememberNoticed(client: ClientBase, reached: readonly ReachedLimit[]): Promise<void> {
  for (const { scope, subject, window, run, cap } of reached) {
    if (window !== undefined) {
      await client.query(
        'update fleetlens.budget_window set noticed = $5 where scope = $1 and subject = $2 and starts = $3 and ends = $4',
        [scope, subject, window.starts, window.ends, cap.toString()],
      );
    } else if (run !== undefined) {
      await client.query('update fleetlens.budget_run set noticed = $3 where source = $1 and run_id = $2', [
        run.source,
        run.runId,
        cap.toString(),
      ]);
    }
  }
}

async function writePause(client: ClientBase, limit: ReachedLimit, policy: BudgetPolicy, nowMs: number): Promise<void> {
  const { scope, subject, window, run, cap, spent } = limit;
  await client.query(
    `insert into fleetlens.budget_pause (scope, subject, starts, ends, run_source, run_id, cap, spent, paused_at, until)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      scope,
      subject,
      window?.starts,
      window?.ends,
      run?.source,
      run?.runId,
      cap.toString(),
      spent.toString(),
      new Date(nowMs),
      pausedUntil(limit, policy, nowMs),
    ],
  );
}

/** Without an acknowledgement a pause ends with its window; a run has none, so with the day. */
function pausedUntil({ window }: ReachedLimit, policy: BudgetPolicy, nowMs: number): Date | undefined {
  if (policy.needsAcknowledgement) return undefined;
  return new Date((window ?? windowAt('day', nowMs, policy.timeZone)).ends * SLOT_MS);
}

function entriesFor(limit: ReachedLimit, policy: BudgetPolicy, nowMs: number): OutboxEntry[] {
  const { scope, subject, window, run, cap, spent } = limit;
  const budget = budgetOf(scope);
  const until = policy.pauses ? pausedUntil(limit, policy, nowMs) : undefined;
  const message: Omit<BudgetMessage, 'type'> = {
    at: new Date(nowMs).toISOString(),
    budget,
    scope,
    subject,
    limitUsd: fromNano(cap.toString()),
    spentUsd: fromNano(spent.toString()),
    ...(window === undefined ? {} : { windowStart: slotTime(window.starts), windowEnd: slotTime(window.ends) }),
    timeZone: policy.timeZone,
    ...(run === undefined ? {} : { run }),
    paused: policy.pauses,
    ...(until === undefined ? {} : { pausedUntil: until.toISOString() }),
    ...(policy.contact === undefined ? {} : { contact: policy.contact }),
  };
  const of = window === undefined ? `${run?.source}/${run?.runId}` : slotTime(window.starts);
  const key = `${budget}/${subject}/${of}/${message.limitUsd}`;
  const told = policy.tells.map((receiver) => ({
    receiver,
    key: `exceeded/${key}`,
    message: { type: 'budget_exceeded', ...message },
  }));
  const pausers = policy.pauses ? policy.pausers : [];
  return [
    ...told,
    ...pausers.map((receiver) => ({ receiver, key: `pause/${key}`, message: { type: 'budget_pause', ...message } })),
  ];
}

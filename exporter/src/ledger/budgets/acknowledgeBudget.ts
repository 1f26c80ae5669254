import type { BudgetMessage } from '../../contract/budgetMessage.ts';
import { type BudgetScope, budgetOf } from '../../contract/budgets.ts';
import { fromNano, nanoText, toNano } from '../nano.ts';
import { writeOutbox } from '../outbox/writeOutbox.ts';
import type { Transaction } from '../transaction.ts';
import { IS_PAUSED } from './isPaused.ts';
import { slotTime } from './slot.ts';
import { openWindows, readOpenWindows } from './spentMoves.ts';

export interface BudgetAcknowledgement {
  readonly scope: BudgetScope;
  readonly subject: string;
  /** Why sessions may start again. */
  readonly reason: string;
  /** A higher limit for the window that is open now (of a persona: for the run that paused it). */
  readonly raiseToUsd?: number | undefined;
}

export interface AcknowledgedBudget {
  readonly pausedSince: string;
  readonly acknowledgedAt: string;
  readonly spentUsd: number;
  readonly raisedToUsd?: number;
  /** Until when the higher limit holds; absent where it is one of a run, or none was given. */
  readonly raisedUntil?: string;
}

/** An acknowledgement that changes nothing: `code` and what was found and expected. */
export class NotAcknowledged extends Error {
  override readonly name = 'NotAcknowledged';
  readonly code: 'not_paused' | 'not_raised';

  constructor(code: NotAcknowledged['code'], message: string) {
    super(message);
    this.code = code;
  }
}

interface PauseRow {
  readonly id: string;
  readonly run_source: string | null;
  readonly run_id: string | null;
  readonly cap: string;
  readonly spent: string;
  readonly paused_at: Date;
}

/** The window or run whose limit is raised, and what it has spent. */
interface Raised {
  readonly spent: bigint;
  readonly until?: string;
  raise(nano: bigint): Promise<unknown>;
}

/**
 * Ends the pause of a scope. Without a higher limit the window goes on without one: the next pause comes with the next window (or
 * the next run that is too dear). With one, the scope is paused again when that is reached; it holds for the window alone.
 * @throws NotAcknowledged
 */
export async function acknowledgeBudget(
  tx: Transaction,
  { scope, subject, reason, raiseToUsd }: BudgetAcknowledgement,
  actor: string,
): Promise<AcknowledgedBudget> {
  const { client } = tx;
  const at = new Date(tx.nowMs);
  const { rows } = await client.query<PauseRow>(
    `select p.id, p.run_source, p.run_id, p.cap, p.spent, p.paused_at from fleetlens.budget_pause p
      where p.scope = $1 and p.subject = $2 and ${IS_PAUSED} order by p.id`,
    [scope, subject],
  );
  const pause = rows.at(-1);
  const budget = budgetOf(scope);
  if (pause === undefined) {
    throw new NotAcknowledged(
      'not_paused',
      `${budget}: found ${scope} ${JSON.stringify(subject)} not paused, expected a paused one; GET /api/v1/budgets lists them`,
    );
  }
  const raised = raiseToUsd === undefined ? undefined : await findRaised(tx, scope, subject, pause);
  const raiseTo = raiseToUsd === undefined ? undefined : toNano(raiseToUsd);
  if (raised !== undefined && raiseTo !== undefined) {
    const limit = tx.policy.budgets?.limits.get(scope) ?? 0n;
    const least = raised.spent > limit ? raised.spent : limit;
    if (raiseTo <= least) {
      throw new NotAcknowledged(
        'not_raised',
        `raiseToUsd: found ${raiseToUsd}, expected more than ${nanoText(least)}, ${least === limit ? 'the configured limit' : 'what is spent already'}`,
      );
    }
    await raised.raise(raiseTo);
  }
  await client.query(
    `update fleetlens.budget_pause set acknowledged_at = $2, acknowledged_by = $3, reason = $4, raised = $5 where id = any($1)`,
    [rows.map((row) => row.id), at, actor, reason, raiseTo?.toString()],
  );
  const spentUsd = fromNano((raised?.spent ?? BigInt(pause.spent)).toString());
  const message: BudgetMessage = {
    type: 'budget_resume',
    at: at.toISOString(),
    budget,
    scope,
    subject,
    limitUsd: fromNano((raiseTo ?? BigInt(pause.cap)).toString()),
    spentUsd,
    timeZone: tx.policy.budgets?.timeZone ?? 'UTC',
    ...runOf(pause),
    paused: false,
    acknowledgedBy: actor,
    reason,
    ...(raiseToUsd === undefined ? {} : { raisedToUsd: raiseToUsd }),
  };
  const pausers = tx.policy.budgets?.pausers ?? [];
  await writeOutbox(
    client,
    pausers.map((receiver) => ({ receiver, key: `resume/${pause.id}`, message })),
  );
  return {
    pausedSince: pause.paused_at.toISOString(),
    acknowledgedAt: at.toISOString(),
    spentUsd,
    ...(raiseToUsd === undefined ? {} : { raisedToUsd: raiseToUsd }),
    ...(raised?.until === undefined ? {} : { raisedUntil: raised.until }),
  };
}

function runOf({ run_source: source, run_id: runId }: PauseRow): { run?: { source: string; runId: string } } {
  return source === null || runId === null ? {} : { run: { source, runId } };
}

async function findRaised(
  { client, policy, nowMs }: Transaction,
  scope: BudgetScope,
  subject: string,
  { run_source: source, run_id: runId }: PauseRow,
): Promise<Raised> {
  if (scope === 'persona_run') {
    const { rows } = await client.query<{ spent: string }>(
      'select spent from fleetlens.budget_run where source = $1 and run_id = $2',
      [source, runId],
    );
    return {
      spent: BigInt(rows[0]?.spent ?? 0),
      raise: (nano) =>
        client.query('update fleetlens.budget_run set raised = $3 where source = $1 and run_id = $2', [
          source,
          runId,
          nano.toString(),
        ]),
    };
  }
  const keys = policy.budgets === undefined ? [] : openWindows(policy.budgets, nowMs, [subject]);
  const [open] = await readOpenWindows(
    client,
    keys.filter((key) => key.scope === scope && key.subject === subject),
  );
  if (open?.window === undefined) {
    throw new NotAcknowledged(
      'not_raised',
      `raiseToUsd: found no ${budgetOf(scope)} in the configuration, expected one that can be raised; leave raiseToUsd out`,
    );
  }
  const { starts, ends } = open.window;
  return {
    spent: open.spent,
    until: slotTime(ends),
    raise: (nano) =>
      client.query(
        'update fleetlens.budget_window set raised = $5 where scope = $1 and subject = $2 and starts = $3 and ends = $4',
        [scope, subject, starts, ends, nano.toString()],
      ),
  };
}

import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { NO_QUERY } from '../../contract/api.ts';
import { type BudgetAnswer, type BudgetsAnswer, budgetOf } from '../../contract/budgets.ts';
import type { BudgetPolicy } from '../../ledger/budgets/budgetPolicy.ts';
import { type BudgetState, isVisible, readBudgets } from '../../ledger/budgets/readBudgets.ts';
import { SLOT_MS, slotTime } from '../../ledger/budgets/slot.ts';
import { fromNano } from '../../ledger/nano.ts';
import { readQuery, readRoute, sendJson } from '../readRequest.ts';

export interface BudgetsOptions {
  readonly pool: pg.Pool;
  policy(): BudgetPolicy | undefined;
}

/** `GET /api/v1/budgets`: every budget and how it stands. */
export function budgetsRoute(app: FastifyInstance, { pool, policy }: BudgetsOptions): void {
  readRoute(app, '/api/v1/budgets', async (request, reply) => {
    readQuery(request, NO_QUERY);
    const budgets = policy();
    const { nowMs, states } = await readBudgets(pool, budgets, { rates: true });
    const answer: BudgetsAnswer = {
      data: states
        .filter((state) => isVisible(state, request.principal.projects))
        .map((state) => describe(state, nowMs)),
      ...(budgets === undefined ? {} : { timeZone: budgets.timeZone }),
      advisory: (budgets?.pausers.length ?? 0) === 0,
      ...(budgets?.contact === undefined ? {} : { contact: budgets.contact }),
    };
    return sendJson(reply, answer);
  });
}

const usd = (nano: bigint) => fromNano(nano.toString());

function describe(state: BudgetState, nowMs: number): BudgetAnswer {
  const { scope, subject, cap, configured, raised, spent = 0n, window, run, pause } = state;
  const isPaused = pause?.isPaused ?? false;
  return {
    budget: budgetOf(scope),
    scope,
    subject,
    limitUsd: usd(cap),
    configuredUsd: usd(configured),
    ...(raised === undefined ? {} : { raisedUsd: usd(raised) }),
    spentUsd: usd(spent),
    ...(window === undefined ? {} : { windowStart: slotTime(window.starts), windowEnd: slotTime(window.ends) }),
    ...(run === undefined ? {} : { run }),
    paused: isPaused,
    ...(isPaused && pause !== undefined ? { pausedSince: pause.since.toISOString() } : {}),
    ...(isPaused && pause?.until !== undefined ? { pausedUntil: pause.until.toISOString() } : {}),
    ...(pause?.acknowledgedAt === undefined
      ? {}
      : {
          acknowledgedAt: pause.acknowledgedAt.toISOString(),
          ...(pause.acknowledgedBy === undefined ? {} : { acknowledgedBy: pause.acknowledgedBy }),
          ...(pause.reason === undefined ? {} : { acknowledgedReason: pause.reason }),
        }),
    ...forecast(state, nowMs),
  };
}

/** When the limit is reached at the present rate, where that is within the window. */
function forecast(
  { rate, cap, spent = 0n, window }: BudgetState,
  nowMs: number,
): Pick<BudgetAnswer, 'usdPerHour' | 'exhaustedAt'> {
  if (rate === undefined) return {};
  const usdPerHour = usd(rate.nano) / rate.hours;
  const left = usd(cap - spent);
  if (left <= 0 || usdPerHour <= 0 || window === undefined) return { usdPerHour };
  const exhaustedMs = nowMs + (left / usdPerHour) * 3_600_000;
  return {
    usdPerHour,
    ...(exhaustedMs < window.ends * SLOT_MS ? { exhaustedAt: new Date(exhaustedMs).toISOString() } : {}),
  };
}

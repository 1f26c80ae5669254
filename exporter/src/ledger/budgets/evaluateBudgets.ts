import type { Transaction } from '../transaction.ts';
import { windowAt } from './calendarWindow.ts';
import { noticeLimits } from './noticeLimits.ts';
import { reachedLimits } from './reachedLimits.ts';
import { openWindows, readOpenWindows } from './spentMoves.ts';

/**
 * Looks at every open window, as it has to be done when budgets are set or changed: what was spent before counts. Runs are looked
 * at when they spend next.
 */
export async function evaluateBudgets({ client, policy: { budgets }, nowMs }: Transaction): Promise<void> {
  if (budgets === undefined) return;
  const day = windowAt('day', nowMs, budgets.timeZone);
  const { rows } = await client.query<{ project: string }>(
    'select distinct project from fleetlens.spent_slot where slot >= $1 and slot < $2',
    [day.starts, day.ends],
  );
  const projects = rows.map((row) => row.project);
  const spent = await readOpenWindows(client, openWindows(budgets, nowMs, projects));
  await noticeLimits(client, reachedLimits(spent, budgets), { policy: budgets, nowMs });
}

import type { Transaction } from '../transaction.ts';
import { slotAt } from './slot.ts';

const DAY_MS = 86_400_000;
/** This month and the one before, in every time zone. */
const SLOTS_MS = 63 * DAY_MS;
const DELIVERED_MS = 7 * DAY_MS;
/** As long as runs by default: who acknowledged what is asked for long after. */
const PAUSES_MS = 400 * DAY_MS;
const CHUNK = 5_000;

/** Deletes quarters of an hour and windows that no open window needs, what was told, and pauses that are long over. */
export async function pruneBudgets({ client, nowMs }: Transaction): Promise<{ pruned: number; more: boolean }> {
  const oldest = slotAt(nowMs - SLOTS_MS);
  await client.query('update fleetlens.head set spent_from = greatest(spent_from, $1)', [oldest]);
  const deletions = [
    [`spent_slot where slot < $1`, oldest],
    [`budget_window where ends < $1`, oldest],
    [`outbox where coalesce(delivered_at, gave_up_at) < $1`, new Date(nowMs - DELIVERED_MS)],
    [`budget_pause where coalesce(acknowledged_at, until) < $1`, new Date(nowMs - PAUSES_MS)],
  ] as const;
  let pruned = 0;
  let more = false;
  for (const [rows, before] of deletions) {
    const [table] = rows.split(' ');
    const { rowCount } = await client.query(
      `delete from fleetlens.${table} where ctid = any(array(select ctid from fleetlens.${rows} limit ${CHUNK}))`,
      [before],
    );
    pruned += rowCount ?? 0;
    more ||= rowCount === CHUNK;
  }
  return { pruned, more };
}

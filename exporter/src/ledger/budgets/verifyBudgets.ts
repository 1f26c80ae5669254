import type { ClientBase } from 'pg';
import { type BudgetScope, budgetOf } from '../../contract/budgets.ts';
import { nanoText } from '../nano.ts';
import type { Difference } from '../verify/verifyLedger.ts';
import { slotTime } from './slot.ts';

/** What usage and runs counted, as [nano, slot, project, persona, run id]: the fifth element of a counted fact. */
const COUNTED = `select r.source, (c -> 4 ->> 0)::numeric as nano, (c -> 4 ->> 1)::int as slot, c -> 4 ->> 2 as project, c -> 4 ->> 4 as run_id
  from (select source, counted from fleetlens.usage union all select source, counted from fleetlens.run) r
    cross join json_array_elements(r.counted) c
  where r.counted is not null and json_array_length(c) > 4`;

const SLOTS = `select coalesce(s.slot, e.slot) as slot, coalesce(s.project, e.project) as project, coalesce(s.nano, 0) as found,
    coalesce(e.nano, 0) + coalesce(s.base, 0) as expected
  from (select slot, project, sum(nano) as nano from (${COUNTED}) c
      where slot >= (select spent_from from fleetlens.head) group by 1, 2) e
    full join (select * from fleetlens.spent_slot where slot >= (select spent_from from fleetlens.head)) s on s.slot = e.slot and s.project = e.project
  where coalesce(s.nano, 0) <> coalesce(e.nano, 0) + coalesce(s.base, 0)`;

const RUNS = `select coalesce(b.source, e.source) as source, coalesce(b.run_id, e.run_id) as run_id, coalesce(b.spent, 0) as found,
    coalesce(e.nano, 0) + coalesce(b.base, 0) as expected, e.last_slot
  from (select source, run_id, sum(nano) as nano, max(slot) as last_slot from (${COUNTED}) c where run_id <> '' group by 1, 2) e
    full join fleetlens.budget_run b on b.source = e.source and b.run_id = e.run_id
  where coalesce(b.spent, 0) <> coalesce(e.nano, 0) + coalesce(b.base, 0)`;

/** Of windows that lie in what is kept of the quarters. */
const WINDOWS = `select w.scope, w.subject, w.starts, w.ends, w.spent as found, e.nano as expected
  from fleetlens.budget_window w cross join lateral (
    select coalesce(sum(s.nano), 0) as nano from fleetlens.spent_slot s where s.slot >= w.starts and s.slot < w.ends
      and (w.scope = 'workspace_monthly' or s.project = w.subject)) e
  where w.starts >= (select spent_from from fleetlens.head) and w.spent <> e.nano`;

interface Found {
  readonly found: string;
  readonly expected: string;
}

/** @returns each way in which what the budgets have spent is not what records and base add up to. Reads one state of the database. */
export async function compareBudgets(client: ClientBase): Promise<Difference[]> {
  const slots = await client.query<Found & { slot: number; project: string }>(SLOTS);
  const runs = await client.query<Found & { source: string; run_id: string }>(RUNS);
  const windows = await client.query<Found & { scope: BudgetScope; subject: string; starts: number }>(WINDOWS);
  const differ = (labels: readonly string[], of: string, { found, expected }: Found): Difference => ({
    family: 'fleet_budget_spent_usd',
    labels,
    what: 'value',
    of,
    expected: nanoText(BigInt(expected)),
    found: nanoText(BigInt(found)),
  });
  return [
    ...slots.rows.map((row) => differ(['', '', row.project], `the quarter of an hour from ${slotTime(row.slot)}`, row)),
    ...runs.rows.map((row) =>
      differ([budgetOf('persona_run'), 'persona_run', ''], `run ${row.run_id} of ${row.source}`, row),
    ),
    ...windows.rows.map((row) =>
      differ([budgetOf(row.scope), row.scope, row.subject], `the window from ${slotTime(row.starts)}`, row),
    ),
  ];
}

/** Sets what the budgets have spent to what records and base add up to. Pauses stay as they are: an admin acknowledges them. */
export async function repairBudgets(client: ClientBase): Promise<void> {
  await client.query(
    `insert into fleetlens.spent_slot as s (slot, project, nano) select slot, project, expected from (${SLOTS}) d
      on conflict (slot, project) do update set nano = excluded.nano`,
  );
  await client.query(
    `insert into fleetlens.budget_run as b (source, run_id, persona, is_open, spent, last_slot)
      select d.source, d.run_id, coalesce(r.persona, ''), coalesce(r.status in ('queued', 'running', 'waiting'), false), d.expected,
        coalesce(d.last_slot, 0)
      from (${RUNS}) d left join fleetlens.run r on r.source = d.source and r.key = d.run_id
      on conflict (source, run_id) do update set spent = excluded.spent`,
  );
  await client.query(
    `update fleetlens.budget_window w set spent = d.expected from (${WINDOWS}) d
      where w.scope = d.scope and w.subject = d.subject and w.starts = d.starts and w.ends = d.ends`,
  );
}

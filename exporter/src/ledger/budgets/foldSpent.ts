import { int4Array, textArray } from '../binaryArrays.ts';
import type { Transaction } from '../transaction.ts';

/** Money that a deleted record had counted. */
export interface FoldedSpent {
  readonly source: string;
  readonly slot: number;
  readonly project: string;
  readonly runId: string;
  /** Units of 1e-9 USD. */
  readonly nano: bigint;
}

/** Keeps what deleted records had counted in the base of the budgets' figures; a run of which nothing else is left goes. */
export async function foldSpent({ client }: Transaction, folded: readonly FoldedSpent[]): Promise<void> {
  if (folded.length === 0) return;
  const nano = textArray(folded.map((f) => f.nano.toString()));
  await client.query({
    name: 'spent_slot_fold',
    text: `update fleetlens.spent_slot s set base = s.base + f.nano
      from (select slot, project, sum(nano::numeric) as nano from unnest($1::int[], $2::text[], $3::text[]) as u(slot, project, nano)
        group by 1, 2) f
      where s.slot = f.slot and s.project = f.project`,
    values: [int4Array(folded.map((f) => f.slot)), textArray(folded.map((f) => f.project)), nano],
  });
  await client.query({
    name: 'budget_run_fold',
    text: `update fleetlens.budget_run b set base = b.base + f.nano
      from (select source, run_id, sum(nano::numeric) as nano from unnest($1::text[], $2::text[], $3::text[]) as u(source, run_id, nano)
        group by 1, 2) f
      where b.source = f.source and b.run_id = f.run_id`,
    values: [textArray(folded.map((f) => f.source)), textArray(folded.map((f) => f.runId)), nano],
  });
  await client.query({
    name: 'budget_run_forget',
    text: `delete from fleetlens.budget_run b using unnest($1::text[], $2::text[]) as f(source, run_id)
      where b.source = f.source and b.run_id = f.run_id and b.spent = b.base`,
    values: [textArray(folded.map((f) => f.source)), textArray(folded.map((f) => f.runId))],
  });
}

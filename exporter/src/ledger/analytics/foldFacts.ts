import type { ClientBase } from 'pg';
import { SLOT_MS } from '../budgets/slot.ts';
import type { StoredCounted } from '../storedState.ts';
import { deriveFacts, type FactOwner, LOCK_FACTS } from './deriveFacts.ts';
import { HOUR_MS, isList, MEASURES, measureSums } from './measures.ts';
import { WITHOUT_RUN } from './runFacts.ts';

/** Adds the figures of facts that go to those of their hours, which they leave as they are. */
function foldInto(facts: string): string {
  const columns = MEASURES.join(', ');
  const added = MEASURES.map((measure) => {
    const [nothing, plus] = isList(measure) ? ["''::bytea", '||'] : ['0', '+'];
    return `coalesce(p.${measure}, ${nothing}) ${plus} coalesce(excluded.${measure}, ${nothing})`;
  }).join(', ');
  return `insert into fleetlens.run_hour_pruned as p (hour, dim, ${columns})
    select (f.at_ms / ${HOUR_MS})::int, f.dim, ${measureSums('f')} from ${facts} f where f.at_ms is not null group by 1, 2
    on conflict (hour, dim) do update set (${columns}) = (${added})`;
}

/**
 * Keeps by hour what runs add to the figures, whose records retention is about to take. Until the end of the transaction nobody
 * else changes facts.
 * @param runs still with all their records
 */
export async function foldRunFacts(client: ClientBase, runs: readonly FactOwner[]): Promise<void> {
  if (runs.length === 0) return;
  await client.query(LOCK_FACTS);
  await deriveFacts(client, runs);
  await client.query({
    name: 'run_facts_fold',
    text: `with gone as (
        delete from fleetlens.run_fact f using unnest($1::text[], $2::text[]) as w(source, key)
          where f.source = w.source and f.key = w.key returning f.*)
      ${foldInto('gone')}`,
    values: [runs.map((r) => r.source), runs.map((r) => r.key)],
  });
}

/** A usage record that was deleted. */
export interface SpentUsage {
  readonly source: string;
  readonly key: string;
  readonly run_id: string | null;
  readonly model: string | null;
  readonly counted: StoredCounted | null;
}

/** The same for usage records that are gone already, and whose run is not there: their money is all that they add. */
export async function foldUsageFacts(client: ClientBase, usage: readonly SpentUsage[]): Promise<void> {
  if (usage.length === 0) return;
  const spent = usage.flatMap(({ source, model, counted }) =>
    (counted ?? []).flatMap(([, , , , money]) => (money === undefined ? [] : [{ source, model: model ?? '', money }])),
  );
  await client.query(LOCK_FACTS);
  await client.query({
    name: 'usage_facts_fold',
    text: `with money as (
        select ((slot * ${SLOT_MS}::bigint) / ${HOUR_MS})::int as hour, source, project, persona, model, least(sum(nano), 1e300)::float8 as spent
        from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::numeric[]) as m(source, slot, project, persona, model, nano)
        group by 1, 2, 3, 4, 5)
      insert into fleetlens.run_hour_pruned as p (hour, dim, spent)
        select hour, fleetlens.run_dim_of(source, project, '', persona, model, ''), spent from money
        on conflict (hour, dim) do update set spent = coalesce(p.spent, 0) + excluded.spent`,
    values: [
      spent.map((s) => s.source),
      spent.map((s) => s.money[1]),
      spent.map((s) => s.money[2]),
      spent.map((s) => s.money[3]),
      spent.map((s) => s.model),
      spent.map((s) => s.money[0]),
    ],
  });
  const owners = new Map(
    usage.map(({ source, key, run_id: runId }) => {
      const owner = runId ?? WITHOUT_RUN + key;
      return [`${source}\0${owner}`, { source, key: owner }];
    }),
  );
  await deriveFacts(client, [...owners.values()]);
}

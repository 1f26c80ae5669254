import type { ClientBase } from 'pg';
import { DAY_HOURS, HOUR_MS, MEASURES, measureColumns } from './measures.ts';
import { RUN_FACTS } from './runFacts.ts';

/** A run, or a usage record without one (its key after WITHOUT_RUN). */
export interface FactOwner {
  readonly source: string;
  readonly key: string;
}

const COLUMNS = ['source', 'key', 'part', 'at_ms', 'used_ms', 'dim', ...MEASURES].join(', ');
const DAY_MS = DAY_HOURS * HOUR_MS;

// Rows that are as they were are not written: their hours stay clean.
const DERIVE = `with ${RUN_FACTS},
  now_facts as materialized (
    select f.source, f.key, f.part, f.at_ms, f.used_ms,
      fleetlens.run_dim_of(f.source, f.project, f.workflow, f.persona, f.model, f.category) as dim, ${measureColumns('f')}
    from facts f),
  before as materialized (select f.* from wanted w join fleetlens.run_fact f on f.source = w.source and f.key = w.key),
  gone as (
    delete from fleetlens.run_fact f using before b
      where f.source = b.source and f.key = b.key and f.part = b.part
        and (b.source, b.key, b.part) not in (select n.source, n.key, n.part from now_facts n)
      returning f.at_ms),
  changed as materialized (
    select n.source, n.key, n.part, b.at_ms as was_ms from now_facts n
      left join before b on b.source = n.source and b.key = n.key and b.part = n.part
      where b.source is null or (${columnsOf('n')}) is distinct from (${columnsOf('b')})),
  put as (
    insert into fleetlens.run_fact as f (${COLUMNS})
      select ${columnsOf('n')} from now_facts n join changed c on c.source = n.source and c.key = n.key and c.part = n.part
      on conflict (source, key, part) do update set (at_ms, used_ms, dim, ${MEASURES.join(', ')})
        = (excluded.at_ms, excluded.used_ms, excluded.dim, ${measureColumns('excluded')})
      returning f.at_ms),
  moved as (
    select at_ms from put union select at_ms from gone union select was_ms from changed),
  marked as (
    insert into fleetlens.run_dirty (is_day, n)
      select false, (at_ms / ${HOUR_MS})::int from moved where at_ms is not null
      union select true, (at_ms / ${DAY_MS})::int from moved where at_ms is not null
      on conflict (is_day, n) do update set touched_at = clock_timestamp())
  select ((select count(*) from put) + (select count(*) from gone))::int as changed`;

function columnsOf(row: string): string {
  return `${row}.source, ${row}.key, ${row}.part, ${row}.at_ms, ${row}.used_ms, ${row}.dim, ${measureColumns(row)}`;
}

/**
 * Sets the facts of these runs to what their records say now, and marks the hours that this changes. A run that is gone keeps none:
 * what retention takes is folded before (foldFacts).
 * @param client in a transaction that holds the lock of {@link LOCK_FACTS}
 * @returns facts that were not what the records say
 */
export async function deriveFacts(client: ClientBase, owners: readonly FactOwner[]): Promise<number> {
  if (owners.length === 0) return 0;
  const { rows } = await client.query<{ changed: number }>({
    name: 'run_facts_derive',
    text: DERIVE,
    values: [owners.map((o) => o.source), owners.map((o) => o.key)],
  });
  return rows[0]?.changed ?? 0;
}

/** SQL: whoever changes facts or figures waits here. Readers do not. Taken first, so that a snapshot begins after it. */
export const LOCK_FACTS = 'lock table fleetlens.run_fact_state in exclusive mode';

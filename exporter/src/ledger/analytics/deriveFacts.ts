import type { ClientBase } from 'pg';
import { CATEGORY_MASK, HOUR_MS, MEASURES, measureColumns, WHOLE_MASK } from './measures.ts';
import { NODE_LEVELS } from './nodeSums.ts';
import { RUN_FACTS } from './runFacts.ts';

/** A run, or a usage record without one (its key after WITHOUT_RUN). */
export interface FactOwner {
  readonly source: string;
  readonly key: string;
}

const COLUMNS = ['source', 'key', 'part', 'at_ms', 'used_ms', 'dim', ...MEASURES].join(', ');

// Rows that are as they were are not written: their hours stay clean. What was there is looked up run by run, whatever the planner
// believes about the size of the table.
const derive = (marks: boolean) => `with ${RUN_FACTS},
  now_facts as materialized (
    select f.source, f.key, f.part, f.at_ms, f.used_ms,
      coalesce(d.id, fleetlens.run_dim_of(f.source, f.project, f.workflow, f.persona, f.model, f.category)) as dim, ${measureColumns('f')}
    from facts f left join lateral (
      select d.id from fleetlens.run_dim d where d.mask = case when f.category = '' then ${WHOLE_MASK} else ${CATEGORY_MASK} end
        and d.source = f.source and d.project = f.project and d.workflow = f.workflow and d.persona = f.persona and d.model = f.model
        and d.category = f.category limit 1) d on true),
  gone as (
    delete from fleetlens.run_fact f where f.ctid = any(array(
        select b.id from wanted w cross join lateral (
          select f.ctid as id, f.source, f.key, f.part from fleetlens.run_fact f where f.source = w.source and f.key = w.key offset 0) b
        where (b.source, b.key, b.part) not in (select n.source, n.key, n.part from now_facts n)))
      returning f.at_ms),
  changed as materialized (
    select n.*, b.at_ms as was_ms from now_facts n
      left join lateral (
        select f.* from fleetlens.run_fact f where f.source = n.source and f.key = n.key and f.part = n.part limit 1) b on true
      where b.source is null or (${columnsOf('n')}) is distinct from (${columnsOf('b')})),
  put as (
    insert into fleetlens.run_fact as f (${COLUMNS}) select ${columnsOf('n')} from changed n
      on conflict (source, key, part) do update set (at_ms, used_ms, dim, ${MEASURES.join(', ')})
        = (excluded.at_ms, excluded.used_ms, excluded.dim, ${measureColumns('excluded')}))${marks ? MARKED : ''}
  select ((select count(*) from changed) + (select count(*) from gone))::int as changed`;

const MARKED = `,
  moved as (
    select (at_ms / ${HOUR_MS})::int as hour from gone where at_ms is not null
    union select (at_ms / ${HOUR_MS})::int from changed where at_ms is not null
    union select (was_ms / ${HOUR_MS})::int from changed where was_ms is not null),
  marked as (
    insert into fleetlens.run_dirty (level, n)
      select distinct l.level, moved.hour / l.hours from moved cross join ${NODE_LEVELS}
      on conflict (level, n) do update set touched_at = clock_timestamp())`;

function columnsOf(row: string): string {
  return `${row}.source, ${row}.key, ${row}.part, ${row}.at_ms, ${row}.used_ms, ${row}.dim, ${measureColumns(row)}`;
}

/**
 * Sets the facts of these runs to what their records say now, and marks the hours that this changes. A run that is gone keeps none:
 * what retention takes is folded before (foldFacts).
 * @param client in a transaction that holds the lock of {@link LOCK_FACTS}
 * @param options.marks false where all nodes will be marked afterwards
 * @returns facts that were not what the records say
 */
export async function deriveFacts(
  client: ClientBase,
  owners: readonly FactOwner[],
  { marks = true } = {},
): Promise<number> {
  if (owners.length === 0) return 0;
  // Without a name: planned for the tables as they are now. A plan of when they were empty would stay.
  const { rows } = await client.query<{ changed: number }>(derive(marks), [
    owners.map((o) => o.source),
    owners.map((o) => o.key),
  ]);
  return rows[0]?.changed ?? 0;
}

/** SQL: whoever changes facts or figures waits here. Readers do not. Taken first, so that a snapshot begins after it. */
export const LOCK_FACTS = 'lock table fleetlens.run_fact_state in exclusive mode';

import type { ClientBase } from 'pg';
import { HOUR_MS, LEVEL_HOURS, MARGINAL_MASKS, masksOf, measureColumns, measureSums, WHOLE_MASK } from './measures.ts';

// Each node is looked up by itself through the index, see readFigures.ts.
// An hour: from its facts and what retention pruned of it, by all dimensions; and from those rows by none and by each alone.
const HOURS = `with parts as (
    select w.n, f.* from unnest($1::int[]) as w(n) cross join lateral (
      select f.dim, ${measureColumns('f')} from fleetlens.run_fact f
        where f.at_ms >= w.n * ${HOUR_MS}::bigint and f.at_ms < (w.n + 1) * ${HOUR_MS}::bigint offset 0) f
    union all
    select w.n, p.dim, ${measureColumns('p')} from unnest($1::int[]) as w(n) join fleetlens.run_hour_pruned p on p.hour = w.n),
  added as (select n, dim, ${measureSums('parts')} from parts group by n, dim),
  whole as materialized (select d.mask, d.marginals, a.* from added a join fleetlens.run_dim d on d.id = a.dim)
  select mask, n, dim, ${measureColumns('w')} from whole w
  union all
  select m.mask::smallint, w.n, m.dim, ${measureSums('w')}
    from whole w cross join lateral unnest(w.marginals, array[${MARGINAL_MASKS.join(', ')}]) as m(dim, mask)
    where w.mask = ${WHOLE_MASK} group by 1, 2, 3`;

const longer = (level: number) => {
  const parts = (LEVEL_HOURS[level] as number) / (LEVEL_HOURS[level - 1] as number);
  return `select t.mask, w.n, t.dim, ${measureSums('t')}
    from unnest($1::int[]) as w(n) cross join (values ${masksOf(level)
      .map((mask) => `(${mask}::smallint)`)
      .join(', ')}) as m(mask) cross join lateral (
      select t.mask, t.dim, ${measureColumns('t')} from fleetlens.run_sum t
        where t.level = ${level - 1} and t.mask = m.mask and t.n >= w.n * ${parts} and t.n < (w.n + 1) * ${parts} offset 0) t
    group by 1, 2, 3`;
};

/** SQL, by level: the rows that nodes should have: mask, n, dim and the figures, from the level below. $1 their numbers */
export const NODE_SUMS: readonly string[] = LEVEL_HOURS.map((_hours, level) => (level === 0 ? HOURS : longer(level)));

/** SQL: d is a dirty node of the level whose parts are all added up. */
export const hasCleanParts = (level: number): string => {
  if (level === 0) return 'true';
  const parts = (LEVEL_HOURS[level] as number) / (LEVEL_HOURS[level - 1] as number);
  return `not exists (select from fleetlens.run_dirty p where p.level = ${level - 1} and p.n >= d.n * ${parts} and p.n < (d.n + 1) * ${parts})`;
};

/** SQL: the levels, and how many hours their nodes have. */
export const LEVELS = `(values ${LEVEL_HOURS.map((hours, level) => `(${level}, ${hours})`).join(', ')}) as l(level, hours)`;

/** Marks every node that has facts or sums, as if it had changed long ago: none of them waits for its next change. */
export async function markAllNodes(client: ClientBase): Promise<void> {
  await client.query(
    `insert into fleetlens.run_dirty (level, n, touched_at)
      select l.level, h.n / l.hours, '-infinity'::timestamptz from ${LEVELS} cross join (
        select (at_ms / ${HOUR_MS})::int as n from fleetlens.run_fact where at_ms is not null
        union select hour from fleetlens.run_hour_pruned) h
      union select level, n, '-infinity'::timestamptz from fleetlens.run_sum
      on conflict (level, n) do update set touched_at = excluded.touched_at`,
  );
}

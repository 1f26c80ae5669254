import type { ClientBase } from 'pg';
import {
  FEWER_MASKS,
  HALF_HOUR_MS,
  HALF_LEVEL,
  HOUR_MS,
  LEVEL_HOURS,
  masksOf,
  measureColumns,
  measureSums,
  WHOLE_MASK,
} from './measures.ts';

/** SQL: rows by all dimensions of `whole` added up by fewer, those that the level has. */
const byFewer = (level: number, n: string, whole: string) => {
  const fewer = FEWER_MASKS.filter((mask) => masksOf(level).includes(mask));
  return `select ${level}::smallint, m.mask::smallint, ${n}, m.dim, ${measureSums('w')} from ${whole} w
    cross join lateral unnest(w.fewer[1:${fewer.length}], array[${fewer.join(', ')}]) as m(dim, mask)
    where w.mask = ${WHOLE_MASK} group by 2, 3, 4`;
};

// Each node is looked up by itself through the index, see readFigures.ts.
// An hour and its halves: from its facts and what retention pruned of it, by all dimensions; and from those rows by fewer of them.
// What was pruned is of the half with which the hour begins, as it is where an answer is added up from facts.
const HOURS = `with parts as (
    select w.n * 2 + (f.at_ms >= w.n * ${HOUR_MS}::bigint + ${HALF_HOUR_MS})::int as half, f.* from unnest($1::int[]) as w(n) cross join lateral (
      select f.at_ms, f.dim, ${measureColumns('f')} from fleetlens.run_fact f
        where f.at_ms >= w.n * ${HOUR_MS}::bigint and f.at_ms < (w.n + 1) * ${HOUR_MS}::bigint offset 0) f
    union all
    select w.n * 2, null, p.dim, ${measureColumns('p')} from unnest($1::int[]) as w(n) join fleetlens.run_hour_pruned p on p.hour = w.n),
  halves as materialized (
    select d.mask, d.fewer, a.* from (select half, dim, ${measureSums('parts')} from parts group by half, dim) a
      join fleetlens.run_dim d on d.id = a.dim),
  hours as materialized (
    select d.mask, d.fewer, a.* from (select half >> 1 as n, dim, ${measureSums('halves')} from halves group by 1, dim) a
      join fleetlens.run_dim d on d.id = a.dim)
  select 0::smallint as level, mask, n, dim, ${measureColumns('w')} from hours w
  union all ${byFewer(0, 'w.n', 'hours')}
  union all select ${HALF_LEVEL}::smallint, mask, half, dim, ${measureColumns('w')} from halves w where w.mask = ${WHOLE_MASK}
  union all ${byFewer(HALF_LEVEL, 'w.half', 'halves')}`;

const longer = (level: number) => {
  const parts = (LEVEL_HOURS[level] as number) / (LEVEL_HOURS[level - 1] as number);
  return `select ${level}::smallint as level, t.mask, w.n, t.dim, ${measureSums('t')}
    from unnest($1::int[]) as w(n) cross join (values ${masksOf(level)
      .map((mask) => `(${mask}::smallint)`)
      .join(', ')}) as m(mask) cross join lateral (
      select t.mask, t.dim, ${measureColumns('t')} from fleetlens.run_sum t
        where t.level = ${level - 1} and t.mask = m.mask and t.n >= w.n * ${parts} and t.n < (w.n + 1) * ${parts} offset 0) t
    group by 2, 3, 4`;
};

/** SQL, by level: the rows that nodes should have: level, mask, n, dim and the figures, from the level below; of hours with their halves. $1 their numbers */
export const NODE_SUMS: readonly string[] = LEVEL_HOURS.map((_hours, level) => (level === 0 ? HOURS : longer(level)));

/** The levels whose rows belong to nodes of a level: hours have their halves. */
export const levelsOf = (level: number): readonly number[] => (level === 0 ? [0, HALF_LEVEL] : [level]);

/** SQL: d is a dirty node of the level whose parts are all added up. */
export const hasCleanParts = (level: number): string => {
  if (level === 0) return 'true';
  const parts = (LEVEL_HOURS[level] as number) / (LEVEL_HOURS[level - 1] as number);
  return `not exists (select from fleetlens.run_dirty p where p.level = ${level - 1} and p.n >= d.n * ${parts} and p.n < (d.n + 1) * ${parts})`;
};

/** SQL: the levels, and how many hours their nodes have. */
export const NODE_LEVELS = `(values ${LEVEL_HOURS.map((hours, level) => `(${level}, ${hours})`).join(', ')}) as l(level, hours)`;

/** Marks every node that has facts or sums, as if it had changed long ago: none of them waits for its next change. */
export async function markAllNodes(client: ClientBase): Promise<void> {
  await client.query(
    `insert into fleetlens.run_dirty (level, n, touched_at)
      select l.level, h.n / l.hours, '-infinity'::timestamptz from ${NODE_LEVELS} cross join (
        select (at_ms / ${HOUR_MS})::int as n from fleetlens.run_fact where at_ms is not null
        union select hour from fleetlens.run_hour_pruned) h
      union select level, n, '-infinity'::timestamptz from fleetlens.run_sum where level >= 0
      on conflict (level, n) do update set touched_at = excluded.touched_at`,
  );
}

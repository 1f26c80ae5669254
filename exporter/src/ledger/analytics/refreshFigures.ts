import type pg from 'pg';
import { inFactsTransaction } from './catchUpFacts.ts';
import { DAY_HOURS, HOUR_MS, MEASURES, measureColumns, measureSums } from './measures.ts';

/** Hours in which something changed a moment ago will change again: until then they are answered from the facts. */
const QUIET = '20 seconds';
/** In one transaction: some 200 ms with a million runs a month. */
const MOST_HOURS = 100;
const MOST_DAYS = 20;

const COLUMNS = MEASURES.join(', ');

const HOURS = `with hours as (select unnest($1::int[]) as hour),
  parts as (
    select h.hour, f.dim, ${measureColumns('f')} from hours h
      join fleetlens.run_fact f on f.at_ms >= h.hour * ${HOUR_MS}::bigint and f.at_ms < (h.hour + 1) * ${HOUR_MS}::bigint
    union all
    select h.hour, p.dim, ${measureColumns('p')} from hours h join fleetlens.run_hour_pruned p on p.hour = h.hour)
  insert into fleetlens.run_hour (hour, dim, ${COLUMNS}) select hour, dim, ${measureSums('parts')} from parts group by hour, dim`;

const DAYS = `with days as (select unnest($1::int[]) as day)
  insert into fleetlens.run_day (day, dim, ${COLUMNS})
    select d.day, h.dim, ${measureSums('h')} from days d
      join fleetlens.run_hour h on h.hour >= d.day * ${DAY_HOURS} and h.hour < (d.day + 1) * ${DAY_HOURS} group by d.day, h.dim`;

/**
 * Adds up hours in which facts changed and that have been quiet since, then the days whose hours are all added up.
 * @param options.quiet how long they have to have been quiet, an interval of Postgres
 * @returns whether there may be more
 */
export async function refreshFigures(pool: pg.Pool, { quiet = QUIET } = {}): Promise<boolean> {
  const more = await inFactsTransaction(pool, async (client) => {
    const hours = await take(
      client,
      `select n from fleetlens.run_dirty where not is_day and touched_at <= clock_timestamp() - $1::interval
        order by n desc limit ${MOST_HOURS}`,
      quiet,
    );
    if (hours.length > 0) await replace(client, 'hour', hours, HOURS);
    const days = await take(
      client,
      `select d.n from fleetlens.run_dirty d where d.is_day and d.touched_at <= clock_timestamp() - $1::interval
        and not exists (select from fleetlens.run_dirty h
          where not h.is_day and h.n >= d.n * ${DAY_HOURS} and h.n < (d.n + 1) * ${DAY_HOURS})
        order by d.n desc limit ${MOST_DAYS}`,
      quiet,
    );
    if (days.length > 0) await replace(client, 'day', days, DAYS);
    return hours.length > 0 || days.length > 0;
  });
  return more ?? false;
}

async function take(client: pg.ClientBase, text: string, quiet: string): Promise<number[]> {
  const { rows } = await client.query<{ n: number }>(text, [quiet]);
  return rows.map((row) => row.n);
}

async function replace(client: pg.ClientBase, span: 'hour' | 'day', numbers: readonly number[], insert: string) {
  await client.query(`delete from fleetlens.run_${span} where ${span} = any($1)`, [numbers]);
  await client.query(insert, [numbers]);
  await client.query('delete from fleetlens.run_dirty where is_day = $1 and n = any($2)', [span === 'day', numbers]);
}

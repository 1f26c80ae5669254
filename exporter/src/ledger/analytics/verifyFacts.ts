import type pg from 'pg';
import { followPage, inFactsTransaction } from './catchUpFacts.ts';
import { deriveFacts, type FactOwner } from './deriveFacts.ts';
import { DAY_HOURS, HOUR_MS, MEASURES, measureColumns, measureSums } from './measures.ts';
import { refreshFigures } from './refreshFigures.ts';
import { WITHOUT_RUN } from './runFacts.ts';

/** How much of the figures of analytics is not what it should be. */
export interface FactsVerification {
  /** Facts that are not what the records say. */
  readonly facts: number;
  /** Sums of an hour or a day that are not what facts, and what retention pruned, add up to. */
  readonly sums: number;
}

const PAGE = 1_000;
/** Hours compared in one transaction. */
const HOURS = 24 * 31;

/** Every run, usage record without a run and fact after ($1, $2). $3 what a key without a run begins with */
const OWNERS = `select source, key from (
    (select source, key from fleetlens.run where (source, key) > ($1, $2) order by source, key limit ${PAGE})
    union
    (select distinct source, key from fleetlens.run_fact where (source, key) > ($1, $2) order by source, key limit ${PAGE})
    union
    (select distinct source, owner from fleetlens.usage u
      cross join lateral (select coalesce(u.run_id collate "C", $3::text collate "C" || u.key) as owner) o
      where not exists (select from fleetlens.run r where r.source = u.source and r.key = u.run_id)
        and (source, owner) > ($1, $2) order by source, owner limit ${PAGE})) o
  order by source, key limit ${PAGE}`;

// The order of values in a list says nothing: it is their number that is compared.
const comparable = (row: string) =>
  MEASURES.map((m) => (m === 'waits' || m === 'merges' ? `octet_length(${row}.${m})` : `${row}.${m}`)).join(', ');

/** $1 $2 from and to, hours since 1970 */
const WRONG_HOURS = `select count(*)::int as wrong from (
    select hour, dim, ${measureSums('p')} from (
      select (f.at_ms / ${HOUR_MS})::int as hour, f.dim, ${measureColumns('f')} from fleetlens.run_fact f
        where f.at_ms >= $1 * ${HOUR_MS}::bigint and f.at_ms < $2 * ${HOUR_MS}::bigint
      union all
      select p.hour, p.dim, ${measureColumns('p')} from fleetlens.run_hour_pruned p where p.hour >= $1 and p.hour < $2) p
    group by 1, 2) s
  full join (select * from fleetlens.run_hour where hour >= $1 and hour < $2) h using (hour, dim)
  where not exists (select from fleetlens.run_dirty d where not d.is_day and d.n = hour)
    and (${comparable('s')}) is distinct from (${comparable('h')})`;

const WRONG_DAYS = `select count(*)::int as wrong from (
    select h.hour / ${DAY_HOURS} as day, h.dim, ${measureSums('h')} from fleetlens.run_hour h where h.hour >= $1 and h.hour < $2 group by 1, 2) s
  full join (select * from fleetlens.run_day where day >= $1 / ${DAY_HOURS} and day < $2 / ${DAY_HOURS}) d using (day, dim)
  where not exists (select from fleetlens.run_dirty x where x.is_day and x.n = day)
    and (${comparable('s')}) is distinct from (${comparable('d')})`;

/**
 * Compares facts with records and sums with facts, little by little while writers go on.
 * @param options.repair set right what is not: facts are told anew by the records, and all hours and days added up anew
 */
export async function verifyFacts(pool: pg.Pool, { repair = false } = {}): Promise<FactsVerification> {
  const facts = await verifyOwners(pool, repair);
  let sums = 0;
  for (const [from, to] of await hoursOf(pool)) {
    sums += (await atWork(pool, (client) => wrongSums(client, from, to))).wrong;
  }
  if (repair && sums > 0) {
    await atWork(pool, markAll);
    while (await refreshFigures(pool, { quiet: '0 seconds' })) {}
  }
  return { facts, sums };
}

async function verifyOwners(pool: pg.Pool, repair: boolean): Promise<number> {
  let wrong = 0;
  let after: FactOwner | undefined = { source: '', key: '' };
  while (after !== undefined) {
    const { source, key }: FactOwner = after;
    const page: { changed: number; last: FactOwner | undefined } = await atWork(pool, async (client) => {
      // The facts follow up to the moment that this transaction sees, so what differs then is wrong.
      while ((await followPage(client)).isBehind) {}
      const { rows } = await client.query<FactOwner>(OWNERS, [source, key, WITHOUT_RUN]);
      await client.query('savepoint compared');
      const changed = await deriveFacts(client, rows);
      if (!repair) await client.query('rollback to savepoint compared');
      return { changed, last: rows.length < PAGE ? undefined : rows.at(-1) };
    });
    wrong += page.changed;
    after = page.last;
  }
  return wrong;
}

/** @returns windows of whole days that hold every hour of which there are facts or sums */
async function hoursOf(pool: pg.Pool): Promise<[number, number][]> {
  const { rows } = await pool.query<{ first: number | null; last: number | null }>(
    `select min(n)::int as first, max(n)::int as last from (
      select (min(at_ms) / ${HOUR_MS}) as n from fleetlens.run_fact union all select max(at_ms) / ${HOUR_MS} from fleetlens.run_fact
      union all select min(hour) from fleetlens.run_hour union all select max(hour) from fleetlens.run_hour
      union all select min(hour) from fleetlens.run_hour_pruned union all select max(hour) from fleetlens.run_hour_pruned
      union all select min(day) * ${DAY_HOURS} from fleetlens.run_day union all select max(day) * ${DAY_HOURS} from fleetlens.run_day) n`,
  );
  const { first, last } = rows[0] ?? { first: null, last: null };
  if (first === null || last === null) return [];
  const windows: [number, number][] = [];
  for (let from = Math.floor(first / DAY_HOURS) * DAY_HOURS; from <= last; from += HOURS)
    windows.push([from, from + HOURS]);
  return windows;
}

async function wrongSums(client: pg.ClientBase, from: number, to: number): Promise<{ wrong: number }> {
  let wrong = 0;
  for (const text of [WRONG_HOURS, WRONG_DAYS]) {
    const { rows } = await client.query<{ wrong: number }>(text, [from, to]);
    wrong += rows[0]?.wrong ?? 0;
  }
  return { wrong };
}

async function markAll(client: pg.ClientBase): Promise<{ marked: true }> {
  await client.query(
    `insert into fleetlens.run_dirty (is_day, n)
      select false, n from (select distinct (at_ms / ${HOUR_MS})::int as n from fleetlens.run_fact where at_ms is not null
        union select hour from fleetlens.run_hour union select hour from fleetlens.run_hour_pruned) h
      union
      select true, n from (select distinct (at_ms / ${HOUR_MS} / ${DAY_HOURS})::int as n from fleetlens.run_fact where at_ms is not null
        union select day from fleetlens.run_day union select hour / ${DAY_HOURS} from fleetlens.run_hour_pruned) d
      on conflict do nothing`,
  );
  return { marked: true };
}

/** As inFactsTransaction, and waits for whoever is at it. */
async function atWork<T extends object>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (;;) {
    const done = await inFactsTransaction(pool, work);
    if (done !== undefined) return done;
  }
}

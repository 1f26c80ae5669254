import type pg from 'pg';
import { followPage, inFactsTransaction } from './catchUpFacts.ts';
import { deriveFacts, type FactOwner } from './deriveFacts.ts';
import { HALF_LEVEL, HOUR_MS, isList, LEVEL_HOURS, MEASURES } from './measures.ts';
import { levelsOf, markAllNodes, NODE_SUMS } from './nodeSums.ts';
import { refreshFigures } from './refreshFigures.ts';
import { WITHOUT_RUN } from './runFacts.ts';

/** How much of the figures of analytics is not what it should be. */
export interface FactsVerification {
  /** Facts that are not what the records say. */
  readonly facts: number;
  /** Sums of an hour, a day or longer that are not what facts, and what retention pruned, add up to. */
  readonly sums: number;
}

const PAGE = 1_000;
/** Compared in one transaction: a node of the highest level, and all below it. */
const HOURS = Math.max(...LEVEL_HOURS);

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

// The order of values in a list says nothing: it is their number that is compared. Sums above 2^53 depend on the order, too.
const DIFFERS = MEASURES.map((m) => {
  if (isList(m)) return `coalesce(octet_length(s.${m}), 0) <> coalesce(octet_length(t.${m}), 0)`;
  return `abs(coalesce(s.${m}, 0) - coalesce(t.${m}, 0)) > 1e-12 * abs(coalesce(s.${m}, 0))`;
}).join(' or ');

/** SQL: the number of the node that a row belongs to: a half hour to its hour. */
const nodeOf = (level: string, n: string) => `${n} >> (${level} = ${HALF_LEVEL})::int`;

/** $1 numbers of nodes */
const wrongSumsOf = (level: number) => `select count(*)::int as wrong from (${NODE_SUMS[level]}) s
  full join (select * from fleetlens.run_sum r where r.level = any(array[${levelsOf(level).join(', ')}])
    and ${nodeOf('r.level', 'r.n')} = any($1)) t using (level, mask, n, dim)
  where not exists (select from fleetlens.run_dirty d where d.level = ${level}
      and d.n = ${nodeOf('coalesce(s.level, t.level)', 'coalesce(s.n, t.n)')}) and (${DIFFERS})`;

/**
 * Compares facts with records and sums with facts, little by little while writers go on.
 * @param options.repair set right what is not: facts are told anew by the records, and all nodes added up anew
 */
export async function verifyFacts(pool: pg.Pool, { repair = false } = {}): Promise<FactsVerification> {
  const facts = await verifyOwners(pool, repair);
  let sums = 0;
  for (const [from, to] of await hoursOf(pool)) {
    sums += (await atWork(pool, (client) => wrongSums(client, from, to))).wrong;
  }
  if (repair && sums > 0) {
    await atWork(pool, async (client) => {
      await markAllNodes(client);
      return {};
    });
    while (await refreshFigures(pool, { quiet: false })) {}
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

/** @returns windows of whole nodes of the highest level that hold every hour of which there are facts or sums */
async function hoursOf(pool: pg.Pool): Promise<[number, number][]> {
  const { rows } = await pool.query<{ first: number | null; last: number | null }>(
    `select min(n)::int as first, max(n)::int as last from (
      select (min(at_ms) / ${HOUR_MS}) as n from fleetlens.run_fact union all select max(at_ms) / ${HOUR_MS} from fleetlens.run_fact
      union all select min(hour) from fleetlens.run_hour_pruned union all select max(hour) from fleetlens.run_hour_pruned
      ${LEVEL_HOURS.map((hours, level) => `union all select min(n) * ${hours} from fleetlens.run_sum where level = ${level} union all select max(n) * ${hours} from fleetlens.run_sum where level = ${level}`).join(' ')}) n`,
  );
  const { first, last } = rows[0] ?? { first: null, last: null };
  if (first === null || last === null) return [];
  const windows: [number, number][] = [];
  for (let from = Math.floor(first / HOURS) * HOURS; from <= last; from += HOURS) windows.push([from, from + HOURS]);
  return windows;
}

async function wrongSums(client: pg.ClientBase, from: number, to: number): Promise<{ wrong: number }> {
  let wrong = 0;
  for (const [level, hours] of LEVEL_HOURS.entries()) {
    const nodes = Array.from({ length: (to - from) / hours }, (_, i) => from / hours + i);
    const { rows } = await client.query<{ wrong: number }>(wrongSumsOf(level), [nodes]);
    wrong += rows[0]?.wrong ?? 0;
  }
  return { wrong };
}

/** As inFactsTransaction, and waits for whoever is at it. */
async function atWork<T extends object>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (;;) {
    const done = await inFactsTransaction(pool, work);
    if (done !== undefined) return done;
  }
}

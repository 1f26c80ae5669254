import type pg from 'pg';
import { inFactsTransaction } from './catchUpFacts.ts';
import { HALF_LEVEL, LEVEL_HOURS, MEASURES, masksOf, measureColumns } from './measures.ts';
import { hasCleanParts, levelsOf, NODE_SUMS } from './nodeSums.ts';

/**
 * By level: a node in which something changed a moment ago will change again: until then it is answered from its parts. The longer
 * the node the more there is to add up, and the less is won.
 */
const QUIET_SECONDS = [20, 60, 300, 1_200] as const;
/** By level, in one transaction: some 100 ms with a million runs, which who asks meanwhile may have to wait. */
const MOST_NODES = [20, 5, 2, 1] as const;

/**
 * Adds up nodes in which facts changed and that have been quiet since, of hours first, of longer ones when all their parts are.
 * @param options.quiet whether to wait until they are; default true
 * @returns whether there may be more
 */
export async function refreshFigures(pool: pg.Pool, { quiet = true } = {}): Promise<boolean> {
  const more = await inFactsTransaction(pool, async (client) => {
    for (const level of LEVEL_HOURS.keys()) {
      const nodes = await dirtyNodes(client, level, quiet);
      if (nodes.length === 0) continue;
      await addUp(client, level, nodes);
      return true;
    }
    return false;
  });
  return more ?? false;
}

async function dirtyNodes(client: pg.ClientBase, level: number, quiet: boolean): Promise<number[]> {
  const { rows } = await client.query<{ n: number }>(
    `select d.n from fleetlens.run_dirty d where d.level = ${level} and ($1 = 0 or d.touched_at <= clock_timestamp() - $1 * interval '1 second')
      and ${hasCleanParts(level)} order by d.n desc limit ${MOST_NODES[level]}`,
    [quiet ? QUIET_SECONDS[level] : 0],
  );
  return rows.map((row) => row.n);
}

// In the order in which they are read: so the rows of a node are next to each other, and a window reads a tenth of the pages.
async function addUp(client: pg.ClientBase, level: number, nodes: readonly number[]): Promise<void> {
  for (const of of levelsOf(level)) {
    await client.query(`delete from fleetlens.run_sum where level = ${of} and mask = any($1) and n = any($2)`, [
      masksOf(of),
      of === HALF_LEVEL ? nodes.flatMap((n) => [n * 2, n * 2 + 1]) : nodes,
    ]);
  }
  await client.query(
    `insert into fleetlens.run_sum (level, mask, n, dim, ${MEASURES.join(', ')})
      select s.level, s.mask, s.n, s.dim, ${measureColumns('s')} from (${NODE_SUMS[level]}) s order by s.level, s.mask, s.n, s.dim`,
    [nodes],
  );
  await client.query(`delete from fleetlens.run_dirty where level = ${level} and n = any($1)`, [nodes]);
}

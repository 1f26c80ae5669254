import type pg from 'pg';
import { KINDS } from '../../contract/records.ts';
import { compareBudgets, repairBudgets } from '../budgets/verifyBudgets.ts';
import { beginWriting, commitWriting } from '../lockLedger.ts';
import { takesLeast } from '../observe/observe.ts';
import { recordTable } from '../recordTable.ts';
import { expectedCount, expectedValue, type LedgerFigures, type OnProgress, readFigures } from './expectedRollups.ts';
import { compareFigures, type Difference, storeMismatches } from './verifyLedger.ts';

export interface Rebuilding {
  /** What was wrong and now is right. */
  readonly repaired: readonly Difference[];
  /** Label sets that are gone: their names are nowhere else, so only a backup has them. */
  readonly unrepaired: readonly Difference[];
}

/**
 * Sets rollups to what records and base add up to, and the parts of gauges that take the least to what records hold: see
 * {@link verifyLedger} for what that leaves out. In one transaction; writers wait until it ends, scrapes go on.
 */
export async function rebuildLedger(
  pool: pg.Pool,
  options: { readonly onProgress?: OnProgress } = {},
): Promise<Rebuilding> {
  const client = await pool.connect();
  let broken = true;
  try {
    const head = await beginWriting(client);
    const figures = await readFigures(client, options.onProgress);
    const differences = compareFigures(figures);
    const spent = await compareBudgets(client);
    const unrepaired = differences.filter((d) => d.what === 'series');
    const wrong = differences.filter((d) => d.what !== 'series');
    const repaired = [...wrong, ...spent];
    const seq = head.seq + 1;
    if (spent.length > 0) await repairBudgets(client);
    if (wrong.length > 0) {
      await repairRollups(client, figures, wrong, seq);
      if (wrong.some((d) => d.what === 'parts')) await repairParts(client, figures);
    }
    await storeMismatches(client, unrepaired.length);
    await commitWriting(client, seq, []);
    broken = false;
    return { repaired, unrepaired };
  } finally {
    client.release(broken);
  }
}

async function repairRollups(
  client: pg.ClientBase,
  { rollups, expected }: LedgerFigures,
  repaired: readonly Difference[],
  seq: number,
): Promise<void> {
  const nameOf = (family: string, labels: readonly string[]) => JSON.stringify([family, labels]);
  const wrong = new Set(repaired.map((d) => nameOf(d.family, d.labels)));
  const changed = [...rollups.values()].flatMap((rollup) => {
    const should = expected.get(rollup.id);
    return should !== undefined && wrong.has(nameOf(rollup.family, rollup.labels)) ? [{ rollup, should }] : [];
  });
  await client.query(
    `update fleetlens.rollup r set value = m.value, count = m.count, buckets = m.buckets::bigint[], seq = $5
      from unnest($1::int[], $2::numeric[], $3::bigint[], $4::text[]) as m(id, value, count, buckets) where r.id = m.id`,
    [
      changed.map((c) => c.rollup.id),
      changed.map((c) => expectedValue(c.rollup.family, c.should).toString()),
      changed.map((c) => expectedCount(c.rollup.family, c.should)),
      changed.map((c) => (c.should.buckets === undefined ? null : `{${c.should.buckets.join(',')}}`)),
      seq,
    ],
  );
}

async function repairParts(client: pg.ClientBase, { rollups }: LedgerFigures): Promise<void> {
  const least = [...rollups.values()].filter((r) => takesLeast(r.family)).map((r) => r.id);
  await client.query('delete from fleetlens.part where series = any($1::int[])', [least]);
  for (const kind of KINDS) {
    await client.query(
      `insert into fleetlens.part (series, kind, source, key, value)
        select p.series, $2, r.source, r.key, p.value
        from ${recordTable(kind)} r cross join lateral (
          select (h ->> 0)::int as series, (h ->> 1)::float8 as value from json_array_elements(r.held) h) p
        join fleetlens.rollup u on u.id = p.series
        where r.held is not null and p.series = any($1::int[]) and p.value > coalesce(u.resolved_to, '-infinity')`,
      [least, kind],
    );
  }
}

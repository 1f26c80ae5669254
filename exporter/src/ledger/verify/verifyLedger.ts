import type pg from 'pg';
import type { FamilyName } from '../../contract/metricCatalogue.ts';
import { compareBudgets } from '../budgets/verifyBudgets.ts';
import { beginWriting } from '../lockLedger.ts';
import { nanoText } from '../nano.ts';
import { expectedCount, expectedValue, type LedgerFigures, type OnProgress, readFigures } from './expectedRollups.ts';

/** One way in which a rollup is not what the records add up to. */
export interface Difference {
  /** '' where records refer to a label set that is gone, and its name with it. */
  readonly family: FamilyName | '';
  /** In the order of the catalogue. */
  readonly labels: readonly string[];
  /**
   * value: a counter, the sum of a histogram or summary, or a gauge, in the family's unit. count: observations; of a gauge:
   * records that contribute. buckets: observations between two edges. parts: the records that a gauge takes the least of.
   * series: the label set itself.
   */
  readonly what: 'value' | 'count' | 'buckets' | 'parts' | 'series';
  /** What of the label set, where it is a part of it: a window, a run. */
  readonly of?: string;
  readonly expected: string;
  readonly found: string;
}

export interface Verification {
  readonly differences: readonly Difference[];
}

/**
 * Recomputes every rollup by label set, and what the budgets have spent, from what its records counted and hold, and from what pruned records left in the base,
 * and compares. Reads one state of the database, in pages, while writers go on; the number of differences is kept in the
 * ledger and exposed as `fleetlens_ledger_mismatches`.
 *
 * Left out: `fleetlens_corrections_total` and `fleetlens_series_folded_total`, since no record holds what they count, and
 * families that this version does not know. Up to when successes resolved older failures is taken as the ledger has it.
 */
export async function verifyLedger(
  pool: pg.Pool,
  options: { readonly onProgress?: OnProgress } = {},
): Promise<Verification> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query('begin transaction isolation level repeatable read, read only');
    const figures = await readFigures(client, options.onProgress);
    const differences = [...compareFigures(figures), ...(await compareBudgets(client))];
    await client.query('commit');
    await beginWriting(client);
    await storeMismatches(client, differences.length);
    await client.query('commit');
    broken = false;
    return { differences };
  } finally {
    client.release(broken);
  }
}

export async function storeMismatches(client: pg.ClientBase, mismatches: number): Promise<void> {
  await client.query('update fleetlens.head set mismatches = $1, verified_at = now()', [mismatches]);
}

export function compareFigures({ rollups, expected, missing }: LedgerFigures): Difference[] {
  const differences: Difference[] = [];
  for (const [id, rollup] of rollups) {
    const { family, labels } = rollup;
    const should = expected.get(id);
    if (should === undefined) continue;
    const differ = (what: Difference['what'], wanted: string, found: string) => {
      if (wanted !== found) differences.push({ family, labels, what, expected: wanted, found });
    };
    differ('value', nanoText(expectedValue(family, should)), nanoText(rollup.value));
    differ('count', String(expectedCount(family, should)), String(rollup.count));
    differ('buckets', should.buckets?.join(' ') ?? 'none', rollup.buckets?.join(' ') ?? 'none');
    if (!should.parts.equals(rollup.parts)) {
      const found = rollup.parts.count;
      differ(
        'parts',
        `${should.parts.count} records`,
        `${found} ${found === should.parts.count ? 'others' : 'records'}`,
      );
    }
  }
  for (const [id, facts] of missing) {
    differences.push({
      family: '',
      labels: [],
      what: 'series',
      expected: `series ${id}, to which records refer ${facts} times`,
      found: 'none; restore the ledger from a backup',
    });
  }
  return differences;
}

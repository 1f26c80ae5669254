import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { type Page, RECORD_LIST_NAMES, recordListOf } from '../../exporter/src/contract/api.ts';
import { definitionOf, type Kind } from '../../exporter/src/contract/records.ts';
import { metricsRoute } from '../../exporter/src/http/metricsRoute.ts';
import { RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { createScraper } from '../../exporter/src/metrics/scrape.ts';
import type { CoverageRow } from '../../exporter/src/sources/coverage.ts';
import { serveReads } from '../api/servedLedger.ts';
import type { LedgerBed } from '../ledger/ledgerBed.ts';
import { parseExposition } from '../support/parseExposition.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a user finds: the records that the API answers, and the families that `/metrics` shows with a value other than 0. */
export interface Shown {
  readonly records: ReadonlyMap<Kind, readonly Fields[]>;
  readonly families: ReadonlySet<string>;
}

/** Reads all of it over HTTP. What was counted is settled, and shown as if a minute had passed. */
export async function readShown(bed: LedgerBed): Promise<Shown> {
  while (await bed.ledger.sweep());
  await bed.query(`update fleetlens.rollup set born_at = born_at - interval '2 minutes'`);
  const { pool } = bed.ledger;
  const log = pino({ level: 'silent' });
  const snapshot = new RollupSnapshot(pool, { allows: () => true });
  const served = await serveReads(pool, [], (app) =>
    metricsRoute(app, {
      scraper: createScraper(snapshot, new Registry(), log),
      maxConcurrentScrapes: 1,
      access: 'public',
    }),
  );
  try {
    const all = async (path: string): Promise<Fields[]> => {
      const found: Fields[] = [];
      let cursor: string | null = null;
      do {
        const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page: Page<Fields> = (await served.get(`${path}${path.includes('?') ? '&' : '?'}limit=500${next}`)).body;
        found.push(...page.data);
        cursor = page.nextCursor;
      } while (cursor !== null);
      return found;
    };
    const page = (list: string, { source }: Fields, id: unknown) =>
      `/api/v1/${list}/${encodeURIComponent(String(source))}/${encodeURIComponent(String(id))}`;
    const records = new Map<Kind, Fields[]>();
    // A list leaves long fields to the run's own page.
    const runs = await Promise.all(
      (await all('/api/v1/runs')).map(
        async (run): Promise<Fields> => (await served.get(page('runs', run, run.runId))).body,
      ),
    );
    records.set('run', runs);
    records.set('output', (await Promise.all(runs.map((run) => all(`${page('runs', run, run.runId)}/output`)))).flat());
    for (const list of RECORD_LIST_NAMES) {
      const { kind } = recordListOf(list);
      const latest = await all(`/api/v1/${list}`);
      const { sample, key } = definitionOf(kind);
      const history = sample
        ? latest.map((record) =>
            all(`${page(list, record, record[key[0] as string])}/samples?since=2000-01-01T00:00:00Z`),
          )
        : [];
      records.set(kind, [...latest, ...(await Promise.all(history)).flat()]);
    }
    const exposition = await fetch(`${served.url}/metrics`);
    const families = new Set<string>();
    for (const [series, value] of parseExposition(await exposition.text())) {
      const name = series.replace(/\{.*$/s, '');
      if (value !== 0) families.add(name).add(name.replace(/_(count|sum)$/, ''));
    }
    return { records, families };
  } finally {
    await served.close();
  }
}

/** What a fixture says. */
export interface Walk {
  /** The value that a row's field has; undefined: the fixture does not say. */
  readonly expected: (row: CoverageRow) => unknown;
  /** Which records of the row's kind may hold it; default: any. */
  readonly isFrom?: (row: CoverageRow, record: Fields) => boolean;
}

export const rowName = ({ document, field, record }: CoverageRow): string => `${document}: ${field} -> ${record}`;

/** Says which fields of a table do not come out as the fixture says, or do not show in a family that the table names. */
export function walkCoverage(
  shown: Shown,
  rows: readonly CoverageRow[],
  { expected, isFrom = () => true }: Walk,
): void {
  expect(rows.length).toBeGreaterThan(0);
  const failures: string[] = [];
  for (const row of rows) {
    const name = rowName(row);
    const value = expected(row);
    if (value === undefined) failures.push(`${name}: the fixture does not say what it is`);
    const [kind, ...path] = row.record.split('.') as [Kind, ...string[]];
    const records = (shown.records.get(kind) ?? []).filter((record) => isFrom(row, record));
    const found = records.flatMap((record) => valuesAt(record, path)).filter((each) => each !== undefined);
    try {
      expect(found).toContainEqual(value);
    } catch {
      failures.push(`${name}: found ${JSON.stringify(found.slice(0, 5))}, expected one to be ${JSON.stringify(value)}`);
    }
    const hidden = row.families.filter((family) => !shown.families.has(family));
    if (hidden.length > 0) failures.push(`${name}: does not show in ${hidden.join(', ')}`);
  }
  expect(failures).toEqual([]);
}

/** The values at a path such as `ci.checks[].name`: one, or those of each item; what follows `attributes.` is one name. */
function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  const [first, ...rest] = path;
  if (first === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  const inner: unknown = Reflect.get(value, first.replace('[]', ''));
  if (first === 'attributes') return valuesAt(inner, [rest.join('.')]);
  if (!first.endsWith('[]')) return valuesAt(inner, rest);
  return Array.isArray(inner) ? inner.flatMap((item) => valuesAt(item, rest)) : [];
}

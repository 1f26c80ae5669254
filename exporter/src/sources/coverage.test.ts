import { describe, expect, it } from 'vitest';
import { isFamilyName } from '../contract/metricCatalogue.ts';
import { definitionOf, isKind, KINDS } from '../contract/records.ts';
import type { CoverageRow } from './coverage.ts';
import { SOURCE_TYPES } from './index.ts';

async function tableOf(type: string): Promise<readonly CoverageRow[]> {
  const { coverage }: { coverage: readonly CoverageRow[] } = await import(`./${type}/coverage.ts`);
  return coverage;
}

describe.each(SOURCE_TYPES.map(({ type }) => type))('the table of %s', (type) => {
  it('names fields of the contract and families of the catalogue, each thing once', async () => {
    const rows = await tableOf(type);
    expect(rows).not.toEqual([]);
    for (const { record, families } of rows) {
      const [kind = '', field = ''] = record.replaceAll('[]', '').split('.');
      expect([record, isKind(kind) && (field === 'attributes' || field in definitionOf(kind).fields)]).toEqual([
        record,
        true,
      ]);
      expect(families.filter((family) => !isFamilyName(family))).toEqual([]);
    }
    const names = rows.map(({ document, field, record }) => `${document}: ${field} -> ${record}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

/** What only those can say who push it, by kind. */
const PUSHED: Readonly<Record<string, readonly string[]>> = {
  run: ['acknowledgedAt', 'acknowledgedBy', 'acknowledgedNote'],
  queue: ['enqueuedTotal', 'serverRunId'],
  platformError: ['firstSeenAt'],
};

it('every field of the contract is one that some source tells', async () => {
  const tables = await Promise.all(SOURCE_TYPES.map(({ type }) => tableOf(type)));
  const told = new Set(tables.flat().map(({ record }) => record.replaceAll('[]', '').split('.', 2).join('.')));
  const untold = KINDS.flatMap((kind) =>
    Object.keys(definitionOf(kind).fields)
      .filter((field) => !told.has(`${kind}.${field}`) && !PUSHED[kind]?.includes(field))
      // When a sample was taken is the poll's own clock.
      .filter((field) => field !== 'at' || definitionOf(kind).sample === undefined)
      .map((field) => `${kind}.${field}`),
  );
  expect(untold).toEqual([]);
});

import type { FamilyName } from '../contract/metricCatalogue.ts';
import type { Kind } from '../contract/records.ts';

/**
 * A field that a platform's document names, and what becomes of it. Each source has a table of them, `coverage.ts` in its
 * folder; COVERAGE.md is made from the tables, and a test walks each: the field comes out of the API, and out of `/metrics`
 * where families are named.
 */
export interface CoverageRow {
  /** Where the platform speaks of it: a section of its document, a table, a file, a type of its SDK. */
  readonly document: string;
  readonly field: string;
  /**
   * The record field that keeps it, which the API shows: `run.ci.checks[].name`, where `[]` stands for each item of a list.
   * What follows `attributes.` is one name.
   */
  readonly record: `${Kind}.${string}`;
  /** The metric families that show it. */
  readonly families: readonly FamilyName[];
}

type Cells = readonly [field: string, record: CoverageRow['record'], ...families: FamilyName[]];

/** @returns the rows of one section of a document. */
export function section(document: string, rows: readonly Cells[]): readonly CoverageRow[] {
  return rows.map(([field, record, ...families]) => ({ document, field, record, families }));
}

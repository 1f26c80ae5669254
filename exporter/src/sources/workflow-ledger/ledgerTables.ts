import { asText, type Column, describeTable, quoteIdentifier, type Table } from '../postgres/describeTable.ts';
import type { Query } from '../postgres/sourceDatabase.ts';
import type { TextRow } from '../rows/textValues.ts';
import { SourceError } from '../source.ts';
import type { WorkflowLedgerConfig } from './config.ts';

/** A table with the columns that were found, by the names that the configuration gives them. */
export interface MappedTable {
  readonly table: Table;
  readonly columns: ReadonlyMap<string, Column>;
  /** Columns that the configuration names and the table lacks, or that may not be read. */
  readonly missing: readonly string[];
}

export interface LedgerTables {
  readonly runs: MappedTable;
  readonly tasks: MappedTable | undefined;
  readonly approvals: MappedTable | undefined;
}

interface TableMapping {
  readonly table: string;
  readonly columns: Readonly<Record<string, string | null>>;
}

export async function mapTable(
  query: Query,
  schema: string | undefined,
  mapping: TableMapping,
): Promise<MappedTable | undefined> {
  const table = await describeTable(query, schema, mapping.table);
  if (table === undefined) return undefined;
  const columns = new Map<string, Column>();
  const missing: string[] = [];
  for (const [name, columnName] of Object.entries(mapping.columns)) {
    if (columnName === null) continue;
    const column = table.columns.get(columnName);
    if (column?.readable) columns.set(name, column);
    else missing.push(columnName);
  }
  return { table, columns, missing };
}

/** @throws SourceError where there are no runs to read. */
export async function findTables(query: Query, config: WorkflowLedgerConfig): Promise<LedgerTables> {
  const runs = await mapTable(query, config.schema, config.workflow_runs);
  if (runs === undefined) {
    throw new SourceError(
      `there is no table ${config.workflow_runs.table}; set schema or workflow_runs.table, or check the database in database_url`,
      { result: 'schema' },
    );
  }
  const lacking = ['id', 'status'].filter((name) => !runs.columns.has(name));
  if (lacking.length > 0) {
    throw new SourceError(
      `${config.workflow_runs.table} has no readable column for ${lacking.join(' and ')}; set workflow_runs.columns or grant SELECT`,
      { result: 'schema' },
    );
  }
  return {
    runs,
    tasks: await usable(query, config.schema, config.task_runs),
    approvals: await usable(query, config.schema, config.approval_requests),
  };
}

/** Steps and approvals are an addition: where their table cannot be read, the probe says so and the runs are still shown. */
async function usable(
  query: Query,
  schema: string | undefined,
  mapping: TableMapping | null,
): Promise<MappedTable | undefined> {
  const mapped = mapping === null ? undefined : await mapTable(query, schema, mapping);
  return mapped?.columns.has('id') && mapped.columns.has('workflow_run_id') ? mapped : undefined;
}

const CHILDREN_A_QUERY = 5_000;

/** Rows of a child table (tasks, approvals) of some runs, by run id, under the names of the configuration. */
export async function readChildren(
  query: Query,
  child: MappedTable | undefined,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, readonly TextRow[]>> {
  const byRun = new Map<string, TextRow[]>();
  const id = child?.columns.get('id');
  const runId = child?.columns.get('workflow_run_id');
  if (child === undefined || id === undefined || runId === undefined || runIds.length === 0) return byRun;
  const list = [...child.columns].map(([name, column]) => `${asText(column)} as ${quoteIdentifier(name)}`).join(', ');
  // Qualified: a bare name in ORDER BY would mean the text that is selected under it.
  const [runColumn, idColumn] = [`t.${quoteIdentifier(runId.name)}`, `t.${quoteIdentifier(id.name)}`];
  let after: TextRow | undefined;
  for (;;) {
    const next = after === undefined ? '' : `and (${runColumn}, ${idColumn}) > ($2::${runId.type}, $3::${id.type})`;
    const rows = await query(
      `select ${list} from ${child.table.sqlName} t where ${runColumn} = any($1::${runId.type}[]) ${next}
       order by ${runColumn}, ${idColumn} limit ${CHILDREN_A_QUERY}`,
      [runIds, ...(after === undefined ? [] : [after.workflow_run_id, after.id])],
    );
    for (const row of rows) {
      const key = row.workflow_run_id ?? '';
      const siblings = byRun.get(key);
      if (siblings === undefined) byRun.set(key, [row]);
      else siblings.push(row);
    }
    after = rows.at(-1);
    if (rows.length < CHILDREN_A_QUERY) return byRun;
  }
}

/** @returns the row under the names of the configuration. */
export function rename(row: TextRow, { columns }: MappedTable): TextRow {
  return Object.fromEntries([...columns].map(([name, column]) => [name, row[column.name] ?? null]));
}

import type { Query } from './sourceDatabase.ts';

export interface Column {
  readonly name: string;
  /** As Postgres writes it, without length: `uuid`, `character varying`, `timestamp without time zone`, `runstatus`. */
  readonly type: string;
  readonly readable: boolean;
  /** An index starts with this column. */
  readonly indexed: boolean;
  /** The words of an enum type. */
  readonly words: readonly string[];
}

export interface Table {
  /** Quoted, with its schema: goes into SQL as it is. */
  readonly sqlName: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** A table, and not a view: its rows say which transaction wrote them. */
  readonly hasXmin: boolean;
  /** The planner's estimate; -1 where the table was never analysed. */
  readonly estimatedRows: number;
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** @returns undefined where there is no such table or view. */
export async function describeTable(
  query: Query,
  schema: string | undefined,
  name: string,
): Promise<Table | undefined> {
  const sqlName = schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  const [relation] = await query(
    `select c.oid, c.relkind, c.reltuples::bigint as rows, format('%I.%I', n.nspname, c.relname) as sql_name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1)`,
    [sqlName],
  );
  if (relation === undefined) return undefined;
  const columns = await query(
    `select a.attname as name, format_type(a.atttypid, null) as type,
            has_column_privilege(a.attrelid, a.attnum, 'select')::text as readable,
            exists (select from pg_index i where i.indrelid = a.attrelid and i.indkey[0] = a.attnum)::text as indexed,
            (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = a.atttypid)::text as words
       from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [relation.oid],
  );
  return {
    sqlName: relation.sql_name ?? sqlName,
    hasXmin: ['r', 'p', 'm'].includes(relation.relkind ?? ''),
    estimatedRows: Number(relation.rows),
    columns: new Map(
      columns.map((column) => [
        column.name ?? '',
        {
          name: column.name ?? '',
          type: column.type ?? '',
          readable: column.readable === 'true',
          indexed: column.indexed === 'true',
          words: column.words === null || column.words === undefined ? [] : (JSON.parse(column.words) as string[]),
        },
      ]),
    ),
  };
}

/** @returns an expression that gives the column as text; times as RFC 3339 in UTC with microseconds, a naive one read as UTC. */
export function asText(column: Column): string {
  const name = quoteIdentifier(column.name);
  const format = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
  if (column.type === 'timestamp without time zone') return `to_char(${name}, ${format})`;
  if (column.type === 'timestamp with time zone') return `to_char(${name} at time zone 'UTC', ${format})`;
  return `${name}::text`;
}

export function isTime(column: Column | undefined): column is Column {
  return column !== undefined && /^timestamp with/.test(column.type);
}

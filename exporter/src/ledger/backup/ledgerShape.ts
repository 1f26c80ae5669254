import type { ClientBase } from 'pg';
import pg from 'pg';
import type { AppliedMigration } from './backupFormat.ts';

export const LEDGER_SCHEMA = 'fleetlens';
/** The list of migrations is the restored ledger's own; the backup records it to compare. */
const MIGRATION_TABLE = 'migration';

export interface LedgerTable {
  readonly name: string;
  readonly columns: string[];
  /** Partitioned: read and written through the root, so the partitions may differ between both ledgers. */
  readonly isPartitioned: boolean;
  /** estimated from the catalogue */
  readonly bytes: number;
}

/** Every table of the ledger that holds rows of its own, with the columns that can be copied (generated ones cannot), referenced tables first. */
export async function listTables(client: ClientBase): Promise<LedgerTable[]> {
  const { rows } = await client.query<{
    name: string;
    columns: string[];
    is_partitioned: boolean;
    bytes: string;
    depends_on: string[];
  }>(
    `select c.relname::text as name,
            c.relkind = 'p' as is_partitioned,
            array(select a.attname::text from pg_attribute a
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                   order by a.attnum) as columns,
            case c.relkind when 'p' then (select coalesce(sum(pg_table_size(t.relid)), 0) from pg_partition_tree(c.oid) t where t.isleaf)
                           else pg_table_size(c.oid) end::text as bytes,
            array(select distinct r.relname::text from pg_constraint k join pg_class r on r.oid = k.confrelid
                   where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as depends_on
       from pg_class c
      where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> $2
      order by c.relname`,
    [LEDGER_SCHEMA, MIGRATION_TABLE],
  );
  const ordered: LedgerTable[] = [];
  const waiting = new Map(rows.map((row) => [row.name, row]));
  while (waiting.size > 0) {
    const ready = [...waiting.values()].filter((row) => !row.depends_on.some((other) => waiting.has(other)));
    // Tables that reference each other in a ring can only be loaded with deferred constraints; their order does not matter then.
    for (const row of ready.length > 0 ? ready : [...waiting.values()]) {
      waiting.delete(row.name);
      ordered.push({
        name: row.name,
        columns: row.columns,
        isPartitioned: row.is_partitioned,
        bytes: Number(row.bytes),
      });
    }
  }
  return ordered;
}

export async function listMigrations(client: ClientBase): Promise<AppliedMigration[]> {
  const { rows } = await client.query<{ id: number; name: string; run_on: Date }>(
    `select id, name, run_on::timestamptz as run_on from ${qualified(MIGRATION_TABLE)} order by id`,
  );
  return rows.map((row) => ({ id: row.id, name: row.name, runOn: row.run_on.toISOString() }));
}

export async function listSequences(
  client: ClientBase,
): Promise<{ name: string; lastValue: string; isCalled: boolean }[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname::text as name from pg_class c
      where c.relnamespace = $1::regnamespace and c.relkind = 'S'
        and not exists (select 1 from pg_depend d join pg_class t on t.oid = d.refobjid
                         where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
                           and d.deptype in ('a', 'i') and t.relname = $2)
      order by c.relname`,
    [LEDGER_SCHEMA, MIGRATION_TABLE],
  );
  const sequences = [];
  for (const { name } of rows) {
    const state = await client.query<{ last_value: string; is_called: boolean }>(
      `select last_value::text, is_called from ${qualified(name)}`,
    );
    const [row] = state.rows;
    if (row === undefined) throw new Error(`The sequence ${qualified(name)} has no state, expected one row`);
    sequences.push({ name, lastValue: row.last_value, isCalled: row.is_called });
  }
  return sequences;
}

/** What the text form of a value depends on, and what could end a long copy: the same on both sides, whatever the server's or role's settings. */
export async function prepareSession(client: ClientBase): Promise<void> {
  await client.query(`
    set local client_encoding = 'UTF8'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'iso_8601';
    set local timezone = 'UTC'; set local extra_float_digits = 1; set local bytea_output = 'hex';
    set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`);
}

export function qualified(name: string): string {
  return `${LEDGER_SCHEMA}.${pg.escapeIdentifier(name)}`;
}

export function columnList(columns: readonly string[]): string {
  return columns.map((column) => pg.escapeIdentifier(column)).join(', ');
}

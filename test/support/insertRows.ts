import type { Pool } from 'pg';

/** Postgres takes at most 65,535 parameters a statement. */
const MAX_PARAMETERS = 65_535;

/** Inserts rows that all have the same columns, in few statements. Each statement commits on its own. */
export async function insertRows(
  pool: Pool,
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const rowsPerStatement = Math.floor(MAX_PARAMETERS / columns.length);
  for (let start = 0; start < rows.length; start += rowsPerStatement) {
    const chunk = rows.slice(start, start + rowsPerStatement);
    const tuples = chunk.map(
      (_, row) => `(${columns.map((_name, column) => `$${row * columns.length + column + 1}`)})`,
    );
    const values = chunk.flatMap((row) => columns.map((column) => row[column]));
    await pool.query(`insert into ${table} (${columns}) values ${tuples}`, values);
  }
}

import type { Mark, ReadRow, RowPlace, RowReader } from '../rows/readRows.ts';
import { asText, type Column, isTime, quoteIdentifier, type Table } from './describeTable.ts';
import type { Query } from './sourceDatabase.ts';

/** Columns of a table of runs by what they are for. */
export interface RunColumns {
  readonly id: Column;
  readonly createdAt: Column | undefined;
  /** Times that move when a row changes: finished, updated. */
  readonly changedAt: readonly (Column | undefined)[];
  /** What is read of a row. */
  readonly read: readonly Column[];
}

type Read = <T>(work: (query: Query) => Promise<T>) => Promise<T>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const INTEGER = /^-?\d{1,18}$/;

/** Reads a table of runs page by page; each call is a transaction of its own. */
export class TableRows implements RowReader {
  readonly #read: Read;
  readonly #table: Table;
  readonly #columns: RunColumns;
  readonly #select: string;
  readonly #order: string;
  readonly #idType: string;

  constructor(read: Read, table: Table, columns: RunColumns) {
    this.#read = read;
    this.#table = table;
    this.#columns = columns;
    this.#idType = columns.id.type;
    // Qualified: a bare name in ORDER BY would mean the text that is selected under it, and "10" sorts before "9".
    const id = `t.${quoteIdentifier(columns.id.name)}`;
    const created = isTime(columns.createdAt) ? `t.${quoteIdentifier(columns.createdAt.name)}` : undefined;
    this.#order = created === undefined ? id : `coalesce(${created}, '-infinity'), ${id}`;
    this.#select = `select ${columns.read.map((column) => `${asText(column)} as ${quoteIdentifier(column.name)}`).join(', ')}
      from ${table.sqlName} t`;
  }

  async mark(): Promise<Mark> {
    const [row] = await this.#read((query) =>
      query(`select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now,
                    txid_snapshot_xmin(txid_current_snapshot())::text as horizon`),
    );
    if (row?.now === null || row?.now === undefined) throw new Error('the server did not tell the time');
    return { now: row.now, ...(this.#table.hasXmin && row.horizon ? { horizon: row.horizon } : {}) };
  }

  /** For showing how far a backfill is; of a big table the planner's estimate will do. */
  async count(): Promise<number> {
    if (this.#table.estimatedRows > 1_000_000) return this.#table.estimatedRows;
    const [row] = await this.#read((query) => query(`select count(*) as rows from ${this.#table.sqlName}`));
    return Number(row?.rows);
  }

  all(after: RowPlace | undefined, limit: number): Promise<readonly ReadRow[]> {
    return this.#page([], [], after, limit);
  }

  changed(
    since: string,
    horizon: string | undefined,
    after: RowPlace | undefined,
    limit: number,
  ): Promise<readonly ReadRow[]> {
    const { createdAt, changedAt } = this.#columns;
    const values: string[] = [];
    const conditions: string[] = [];
    const bind = (value: string) => `$${values.push(value)}`;
    for (const column of [createdAt, ...changedAt]) {
      if (isTime(column)) conditions.push(`${quoteIdentifier(column.name)} >= ${bind(since)}::${column.type}`);
    }
    if (isTime(createdAt)) conditions.push(`${quoteIdentifier(createdAt.name)} is null`);
    if (horizon !== undefined) {
      // Transaction ids of rows have 32 bits and wrap; "not before the horizon" is at most half a turn ahead of it.
      const first = `${bind(horizon)}::bigint % 4294967296`;
      conditions.push(`(xmin::text::bigint - ${first} + 4294967296) % 4294967296 < 2147483648`);
    } else if (!isTime(createdAt)) {
      // Nothing tells which rows are new.
      return this.#page([], [], after, limit);
    }
    return this.#page([`(${conditions.join(' or ')})`], values, after, limit);
  }

  async byIds(ids: readonly string[]): Promise<readonly ReadRow[]> {
    const valid = ids.filter((id) => this.#canBeId(id));
    if (valid.length === 0) return [];
    const rows = await this.#read((query) =>
      query(`${this.#select} where ${quoteIdentifier(this.#columns.id.name)} = any($1::${this.#idType}[])`, [valid]),
    );
    return rows.map((row) => this.#readRow(row));
  }

  #canBeId(id: string): boolean {
    if (this.#idType === 'uuid') return UUID.test(id);
    return /^(bigint|integer|smallint)$/.test(this.#idType) ? INTEGER.test(id) : true;
  }

  async #page(
    conditions: readonly string[],
    values: readonly string[],
    after: RowPlace | undefined,
    limit: number,
  ): Promise<readonly ReadRow[]> {
    const where = [...conditions];
    const bound: unknown[] = [...values];
    if (after !== undefined) {
      const { createdAt } = this.#columns;
      if (isTime(createdAt)) {
        where.push(
          `(${this.#order}) > ($${bound.length + 1}::${createdAt.type}, $${bound.length + 2}::${this.#idType})`,
        );
        bound.push(after.at ?? '-infinity', after.id);
      } else {
        where.push(`${this.#order} > $${bound.length + 1}::${this.#idType}`);
        bound.push(after.id);
      }
    }
    const rows = await this.#read((query) =>
      query(
        `${this.#select} ${where.length === 0 ? '' : `where ${where.join(' and ')}`} order by ${this.#order} limit ${limit}`,
        bound,
      ),
    );
    return rows.map((row) => this.#readRow(row));
  }

  #readRow(values: Record<string, string | null>): ReadRow {
    const { id, createdAt } = this.#columns;
    const at = isTime(createdAt) ? (values[createdAt.name] ?? null) : null;
    return { place: { at: at === '' ? null : at, id: values[id.name] ?? '' }, values };
  }
}

import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { Mark, ReadRow, RowPlace, RowReader } from '../rows/readRows.ts';
import type { TextRow } from '../rows/textValues.ts';
import { SourceError } from '../source.ts';

const TABLE = 'crucible_runs';
/** The calls are synchronous: waiting longer for a writer would hold up everything else in this process. */
const BUSY_TIMEOUT_MS = 250;

/** SQLAlchemy stores times as `2025-11-21 15:45:00.123456`; the order of such texts is that of the times. */
function storedTime(instant: string): string {
  return instant.replace('T', ' ').replace('Z', '');
}
const CREATED = `coalesce(replace(created_at, 'T', ' '), '')`;

/** crucible_runs in a SQLite file, opened read-only for one poll: a file that was replaced is never read through an old handle. */
export class SqliteRows implements RowReader {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly columns: ReadonlySet<string>;

  /** @throws SourceError */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) {
      throw new SourceError(`${path}: no such file; check database_path`, { result: 'schema' });
    }
    // Loaded when it is used: node:sqlite prints a warning that it is experimental, which is nobody else's business.
    const sqlite = process.getBuiltinModule('node:sqlite');
    this.#database = this.#guarded(() => new sqlite.DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS }));
    try {
      this.columns = new Set(
        this.select(`select name from pragma_table_info('${TABLE}')`).map(({ name }) => String(name)),
      );
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  select(sql: string, ...values: string[]): TextRow[] {
    return this.#guarded(() =>
      this.#database
        .prepare(sql)
        .all(...values)
        .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)]))),
    );
  }

  async mark(): Promise<Mark> {
    return { now: new Date().toISOString() };
  }

  async count(): Promise<number> {
    return Number(this.select(`select count(*) as rows from ${TABLE}`)[0]?.rows);
  }

  async all(after: RowPlace | undefined, limit: number): Promise<readonly ReadRow[]> {
    return this.#page('true', [], after, limit);
  }

  async changed(
    since: string,
    _horizon: undefined,
    after: RowPlace | undefined,
    limit: number,
  ): Promise<readonly ReadRow[]> {
    const from = storedTime(since);
    return this.#page(
      `(${CREATED} >= ? or created_at is null or replace(completed_at, 'T', ' ') >= ?)`,
      [from, from],
      after,
      limit,
    );
  }

  async byIds(ids: readonly string[]): Promise<readonly ReadRow[]> {
    return this.select(
      `select ${this.#columnList()} from ${TABLE} where id in (select value from json_each(?))`,
      JSON.stringify(ids),
    ).map(placed);
  }

  #page(condition: string, values: string[], after: RowPlace | undefined, limit: number): ReadRow[] {
    const next = after === undefined ? '' : `and (${CREATED}, id) > (?, ?)`;
    const place = after === undefined ? [] : [after.at ?? '', after.id];
    return this.select(
      `select ${this.#columnList()} from ${TABLE} where ${condition} ${next} order by ${CREATED}, id limit ${limit}`,
      ...values,
      ...place,
    ).map(placed);
  }

  #columnList(): string {
    return [...this.columns].map((name) => `"${name.replaceAll('"', '""')}"`).join(', ');
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const busy = /locked|busy/i.test(message);
      const schema = /no such (table|column)|not a database|malformed/i.test(message);
      const remedy = busy
        ? 'a writer holds the file; the next poll tries again'
        : 'check that the file is the Crucible database and that this user may read it and its -wal and -shm files';
      throw new SourceError(`${this.#path}: ${message}; ${remedy}`, {
        result: busy ? 'server' : schema ? 'schema' : 'other',
        cause,
      });
    }
  }
}

function placed(values: TextRow): ReadRow {
  const created = values.created_at ?? null;
  return { place: { at: created === null ? null : created.replace('T', ' '), id: values.id ?? '' }, values };
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}

import type { Logger } from 'pino';
import { describeTable, type Table } from '../postgres/describeTable.ts';
import { type Query, SourceDatabase } from '../postgres/sourceDatabase.ts';
import { TableRows } from '../postgres/tableRows.ts';
import type { RowReader } from '../rows/readRows.ts';
import { ScanBudget, timedScans } from '../rows/scanBudget.ts';
import { SourceError, type SourceResult } from '../source.ts';
import type { CrucibleConfig } from './intCrucible.ts';
import { SqliteRows } from './sqliteRows.ts';

export const CRUCIBLE_TABLE = 'crucible_runs';

/** Without these a row is no run. */
export const NEEDED_COLUMNS = ['id', 'project_id', 'status', 'created_at'] as const;

/** crucible_runs as one poll reads it. */
interface OpenRows {
  readonly reader: RowReader;
  mayScan(): boolean;
  close(): void;
}

type CountRequest = (result: SourceResult) => void;

/** The database of Int Crucible, in Postgres or in a SQLite file. */
export class CrucibleDatabase {
  readonly #config: CrucibleConfig;
  readonly #postgres: SourceDatabase | undefined;
  readonly #budget = new ScanBudget();

  constructor(config: CrucibleConfig, log: Logger) {
    this.#config = config;
    if (config.database_url !== undefined) {
      this.#postgres = new SourceDatabase({
        connectionString: config.database_url,
        statementTimeoutMs: config.statement_timeout,
        log,
      });
    }
  }

  /** @throws SourceError where the database cannot be reached or has no such table. */
  async open(signal: AbortSignal, countRequest: CountRequest): Promise<OpenRows> {
    const postgres = this.#postgres;
    if (postgres === undefined) return this.#openSqlite(countRequest);
    const read = <T>(work: (query: Query) => Promise<T>) => postgres.read(work, signal, countRequest);
    const table = await read((query) => this.#describe(query));
    const column = (name: string) => {
      const found = table.columns.get(name);
      return found?.readable ? found : undefined;
    };
    const missing = NEEDED_COLUMNS.filter((name) => column(name) === undefined);
    const id = column('id');
    if (missing.length > 0 || id === undefined) throw missingColumns(missing);
    const rows = new TableRows(read, table, {
      id,
      createdAt: column('created_at'),
      changedAt: [column('completed_at')],
      read: [...table.columns.values()].filter(({ readable }) => readable),
    });
    return {
      reader: timedScans(rows, this.#budget),
      mayScan: () => table.hasXmin && this.#budget.mayScan(),
      close: () => undefined,
    };
  }

  /** For the probe: what stands where. */
  async inspect<T>(
    signal: AbortSignal,
    inPostgres: (query: Query, table: Table | undefined) => Promise<T>,
    inSqlite: (file: SqliteRows, path: string) => T,
  ): Promise<T> {
    const { schema, database_path: path } = this.#config;
    if (this.#postgres !== undefined) {
      return this.#postgres.read(
        async (query) => inPostgres(query, await describeTable(query, schema, CRUCIBLE_TABLE)),
        signal,
      );
    }
    const file = new SqliteRows(path ?? '');
    try {
      return inSqlite(file, path ?? '');
    } finally {
      file.close();
    }
  }

  async close(): Promise<void> {
    await this.#postgres?.close();
  }

  async #describe(query: Query): Promise<Table> {
    const table = await describeTable(query, this.#config.schema, CRUCIBLE_TABLE);
    if (table !== undefined) return table;
    throw new SourceError(
      `there is no table ${CRUCIBLE_TABLE} in the search path; check the database name, set schema, or run Int Crucible's migrations`,
      { result: 'schema' },
    );
  }

  #openSqlite(countRequest: CountRequest): OpenRows {
    try {
      const file = new SqliteRows(this.#config.database_path ?? '');
      const missing = NEEDED_COLUMNS.filter((name) => !file.columns.has(name));
      if (missing.length > 0) {
        file.close();
        throw file.columns.size === 0
          ? new SourceError(`${this.#config.database_path}: there is no table ${CRUCIBLE_TABLE}; check database_path`, {
              result: 'schema',
            })
          : missingColumns(missing);
      }
      countRequest('ok');
      return { reader: file, mayScan: () => false, close: () => file.close() };
    } catch (error) {
      countRequest(error instanceof SourceError ? error.result : 'other');
      throw error;
    }
  }
}

function missingColumns(missing: readonly string[]): SourceError {
  return new SourceError(
    `${CRUCIBLE_TABLE} lacks ${missing.join(', ')}, or this user may not read them; run Int Crucible's migrations or grant SELECT`,
    { result: 'schema' },
  );
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Pool } from 'pg';
import { llmUsagePayload, metricsPayload, type PhaseResult } from './crucibleObservability.ts';
import { type CrucibleOrigin, postgresSchema, sqliteSchema } from './crucibleSchema.ts';
import { insertRows } from './insertRows.ts';
import { freshDatabase } from './postgres.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';

export type CrucibleStatus = 'CREATED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

export interface NewRun {
  readonly id?: string;
  readonly projectId: string;
  readonly createdAt?: Date;
  readonly mode?: 'FULL_SEARCH' | 'EVAL_ONLY' | 'SEEDED';
  readonly config?: object;
  readonly uiTriggerId?: string;
  /** The label that the enum type holds: `API_CLIENT`, or `api_client` on a Postgres made by Alembic. */
  readonly uiTriggerSource?: string;
}

export interface RunEnd {
  readonly at: Date;
  readonly durationSeconds?: number;
  readonly phases?: readonly PhaseResult[];
  /** Absent: the service did not get that far and leaves the column as it is. */
  readonly counts?: { readonly candidates?: number; readonly scenarios?: number; readonly evaluations?: number };
}

/** Values as they are stored: naive UTC times as text, JSON as text, enums as labels. */
type Row = Readonly<Record<string, string | number | null>>;

/** The database of an Int Crucible, and what its service does to it. */
export interface CrucibleDatabase {
  /** What a source of type `int-crucible` needs to read it. */
  readonly sourceConfig: { readonly database_url: string } | { readonly database_path: string };
  /** Statements of a test's own; times as `YYYY-MM-DD HH:MM:SS.ffffff`. */
  execute(sql: string): Promise<void>;
  createProject(id: string, title?: string): Promise<void>;
  /** create_run: CREATED, with a JSON `null` in the JSON columns that the service sets to None. @returns the run's id */
  createRun(run: NewRun): Promise<string>;
  /** update_run_status: the times that are absent stay as they are. */
  updateRunStatus(
    id: string,
    status: CrucibleStatus,
    times?: { readonly startedAt?: Date; readonly completedAt?: Date },
  ): Promise<void>;
  /** _persist_run_observability: a transaction of its own, after the one with the status. The error is cut at 512 characters. */
  persistObservability(id: string, end: Omit<RunEnd, 'at'> & { readonly error?: string }): Promise<void>;
  /** What the end of execute_full_pipeline does: status and completed_at, then the observability fields. */
  completeRun(id: string, end: RunEnd): Promise<void>;
  /** What its exception handler does. The service sets no completed_at on a failed run. */
  failRun(id: string, error: string, end: Omit<RunEnd, 'at'>): Promise<void>;
  deleteRun(id: string): Promise<void>;
  /** Many runs at once, for a history: each as the service would have left it. */
  insertHistory(
    runs: readonly (NewRun & {
      readonly createdAt: Date;
      readonly startedAt: Date;
      readonly end: RunEnd;
      readonly error?: string;
    })[],
  ): Promise<void>;
  /** Closes and removes it. */
  drop(): Promise<void>;
}

interface Store {
  readonly sourceConfig: CrucibleDatabase['sourceConfig'];
  execute(sql: string): Promise<void>;
  insert(table: string, rows: readonly Row[]): Promise<void>;
  update(table: string, id: string, columns: Row): Promise<void>;
  drop(): Promise<void>;
}

/** On the Postgres of the test run. */
export async function crucibleOnPostgres(origin: CrucibleOrigin = 'alembic'): Promise<CrucibleDatabase> {
  const database = await freshDatabase();
  const pool = new Pool({ connectionString: database.connectionString, max: 2 });
  // The server may end a connection that is in use; the statement on it fails then, and says so.
  pool.on('connect', (client) => client.on('error', () => {}));
  const store: Store = {
    sourceConfig: { database_url: database.connectionString },
    async execute(sql) {
      await pool.query(sql);
    },
    insert: (table, rows) => insertRows(pool, table, rows),
    async update(table, id, columns) {
      const names = Object.keys(columns);
      const assignments = names.map((name, index) => `${name} = $${index + 2}`);
      const { rowCount } = await pool.query(`update ${table} set ${assignments} where id = $1`, [
        id,
        ...Object.values(columns),
      ]);
      expectOneRow(rowCount ?? 0, table, id);
    },
    async drop() {
      await pool.end();
      await database.drop();
    },
  };
  await store.execute(postgresSchema(origin));
  return withService(store);
}

/** In a file, as Int Crucible does by default. The service's connection stays open meanwhile. */
export async function crucibleOnSqlite(origin: CrucibleOrigin = 'alembic'): Promise<CrucibleDatabase> {
  const directory = await temporaryDirectory('crucible');
  const path = join(directory.path, 'crucible.db');
  const database = new DatabaseSync(path);
  const values = (row: Row): SQLInputValue[] => Object.values(row);
  const store: Store = {
    sourceConfig: { database_path: path },
    async execute(sql) {
      database.exec(sql);
    },
    async insert(table, rows) {
      const columns = Object.keys(rows[0] ?? {});
      const statement = database.prepare(`insert into ${table} (${columns}) values (${columns.map(() => '?')})`);
      database.exec('begin');
      for (const row of rows) statement.run(...values(row));
      database.exec('commit');
    },
    async update(table, id, columns) {
      const assignments = Object.keys(columns).map((name) => `${name} = ?`);
      const { changes } = database
        .prepare(`update ${table} set ${assignments} where id = ?`)
        .run(...values(columns), id);
      expectOneRow(Number(changes), table, id);
    },
    async drop() {
      database.close();
      await directory.remove();
    },
  };
  await store.execute(sqliteSchema(origin));
  return withService(store);
}

function withService(store: Store): CrucibleDatabase {
  const database: CrucibleDatabase = {
    sourceConfig: store.sourceConfig,
    execute: store.execute,
    drop: store.drop,
    async createProject(id, title = id) {
      const now = storedTime(new Date());
      await store.insert('crucible_projects', [{ id, title, description: null, created_at: now, updated_at: now }]);
    },
    async createRun(run) {
      const row = newRunRow(run);
      await store.insert('crucible_runs', [row]);
      return row.id;
    },
    async updateRunStatus(id, status, { startedAt, completedAt } = {}) {
      await store.update('crucible_runs', id, {
        status,
        ...(startedAt === undefined ? {} : { started_at: storedTime(startedAt) }),
        ...(completedAt === undefined ? {} : { completed_at: storedTime(completedAt) }),
      });
    },
    async persistObservability(id, end) {
      await store.update('crucible_runs', id, observabilityColumns(end));
    },
    async completeRun(id, end) {
      await database.updateRunStatus(id, 'COMPLETED', { completedAt: end.at });
      await database.persistObservability(id, end);
    },
    async failRun(id, error, end) {
      await database.updateRunStatus(id, 'FAILED');
      await database.persistObservability(id, { ...end, error });
    },
    deleteRun: (id) => store.execute(`delete from crucible_runs where id = '${id}'`),
    async insertHistory(runs) {
      const rows = runs.map((run) => ({
        ...newRunRow(run),
        status: run.error === undefined ? 'COMPLETED' : 'FAILED',
        started_at: storedTime(run.startedAt),
        completed_at: run.error === undefined ? storedTime(run.end.at) : null,
        ...observabilityColumns({ ...run.end, ...(run.error === undefined ? {} : { error: run.error }) }),
      }));
      await store.insert('crucible_runs', rows);
    },
  };
  return database;
}

function newRunRow(run: NewRun) {
  const createdAt = storedTime(run.createdAt ?? new Date());
  return {
    id: run.id ?? randomUUID(),
    project_id: run.projectId,
    mode: run.mode ?? 'FULL_SEARCH',
    // SQLAlchemy stores a None that the program set as a JSON null, and one that it left out as an SQL NULL.
    config: JSON.stringify(run.config ?? null),
    recommended_message_id: null,
    recommended_config_snapshot: 'null',
    ui_trigger_id: run.uiTriggerId ?? null,
    ui_trigger_source: run.uiTriggerSource ?? null,
    ui_trigger_metadata: 'null',
    ui_triggered_at: createdAt,
    run_summary_message_id: null,
    chat_session_id: null,
    status: 'CREATED',
    created_at: createdAt,
    started_at: null,
    completed_at: null,
    duration_seconds: null,
    candidate_count: 0,
    scenario_count: 0,
    evaluation_count: 0,
    metrics: null,
    llm_usage: null,
    error_summary: null,
  };
}

function observabilityColumns(end: Omit<RunEnd, 'at'> & { readonly error?: string }) {
  const { durationSeconds, counts = {}, phases = [], error } = end;
  const usage = llmUsagePayload(phases);
  return {
    ...(durationSeconds === undefined ? {} : { duration_seconds: durationSeconds }),
    ...(counts.candidates === undefined ? {} : { candidate_count: counts.candidates }),
    ...(counts.scenarios === undefined ? {} : { scenario_count: counts.scenarios }),
    ...(counts.evaluations === undefined ? {} : { evaluation_count: counts.evaluations }),
    metrics: JSON.stringify(metricsPayload(phases)),
    llm_usage: usage === null ? null : JSON.stringify(usage),
    error_summary: error === undefined || error === '' ? null : error.slice(0, 512),
  };
}

/** Python writes datetime.utcnow() into a column without a time zone; SQLAlchemy gives SQLite this text. */
function storedTime(time: Date): string {
  return `${time.toISOString().slice(0, -1).replace('T', ' ')}000`;
}

function expectOneRow(changed: number, table: string, id: string): void {
  if (changed !== 1) throw new Error(`Updating ${table} ${id} changed ${changed} rows, expected 1`);
}

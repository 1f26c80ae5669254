import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { insertRows } from './insertRows.ts';
import { freshDatabase } from './postgres.ts';

export type WorkflowRunStatus = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'SUSPENDED' | 'CANCELLED';
export type TaskRunStatus = WorkflowRunStatus | 'SKIPPED';
export type TaskVerb = 'FETCH' | 'LOOKUP' | 'PUSH' | 'EXECUTE' | 'TRANSFORM' | 'GOVERN' | 'LOGIC_GATE';

export interface NewWorkflowRun {
  readonly id?: string;
  readonly workflowName: string;
  readonly project?: string;
  readonly triggerSource?: 'user' | 'schedule' | 'api';
  readonly createdAt?: Date;
}

export interface NewTaskRun {
  readonly id?: string;
  readonly stepName: string;
  readonly verb: TaskVerb;
  readonly startedAt: Date;
}

export interface TaskEnd {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'SKIPPED' | 'CANCELLED';
  readonly at: Date;
  readonly error?: string;
}

export interface NewApproval {
  readonly policy: string;
  readonly approver?: string;
  readonly requestedAt: Date;
  readonly expiresAt?: Date;
}

/** A run as it stands in an old database, with its steps. */
export interface PastWorkflowRun extends NewWorkflowRun {
  readonly createdAt: Date;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  readonly error?: string;
  readonly tasks?: readonly (NewTaskRun & TaskEnd)[];
}

/** The WorkflowRun and TaskRun tables of a workflow platform, under the names that the source's default mapping expects. */
export interface WorkflowLedgerDatabase {
  readonly connectionString: string;
  /** PENDING. @returns the run's id */
  createRun(run: NewWorkflowRun): Promise<string>;
  /** RUNNING. */
  startRun(id: string, at: Date): Promise<void>;
  finishRun(
    id: string,
    status: PastWorkflowRun['status'],
    end: { readonly at: Date; readonly error?: string },
  ): Promise<void>;
  /** RUNNING. @returns the step's id */
  startTask(runId: string, task: NewTaskRun): Promise<string>;
  finishTask(id: string, end: TaskEnd): Promise<void>;
  /** A policy failed: the run is SUSPENDED and its approval requested, in one transaction. @returns the request's id */
  suspendRun(runId: string, approval: NewApproval): Promise<string>;
  /** APPROVED resumes the run, the others cancel it, in the same transaction. */
  decideApproval(
    approvalId: string,
    decision: 'APPROVED' | 'REJECTED' | 'EXPIRED',
    by: { readonly at: Date; readonly approver?: string },
  ): Promise<void>;
  insertHistory(runs: readonly PastWorkflowRun[]): Promise<void>;
  /** Statements of a test's own. */
  execute(sql: string): Promise<void>;
  drop(): Promise<void>;
}

// Nothing here is a public schema: the platform publishes states and fields, not column names.
const SCHEMA = `
  create table workflow_runs (
    id uuid primary key,
    workflow_name text not null,
    project text,
    trigger_source text not null,
    status text not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    error text,
    updated_at timestamptz not null default clock_timestamp()
  );
  create table task_runs (
    id uuid primary key,
    workflow_run_id uuid not null references workflow_runs (id),
    step_name text not null,
    verb text not null,
    status text not null,
    error text,
    started_at timestamptz,
    finished_at timestamptz,
    duration_ms integer
  );
  create index on task_runs (workflow_run_id);
  create table approval_requests (
    id uuid primary key,
    workflow_run_id uuid not null references workflow_runs (id),
    policy text not null,
    approver text,
    requested_at timestamptz not null,
    decided_at timestamptz,
    decision text,
    expires_at timestamptz
  );
  create function touch() returns trigger language plpgsql as $$
    begin new.updated_at := clock_timestamp(); return new; end
  $$;
  create trigger touch before update on workflow_runs for each row execute function touch();`;

/** @param updatedAt false: without the column `updated_at`, as an older platform would have it */
export async function workflowLedgerDatabase({ updatedAt = true } = {}): Promise<WorkflowLedgerDatabase> {
  const database = await freshDatabase();
  const pool = new Pool({ connectionString: database.connectionString, max: 2 });
  // The server may end a connection that is in use; the statement on it fails then, and says so.
  pool.on('connect', (client) => client.on('error', () => {}));
  await pool.query(SCHEMA);
  if (!updatedAt)
    await pool.query('drop trigger touch on workflow_runs; alter table workflow_runs drop column updated_at');

  const changeOne = async (sql: string, values: readonly unknown[]): Promise<void> => {
    const { rowCount } = await pool.query(sql, [...values]);
    if (rowCount !== 1) throw new Error(`Expected to change one row, changed ${rowCount}: ${sql}`);
  };

  return {
    connectionString: database.connectionString,
    async createRun(run) {
      const row = runRow(run);
      await insertRows(pool, 'workflow_runs', [row]);
      return row.id;
    },
    startRun: (id, at) =>
      changeOne(`update workflow_runs set status = 'RUNNING', started_at = $2 where id = $1`, [id, at]),
    finishRun: (id, status, { at, error }) =>
      changeOne('update workflow_runs set status = $2, finished_at = $3, error = $4 where id = $1', [
        id,
        status,
        at,
        error,
      ]),
    async startTask(runId, task) {
      const row = taskRow(runId, task);
      await insertRows(pool, 'task_runs', [row]);
      return row.id;
    },
    finishTask: (id, { status, at, error }) =>
      changeOne(
        `update task_runs set status = $2, finished_at = $3, error = $4,
           duration_ms = round(extract(epoch from $3::timestamptz - started_at) * 1000) where id = $1`,
        [id, status, at, error],
      ),
    async suspendRun(runId, { policy, approver, requestedAt, expiresAt }) {
      const id = randomUUID();
      await changeOne(
        `with suspended as (update workflow_runs set status = 'SUSPENDED' where id = $2 returning id)
         insert into approval_requests (id, workflow_run_id, policy, approver, requested_at, expires_at)
         select $1, id, $3, $4, $5, $6 from suspended`,
        [id, runId, policy, approver, requestedAt, expiresAt],
      );
      return id;
    },
    decideApproval: (approvalId, decision, { at, approver }) =>
      changeOne(
        `with decided as (
           update approval_requests set decision = $2, decided_at = $3, approver = coalesce($4, approver)
           where id = $1 returning workflow_run_id, decision
         )
         update workflow_runs set
           status = case decided.decision when 'APPROVED' then 'RUNNING' else 'CANCELLED' end,
           finished_at = case decided.decision when 'APPROVED' then null else $3::timestamptz end
         from decided where id = workflow_run_id`,
        [approvalId, decision, at, approver],
      ),
    async insertHistory(runs) {
      const past = runs.map((run) => ({ run, row: pastRunRow(run) }));
      await insertRows(
        pool,
        'workflow_runs',
        past.map(({ row }) => row),
      );
      await insertRows(
        pool,
        'task_runs',
        past.flatMap(({ run, row }) => (run.tasks ?? []).map((task) => pastTaskRow(row.id, task))),
      );
    },
    async execute(sql) {
      await pool.query(sql);
    },
    async drop() {
      await pool.end();
      await database.drop();
    },
  };
}

function runRow(run: NewWorkflowRun) {
  return {
    id: run.id ?? randomUUID(),
    workflow_name: run.workflowName,
    project: run.project ?? null,
    trigger_source: run.triggerSource ?? 'user',
    status: 'PENDING',
    created_at: run.createdAt ?? new Date(),
  };
}

function pastRunRow(run: PastWorkflowRun) {
  return {
    ...runRow(run),
    status: run.status,
    started_at: run.startedAt,
    finished_at: run.finishedAt,
    error: run.error ?? null,
  };
}

function taskRow(runId: string, task: NewTaskRun) {
  return {
    id: task.id ?? randomUUID(),
    workflow_run_id: runId,
    step_name: task.stepName,
    verb: task.verb,
    status: 'RUNNING',
    started_at: task.startedAt,
  };
}

function pastTaskRow(runId: string, task: NewTaskRun & TaskEnd) {
  return {
    ...taskRow(runId, task),
    status: task.status,
    finished_at: task.at,
    error: task.error ?? null,
    duration_ms: task.at.getTime() - task.startedAt.getTime(),
  };
}

import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type WorkflowLedgerDatabase, workflowLedgerDatabase } from './workflowLedgerDatabase.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 5, 10, 0, second));

let ledger: WorkflowLedgerDatabase;
let client: Client;
beforeAll(async () => {
  ledger = await workflowLedgerDatabase();
  client = new Client({ connectionString: ledger.connectionString });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await ledger.drop();
});

async function ask(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
  return (await client.query(sql, values)).rows;
}

it('takes a run with its steps from creation to its end', async () => {
  const run = await ledger.createRun({ workflowName: 'nightly-sync', triggerSource: 'schedule', createdAt: at(0) });
  const [created] = await ask('select * from workflow_runs where id = $1', run);
  expect(created).toMatchObject({ status: 'PENDING', trigger_source: 'schedule', started_at: null });

  await ledger.startRun(run, at(1));
  const fetched = await ledger.startTask(run, { stepName: 'erp', verb: 'FETCH', startedAt: at(1) });
  await ledger.finishTask(fetched, { status: 'FAILED', at: at(4), error: '401 Unauthorized' });
  await ledger.finishRun(run, 'FAILED', { at: at(5), error: 'step erp failed' });

  expect(await ask('select status, duration_ms, error from task_runs where workflow_run_id = $1', run)).toEqual([
    { status: 'FAILED', duration_ms: 3000, error: '401 Unauthorized' },
  ]);
  const [finished] = await ask('select * from workflow_runs where id = $1', run);
  expect(finished).toMatchObject({ status: 'FAILED', started_at: at(1), finished_at: at(5), error: 'step erp failed' });
  expect(Number(finished?.updated_at)).toBeGreaterThan(Number(created?.updated_at));
});

it.each([
  ['APPROVED', 'RUNNING', null],
  ['REJECTED', 'CANCELLED', at(9)],
] as const)('suspends a run until its approval is %s', async (decision, status, finished_at) => {
  const run = await ledger.createRun({ workflowName: 'payout' });
  const approval = await ledger.suspendRun(run, { policy: 'four-eyes', requestedAt: at(2), expiresAt: at(59) });
  const sql = `select run.status, finished_at, policy, approver, decision, decided_at
    from workflow_runs run join approval_requests approval on workflow_run_id = run.id where run.id = $1`;
  expect(await ask(sql, run)).toMatchObject([
    { status: 'SUSPENDED', policy: 'four-eyes', decision: null, decided_at: null },
  ]);
  await ledger.decideApproval(approval, decision, { at: at(9), approver: 'kim' });
  expect(await ask(sql, run)).toMatchObject([{ status, finished_at, approver: 'kim', decision, decided_at: at(9) }]);
});

it('holds a history', async () => {
  await ledger.insertHistory(
    Array.from({ length: 8000 }, () => ({
      workflowName: 'history',
      createdAt: at(0),
      startedAt: at(1),
      finishedAt: at(3),
      status: 'SUCCEEDED' as const,
      tasks: [{ stepName: 'crm', verb: 'PUSH' as const, startedAt: at(1), status: 'SUCCEEDED' as const, at: at(2) }],
    })),
  );
  expect(
    await ask(`select count(*)::int as runs, sum(duration_ms)::int as spent from workflow_runs run
      join task_runs on workflow_run_id = run.id where workflow_name = 'history' and run.status = 'SUCCEEDED'`),
  ).toEqual([{ runs: 8000, spent: 8_000_000 }]);
});

it('refuses to change what is not there, and can lack updated_at', async () => {
  await expect(ledger.startRun('00000000-0000-0000-0000-000000000000', at(0))).rejects.toThrow('changed 0');
  const older = await workflowLedgerDatabase({ updatedAt: false });
  try {
    await older.createRun({ workflowName: 'any' });
    await expect(older.execute('select updated_at from workflow_runs')).rejects.toThrow('does not exist');
  } finally {
    await older.drop();
  }
});

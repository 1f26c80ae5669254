import { expect, it, onTestFinished } from 'vitest';
import { workflowLedgerDatabase } from '../../../../test/support/workflowLedgerDatabase.ts';
import { pollForTest, warnings } from '../pollForTest.ts';
import { SourceDatabase } from '../postgres/sourceDatabase.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import { findTables, readChildren } from './ledgerTables.ts';
import { workflowLedger } from './workflowLedger.ts';

const START = Date.parse('2026-11-20T10:00:00.000Z');
const after = (seconds: number) => new Date(START + seconds * 1000);
const iso = (seconds: number) => after(seconds).toISOString();
/** In the order of ids, which is not that of creation. */
const id = (number: number) => `00000000-0000-4000-8000-00000000000${number}`;

async function bed(config: object = {}, options?: Parameters<typeof workflowLedgerDatabase>[0]) {
  const tables = await workflowLedgerDatabase(options);
  onTestFinished(() => tables.drop());
  const ledger = new RecordingLedger();
  const open = (more: object = {}) => {
    const parsed = workflowLedger.configSchema.parse({ database_url: tables.connectionString, ...config, ...more });
    const source = workflowLedger.create('flows', parsed, warnings().log);
    onTestFinished(() => source.close());
    return source;
  };
  const source = open();
  return {
    tables,
    ledger,
    open,
    poll: (polled = source) => pollForTest(polled, ledger),
    /** What was sent of a kind since a batch: each record's field. */
    sent: (kind: string, field: string, since = 0) =>
      ledger.batches
        .slice(since)
        .flatMap(({ records }) => records.flatMap((r) => (r.kind === kind ? [r.data[field]] : []))),
  };
}

it('the first read begins with the oldest run and says how far it is; what did not change is not sent again', async () => {
  const { tables, ledger, poll, sent } = await bed({ page_size: 1 });
  for (const [number, seconds] of [
    [1, 30],
    [2, 20],
    [3, 10],
  ] as const) {
    await tables.createRun({ id: id(number), workflowName: 'sync', createdAt: after(seconds) });
  }
  await poll();
  expect(sent('run', 'runId')).toEqual([id(3), id(2), id(1)]);
  expect(ledger.batches.flatMap(({ progress }) => progress ?? []).slice(0, 3)).toEqual([
    { done: 1, total: 3 },
    { done: 2, total: 3 },
    { done: 3, total: 3 },
  ]);
  const before = ledger.batches.length;
  await poll();
  expect(sent('run', 'runId', before)).toEqual([]);
});

it('columns that the configuration names are attributes, as far as the table has them', async () => {
  const { tables, ledger, poll } = await bed({ attributes: ['region', 'shard', 'absent'] });
  const run = await tables.createRun({ workflowName: 'sync', createdAt: after(0) });
  await tables.execute(
    `alter table workflow_runs add region text, add shard int; update workflow_runs set region = 'eu-1'`,
  );
  await poll();
  expect(ledger.get('run', run)).toMatchObject({ 'attributes.region': 'eu-1' });
  expect(ledger.get('run', run)).not.toHaveProperty('attributes.shard');
  expect(ledger.get('run', run)).not.toHaveProperty('attributes.absent');
});

it.each(['finished_at', 'updated_at'])(
  'a view has no transactions: what changed in it is found by %s',
  async (column) => {
    const { tables, ledger, poll } = await bed(
      {
        workflow_runs: { table: 'shown' },
        task_runs: null,
        approval_requests: null,
        overlap: '1s',
      },
      { updatedAt: false },
    );
    const run = await tables.createRun({ workflowName: 'sync', createdAt: after(0) });
    const other = column === 'finished_at' ? 'updated_at' : 'finished_at';
    await tables.execute(`
    alter table workflow_runs add if not exists updated_at timestamptz;
    update workflow_runs set status = 'SUCCEEDED', finished_at = '${iso(60)}', updated_at = '${iso(60)}';
    create view shown as select * from workflow_runs`);
    await poll();
    expect(ledger.get('run', run)).toMatchObject({ status: 'succeeded' });
    await tables.execute(`update workflow_runs set status = 'FAILED', ${column} = now(), ${other} = '${iso(60)}'`);
    await poll();
    expect(ledger.get('run', run)).toMatchObject({ status: 'failed' });
  },
);

it('a run with more records than a page holds leaves the cursor where it was until all are sent', async () => {
  const { tables, ledger, poll, open } = await bed({ page_size: 1 });
  const huge = async (number: number) => {
    const run = await tables.createRun({ id: id(number), workflowName: 'huge', createdAt: after(number) });
    await tables.execute(`insert into task_runs select gen_random_uuid(), '${run}', 'step ' || i, 'EXECUTE', 'SUCCEEDED', null,
      timestamptz '2026-11-20 10:00Z', timestamptz '2026-11-20 10:01Z', 1 from generate_series(1, 2500) i`);
  };
  await huge(1);
  await huge(2);
  await poll();
  const cursors = () => ledger.batches.flatMap(({ records, cursor }) => (records.length === 2_000 ? [cursor] : []));
  const [first, second] = cursors();
  expect([JSON.stringify(first), JSON.stringify(second).includes(id(1))]).toEqual(['null', true]);
  const reached = ledger.batches.at(-1)?.cursor;
  await huge(3);
  const before = cursors().length;
  await poll(open({ page_size: 10 }));
  expect(cursors()[before]).toEqual(reached);
});

it('the steps of runs that have very many come in several answers, each step once', async () => {
  const { tables } = await bed();
  const runs = [id(1), id(2), id(3)];
  for (const run of runs) {
    await tables.createRun({ id: run, workflowName: 'huge', createdAt: after(0) });
    await tables.execute(`insert into task_runs select gen_random_uuid(), '${run}', 'step ' || i, 'EXECUTE', 'SUCCEEDED', null,
      timestamptz '2026-11-20 10:00Z', timestamptz '2026-11-20 10:01Z', 1 from generate_series(1, 2400) i`);
  }
  const { connectionString } = tables;
  const database = new SourceDatabase({ connectionString, statementTimeoutMs: 30_000, log: warnings().log });
  onTestFinished(() => database.close());
  const answers: number[] = [];
  const steps = await database.read(async (query) => {
    const { tasks } = await findTables(query, workflowLedger.configSchema.parse({ database_url: connectionString }));
    const counted: typeof query = async (sql, values) => {
      const rows = await query(sql, values);
      answers.push(rows.length);
      return rows;
    };
    return await readChildren(counted, tasks, runs);
  }, AbortSignal.timeout(90_000));
  expect(answers).toEqual([5_000, 2_200]);
  expect(runs.map((run) => new Set(steps.get(run)?.map(({ step_name }) => step_name)).size)).toEqual(
    Array(3).fill(2_400),
  );
});

it('without a table of approvals each suspended run is remembered until it is decided or gone', async () => {
  const { tables, ledger, poll } = await bed({ page_size: 1, approval_requests: null });
  const runs = [id(1), id(2), id(3)];
  for (const run of runs) {
    await tables.createRun({ id: run, workflowName: 'deploy', createdAt: after(0) });
    await tables.startRun(run, after(1));
    const gate = await tables.startTask(run, { stepName: 'policy', verb: 'GOVERN', startedAt: after(2) });
    await tables.finishTask(gate, { status: 'FAILED', at: after(4), error: 'needs approval' });
    await tables.execute(`update workflow_runs set status = 'SUSPENDED' where id = '${run}'`);
  }
  await poll();
  const remembered = () => runs.filter((run) => JSON.stringify(ledger.batches.at(-1)?.cursor).includes(run));
  expect(ledger.all('approval')).toHaveLength(3);
  expect(remembered()).toEqual(runs);
  await tables.execute(
    `delete from task_runs where workflow_run_id = '${id(3)}'; delete from workflow_runs where id = '${id(3)}'`,
  );
  for (const run of [id(1), id(2)]) await tables.finishRun(run, 'CANCELLED', { at: after(100) });
  await poll();
  expect(ledger.all('approval').map(({ runId, decision }) => [runId, decision])).toEqual([
    [id(1), 'rejected'],
    [id(2), 'rejected'],
    [id(3), undefined],
  ]);
  await poll();
  expect(remembered()).toEqual([]);
});

it('what another replica recorded in between is said again where it is so again', async () => {
  const { tables, ledger, poll, open } = await bed({ overlap: '1ms' });
  const run = await tables.createRun({ workflowName: 'sync', createdAt: after(0) });
  const become = (status: string) => tables.execute(`update workflow_runs set status = '${status}'`);
  await become('RUNNING');
  await poll();
  await become('PENDING');
  await poll(open());
  expect(ledger.get('run', run)).toMatchObject({ status: 'queued' });
  await become('RUNNING');
  await poll();
  expect(ledger.get('run', run)).toMatchObject({ status: 'running' });
});

it('a table of runs without its id is refused', async () => {
  const { tables, poll } = await bed();
  await tables.execute('alter table task_runs drop constraint if exists task_runs_workflow_run_id_fkey cascade');
  await tables.execute('alter table workflow_runs rename column id to number');
  await expect(poll()).rejects.toMatchObject({
    result: 'schema',
    message: 'workflow_runs has no readable column for id; set workflow_runs.columns or grant SELECT',
  });
});

import { expect, it, onTestFinished } from 'vitest';
import { gittinkererDatabase } from '../../../../test/support/gittinkererDatabase.ts';
import { warnings } from '../pollForTest.ts';
import type { Column, Table } from '../postgres/describeTable.ts';
import { SourceDatabase } from '../postgres/sourceDatabase.ts';
import { configSchema, RUN_COLUMNS } from './config.ts';
import { attributeValue, camelCase, MetricsTable, mapRuns, metricsOf, readSmallTable } from './gittinkererTables.ts';

const column = (name: string, type = 'text', readable = true): Column => ({
  ...{ name, type, readable },
  ...{ indexed: false, words: [] },
});
const table = (...columns: readonly Column[]): Table => ({
  ...{ sqlName: 'runs', hasXmin: true, estimatedRows: -1 },
  columns: new Map(columns.map((each) => [each.name, each])),
});
const found = (of: Table, configured: Parameters<typeof mapRuns>[1] = {}) => {
  const { columns, missing } = mapRuns(of, configured);
  return { columns: Object.fromEntries([...columns].map(([meaning, { name }]) => [meaning, name])), missing };
};

it('each meaning has the first known column that the table has', () => {
  const first = Object.values(RUN_COLUMNS).map(([name]) => column(name));
  expect(found(table(...first))).toEqual({
    columns: Object.fromEntries(Object.entries(RUN_COLUMNS).map(([meaning, [name]]) => [meaning, name])),
    missing: [],
  });
  expect(found(table(column('repository'), column('project'), column('error_message')))).toEqual({
    columns: { project: 'repository', error: 'error_message' },
    missing: [],
  });
  expect(found(table(column('repo', 'text', false), column('project')))).toEqual({
    columns: { project: 'project' },
    missing: [],
  });
});

it('what the configuration names counts alone; what it names and is not there is missing', () => {
  const of = table(column('status'), column('state'), column('source'), column('secret', 'text', false));
  expect(found(of, { status: 'state', source: null, project: 'owner', error: 'secret' })).toEqual({
    columns: { status: 'state' },
    missing: ['owner', 'secret'],
  });
});

it.each([
  ['text', '12', '12'],
  ['integer', '12', 12],
  ['smallint', '12', 12],
  ['numeric', '1.5', 1.5],
  ['real', '0.25', 0.25],
  ['double precision', '1e-7', 1e-7],
  ['bigint', '-3', -3],
  // More digits than a number holds.
  ['bigint', '9007199254740993', '9007199254740993'],
  ['boolean', 'true', true],
  ['boolean', 't', true],
  ['boolean', 'f', false],
  ['json', '{"a":[1]}', { a: [1] }],
  ['jsonb', '"x"', 'x'],
  ['jsonb', 'null', undefined],
  ['integer', null, undefined],
  ['text', undefined, undefined],
])('a column of type %s that holds %j is %j', (type, text, value) => {
  expect(attributeValue(column('any', type), text)).toEqual(value);
});

it('the names of columns become those of attributes', () => {
  expect(['conversation_id', 'step_2_ms', 'repo'].map(camelCase)).toEqual(['conversationId', 'step2Ms', 'repo']);
});

it('a run without metrics has none', () => {
  expect(metricsOf(new Map(), 'r1')).toEqual({ latest: new Map(), webhooks: [] });
});

async function bed() {
  const tables = await gittinkererDatabase();
  const { connectionString } = tables;
  const database = new SourceDatabase({ connectionString, statementTimeoutMs: 10_000, log: warnings().log });
  onTestFinished(async () => {
    await database.close();
    await tables.drop();
  });
  const read = <T>(work: Parameters<typeof database.read<T>>[0]) => database.read(work, AbortSignal.timeout(90_000));
  return { tables, connectionString, read };
}

it('metrics are read of the runs that are asked for, not of the whole table; for none the table is left alone', async () => {
  const { tables, connectionString, read } = await bed();
  await tables.execute(`
    insert into runs (run_id, status) select 'r' || i, 'running' from generate_series(1, 3) i;
    insert into run_metrics (run_id, metric_name, metric_value)
      select run_id, name, 1 from runs cross join (values ('tokens_used'), ('webhook_processed')) names (name)`);
  const metrics = await read((query) =>
    MetricsTable.find(query, configSchema.parse({ database_url: connectionString })),
  );
  const found = await read(async (query) => metrics?.ofRuns(query, ['r1', 'r3']));
  expect(
    [...(found ?? [])].map(([runId, { latest, webhooks }]) => [runId, [...latest.keys()], webhooks.length]).sort(),
  ).toEqual(['r1', 'r3'].map((runId) => [runId, ['tokens_used'], 1]));
  // What a transaction reads it holds a lock on until it ends.
  const locked = await read(async (query) => {
    expect(await metrics?.ofRuns(query, [])).toEqual(new Map());
    return await query(
      `select 1 from pg_locks where pid = pg_backend_pid() and relation in ('run_metrics'::regclass, 'run_metrics_run_idx'::regclass)`,
    );
  });
  expect(locked).toEqual([]);
});

it('of a table with more rows than are read it is always the same ones, whichever was written last', async () => {
  const { tables, read } = await bed();
  const repos = () =>
    read(async (query) => (await readSmallTable(query, undefined, 'paused_repos', 2))?.rows.map(({ repo }) => repo));
  await tables.execute(`insert into paused_repos (repo) values ('octo/c'), ('octo/a'), ('octo/b')`);
  expect(await repos()).toEqual(['octo/a', 'octo/b']);
  await tables.execute(`update paused_repos set reason = 'again' where repo = 'octo/a'`);
  expect(await repos()).toEqual(['octo/a', 'octo/b']);
});

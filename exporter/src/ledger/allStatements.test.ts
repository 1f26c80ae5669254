import pg from 'pg';
import { expect, it } from 'vitest';
import { freshDatabase } from '../../../test/support/postgres.ts';
import { allStatements } from './allStatements.ts';

it('says why the statement failed that failed by itself, however deep it was sent', async () => {
  const database = await freshDatabase();
  const pipelined: pg.ClientConfig & { pipeline: boolean } = {
    connectionString: database.connectionString,
    pipeline: true,
  };
  const client = new pg.Client(pipelined);
  await client.connect();
  try {
    const nested = async (sql: string) => {
      await Promise.all([client.query('select 1'), client.query(sql)]);
    };
    await client.query('begin');
    const sent = allStatements([
      (async () => await nested('select 1 / 0'))(),
      client.query('select 2'),
      allStatements([client.query('select 3'), client.query('select 4')]),
    ]);
    await expect(sent).rejects.toMatchObject({ code: '22012' });
    await client.query('rollback');
    const [one, two] = await allStatements([client.query('select 1 as n'), Promise.resolve('two')]);
    expect([one.rows, two]).toEqual([[{ n: 1 }], 'two']);
  } finally {
    await client.end();
    await database.drop();
  }
});

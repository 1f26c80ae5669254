import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, migratedDatabase, type TestDatabase } from './postgres.ts';

async function ask(database: TestDatabase, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('databases of the test run', () => {
  let first: TestDatabase;
  let second: TestDatabase;
  beforeAll(async () => {
    [first, second] = await Promise.all([freshDatabase(), freshDatabase({ synchronousCommit: 'off' })]);
  });
  afterAll(async () => {
    await Promise.all([first.drop(), second.drop()]);
  });

  it('are separate, on a durable Postgres 15 or newer', async () => {
    await ask(first, 'create table only_here (id int)');
    expect(await ask(second, `select to_regclass('only_here') as found`)).toEqual([{ found: null }]);
    const [server] = await ask(
      first,
      `select current_setting('fsync') as fsync, current_setting('server_version_num')::int as version`,
    );
    expect(server).toMatchObject({ fsync: 'on' });
    expect(server?.version).toBeGreaterThanOrEqual(150_000);
  });

  it('commit durably, or fast where a test asks for that', async () => {
    expect(await ask(first, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    expect(await ask(second, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'off' }]);
  });

  it('are gone after drop, even with a client that is still connected', async () => {
    const database = await freshDatabase();
    const client = new Client({ connectionString: database.connectionString });
    const lost = new Promise<Error>((resolve) => client.on('error', resolve));
    await client.connect();
    await database.drop();
    expect((await lost).message).toMatch(/terminat/);
    expect(await ask(first, `select 1 from pg_database where datname = '${database.name}'`)).toEqual([]);
  });

  it('can carry the schema of the ledger', async () => {
    const database = await migratedDatabase();
    try {
      expect(await ask(database, `select 1 as found from pg_namespace where nspname = 'fleetlens'`)).toEqual([
        { found: 1 },
      ]);
    } finally {
      await database.drop();
    }
  });
});

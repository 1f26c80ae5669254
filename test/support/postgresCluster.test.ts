import { Client } from 'pg';
import { expect, it } from 'vitest';
import { startPostgres } from './postgresCluster.ts';

it('keeps what was committed through a crash', async () => {
  const cluster = await startPostgres({ settings: { max_connections: '20' } });
  try {
    await withClient(cluster.connectionString(), async (client) => {
      await client.query('create table kept (id int)');
      await client.query('insert into kept values (7)');
    });
    expect((await cluster.crash()).signal).toBe('SIGKILL');
    await cluster.restart();
    await withClient(cluster.connectionString(), async (client) => {
      expect((await client.query('select id from kept')).rows).toEqual([{ id: 7 }]);
      expect((await client.query('show max_connections')).rows).toEqual([{ max_connections: '20' }]);
    });
  } finally {
    await cluster.stop();
  }
});

async function withClient(connectionString: string, use: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

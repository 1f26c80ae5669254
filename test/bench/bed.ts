import pg from 'pg';
import { migrate } from '../../exporter/src/ledger/migrate.ts';
import { type PostgresCluster, startPostgres } from '../support/postgresCluster.ts';

/** What a scenario gets. */
export interface Bed {
  readonly cluster: PostgresCluster;
  /** Fewer rounds and smaller sizes: to see that it runs, not what it measures. */
  readonly quick: boolean;
  say(line: string): void;
}

/** The system's Postgres with the exporter's own settings where those matter; durable, as by default. */
export function startBenchPostgres(): Promise<PostgresCluster> {
  return startPostgres({
    durable: true,
    settings: {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      shared_buffers: '512MB',
      // Checkpoints apart, so that rounds do not differ by whether one ran; exporter/src/ledger/embedded/serverSettings.ts has 1GB.
      max_wal_size: '4GB',
      checkpoint_timeout: '15min',
      jit: 'off',
    },
  });
}

/** Through the unix socket, as the exporter speaks to its embedded Postgres. */
export function socketUrl(cluster: PostgresCluster, database: string): string {
  const url = new URL(cluster.connectionString(database));
  return `postgres://${url.username}:${url.password}@/${database}?host=${encodeURIComponent(cluster.socketDir)}&port=${cluster.port}`;
}

/** Runs statements one after the other, as the superuser. */
export async function execute(
  cluster: PostgresCluster,
  database: string,
  statements: readonly string[],
): Promise<void> {
  await withClient(cluster, database, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

export async function withClient<T>(
  cluster: PostgresCluster,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(cluster.connectionString(database));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function createLedger(cluster: PostgresCluster, database: string): Promise<string> {
  await execute(cluster, 'postgres', [`create database ${database}`]);
  await migrate(cluster.connectionString(database));
  return socketUrl(cluster, database);
}

export async function dropDatabase(cluster: PostgresCluster, database: string): Promise<void> {
  await execute(cluster, 'postgres', [`drop database ${database} with (force)`]);
}

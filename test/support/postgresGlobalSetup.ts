import { inspect } from 'node:util';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../exporter/src/ledger/migrate.ts';
import { startPostgres } from './postgresCluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: {
      /** Of the superuser, to the database `postgres`. */
      readonly connectionString: string;
      /** Absent where the migrations failed; then `migrationFailure` says why. */
      readonly migratedTemplate?: string;
      readonly migrationFailure?: string;
    };
  }
}

const TEMPLATE = 'ledger_template';

/** One Postgres for the whole test run; each test gets databases of its own on it (postgres.ts). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startPostgres();
  try {
    await createTemplate(cluster.connectionString());
    const template = await migrateTemplate(cluster.connectionString(TEMPLATE));
    project.provide('postgres', { connectionString: cluster.connectionString(), ...template });
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return () => cluster.stop();
}

async function createTemplate(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(`create database ${TEMPLATE} template template0`);
  } finally {
    await client.end();
  }
}

/** A failure is kept for those tests that need the ledger's schema: the others still tell what they have to tell. */
async function migrateTemplate(connectionString: string) {
  try {
    await migrate(connectionString);
    return { migratedTemplate: TEMPLATE };
  } catch (error) {
    return { migrationFailure: inspect(error) };
  }
}

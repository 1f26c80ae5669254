import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  /** Of its owner, a superuser, through loopback TCP. */
  readonly connectionString: string;
  readonly name: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

export interface DatabaseOptions {
  /** Off: commits return before they are on disk. For tests about something else; the cluster itself keeps fsync on. */
  readonly synchronousCommit?: 'on' | 'off';
}

/** An empty database on the Postgres that the test run started. */
export function freshDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  return createDatabase('template0', options);
}

/** A database with the ledger's schema, copied from a template in which the migrations ran once. */
export function migratedDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const { migrationFailure, migratedTemplate } = inject('postgres');
  if (migratedTemplate === undefined) {
    throw new Error(`The ledger's migrations failed at the start of the test run:\n${migrationFailure}`);
  }
  return createDatabase(migratedTemplate, options);
}

/**
 * A copy of the database as it is now, as an asynchronous standby has it that hears nothing more. Everybody's connections end.
 * @returns how it takes the database's place; connections end again, and who connects anew finds the copy.
 */
export async function laggingStandby({ name }: TestDatabase): Promise<{ promote(): Promise<void> }> {
  const { connectionString: admin } = inject('postgres');
  const standby = `${name}_standby`;
  const disconnect = `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${name}'`;
  await execute(admin, disconnect);
  await execute(admin, `create database ${standby} template ${name}`);
  return {
    async promote() {
      await execute(admin, disconnect);
      await execute(admin, `drop database ${name}`);
      await execute(admin, `alter database ${standby} rename to ${name}`);
    },
  };
}

async function createDatabase(template: string, { synchronousCommit = 'on' }: DatabaseOptions): Promise<TestDatabase> {
  const { connectionString: admin } = inject('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await execute(admin, `create database ${name} template ${template}`);
  if (synchronousCommit === 'off') await execute(admin, `alter database ${name} set synchronous_commit = off`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return {
    name,
    connectionString: url.href,
    drop: () => execute(admin, `drop database if exists ${name} with (force)`),
  };
}

async function execute(connectionString: string, sql: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { whoIs } from './findProcess.ts';
import { readPostmasterPid } from './postmasterPid.ts';
import { SERVER_DATABASE, SERVER_PORT, SERVER_ROLE } from './serverSettings.ts';

/** A URL that pg, psql and `new URL` read alike: the socket's directory is the percent-encoded host. */
export function connectionUrl(socketDir: string, password: string, database = SERVER_DATABASE): string {
  return `postgres://${SERVER_ROLE}:${password}@${encodeURIComponent(socketDir)}:${SERVER_PORT}/${database}`;
}

/**
 * The embedded server that runs in a data directory right now, for commands beside a running exporter.
 *
 * @returns its connection string, or undefined when none runs
 */
export async function findRunningEmbeddedPostgres(dataDir: string): Promise<string | undefined> {
  let clusterDir: string;
  let password: string;
  try {
    clusterDir = await realpath(path.join(dataDir, 'postgres'));
    password = (await readFile(path.join(dataDir, 'postgres-password'), 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const found = await readPostmasterPid(clusterDir);
  if (found?.socketDir === undefined || found.status !== 'ready') return undefined;
  if ((await whoIs(found.pid, clusterDir)) !== 'its postmaster') return undefined;
  return connectionUrl(found.socketDir, password);
}

/** Connects as the exporter will, and creates its database the first time. Throws what the server answers (28P01: a wrong password). */
export async function prepareDatabase(socketDir: string, password: string): Promise<{ version: string }> {
  const client = new pg.Client({
    connectionString: connectionUrl(socketDir, password, 'postgres'),
    connectionTimeoutMillis: 10_000,
    application_name: 'fleetlens start',
  });
  // An error between two queries is also thrown by the next one; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const existing = await client.query('select 1 from pg_database where datname = $1', [SERVER_DATABASE]);
    if (existing.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(SERVER_DATABASE)}`);
    const answer = await client.query<{ server_version: string }>('show server_version');
    const version = answer.rows[0]?.server_version;
    if (version === undefined) throw new Error('The embedded Postgres answered `show server_version` with no row');
    return { version };
  } finally {
    await client.end();
  }
}

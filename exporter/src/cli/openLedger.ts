import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type Config, loadConfig } from '../config.ts';
import { sourceSchemas } from '../sources/createSource.ts';
import { createLogger } from '../telemetry/logger.ts';
import { CliError } from './cliError.ts';

export interface OpenLedgerOptions {
  /** `--config` */
  readonly config?: string | undefined;
  /** Make the embedded database where there is none yet; else that is an error. */
  readonly create?: boolean;
  /** Bring the schema up to date first. */
  readonly migrate?: boolean;
}

export interface OpenedLedger {
  readonly config: Config;
  readonly connectionString: string;
  readonly pool: pg.Pool;
}

const UNDEFINED_TABLE = '42P01';

/**
 * Gives `work` the ledger's database: the configured one, or the embedded one. If no exporter runs the embedded one, it is
 * started for as long as the work takes; a signal stops it too.
 */
export async function withLedger<T>(
  options: OpenLedgerOptions,
  work: (ledger: OpenedLedger) => Promise<T>,
): Promise<T> {
  const config = await loadConfig(options.config, { sourceSchemas });
  const server = await findServer(config, options.create ?? false);
  const onSignal = (signal: NodeJS.Signals) => {
    void server.stop().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const { connectionString } = server;
  const pool = new pg.Pool({
    connectionString,
    max: 2,
    application_name: 'fleetlens command',
    connectionTimeoutMillis: 10_000,
  });
  // The query that is under way, or the next one, fails and says so; unheard, the event would end the process.
  pool.on('error', () => {});
  try {
    if (options.migrate) {
      const { migrate } = await import('../ledger/migrate.ts');
      await migrate(connectionString);
    }
    return await work({ config, connectionString, pool });
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) {
      throw new CliError(
        `the database has no ledger of this version (${error.message}); start the exporter once, it brings the schema up to date`,
        { cause: error },
      );
    }
    throw error;
  } finally {
    await pool.end();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await server.stop();
  }
}

async function findServer(
  config: Config,
  create: boolean,
): Promise<{ readonly connectionString: string; stop(): Promise<void> }> {
  const { database_url: url, data_dir: dataDir } = config.ledger;
  if (url !== undefined) return { connectionString: url, stop: async () => {} };
  const { findRunningEmbeddedPostgres } = await import('../ledger/embedded/connectEmbedded.ts');
  const running = await findRunningEmbeddedPostgres(dataDir);
  if (running !== undefined && (await answers(running))) return { connectionString: running, stop: async () => {} };
  if (!create && !(await exists(join(dataDir, 'postgres')))) {
    throw new CliError(
      `found no ledger: neither ledger.database_url (DATABASE_URL) is set, nor is there an embedded database in ${dataDir}. Name the configuration with --config.`,
    );
  }
  const { startEmbeddedPostgres } = await import('../ledger/embedded/startEmbeddedPostgres.ts');
  return await startEmbeddedPostgres({ dataDir, log: createLogger({ level: 'error' }) });
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    // A server that is just stopping: its lock says, when it is started here, whether somebody else still holds it.
    if (error instanceof Error) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

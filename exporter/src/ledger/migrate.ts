import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import type { Logger } from 'pino';

const DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url));
/** Any constant will do, as long as every version of the exporter uses the same. */
const MIGRATION_LOCK = 7_251_944_001;
export const LEDGER_SCHEMA = 'fleetlens';
/** Oldest server that the SQL is written for. */
const MIN_SERVER_VERSION = 150_000;

/**
 * Brings the ledger's schema up to date. Safe when many processes start at once: they wait for one another on a lock of
 * the session, which the server releases even if its holder dies.
 * @throws when the server is older than Postgres 15 or the role may not create the schema.
 */
export async function migrate(connectionString: string, log?: Logger): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: 'fleetlens migrate' });
  await client.connect();
  try {
    const version = Number(
      (await client.query<{ v: string }>("select current_setting('server_version_num') as v")).rows[0]?.v,
    );
    if (version < MIN_SERVER_VERSION) {
      throw new Error(
        `ledger: found Postgres ${Math.floor(version / 10_000)}, expected 15 or newer; upgrade the server or use another`,
      );
    }
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    if (await isUpToDate(client)) return;
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const logger =
      log === undefined
        ? quiet
        : {
            debug: log.debug.bind(log),
            info: log.debug.bind(log),
            warn: log.warn.bind(log),
            error: log.error.bind(log),
          };
    await runner({
      dbClient: client,
      dir: DIRECTORY,
      direction: 'up',
      migrationsTable: 'migration',
      migrationsSchema: LEDGER_SCHEMA,
      schema: LEDGER_SCHEMA,
      createSchema: true,
      createMigrationsSchema: true,
      // The lock above waits; the library's own gives up at once when another process holds it.
      noLock: true,
      logger,
    });
  } finally {
    await client.end();
  }
}

/** Asked first, so that a role that owns nothing of the schema (fleetlens.grant_writer) can use one that is up to date. */
async function isUpToDate(client: pg.Client): Promise<boolean> {
  const { rows: tables } = await client.query<{ exists: boolean }>(
    `select to_regclass('${LEDGER_SCHEMA}.migration') is not null as exists`,
  );
  if (tables[0]?.exists !== true) return false;
  const { rows } = await client.query<{ name: string }>(`select name from ${LEDGER_SCHEMA}.migration`);
  const applied = new Set(rows.map(({ name }) => name));
  const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith('.sql'));
  return files.every((file) => applied.has(basename(file, '.sql')));
}

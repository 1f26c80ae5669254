import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { NormalisedEvent } from './contract/events.ts';
import type { HealthRegistry } from './http/healthRegistry.ts';
import { startEmbeddedPostgres } from './ledger/embedded/startEmbeddedPostgres.ts';
import { Ledger } from './ledger/ledger.ts';
import { asLedgerError, LedgerUnavailable } from './ledger/ledgerErrors.ts';
import { migrate } from './ledger/migrate.ts';
import type { PushResult } from './ledger/recordPushed.ts';
import { ledgerPolicyOf } from './ledgerPolicyOf.ts';

export interface LedgerConnection {
  readonly connectionString: string;
  readonly ledger: Ledger;
  /** Resolves once the schema is up to date; rejects when the exporter stops first. */
  readonly migrated: Promise<void>;
  /** As Ledger.recordPushed; refuses while the schema is not there. */
  recordPushed(events: readonly NormalisedEvent[]): Promise<PushResult[]>;
  close(): Promise<void>;
}

const RETRY_MS = 2_000;

/**
 * Connects the configured server, or starts the embedded one, and brings the schema up to date in the background: a server
 * that is not there yet is waited for, and so is whoever has yet to create the database or to grant the rights.
 * @throws where the embedded server cannot start.
 */
export async function connectLedger(config: Config, log: Logger, health: HealthRegistry): Promise<LedgerConnection> {
  const { database_url: configured, data_dir: dataDir } = config.ledger;
  const embedded = configured === undefined ? await startEmbeddedPostgres({ dataDir, log }) : undefined;
  const connectionString = configured ?? (embedded?.connectionString as string);
  const ledger = new Ledger({
    // That an id was known already is an everyday answer to the writer, and no matter for the server's log.
    ...(embedded === undefined ? {} : { writerSettings: '-c log_min_messages=log' }),
    connectionString,
    log,
    caps: {
      maxSeries: config.metrics.max_series,
      familyShare: config.metrics.family_share,
      maxSeriesByFamily: config.metrics.max_series_by_family,
    },
    policy: ledgerPolicyOf(config),
  });
  const stopping = new AbortController();
  let isMigrated = false;
  let missing = 'the schema is not up to date yet';
  const migrated = migrateUntilDone(connectionString, log, stopping.signal, (failure) => {
    missing = `the schema is not up to date yet: ${failure}`;
  }).then(() => {
    isMigrated = true;
  });
  // Who waits for it sees the rejection; nobody has to.
  migrated.catch(() => {});
  health.register({
    name: 'ledger',
    async check() {
      if (!isMigrated) return { status: 'down', detail: missing };
      await ledger.pool.query('select 1 from fleetlens.head');
      return {
        status: 'ok',
        detail: embedded === undefined ? 'external Postgres' : `embedded Postgres ${embedded.version}`,
      };
    },
  });
  return {
    connectionString,
    ledger,
    migrated,
    recordPushed(events) {
      if (!isMigrated) throw new LedgerUnavailable('ledger: it is starting; the sender should try again');
      return ledger.recordPushed(events);
    },
    async close() {
      stopping.abort(new Error('the exporter stops'));
      await migrated.catch(() => {});
      await ledger.close();
      await embedded?.stop();
    },
  };
}

async function migrateUntilDone(
  connectionString: string,
  log: Logger,
  signal: AbortSignal,
  onFailure: (message: string) => void,
): Promise<void> {
  let told: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      await migrate(connectionString, log);
      return;
    } catch (error) {
      const known = asLedgerError(error);
      const message = known instanceof Error ? known.message : String(known);
      onFailure(message);
      // The same failure every two seconds is one line, not a full disk of them.
      if (message !== told) {
        const isWait = known instanceof LedgerUnavailable;
        log[isWait ? 'warn' : 'error']({ err: known }, 'ledger: the schema is not up to date yet; trying again');
      }
      told = message;
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}

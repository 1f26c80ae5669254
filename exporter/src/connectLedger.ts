import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { NormalisedEvent } from './contract/events.ts';
import type { HealthRegistry } from './http/healthRegistry.ts';
import { costFromOf } from './ledger/costFrom.ts';
import { startEmbeddedPostgres } from './ledger/embedded/startEmbeddedPostgres.ts';
import { Ledger, type PushResult } from './ledger/ledger.ts';
import { asLedgerError, LedgerUnavailable } from './ledger/ledgerErrors.ts';
import { migrate } from './ledger/migrate.ts';

export interface LedgerConnection {
  readonly connectionString: string;
  readonly ledger: Ledger;
  /** Resolves once the schema is up to date; rejects where waiting cannot help, or when the exporter stops first. */
  readonly migrated: Promise<void>;
  /** As Ledger.recordPushed; refuses while the schema is not there. */
  recordPushed(events: readonly NormalisedEvent[]): Promise<PushResult[]>;
  close(): Promise<void>;
}

const RETRY_MS = 2_000;

/**
 * Connects the configured server, or starts the embedded one, and brings the schema up to date in the background: a server
 * that is not there yet is waited for.
 * @throws where the embedded server cannot start.
 */
export async function connectLedger(config: Config, log: Logger, health: HealthRegistry): Promise<LedgerConnection> {
  const { database_url: configured, data_dir: dataDir } = config.ledger;
  const embedded = configured === undefined ? await startEmbeddedPostgres({ dataDir, log }) : undefined;
  const connectionString = configured ?? (embedded?.connectionString as string);
  const ledger = new Ledger({
    connectionString,
    log,
    caps: {
      maxSeries: config.metrics.max_series,
      familyShare: config.metrics.family_share,
      maxSeriesByFamily: config.metrics.max_series_by_family,
    },
    policy: {
      costFrom: costFromOf(config.sources),
      lostAfterMs: config.ledger.lost_after,
      settleAfterMs: config.ledger.settle_after,
      dedupeWindowMs: config.ledger.dedupe_window,
    },
  });
  const stopping = new AbortController();
  let isMigrated = false;
  const migrated = migrateWhenReachable(connectionString, log, stopping.signal).then(() => {
    isMigrated = true;
  });
  // Who waits for it sees the rejection; nobody has to.
  migrated.catch(() => {});
  health.register({
    name: 'ledger',
    async check() {
      if (!isMigrated) return { status: 'down', detail: 'the schema is not up to date yet' };
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

async function migrateWhenReachable(connectionString: string, log: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await migrate(connectionString, log);
      return;
    } catch (error) {
      const known = asLedgerError(error);
      if (!(known instanceof LedgerUnavailable)) throw error;
      log.warn({ err: known }, 'ledger: the server does not answer yet; trying again');
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}

import pg from 'pg';
import type { Logger } from 'pino';
import { SourceError, type SourceResult } from '../source.ts';
import { databaseError } from './databaseError.ts';

/** Runs one statement; every value comes back as the server's text, or null. */
export type Query = (sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, string | null>[]>;

interface SourceDatabaseOptions {
  readonly connectionString: string;
  /** Longest that one statement may run on the source's server, milliseconds. */
  readonly statementTimeoutMs: number;
  readonly log: Logger;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Values stay text: pg would read times in this process's zone, and big numbers and NUMERIC as text anyway. */
const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (text: string | Buffer) => text };

/**
 * A database that belongs to somebody else: one connection, read-only transactions, bounded statements. The settings are made
 * inside each transaction, so that they also hold behind PgBouncer in transaction mode.
 */
export class SourceDatabase {
  readonly #pool: pg.Pool;
  readonly #timeoutMs: number;

  constructor({ connectionString, statementTimeoutMs, log }: SourceDatabaseOptions) {
    this.#timeoutMs = statementTimeoutMs;
    this.#pool = new pg.Pool({
      connectionString,
      max: 1,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: 60_000,
      allowExitOnIdle: true,
      keepAlive: true,
      application_name: 'fleetlens',
      types: AS_TEXT,
    });
    const broke = (error: Error) => log.debug({ err: error }, 'a connection to the source broke');
    // An idle connection that breaks: the next read opens another one and says what is wrong.
    this.#pool.on('error', broke);
    // The pool listens to idle clients only; one that breaks while it is being closed would end the process.
    this.#pool.on('connect', (client) => void client.on('error', broke));
  }

  /**
   * Runs `work` in one read-only snapshot.
   * @param countRequest is told how it ended.
   * @throws SourceError
   */
  async read<T>(
    work: (query: Query) => Promise<T>,
    signal: AbortSignal,
    countRequest: (result: SourceResult) => void = () => undefined,
  ): Promise<T> {
    try {
      const result = await this.#transaction(work, signal);
      countRequest('ok');
      return result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = error instanceof SourceError ? error : databaseError(error);
      countRequest(failure.result);
      throw failure;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #transaction<T>(work: (query: Query) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const client = await this.#pool.connect();
    let released = false;
    const release = (broken: boolean) => {
      if (released) return;
      released = true;
      client.release(broken);
    };
    // Closing the connection is the one way to stop waiting; the server ends the statement by its own timeout.
    const onAbort = () => release(true);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await client.query(
        `begin transaction isolation level repeatable read, read only;
         set local statement_timeout = ${this.#timeoutMs}; set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'`,
      );
      const query: Query = async (sql, values = []) => {
        signal.throwIfAborted();
        const result = await client.query<Record<string, string | null>>(sql, [...values]);
        return result.rows;
      };
      const result = await work(query);
      await client.query('commit');
      release(false);
      return result;
    } catch (error) {
      release(true);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      release(true);
    }
  }
}

import pg from 'pg';
import type { Logger } from 'pino';
import { allStatements } from './allStatements.ts';
import type { PushedEvent } from './findAddedTo.ts';
import { HistoryTally } from './historyTally.ts';
import { asLedgerError } from './ledgerErrors.ts';
import { beginWriting } from './lockLedger.ts';
import { listOpenPullRequests, type OpenPullRequest } from './openPullRequests.ts';
import type { LedgerPolicy } from './recordEvents.ts';
import { type PulledBatch, recordPulled } from './recordPulled.ts';
import { PushRecorder, type PushResult } from './recordPushed.ts';
import { type SeriesCaps, SeriesRegistry } from './seriesRegistry.ts';
import { isAnythingDue, sweepDue } from './sweepDue.ts';
import { Transaction } from './transaction.ts';
import { WorkingSet } from './workingSet.ts';
import { type DeadLetter, writeDeadLetters } from './writeDeadLetters.ts';

export interface LedgerOptions {
  readonly connectionString: string;
  readonly policy: LedgerPolicy;
  readonly caps: SeriesCaps;
  readonly log: Logger;
  /** Connections for reading; the writer has one of its own. */
  readonly readers?: number;
  /** How long a connection may take to open, in milliseconds; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Settings of the writer's session (`-c name=value`), where its role may set them. */
  readonly writerSettings?: string;
}

/**
 * The writer looks up rows by key and nothing else. Left to itself, the planner scans a whole table while it is small, and
 * keeps that plan for a while as it grows; without statistics of a new table it does so at any size.
 */
const WRITER_SETTINGS =
  'set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off';

/** Others give way to the writer so long at most: what it waits for then is another replica, or a database that is slow. */
const GIVE_WAY_MS = 50;

/** Longer than scrapes are apart, so that not each of them opens a connection. */
const READER_IDLE_MS = 90_000;

/**
 * The ledger of one exporter process. All writes go through {@link transaction}: one connection, one at a time, under the
 * writer lock that all replicas share.
 */
export class Ledger {
  readonly pool: pg.Pool;
  readonly #writer: pg.Pool;
  readonly #registry: SeriesRegistry;
  readonly #log: Logger;
  readonly #pushes = new PushRecorder(this);
  readonly #tally = new HistoryTally();
  policy: LedgerPolicy;
  #queue: Promise<unknown> = Promise.resolve();
  #computing: Promise<void> | undefined;
  readonly #onCommit = new Set<() => void>();

  constructor(options: LedgerOptions) {
    const shared: pg.PoolConfig = {
      connectionString: options.connectionString,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
      // What lies between may forget a connection on which nothing is said.
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
    };
    this.pool = new pg.Pool({
      ...shared,
      max: options.readers ?? 6,
      application_name: 'fleetlens',
      idleTimeoutMillis: READER_IDLE_MS,
    });
    // Not in @types/pg yet. Statements are sent without waiting for the ones before: a transaction takes four or five round
    // trips, not thirty. After an error Postgres refuses the rest of the transaction, COMMIT included.
    const pipelining: pg.PoolConfig & { readonly pipeline: boolean } = {
      ...shared,
      max: 1,
      application_name: 'fleetlens writer',
      // Kept: with a new connection all series are read anew.
      idleTimeoutMillis: 0,
      pipeline: true,
      ...(options.writerSettings === undefined ? {} : { options: options.writerSettings }),
    };
    this.#writer = new pg.Pool(pipelining);
    this.#registry = new SeriesRegistry(options.caps);
    this.#writer.on('connect', (client) => {
      // An error shows at the first statement of the writer, which uses the connection next.
      client.query(WRITER_SETTINGS).catch(() => {});
      // The server may be another one by now, that has not heard the last of what this process wrote.
      this.#registry.forget();
    });
    this.#log = options.log;
    this.policy = options.policy;
    // A connection that breaks is replaced at its next use. Unheard, the event would end the process; the pool itself listens
    // to idle connections only.
    for (const pool of [this.pool, this.#writer]) {
      const onError = (error: Error) => this.#log.warn({ err: error }, 'ledger: a connection was lost');
      pool.on('error', onError);
      pool.on('connect', (client) => {
        client.on('error', (error) => this.#log.debug({ err: error }, 'ledger: a connection was lost while in use'));
      });
    }
  }

  set caps(caps: SeriesCaps) {
    this.#registry.caps = caps;
  }

  /** Calls `listener` after each commit of this process. @returns how to end that. */
  onCommit(listener: () => void): () => void {
    this.#onCommit.add(listener);
    return () => this.#onCommit.delete(listener);
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => {});
    await Promise.all([this.#writer.end(), this.pool.end()]);
  }

  /**
   * Records pushed events in order and commits. Duplicates change nothing; each event has its own result.
   * @throws LedgerUnavailable where nothing of it was recorded from some batch on; what was, is a duplicate next time.
   */
  async recordPushed(events: readonly PushedEvent[]): Promise<PushResult[]> {
    return await this.#pushes.record(events);
  }

  /**
   * Records one page of a poll with its cursor. A record that cannot be read is kept aside as a dead letter, the rest goes on.
   * @throws LedgerUnavailable; then neither records nor cursor have moved.
   */
  async recordPulled(batch: PulledBatch): Promise<void> {
    await recordPulled(this, batch);
  }

  async readCursor(source: string): Promise<{ cursor: unknown; backfilled: boolean }> {
    const { rows } = await this.pool.query<{ cursor: unknown; backfilled: boolean }>(
      'select cursor, backfilled from fleetlens.source_state where source = $1',
      [source],
    );
    return { cursor: rows[0]?.cursor ?? undefined, backfilled: rows[0]?.backfilled ?? false };
  }

  async openRunIds(source: string): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ key: string }>(
      "select key from fleetlens.run where source = $1 and status in ('queued', 'running', 'waiting') order by created_at",
      [source],
    );
    return rows.map((row) => row.key);
  }

  async openPullRequests(sources: readonly string[]): Promise<readonly OpenPullRequest[]> {
    return await listOpenPullRequests(this.pool, sources);
  }

  /** Looks at runs whose time has come, and lets sources whose backfill is done go live. @returns whether more is due. */
  async sweep(): Promise<boolean> {
    return await this.transaction((tx) => sweepDue(tx));
  }

  /** As {@link sweep}, but takes the writer lock only where something is due. */
  async sweepIfDue(): Promise<boolean> {
    return (await isAnythingDue(this.pool)) && (await this.sweep());
  }

  async keepAside(letters: readonly DeadLetter[]): Promise<void> {
    await this.transaction(async (tx) => {
      await writeDeadLetters(tx.client, letters);
    });
  }

  /** Runs `work` in one transaction under the writer lock, after the writes that were asked for before. */
  async transaction<T, Read = undefined>(
    work: (tx: Transaction, read: Read | undefined) => Promise<T>,
    beginning: Beginning<Read> = {},
  ): Promise<T> {
    const mine = this.#queue.then(() => this.#transact(work, beginning));
    this.#queue = mine.catch(() => {});
    return await mine;
  }

  /**
   * What can wait should not come between the writer and its answers while the database has nothing to do; its time is when the
   * writer waits for a commit.
   * @returns undefined where that is so, or nothing is written
   */
  giveWay(): Promise<void> | undefined {
    return this.#computing;
  }

  /** @returns how to say that the writer has nothing more to compute. */
  #beginComputing(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#computing = promise;
    const end = () => {
      clearTimeout(timer);
      if (this.#computing === promise) this.#computing = undefined;
      resolve();
    };
    const timer = setTimeout(end, GIVE_WAY_MS);
    return end;
  }

  async #transact<T, Read>(
    work: (tx: Transaction, read: Read | undefined) => Promise<T>,
    { readAhead, settings }: Beginning<Read>,
  ): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.#writer.connect();
    } catch (error) {
      throw asLedgerError(error);
    }
    let broken = false;
    // Between queries a lost connection is told by an event; the next query then fails too.
    const onError = () => {
      broken = true;
    };
    client.on('error', onError);
    let tx: Transaction | undefined;
    const endComputing = this.#beginComputing();
    try {
      const working = new WorkingSet(client, this.#registry);
      const begun = beginWriting(client, settings);
      const [head, , read] = await allStatements([
        begun,
        this.#registry.catchUp(client, begun),
        readAhead?.(client, working),
      ]);
      tx = new Transaction(client, working, this.#registry, this.policy, head, this.#tally);
      const answer = await work(tx, read);
      await tx.finish(endComputing);
      this.#registry.committed(tx.seq);
      for (const listener of this.#onCommit) listener();
      return answer;
    } catch (thrown) {
      // What came after a statement that nobody waited for may have met no more than an aborted transaction.
      const error = tx?.failure ?? thrown;
      this.#registry.forget();
      await client.query('rollback').catch((rollbackError: unknown) => {
        broken = true;
        this.#log.debug({ err: rollbackError }, 'ledger: the connection broke during a transaction');
      });
      throw asLedgerError(error);
    } finally {
      endComputing();
      client.off('error', onError);
      client.release(broken);
    }
  }
}

/** How a transaction begins. */
interface Beginning<Read> {
  /** Reads what it needs in any case: asked for together with the lock, one round trip less. Has to issue its statements before it returns. */
  readonly readAhead?: ((client: pg.PoolClient, working: WorkingSet) => Promise<Read>) | undefined;
  /** SQL: `set local …`. */
  readonly settings?: string;
}

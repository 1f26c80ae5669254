import pg from 'pg';
import type { Logger } from 'pino';
import type { NormalisedEvent, PulledRecord } from '../contract/events.ts';
import { KINDS } from '../contract/records.ts';
import { EventRejected, MAX_FUTURE_MS, normaliseData } from '../normalise/normaliseEvent.ts';
import { allStatements } from './allStatements.ts';
import { noticeLimits } from './budgets/noticeLimits.ts';
import { reachedLimits } from './budgets/reachedLimits.ts';
import { dedupeEvents, dedupeWithin, digest, digestEvent, rememberNewEvents, stableJson } from './dedupeEvents.ts';
import { findAddedTo, type PushedEvent } from './findAddedTo.ts';
import { HISTORY_AFTER_MS, HistoryTally, type Told, tell } from './historyTally.ts';
import { asLedgerError, isDataError, tableOfUniqueViolation } from './ledgerErrors.ts';
import { beginWriting, type ChangeEntry, commitWriting } from './lockLedger.ts';
import { lostEvent } from './lostEvent.ts';
import { NewRecordGuess } from './newRecordGuess.ts';
import { listOpenPullRequests, type OpenPullRequest } from './openPullRequests.ts';
import { judgeEvaluations } from './quality/judgeEvaluations.ts';
import {
  applyEvents,
  CONTRADICTS_AUDIT,
  type EventToRecord,
  type LedgerPolicy,
  loadRecords,
  MustLook,
  type RecordingContext,
  recordEvents,
} from './recordEvents.ts';
import { recordTable } from './recordTable.ts';
import { readTombstones } from './retention/isPruned.ts';
import { recordTime } from './retention/recordTime.ts';
import { RollupMoves } from './rollupMoves.ts';
import { type SeriesCaps, SeriesRegistry } from './seriesRegistry.ts';
import {
  isLive,
  noteHistory,
  readSourceStates,
  type SourceReading,
  type SourceState,
  writeSourceReadings,
} from './sourceState.ts';
import { isAnythingDue, sweepDue } from './sweepDue.ts';
import { WorkingSet } from './workingSet.ts';
import { type DeadLetter, writeDeadLetters } from './writeDeadLetters.ts';

/** What became of a pushed event. */
export type PushResult =
  | { readonly result: 'accepted' | 'duplicate' }
  | { readonly result: 'conflict' | 'too_old' | 'rejected'; readonly reason: string };

/** One page of a poll. Records and cursor commit together. */
export interface PulledBatch {
  readonly source: string;
  readonly startedAt: Date;
  readonly records: readonly PulledRecord[];
  readonly goneRuns?: readonly string[];
  readonly cursor: unknown;
  readonly progress?: { readonly done: number; readonly total: number };
  readonly readUpTo?: string;
  /** The source was not read for longer than usual: what is old of this page is history, not late as always. */
  readonly afterPause?: boolean;
  /** The first complete read of the source ends with this page. */
  readonly backfillDone: boolean;
}

export interface LedgerOptions {
  readonly connectionString: string;
  readonly policy: LedgerPolicy;
  readonly caps: SeriesCaps;
  readonly log: Logger;
  /** Connections for reading; the writer has one of its own. */
  readonly readers?: number;
  /** Settings of the writer's session (`-c name=value`), where its role may set them. */
  readonly writerSettings?: string;
}

/**
 * The writer looks up rows by key and nothing else. Left to itself, the planner scans a whole table while it is small, and
 * keeps that plan for a while as it grows; without statistics of a new table it does so at any size.
 */
const WRITER_SETTINGS =
  'set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off';

/**
 * Of pushed events, which come a few at a time: left to itself, the planner plans some statements anew for the rows of each group,
 * which takes longer than what they do.
 */
const PUSH_SETTINGS = 'set local plan_cache_mode = force_generic_plan';

/** What the guess about ids of events is called; kinds go by their own names. */
const EVENT_IDS = 'ids of events';

/** Events merged in one transaction; more are split, so that the writer lock is given up between them. */
const MAX_BATCH = 2_000;

/** Others give way to the writer so long at most: what it waits for then is another replica, or a database that is slow. */
const GIVE_WAY_MS = 50;

/**
 * The ledger of one exporter process. All writes go through {@link transaction}: one connection, one at a time, under the
 * writer lock that all replicas share.
 */
export class Ledger {
  readonly pool: pg.Pool;
  readonly #writer: pg.Pool;
  readonly #registry: SeriesRegistry;
  readonly #log: Logger;
  readonly #guess = new NewRecordGuess();
  readonly #tally = new HistoryTally();
  policy: LedgerPolicy;
  #queue: Promise<unknown> = Promise.resolve();
  #computing: Promise<void> | undefined;
  readonly #onCommit = new Set<() => void>();

  constructor(options: LedgerOptions) {
    const { connectionString } = options;
    this.pool = new pg.Pool({
      connectionString,
      max: options.readers ?? 6,
      application_name: 'fleetlens',
      connectionTimeoutMillis: 5_000,
    });
    // Not in @types/pg yet. Statements are sent without waiting for the ones before: a transaction takes four or five round
    // trips, not thirty. After an error Postgres refuses the rest of the transaction, COMMIT included.
    const pipelining: pg.PoolConfig & { readonly pipeline: boolean } = {
      connectionString,
      max: 1,
      application_name: 'fleetlens writer',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      pipeline: true,
      ...(options.writerSettings === undefined ? {} : { options: options.writerSettings }),
    };
    this.#writer = new pg.Pool(pipelining);
    // An error shows at the first statement of the writer, which uses the connection next.
    this.#writer.on('connect', (client) => void client.query(WRITER_SETTINGS).catch(() => {}));
    this.#registry = new SeriesRegistry(options.caps);
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
    const results: PushResult[] = [];
    for (let i = 0; i < events.length; i += MAX_BATCH)
      results.push(...(await this.#pushBatch(events.slice(i, i + MAX_BATCH), this.#guess)));
    return results;
  }

  /** Notes what was not new after all. @returns whether that is what the error says; then nothing of the batch was recorded. */
  #guessWasWrong(error: unknown): boolean {
    if (error instanceof MustLook) {
      this.#guess.wasWrong(error.kind);
      return true;
    }
    const table = tableOfUniqueViolation(error);
    if (table === undefined) return false;
    this.#guess.wasWrong(KINDS.find((kind) => recordTable(kind) === table) ?? EVENT_IDS);
    return true;
  }

  /** @param guess which records not to look for; absent after it was wrong. */
  async #pushBatch(events: readonly PushedEvent[], guess?: NewRecordGuess): Promise<PushResult[]> {
    const prepared = events.map((event) => ({
      event,
      digest: event.digest ?? digestEvent(event),
      atMs: Date.parse(event.at),
    }));
    const expectsNewIds = guess?.expectsNew(EVENT_IDS) ?? false;
    const read = async (client: pg.PoolClient, working: WorkingSet) => {
      const sources = new Set(events.map((event) => event.source));
      const [states] = await allStatements([
        readSourceStates(client, [...sources]),
        loadRecords(events, { working, guess }),
      ]);
      return states;
    };
    // Whose run an event adds to has to be found first; and nothing is read for events that may all be known.
    const readAhead = expectsNewIds && events.every((event) => event.about === undefined) ? read : undefined;
    const beginning = { readAhead, settings: PUSH_SETTINGS };
    try {
      return await this.transaction(async (tx, states) => {
        const oldest = tx.nowMs - this.policy.dedupeWindowMs;
        const results: PushResult[] = prepared.map(({ event, atMs }) =>
          atMs < oldest
            ? {
                result: 'too_old',
                reason: `at: found ${event.at}, expected a time after ${new Date(oldest).toISOString()}: ids are remembered so far back; use fleetlens import for history`,
              }
            : { result: 'accepted' },
        );
        const candidates = prepared.flatMap((p, index) =>
          results[index]?.result === 'accepted' ? [{ ...p, index }] : [],
        );
        if (candidates.length === 0) return results;
        const known = expectsNewIds ? dedupeWithin(candidates) : await dedupeEvents(tx.client, candidates);
        if (!expectsNewIds)
          this.#guess.learn(
            EVENT_IDS,
            known.some((result) => result !== 'new'),
          );
        const fresh: (typeof candidates)[number][] = [];
        candidates.forEach((candidate, i) => {
          if (known[i] === 'new') fresh.push(candidate);
          else if (known[i] === 'duplicate') results[candidate.index] = { result: 'duplicate' };
          else {
            results[candidate.index] = {
              result: 'conflict',
              reason: `id: found ${JSON.stringify(candidate.event.id)} with another body than before, expected a new id or the same body`,
            };
          }
        });
        if (fresh.length === 0) return results;
        const additions = await findAddedTo(
          tx.client,
          fresh.map((f) => f.event),
        );
        // What comes besides a poll says nothing of how the source is read: its state is the poller's.
        const own = fresh.filter((f) => f.event.about === undefined);
        const polled = own.filter((f) => f.event.isPolled === true);
        const bySource = Map.groupBy(
          polled.length === 0 ? own : own.filter((f) => f.event.isPolled !== true),
          (f) => f.event.source,
        );
        await tx.begin(
          [...bySource].map(([source, ofSource]) => {
            const newestMs = ofSource.reduce((newest, f) => Math.max(newest, f.atMs), 0);
            const historyMs = tx.nowMs - HISTORY_AFTER_MS;
            const fresh = ofSource.every((f) => f.atMs >= historyMs);
            return {
              source,
              way: 'push',
              newestMs,
              eventMs: ofSource.map((f) => f.atMs),
              backfilled: newestMs >= historyMs,
              fresh,
            };
          }),
          [...additions.map((addition) => addition.source), ...polled.map((f) => f.event.source)],
          states,
        );
        const newEvents = [...own.map((f) => f.event), ...additions];
        const recording = tx.recording({ guess, writesAhead: true });
        const [pruned] = await allStatements([
          recording.hasTombstones ? readTombstones(tx.client, newEvents) : new Set<string>(),
          states === undefined ? loadRecords(newEvents, recording) : undefined,
        ]);
        if (expectsNewIds) tx.alongside(rememberNewEvents(tx.client, fresh));
        const contradicting = new Set<NormalisedEvent>(await applyEvents(newEvents, pruned, recording));
        for (const { event, index } of contradicting.size === 0 ? [] : fresh) {
          if (contradicting.has(event)) results[index] = { result: 'conflict', reason: CONTRADICTS_AUDIT };
        }
        return results;
      }, beginning);
    } catch (error) {
      if (guess !== undefined && this.#guessWasWrong(error)) return await this.#pushBatch(events);
      if (!isDataError(error)) throw error;
      // One value does not fit into Postgres: find the event that carries it, so that the others are not held up.
      const [only] = events;
      if (events.length === 1 && only !== undefined) {
        const reason = `the ledger could not store the event: ${(error as Error).message}`;
        const { digest: _digest, ...said } = only;
        await this.keepAside([
          { source: only.source, kind: only.kind, eventId: only.id, reason, payload: JSON.stringify(said) },
        ]);
        return [{ result: 'rejected', reason }];
      }
      const middle = Math.ceil(events.length / 2);
      return [...(await this.#pushBatch(events.slice(0, middle))), ...(await this.#pushBatch(events.slice(middle)))];
    }
  }

  /**
   * Records one page of a poll with its cursor. A record that cannot be read is kept aside as a dead letter, the rest goes on.
   * @throws LedgerUnavailable; then neither records nor cursor have moved.
   */
  async recordPulled(batch: PulledBatch): Promise<void> {
    const { source } = batch;
    const pulled: Pulled[] = [];
    const letters: DeadLetter[] = [];
    for (const record of batch.records) {
      try {
        pulled.push({ record, event: readPulled(source, record, batch.startedAt) });
      } catch (error) {
        if (!(error instanceof EventRejected || error instanceof RangeError)) throw error;
        letters.push(letterOf(source, record, error.message));
      }
    }
    await this.#pullPage(batch, pulled, letters);
  }

  async #pullPage(batch: PulledBatch, pulled: readonly Pulled[], letters: readonly DeadLetter[]): Promise<void> {
    try {
      await this.#recordPage(
        batch,
        pulled.map((p) => p.event),
        letters,
      );
    } catch (error) {
      const [only] = pulled;
      if (!isDataError(error) || only === undefined) throw error;
      // One value does not fit into Postgres: the record that carries it must not hold up the source for good.
      if (pulled.length === 1) {
        const reason = `the ledger could not store the record: ${(error as Error).message}`;
        await this.#pullPage(batch, [], [...letters, letterOf(batch.source, only.record, reason)]);
        return;
      }
      const middle = Math.ceil(pulled.length / 2);
      const { cursor: _cursor, ...first } = { ...batch, goneRuns: [], backfillDone: false };
      await this.#pullPage({ ...first, cursor: undefined }, pulled.slice(0, middle), []);
      await this.#pullPage(batch, pulled.slice(middle), letters);
    }
  }

  async #recordPage(
    batch: PulledBatch,
    pulled: readonly EventToRecord[],
    letters: readonly DeadLetter[],
  ): Promise<void> {
    const { source } = batch;
    const newestMs = pulled.reduce((newest, e) => Math.max(newest, Date.parse(e.at)), 0) || undefined;
    await this.transaction(async (tx) => {
      if (batch.readUpTo !== undefined && Date.parse(batch.readUpTo) < tx.nowMs - HISTORY_AFTER_MS)
        tx.history.add(source);
      await tx.begin(
        [
          {
            source,
            way: 'pull',
            newestMs,
            eventMs: [],
            cursor: batch.cursor,
            backfilled: batch.backfillDone,
            fresh: false,
            progress: batch.progress,
          },
        ],
        pulled.map((event) => event.source),
      );
      const events = [...pulled];
      if (batch.goneRuns !== undefined && batch.goneRuns.length > 0) {
        await tx.working.load(
          'run',
          batch.goneRuns.map((key) => ({ source, key })),
        );
        for (const key of batch.goneRuns) {
          const lost = lostEvent(tx.working.get('run', source, key));
          if (lost !== undefined) events.push(lost);
        }
      }
      if (letters.length > 0) await writeDeadLetters(tx.client, letters);
      for (let i = 0; i < events.length; i += MAX_BATCH)
        await recordEvents(events.slice(i, i + MAX_BATCH), tx.recording({ mayBeHistory: batch.afterPause === true }));
    });
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

interface Pulled {
  readonly record: PulledRecord;
  readonly event: EventToRecord;
}

function letterOf(source: string, record: PulledRecord, reason: string): DeadLetter {
  return { source, kind: record.kind, reason, payload: JSON.stringify(record.data) };
}

/** @throws EventRejected, or RangeError where `at` is no time. */
function readPulled(reader: string, record: PulledRecord, startedAt: Date): EventToRecord {
  const { kind, data, at: updatedAt, source = reader } = record;
  const at = (updatedAt === undefined ? startedAt : new Date(updatedAt)).toISOString();
  if (Date.parse(at) > startedAt.getTime() + MAX_FUTURE_MS) {
    throw new EventRejected(
      `at: found ${at}, expected a time at most 5 minutes ahead of ${startedAt.toISOString()}; check the clock of the source`,
    );
  }
  const { key, fields } = normaliseData(kind, data, at);
  if (source !== reader) {
    if (kind !== 'run') {
      throw new EventRejected(
        `kind: found ${kind} of source ${source}, expected a run: nothing else is added to by others`,
      );
    }
    return { id: reader, source, kind, at, key, fields, addition: { by: reader } };
  }
  // Where the source names no time, the start of the poll stands in: it makes no other record of the same row.
  const { at: said, ...others } = fields;
  const own = data.at === undefined || data.at === null ? others : { ...others, at: said };
  const pulledTime = recordTime(kind, own) ?? (updatedAt === undefined ? undefined : at);
  return { id: 'pull', source, kind, at, key, fields, pulled: digest(stableJson(own)), pulledTime };
}

/** One write: what it read, what it moves. {@link finish} writes all of it and commits. */
export class Transaction {
  readonly client: pg.PoolClient;
  readonly registry: SeriesRegistry;
  readonly policy: LedgerPolicy;
  readonly nowMs: number;
  readonly seq: number;
  readonly working: WorkingSet;
  readonly #hasTombstones: boolean;
  readonly #hidden = new Set<string>();
  readonly #states = new Map<string, SourceState>();
  readonly #readings: SourceReading[] = [];
  readonly #alongside: Promise<unknown>[] = [];
  #failure: unknown;
  readonly moves: RollupMoves;
  /** Live sources that tell history here. */
  readonly history = new Set<string>();
  readonly #told: Told = new Map();
  readonly #tally: HistoryTally;

  constructor(
    client: pg.PoolClient,
    working: WorkingSet,
    registry: SeriesRegistry,
    policy: LedgerPolicy,
    head: { seq: number; nowMs: number; hasTombstones: boolean },
    tally: HistoryTally,
  ) {
    this.client = client;
    this.registry = registry;
    this.policy = policy;
    this.nowMs = head.nowMs;
    this.seq = head.seq + 1;
    this.#hasTombstones = head.hasTombstones;
    this.working = working;
    this.#tally = tally;
    this.moves = new RollupMoves(registry, this.#hidden);
  }

  /**
   * Reads the state of the sources that this transaction writes for. What comes to write later may begin for its own sources;
   * of a source that did already, the first reading stands.
   * @param addedTo sources of records that others add to; their own state does not move
   * @param known the states of all of them, where they were read already
   */
  async begin(
    readings: readonly SourceReading[],
    addedTo: readonly string[] = [],
    known?: ReadonlyMap<string, SourceState>,
  ): Promise<void> {
    const begun = new Set(this.#readings.map((r) => r.source));
    const added = readings.filter((r) => !begun.has(r.source));
    const others = new Set(addedTo).difference(begun).difference(new Set(added.map((r) => r.source)));
    this.#readings.push(...added);
    const states = known ?? (await readSourceStates(this.client, [...added.map((r) => r.source), ...others]));
    for (const [source, state] of states) this.#states.set(source, state);
    this.hide(added.flatMap((reading) => (isLive(reading, states.get(reading.source)) ? [] : [reading.source])));
    this.hide([...others].filter((source) => states.get(source)?.live !== true));
  }

  /** Their new series need not begin at 0: what these sources count is not exposed yet. */
  hide(sources: Iterable<string>): void {
    for (const source of sources) this.#hidden.add(source);
  }

  /** @returns whether what the source counts is not exposed yet. */
  hides(source: string): boolean {
    return this.#hidden.has(source);
  }

  /** Notes one thing that a live source counts here, and whether it happened long ago. */
  readonly tell = (source: string, late: boolean): void => tell(this.#told, source, late);

  /** Why a statement that nobody waits for failed. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A statement whose answer nobody waits for before the end; where it fails, the transaction does. */
  alongside(statement: Promise<unknown>): void {
    statement.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#alongside.push(statement);
  }

  /**
   * @param mayBeHistory off: what is recorded comes as late as it always does
   * @param writesAhead of many events what is new is written while the rest is computed
   */
  recording({
    guess,
    mayBeHistory = true,
    writesAhead = false,
  }: {
    readonly guess?: NewRecordGuess | undefined;
    readonly mayBeHistory?: boolean;
    readonly writesAhead?: boolean;
  } = {}): RecordingContext {
    return {
      guess,
      writeAhead: writesAhead ? () => this.alongside(this.working.writeAhead(this.seq)) : undefined,
      tell: mayBeHistory ? this.tell : undefined,
      client: this.client,
      working: this.working,
      moves: this.moves,
      policy: this.policy,
      states: this.#states,
      hidden: this.#hidden,
      hasTombstones: this.#hasTombstones,
      nowMs: this.nowMs,
    };
  }

  /** @param onSent called when nothing is left but to wait for the commit */
  async finish(onSent: () => void): Promise<void> {
    const { client, seq, nowMs } = this;
    await judgeEvaluations(this);
    const changed = this.working.changed();
    const runs = changed.filter((r) => r.kind === 'run');
    const { budgets } = this.policy;
    const mayReach = !this.moves.spent.isEmpty || (runs.length > 0 && budgets?.limits.has('persona_run') === true);
    const writing = allStatements([...this.#alongside, this.working.write(seq)]);
    const spending = this.moves.spent.write(client, {
      policy: budgets,
      changed: runs,
      nowMs,
    });
    const rest = [this.moves.write(client, seq), writeSourceReadings(client, this.#readings, this.#states, nowMs, seq)];
    for (const source of this.#tally.add(this.#told, nowMs)) this.history.add(source);
    if (this.history.size > 0) rest.push(noteHistory(client, this.history, seq));
    if (budgets !== undefined && mayReach) {
      const [spent] = await allStatements([spending, writing, ...rest]);
      await noticeLimits(client, reachedLimits(spent, budgets), { policy: budgets, nowMs });
    }
    const committing = allStatements([
      writing,
      spending,
      ...rest,
      commitWriting(
        client,
        seq,
        changed.map(
          (r): ChangeEntry =>
            r.leftRun === undefined ? [r.kind, r.source, r.key] : [r.kind, r.source, r.key, r.leftRun],
        ),
      ),
    ]);
    onSent();
    await committing;
  }
}

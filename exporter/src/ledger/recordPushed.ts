import type pg from 'pg';
import type { NormalisedEvent } from '../contract/events.ts';
import { KINDS } from '../contract/records.ts';
import { allStatements } from './allStatements.ts';
import { dedupeEvents, dedupeWithin, digestEvent, type EventDigest, rememberNewEvents } from './dedupeEvents.ts';
import { findAddedTo, type PushedEvent } from './findAddedTo.ts';
import { HISTORY_AFTER_MS } from './historyTally.ts';
import type { Ledger } from './ledger.ts';
import { isDataError, tableOfUniqueViolation } from './ledgerErrors.ts';
import { NewRecordGuess } from './newRecordGuess.ts';
import { applyEvents, CONTRADICTS_AUDIT, loadRecords, MAX_BATCH, MustLook } from './recordEvents.ts';
import { recordTable } from './recordTable.ts';
import { readTombstones } from './retention/isPruned.ts';
import { readSourceStates, type SourceReading, type SourceState } from './sourceState.ts';
import type { Transaction } from './transaction.ts';
import type { WorkingSet } from './workingSet.ts';

/** What became of a pushed event. */
export type PushResult =
  | { readonly result: 'accepted' | 'duplicate' }
  | { readonly result: 'conflict' | 'too_old' | 'rejected'; readonly reason: string };

/**
 * Of pushed events, which come a few at a time: left to itself, the planner plans some statements anew for the rows of each group,
 * which takes longer than what they do.
 */
const PUSH_SETTINGS = 'set local plan_cache_mode = force_generic_plan';

/** What the guess about ids of events is called; kinds go by their own names. */
const EVENT_IDS = 'ids of events';

interface Candidate {
  readonly event: PushedEvent;
  readonly digest: EventDigest;
  readonly atMs: number;
  /** Its place in the batch. */
  readonly index: number;
}

/** What is taken for new, and what was read for it. */
interface Expectation {
  /** Which records not to look for; absent after it was wrong. */
  readonly guess: NewRecordGuess | undefined;
  readonly newIds: boolean;
  /** Of the sources of all events, where records and they were read already. */
  readonly states: ReadonlyMap<string, SourceState> | undefined;
}

/** Records pushed events. One for each ledger: it learns which of them are new as a rule. */
export class PushRecorder {
  readonly #ledger: Ledger;
  readonly #guess = new NewRecordGuess();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** As `Ledger.recordPushed`. */
  async record(events: readonly PushedEvent[]): Promise<PushResult[]> {
    const results: PushResult[] = [];
    for (let i = 0; i < events.length; i += MAX_BATCH)
      results.push(...(await this.#recordBatch(events.slice(i, i + MAX_BATCH), this.#guess)));
    return results;
  }

  async #recordBatch(events: readonly PushedEvent[], guess?: NewRecordGuess): Promise<PushResult[]> {
    const candidates = events.map((event, index) => ({
      event,
      digest: event.digest ?? digestEvent(event),
      atMs: Date.parse(event.at),
      index,
    }));
    const newIds = guess?.expectsNew(EVENT_IDS) ?? false;
    const read = async (client: pg.PoolClient, working: WorkingSet) => {
      const sources = new Set(events.map((event) => event.source));
      const [states] = await allStatements([
        readSourceStates(client, [...sources]),
        loadRecords(events, { working, guess }),
      ]);
      return states;
    };
    // Whose run an event adds to has to be found first; and nothing is read for events that may all be known.
    const readAhead = newIds && events.every((event) => event.about === undefined) ? read : undefined;
    try {
      return await this.#ledger.transaction(
        async (tx, states) => {
          const results: PushResult[] = events.map(() => ({ result: 'accepted' }));
          const fresh = await this.#sift(tx, candidates, newIds, results);
          if (fresh.length > 0) await applyFresh(tx, fresh, { guess, newIds, states }, results);
          return results;
        },
        { readAhead, settings: PUSH_SETTINGS },
      );
    } catch (error) {
      if (guess !== undefined && this.#guessWasWrong(error)) return await this.#recordBatch(events);
      if (!isDataError(error)) throw error;
      return await this.#recordApart(events, error as Error);
    }
  }

  /** @returns what is to be recorded; `results` says of the others why they are not. */
  async #sift(
    tx: Transaction,
    candidates: readonly Candidate[],
    newIds: boolean,
    results: PushResult[],
  ): Promise<Candidate[]> {
    const oldest = tx.nowMs - tx.policy.dedupeWindowMs;
    const young: Candidate[] = [];
    for (const candidate of candidates) {
      const { event, atMs, index } = candidate;
      if (atMs >= oldest) young.push(candidate);
      else {
        const reason = `at: found ${event.at}, expected a time after ${new Date(oldest).toISOString()}: ids are remembered so far back; use fleetlens import for history`;
        results[index] = { result: 'too_old', reason };
      }
    }
    if (young.length === 0) return [];
    const known = newIds ? dedupeWithin(young) : await dedupeEvents(tx.client, young);
    if (!newIds)
      this.#guess.learn(
        EVENT_IDS,
        known.some((result) => result !== 'new'),
      );
    return young.filter(({ event, index }, i) => {
      if (known[i] === 'new') return true;
      if (known[i] === 'duplicate') results[index] = { result: 'duplicate' };
      else {
        const reason = `id: found ${JSON.stringify(event.id)} with another body than before, expected a new id or the same body`;
        results[index] = { result: 'conflict', reason };
      }
      return false;
    });
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

  /** One value does not fit into Postgres: finds the event that carries it, so that the others are not held up. */
  async #recordApart(events: readonly PushedEvent[], error: Error): Promise<PushResult[]> {
    const [only] = events;
    if (events.length === 1 && only !== undefined) {
      const reason = `the ledger could not store the event: ${error.message}`;
      const { digest: _digest, ...said } = only;
      await this.#ledger.keepAside([
        { source: only.source, kind: only.kind, eventId: only.id, reason, payload: JSON.stringify(said) },
      ]);
      return [{ result: 'rejected', reason }];
    }
    const middle = Math.ceil(events.length / 2);
    return [...(await this.#recordBatch(events.slice(0, middle))), ...(await this.#recordBatch(events.slice(middle)))];
  }
}

/** Records events that nobody has sent before; `results` says which of them contradict the audit trail. */
async function applyFresh(
  tx: Transaction,
  fresh: readonly Candidate[],
  { guess, newIds, states }: Expectation,
  results: PushResult[],
): Promise<void> {
  const additions = await findAddedTo(
    tx.client,
    fresh.map((f) => f.event),
  );
  // What comes besides a poll says nothing of how the source is read: its state is the poller's.
  const own = fresh.filter((f) => f.event.about === undefined);
  const polled = own.filter((f) => f.event.isPolled === true);
  await tx.begin(
    readingsOf(polled.length === 0 ? own : own.filter((f) => f.event.isPolled !== true), tx.nowMs),
    [...additions.map((addition) => addition.source), ...polled.map((f) => f.event.source)],
    states,
  );
  const newEvents = [...own.map((f) => f.event), ...additions];
  const recording = tx.recording({ guess, writesAhead: true });
  const [pruned] = await allStatements([
    recording.hasTombstones ? readTombstones(tx.client, newEvents) : new Set<string>(),
    states === undefined ? loadRecords(newEvents, recording) : undefined,
  ]);
  if (newIds) tx.alongside(rememberNewEvents(tx.client, fresh));
  const contradicting = new Set<NormalisedEvent>(await applyEvents(newEvents, pruned, recording));
  for (const { event, index } of contradicting.size === 0 ? [] : fresh) {
    if (contradicting.has(event)) results[index] = { result: 'conflict', reason: CONTRADICTS_AUDIT };
  }
}

/** What the events say of the sources that push them. */
function readingsOf(events: readonly Candidate[], nowMs: number): SourceReading[] {
  const historyMs = nowMs - HISTORY_AFTER_MS;
  return [...Map.groupBy(events, (f) => f.event.source)].map(([source, ofSource]) => {
    const newestMs = ofSource.reduce((newest, f) => Math.max(newest, f.atMs), 0);
    return {
      source,
      way: 'push',
      newestMs,
      eventMs: ofSource.map((f) => f.atMs),
      backfilled: newestMs >= historyMs,
      fresh: ofSource.every((f) => f.atMs >= historyMs),
    };
  });
}

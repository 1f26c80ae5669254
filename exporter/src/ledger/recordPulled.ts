import type { PulledRecord } from '../contract/events.ts';
import { EventRejected, MAX_FUTURE_MS, normaliseData } from '../normalise/normaliseEvent.ts';
import { digest, stableJson } from './dedupeEvents.ts';
import { HISTORY_AFTER_MS } from './historyTally.ts';
import type { Ledger } from './ledger.ts';
import { isDataError } from './ledgerErrors.ts';
import { lostEvent } from './lostEvent.ts';
import { type EventToRecord, MAX_BATCH, recordEvents } from './recordEvents.ts';
import { recordTime } from './retention/recordTime.ts';
import type { Transaction } from './transaction.ts';
import { type DeadLetter, writeDeadLetters } from './writeDeadLetters.ts';

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

/** As `Ledger.recordPulled`. */
export async function recordPulled(ledger: Ledger, batch: PulledBatch): Promise<void> {
  const pulled: Pulled[] = [];
  const letters: DeadLetter[] = [];
  for (const record of batch.records) {
    try {
      pulled.push({ record, event: readPulled(batch.source, record, batch.startedAt) });
    } catch (error) {
      if (!(error instanceof EventRejected || error instanceof RangeError)) throw error;
      letters.push(letterOf(batch.source, record, error.message));
    }
  }
  await recordOrSplit(ledger, batch, pulled, letters);
}

async function recordOrSplit(
  ledger: Ledger,
  batch: PulledBatch,
  pulled: readonly Pulled[],
  letters: readonly DeadLetter[],
): Promise<void> {
  try {
    const events = pulled.map((p) => p.event);
    await ledger.transaction((tx) => applyPage(tx, batch, events, letters));
  } catch (error) {
    const [only] = pulled;
    if (!isDataError(error) || only === undefined) throw error;
    // One value does not fit into Postgres: the record that carries it must not hold up the source for good.
    if (pulled.length === 1) {
      const reason = `the ledger could not store the record: ${(error as Error).message}`;
      await recordOrSplit(ledger, batch, [], [...letters, letterOf(batch.source, only.record, reason)]);
      return;
    }
    const middle = Math.ceil(pulled.length / 2);
    const { cursor: _cursor, ...first } = { ...batch, goneRuns: [], backfillDone: false };
    await recordOrSplit(ledger, { ...first, cursor: undefined }, pulled.slice(0, middle), []);
    await recordOrSplit(ledger, batch, pulled.slice(middle), letters);
  }
}

async function applyPage(
  tx: Transaction,
  batch: PulledBatch,
  pulled: readonly EventToRecord[],
  letters: readonly DeadLetter[],
): Promise<void> {
  const { source } = batch;
  if (batch.readUpTo !== undefined && Date.parse(batch.readUpTo) < tx.nowMs - HISTORY_AFTER_MS) tx.history.add(source);
  await tx.begin(
    [
      {
        source,
        way: 'pull',
        newestMs: pulled.reduce((newest, e) => Math.max(newest, Date.parse(e.at)), 0) || undefined,
        eventMs: [],
        cursor: batch.cursor,
        backfilled: batch.backfillDone,
        fresh: false,
        progress: batch.progress,
      },
    ],
    pulled.map((event) => event.source),
  );
  const events = [...pulled, ...(await lostRuns(tx, batch))];
  if (letters.length > 0) await writeDeadLetters(tx.client, letters);
  for (let i = 0; i < events.length; i += MAX_BATCH)
    await recordEvents(events.slice(i, i + MAX_BATCH), tx.recording({ mayBeHistory: batch.afterPause === true }));
}

/** Runs that the source has no more are lost, where they are open. */
async function lostRuns({ working }: Transaction, { source, goneRuns = [] }: PulledBatch): Promise<EventToRecord[]> {
  if (goneRuns.length === 0) return [];
  await working.load(
    'run',
    goneRuns.map((key) => ({ source, key })),
  );
  return goneRuns.flatMap((key) => lostEvent(working.get('run', source, key)) ?? []);
}

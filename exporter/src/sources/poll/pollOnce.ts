import type { Logger } from 'pino';
import { sameJson } from '../sameJson.ts';
import { type PollContext, type PollPage, type Source, SourceError, type SourceResult } from '../source.ts';
import { BackfillProgress } from './backfillProgress.ts';
import type { PullLedger } from './pullLedger.ts';

interface PollOnce {
  readonly name: string;
  readonly source: Source;
  readonly ledger: PullLedger;
  /** Longest that one step (reading a page) may take, milliseconds. */
  readonly timeoutMs: number;
  /** It was not read for longer than usual, or not yet by this process. */
  readonly afterPause: boolean;
  readonly log: Logger;
  /** Aborts when the exporter stops or another replica polls. */
  readonly signal: AbortSignal;
  countRequest(result: SourceResult): void;
  quotaRemaining(calls: number): void;
  /** A page of the first read was committed, and the next one begins after it. */
  onBackfillProgress(): void;
  /** The source has been told to stop: nothing may poll it again before this promise settles. */
  onInterrupted(ended: Promise<void>): void;
}

/** The ledger could not be read or written: that says nothing about the source. */
export class LedgerFailure extends Error {
  override readonly name = 'LedgerFailure';
}

async function ofLedger<T>(doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerFailure(`${doing} failed: ${message}`, { cause });
  }
}

/**
 * Polls a source once, from the cursor that the ledger holds, and commits each page before it asks for the next: whatever
 * interrupts it, the next poll goes on after the last committed page.
 */
export async function pollOnce(poll: PollOnce): Promise<void> {
  const { name, ledger, log, afterPause } = poll;
  const { cursor: from, backfilled } = await ofLedger('reading the cursor', ledger.readCursor(name));
  poll.signal.throwIfAborted();
  const startedAt = new Date();
  const ended = new AbortController();
  const signal = AbortSignal.any([poll.signal, ended.signal]);
  const context: PollContext = {
    signal,
    startedAt,
    log,
    openRunIds: () => ofLedger('listing open runs', ledger.openRunIds(name)),
    openPullRequests: (sources) => ofLedger('listing open pull requests', ledger.openPullRequests(sources)),
    countRequest: poll.countRequest,
    quotaRemaining: poll.quotaRemaining,
  };
  const progress = backfilled ? undefined : new BackfillProgress(log);
  const pages = poll.source.poll(from, context)[Symbol.asyncIterator]();
  let cursor = from;
  let complete = false;
  try {
    for (;;) {
      const step = await nextPage(pages, poll, signal, ended);
      if (step.done) {
        complete = true;
        break;
      }
      const page = step.value;
      progress?.page(page.records.length, page.progress);
      if (saysSomething(page, cursor)) {
        signal.throwIfAborted();
        await ofLedger(
          'recording what was pulled',
          ledger.recordPulled({ source: name, startedAt, backfillDone: backfilled, afterPause, ...page }),
        );
        if (!backfilled && !sameJson(page.cursor, cursor)) poll.onBackfillProgress();
      }
      cursor = page.cursor;
    }
    if (!backfilled) {
      // Only the end of the iteration says that there was no further page.
      await ofLedger(
        'ending the backfill',
        ledger.recordPulled({ source: name, startedAt, records: [], cursor: cursor ?? null, backfillDone: true }),
      );
      progress?.end();
    }
  } finally {
    ended.abort();
    if (!complete) poll.onInterrupted(closePages(pages, log));
  }
}

/** Lets the source free what it holds; waits for the step that is under way. */
async function closePages(pages: AsyncIterator<PollPage>, log: Logger): Promise<void> {
  try {
    await pages.return?.();
  } catch (error) {
    log.debug({ err: error }, 'ending the interrupted poll failed');
  }
}

/** An idle poll writes nothing: each write takes the ledger's one writer lock. */
function saysSomething(page: PollPage, cursor: unknown): boolean {
  return (
    page.records.length > 0 ||
    (page.goneRuns?.length ?? 0) > 0 ||
    page.readUpTo !== undefined ||
    !sameJson(page.cursor, cursor)
  );
}

async function nextPage(
  pages: AsyncIterator<PollPage>,
  poll: PollOnce,
  signal: AbortSignal,
  ended: AbortController,
): Promise<IteratorResult<PollPage>> {
  signal.throwIfAborted();
  const reading = pages.next();
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new SourceError(
      `no answer within ${poll.timeoutMs / 1000} s; raise the timeout of the source or see why it is slow`,
      { result: 'network' },
    );
    poll.countRequest('network');
    ended.abort(error);
    reject(error);
  }, poll.timeoutMs);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([reading, interrupted]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

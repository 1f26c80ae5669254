import { setTimeout as sleep } from 'node:timers/promises';
import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, ExponentialBackoff, handleAll } from 'cockatiel';
import type { Logger } from 'pino';
import { HISTORY_AFTER_MS } from '../../ledger/historyTally.ts';
import { type Source, SourceError } from '../source.ts';
import { LedgerFailure, pollOnce } from './pollOnce.ts';
import type { PullLedger } from './pullLedger.ts';
import type { SourceMetrics } from './sourceMetrics.ts';

/** A configured source with its own schedule. */
export interface PolledSource {
  readonly name: string;
  readonly source: Source;
  readonly pollIntervalMs: number;
  readonly timeoutMs: number;
}

/** Delays of the poller; tests shorten them. */
export interface PollPacing {
  /** Each interval is drawn from ± this share of it, so that many sources and replicas do not beat together. */
  readonly jitter: number;
  /** Failures in a row after which the circuit opens. */
  readonly openAfterFailures: number;
  /** How long an open circuit waits before one poll tries again; doubles up to the maximum. */
  readonly halfOpenAfterMs: number;
  readonly maxHalfOpenAfterMs: number;
  readonly retryDelayMs: number;
  readonly maxRetryDelayMs: number;
}

export const DEFAULT_PACING: PollPacing = {
  jitter: 0.1,
  openAfterFailures: 5,
  halfOpenAfterMs: 30_000,
  maxHalfOpenAfterMs: 300_000,
  retryDelayMs: 1_000,
  maxRetryDelayMs: 60_000,
};

interface PollLoop {
  readonly ledger: PullLedger;
  readonly metrics: SourceMetrics;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly pacing: PollPacing;
}

/**
 * Polls one source until the signal aborts. After a failure the next poll follows sooner than the interval, by exponential
 * backoff, unless the source named a time (Retry-After), the circuit is open, or trying again cannot help (a wrong password,
 * an unknown table: the next interval is soon enough).
 */
export async function pollSource(polled: PolledSource, loop: PollLoop): Promise<void> {
  const { name } = polled;
  const { metrics, signal, pacing } = loop;
  const log = loop.log.child({ source: name });
  const breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(pacing.openAfterFailures),
    halfOpenAfter: new ExponentialBackoff({
      initialDelay: pacing.halfOpenAfterMs,
      maxDelay: pacing.maxHalfOpenAfterMs,
    }),
  });
  breaker.onBreak(() => log.warn('the source keeps failing: polls pause, and one poll now and then tries again'));
  const retries = new ExponentialBackoff({ initialDelay: pacing.retryDelayMs, maxDelay: pacing.maxRetryDelayMs });
  let retry = retries.next();
  let failing: string | undefined;
  let workedMs = Number.NEGATIVE_INFINITY;
  let ending: Promise<void> | undefined;

  const attempt = async (): Promise<void> => {
    if (ending !== undefined) {
      throw new SourceError('the poll before has not ended although it was told to', { result: 'other' });
    }
    await pollOnce({
      name,
      source: polled.source,
      ledger: loop.ledger,
      timeoutMs: polled.timeoutMs,
      afterPause: performance.now() - workedMs > Math.max(HISTORY_AFTER_MS, 2 * polled.pollIntervalMs),
      log,
      signal,
      countRequest: (result) => metrics.countRequest(name, result),
      quotaRemaining: (calls) => metrics.quotaRemaining(name, calls),
      onBackfillProgress: () => metrics.backfillProgressed(name, new Date()),
      onInterrupted: (ended) => {
        ending = ended;
        void ended.then(() => {
          ending = undefined;
        });
      },
    });
  };

  while (!signal.aborted) {
    const startedMs = performance.now();
    let delayMs = jittered(polled.pollIntervalMs, pacing.jitter);
    // Neither opens the circuit: it would hold back what works.
    let spared: SourceError | LedgerFailure | undefined;
    try {
      await breaker.execute(async () => {
        try {
          await attempt();
        } catch (error) {
          if (!(error instanceof LedgerFailure || (error instanceof SourceError && error.partial))) throw error;
          spared = error;
        }
      });
      if (spared !== undefined) throw spared;
      workedMs = performance.now();
      metrics.pollWorked(name, (performance.now() - startedMs) / 1000, new Date());
      if (failing !== undefined) log.info('the source works again');
      failing = undefined;
      retry = retries.next();
      delayMs -= performance.now() - startedMs;
    } catch (error) {
      if (signal.aborted) break;
      if (error instanceof BrokenCircuitError) {
        log.debug('the circuit is open: no poll');
      } else {
        if (!(error instanceof LedgerFailure)) metrics.pollFailed(name, (performance.now() - startedMs) / 1000);
        const message = error instanceof Error ? error.message : String(error);
        // The same failure again says nothing new.
        log[failing === message ? 'debug' : 'warn']({ err: error }, 'polling the source failed');
        failing = message;
        const retryAfterMs = error instanceof SourceError ? error.retryAfterMs : undefined;
        if (retryAfterMs !== undefined) delayMs = Math.max(delayMs, retryAfterMs);
        else if (canPass(error)) {
          retry = retry.next(undefined);
          delayMs = Math.min(delayMs, retry.duration);
        }
      }
    }
    await sleep(Math.max(0, delayMs), undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
  metrics.pollingStopped(name);
}

/** Trying again soon can help. */
function canPass(error: unknown): boolean {
  if (!(error instanceof SourceError)) return true;
  return !error.partial && error.result !== 'auth' && error.result !== 'schema';
}

function jittered(ms: number, jitter: number): number {
  return ms * (1 - jitter + 2 * jitter * Math.random());
}

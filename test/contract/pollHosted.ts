import pino from 'pino';
import { pollOnce } from '../../exporter/src/sources/poll/pollOnce.ts';
import type { PullLedger } from '../../exporter/src/sources/poll/pullLedger.ts';
import { type Source, SourceError, type SourceResult } from '../../exporter/src/sources/source.ts';

export interface HostedPoll {
  readonly results: readonly SourceResult[];
  /** As the last answer said. */
  readonly quota: number | undefined;
  /** How the poll failed, if it did. */
  readonly failure: SourceError | undefined;
}

/** Polls a source once, as the poller does. What is no failure of the source is thrown. */
export async function pollHosted(
  source: Source,
  ledger: PullLedger,
  options: { readonly name?: string; readonly timeoutMs?: number } = {},
): Promise<HostedPoll> {
  const results: SourceResult[] = [];
  let quota: number | undefined;
  let failure: SourceError | undefined;
  let ended: Promise<void> | undefined;
  try {
    await pollOnce({
      name: options.name ?? 'test',
      source,
      ledger,
      timeoutMs: options.timeoutMs ?? 30_000,
      log: pino({ level: 'silent' }),
      signal: new AbortController().signal,
      countRequest: (result) => results.push(result),
      afterPause: false,
      onBackfillProgress: () => {},
      quotaRemaining: (calls) => {
        quota = calls;
      },
      onInterrupted: (settled) => {
        ended = settled;
      },
    });
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    failure = error;
  }
  // A poll that was told to stop has to: the next one waits for it.
  await ended;
  return { results, quota, failure };
}

import type { Logger } from 'pino';
import { DEFAULT_PACING, type PolledSource, type PollPacing, pollSource } from './pollSource.ts';
import type { PullLedger } from './pullLedger.ts';
import type { SourceMetrics } from './sourceMetrics.ts';

interface RunPolls {
  readonly ledger: PullLedger;
  readonly metrics: SourceMetrics;
  readonly log: Logger;
  /** Aborting ends every poll at its next page. */
  readonly signal: AbortSignal;
  readonly pacing?: Partial<PollPacing>;
}

/**
 * Polls every source on its own schedule, each in isolation: a slow, broken or hanging one delays no other.
 * @returns when the signal has aborted and every loop has ended.
 */
export async function runPolls(sources: readonly PolledSource[], options: RunPolls): Promise<void> {
  const pacing = { ...DEFAULT_PACING, ...options.pacing };
  const loops = sources.map((source) => pollSource(source, { ...options, pacing }));
  const ended = await Promise.allSettled(loops);
  for (const [index, loop] of ended.entries()) {
    if (loop.status === 'rejected') {
      options.log.error(
        { err: loop.reason, source: sources[index]?.name },
        'the poll loop ended unexpectedly; please report this',
      );
    }
  }
}

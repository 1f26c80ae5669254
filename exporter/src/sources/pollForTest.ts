/** For tests: polls a source once, as the poller does, and tells what it counted. */
import pino from 'pino';
import { pollOnce } from './poll/pollOnce.ts';
import type { PullLedger } from './poll/pullLedger.ts';
import type { Source, SourceResult } from './source.ts';

export interface Logged {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A logger that keeps its warnings. */
export function warnings(): { log: pino.Logger; lines: Logged[] } {
  const lines: Logged[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

export async function pollForTest(
  source: Source,
  ledger: PullLedger,
  { log = pino({ level: 'silent' }), results = [] }: { log?: pino.Logger; results?: SourceResult[] } = {},
): Promise<SourceResult[]> {
  await pollOnce({
    name: 'test',
    source,
    ledger,
    timeoutMs: 30_000,
    log,
    signal: new AbortController().signal,
    countRequest: (result) => results.push(result),
    afterPause: false,
    onBackfillProgress: () => {},
    quotaRemaining: () => {},
    onInterrupted: () => {},
  });
  return results;
}

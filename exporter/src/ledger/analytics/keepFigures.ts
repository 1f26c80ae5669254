import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { catchUpFacts } from './catchUpFacts.ts';
import { refreshFigures } from './refreshFigures.ts';

/** What came meanwhile waits so long: a run that tells much in a moment is looked at once. */
const ROUND_MS = 2_000;
const WORK_MS = 500;
/**
 * Of the time that work took, a pause of so many times: while records come in faster than they are followed, ingest has the database
 * to itself for most of the time.
 */
const PAUSES = 8;
const PAUSES_WHEN_QUIET = 1;
/** Until all records were read once nothing can be answered. */
const PAUSES_OF_SCAN = 0.1;

/**
 * Lets the facts follow the records, and adds up nodes that became quiet, until the signal aborts. Little at a time: who asks
 * meanwhile lets the facts follow by itself for a while, so a delay here makes answers slower, or of an earlier moment that they name,
 * never wrong.
 */
export async function keepFigures(pool: pg.Pool, log: Logger, signal: AbortSignal): Promise<void> {
  let lastHead: string | undefined;
  while (!signal.aborted) {
    const started = performance.now();
    let isMore = false;
    let pauses = PAUSES;
    try {
      const { head, isBehind, isScanning } = await catchUpFacts(pool, WORK_MS);
      const isQuiet = head === lastHead;
      lastHead = head;
      if (isScanning) pauses = PAUSES_OF_SCAN;
      else if (isQuiet || !isBehind) pauses = PAUSES_WHEN_QUIET;
      isMore = isScanning || (isQuiet && isBehind) || (await refresh(pool, started + WORK_MS, signal));
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'analytics: the figures could not follow; trying again');
    }
    const took = performance.now() - started;
    await sleep(Math.max(isMore ? 0 : ROUND_MS, pauses * took), undefined, { signal }).catch(() => {});
  }
}

/** @returns whether there may be more to add up */
async function refresh(pool: pg.Pool, until: number, signal: AbortSignal): Promise<boolean> {
  do {
    if (!(await refreshFigures(pool))) return false;
  } while (!signal.aborted && performance.now() < until);
  return true;
}

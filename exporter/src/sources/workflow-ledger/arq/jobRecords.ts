import { defined } from '../../rows/textValues.ts';
import type { PulledRecord } from '../../source.ts';
import type { JobFacts } from './skimPickle.ts';

/** arq gives a job a random id of 32 hexadecimal digits unless the program names one, which it may use again later. */
const RANDOM_ID = /^[0-9a-f]{32}$/;
/** More tries than anybody configures: such a number is garbage. */
const MAX_TRIES = 1_000;

/**
 * The identity of a job. An id that the program chose ("nightly-report") returns once its result has expired: the time of
 * enqueueing tells the jobs apart.
 */
function identify(arqId: string, facts: JobFacts): { jobId: string; attributes?: { arqJobId: string } } | undefined {
  if (RANDOM_ID.test(arqId)) return { jobId: arqId };
  const moment = facts.enqueuedMs ?? facts.startedMs;
  if (moment === undefined || arqId.length > 200) return undefined;
  return { jobId: `${arqId}@${moment}`, attributes: { arqJobId: arqId } };
}

export function enqueuedJob(queue: string, arqId: string, facts: JobFacts, readMs: number): PulledRecord[] {
  const identity = identify(arqId, facts);
  if (identity === undefined || facts.enqueuedMs === undefined) return [];
  return [record({ queue, ...identity, enqueuedAt: iso(facts.enqueuedMs) }, readMs)];
}

/** The tries `from` to `to` of a job ended with another try. */
export function retriedJob(
  queue: string,
  arqId: string,
  facts: JobFacts,
  tries: { from: number; to: number },
  readMs: number,
): PulledRecord[] {
  const identity = identify(arqId, facts);
  if (identity === undefined || tries.to > MAX_TRIES) return [];
  const records: PulledRecord[] = [];
  for (let attempt = tries.from; attempt <= tries.to; attempt++) {
    const enqueuedAt = iso(facts.enqueuedMs);
    // When this try began and ended is not kept; the times of the last one, where they are known already, are not its own.
    const data = {
      queue,
      ...identity,
      enqueuedAt,
      startedAt: null,
      finishedAt: null,
      tries: attempt,
      result: 'retried',
    };
    records.push(record(defined(data), readMs - (tries.to - attempt)));
  }
  return records;
}

/** A finished job, and the tries before its last one. */
export function finishedJob(arqId: string, facts: JobFacts, readMs: number): PulledRecord[] {
  const { queue, tries } = facts;
  const identity = identify(arqId, facts);
  if (identity === undefined || queue === undefined || facts.succeeded === undefined) return [];
  const enqueued = facts.enqueuedMs;
  const finished = facts.finishedMs;
  // Clocks of several machines: a start before the enqueueing or after the end says nothing.
  const before = (a: number | undefined, b: number | undefined) => a === undefined || b === undefined || a <= b;
  const started = before(enqueued, facts.startedMs) && before(facts.startedMs, finished) ? facts.startedMs : undefined;
  return [
    ...(tries === undefined ? [] : retriedJob(queue, arqId, facts, { from: 1, to: tries - 1 }, readMs - 1)),
    record(
      defined({
        queue,
        ...identity,
        enqueuedAt: before(enqueued, finished) ? iso(enqueued) : undefined,
        startedAt: iso(started),
        finishedAt: iso(finished),
        result: facts.succeeded ? 'complete' : 'failed',
        tries,
      }),
      readMs,
    ),
  ];
}

/** All readings are stamped with this process's clock, in the order of reading, so that a later one wins. */
function record(data: Readonly<Record<string, unknown>>, readMs: number): PulledRecord {
  return { kind: 'job', data, at: new Date(readMs).toISOString() };
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

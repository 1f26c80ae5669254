import { describe, expect, it } from 'vitest';
import { enqueuedJob, finishedJob, retriedJob } from './jobRecords.ts';

const ID = '0123456789abcdef0123456789abcdef';
const MS = Date.UTC(2026, 10, 20, 10);
const at = (ms: number) => new Date(MS + ms).toISOString();
/** A job that waits: all else is unknown. */
const WAITING = {
  enqueuedMs: MS,
  startedMs: undefined,
  finishedMs: undefined,
  succeeded: undefined,
  tries: undefined,
  queue: undefined,
};
const FACTS = {
  tries: undefined,
  queue: 'arq:queue',
  enqueuedMs: MS,
  startedMs: MS + 5_000,
  finishedMs: MS + 9_000,
  succeeded: true,
};
const READ = MS + 20_000;

describe('a job', () => {
  it('that waits is told by its id and since when', () => {
    const data = { queue: 'arq:queue', jobId: ID, enqueuedAt: at(0) };
    expect(enqueuedJob('arq:queue', ID, WAITING, READ)).toEqual([{ kind: 'job', at: at(20_000), data }]);
  });

  it('with an id that its program may use again is told apart by when it was enqueued', () => {
    expect(enqueuedJob('arq:queue', 'nightly', WAITING, READ)).toMatchObject([
      { data: { jobId: `nightly@${MS}`, attributes: { arqJobId: 'nightly' } } },
    ]);
  });

  it.each([
    [true, 'complete'],
    [false, 'failed'],
  ])('that finished (succeeded: %s) is %s, after the tries before', (succeeded, result) => {
    const job = { queue: 'arq:queue', jobId: ID, enqueuedAt: at(0) };
    const retried = { ...job, startedAt: null, finishedAt: null, result: 'retried' };
    expect(finishedJob(ID, { ...FACTS, succeeded, tries: 3 }, READ)).toEqual([
      { kind: 'job', at: at(19_998), data: { ...retried, tries: 1 } },
      { kind: 'job', at: at(19_999), data: { ...retried, tries: 2 } },
      { kind: 'job', at: at(20_000), data: { ...job, startedAt: at(5_000), finishedAt: at(9_000), result, tries: 3 } },
    ]);
  });

  it('whose clocks contradict each other is told by its end', () => {
    const [job] = finishedJob(ID, { ...FACTS, enqueuedMs: MS + 10_000 }, READ);
    expect(job?.data).toEqual({ queue: 'arq:queue', jobId: ID, finishedAt: at(9_000), result: 'complete' });
  });

  it('of its program’s own id that does not say when it was enqueued is told apart by when it began', () => {
    const [job] = finishedJob('nightly', { ...FACTS, enqueuedMs: undefined }, READ);
    expect(job?.data).toMatchObject({ jobId: `nightly@${MS + 5_000}`, attributes: { arqJobId: 'nightly' } });
  });

  it.each([
    ['waits since an unknown time', () => enqueuedJob('arq:queue', ID, { ...WAITING, enqueuedMs: undefined }, READ)],
    [
      'cannot be told apart',
      () => finishedJob('nightly', { ...FACTS, enqueuedMs: undefined, startedMs: undefined }, READ),
    ],
    ['has an id that is none', () => enqueuedJob('arq:queue', 'x'.repeat(201), WAITING, READ)],
    ['was tried too often to be true', () => retriedJob('arq:queue', ID, WAITING, { from: 1, to: 1_001 }, READ)],
    ['ended in no queue', () => finishedJob(ID, { ...FACTS, queue: undefined }, READ)],
    ['does not say how it ended', () => finishedJob(ID, { ...FACTS, succeeded: undefined }, READ)],
  ])('that %s is not told', (_what, tell) => {
    expect(tell()).toEqual([]);
  });
});

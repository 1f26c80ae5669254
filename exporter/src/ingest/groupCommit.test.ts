import { describe, expect, it } from 'vitest';
import type { NormalisedEvent } from '../contract/events.ts';
import type { PushResult } from '../ledger/recordPushed.ts';
import { GroupCommit, QueueFull } from './groupCommit.ts';

const event = (id: string): NormalisedEvent => ({
  id,
  source: 's',
  kind: 'run',
  at: '2026-01-01T00:00:00.000Z',
  key: id,
  fields: {},
});
const events = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => event(`${prefix}${i}`));

/** A writer that commits when it is told to. Each event's result tells its id. */
function writer() {
  const commits: { ids: string[]; end(): void; fail(error: Error): void }[] = [];
  const record = (group: readonly NormalisedEvent[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<PushResult[]>();
    const results = group.map(({ id }): PushResult => ({ result: 'rejected', reason: id }));
    commits.push({ ids: group.map(({ id }) => id), end: () => resolve(results), fail: reject });
    return promise;
  };
  return { commits, record };
}
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
const reasons = async (answer: Promise<PushResult[]>) => (await answer).map((r) => 'reason' in r && r.reason);

describe('GroupCommit', () => {
  it('commits at once while the writer is free, and together what came while it was busy', async () => {
    const { commits, record } = writer();
    const durations: number[] = [];
    const queue = new GroupCommit({ record, maxQueueBytes: 1_000, onCommit: (seconds) => durations.push(seconds) });
    const first = queue.record(events('a', 1), 10);
    await turn();
    expect(commits.map(({ ids }) => ids)).toEqual([['a0']]);
    const later = [queue.record(events('b', 2), 20), queue.record(events('c', 1), 30)];
    await turn();
    expect(commits).toHaveLength(1);
    expect(queue.bytes).toBe(60);
    commits[0]?.end();
    expect(await reasons(first)).toEqual(['a0']);
    await turn();
    expect(commits.map(({ ids }) => ids)).toEqual([['a0'], ['b0', 'b1', 'c0']]);
    expect(queue.bytes).toBe(50);
    commits[1]?.end();
    expect(await Promise.all(later.map(reasons))).toEqual([['b0', 'b1'], ['c0']]);
    expect(queue.bytes).toBe(0);
    expect(durations).toHaveLength(2);
  });

  it('comes to groups of equal size where senders send again when they are answered', async () => {
    const { commits, record } = writer();
    const queue = new GroupCommit({ record, maxQueueBytes: 1_000 });
    const send = async (): Promise<void> => {
      await queue.record(events('e', 1), 1);
      await send();
    };
    // One comes first, and is written while the others come.
    void send();
    await turn();
    for (let i = 1; i < 16; i++) void send();
    const sizes: (number | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      await turn();
      const group = commits.shift();
      sizes.push(group?.ids.length);
      group?.end();
      await turn();
    }
    expect(sizes).toEqual([1, 8, 8, 8, 8, 8, 8, 8, 8, 8]);
  });

  it('gives a failure to everyone of the group, gives their memory back, and goes on', async () => {
    const { commits, record } = writer();
    const queue = new GroupCommit({ record, maxQueueBytes: 100 });
    const answers = [queue.record(events('a', 1), 40), queue.record(events('b', 1), 40)];
    const failures = Promise.allSettled(answers);
    await turn();
    const gone = new Error('gone');
    commits[0]?.fail(gone);
    expect(await failures).toEqual([
      { status: 'rejected', reason: gone },
      { status: 'rejected', reason: gone },
    ]);
    expect(queue.bytes).toBe(0);
    const next = queue.record(events('c', 1), 100);
    await turn();
    commits[1]?.end();
    expect(await reasons(next)).toEqual(['c0']);
  });

  it('a writer that throws at once is a failure like others', async () => {
    const queue = new GroupCommit({
      record() {
        throw new Error('not yet');
      },
      maxQueueBytes: 100,
    });
    await expect(queue.record(events('a', 1), 1)).rejects.toThrow('not yet');
    expect(queue.bytes).toBe(0);
  });

  it('refuses what goes over the limit, to the byte, and counts what is being received', async () => {
    const { commits, record } = writer();
    const queue = new GroupCommit({ record, maxQueueBytes: 100 });
    queue.take(30);
    const fits = queue.record(events('a', 1), 70);
    await expect(queue.record(events('b', 1), 1)).rejects.toBeInstanceOf(QueueFull);
    expect(() => queue.take(1)).toThrow(/100 bytes wait for the ledger, at most 100/);
    queue.giveBack(30);
    queue.take(30);
    await turn();
    commits[0]?.end();
    await fits;
    expect(commits).toHaveLength(1);
    expect(queue.bytes).toBe(30);
  });

  it('keeps groups below 2,000 events, but never splits what came together', async () => {
    const { commits, record } = writer();
    const queue = new GroupCommit({ record, maxQueueBytes: 1e9 });
    const answers = [1_500, 500, 1, 5_000, 10].map((count, i) => queue.record(events(`${i}-`, count), 1));
    for (let i = 0; i < 4; i++) {
      await turn();
      commits[i]?.end();
    }
    expect(commits.map(({ ids }) => ids.length)).toEqual([2_000, 1, 5_000, 10]);
    expect((await Promise.all(answers)).map((results) => results.length)).toEqual([1_500, 500, 1, 5_000, 10]);
  });

  it('drain waits for all that was taken', async () => {
    const { commits, record } = writer();
    const queue = new GroupCommit({ record, maxQueueBytes: 100 });
    let drained = false;
    const answers = [queue.record(events('a', 1), 1)];
    await turn();
    answers.push(queue.record(events('b', 1), 1));
    const draining = queue.drain().then(() => {
      drained = true;
    });
    commits[0]?.end();
    await turn();
    expect(drained).toBe(false);
    commits[1]?.end();
    await draining;
    await Promise.all(answers);
    await queue.drain();
  });
});

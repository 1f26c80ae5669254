import { JsonFields } from '../jsonFields.ts';
import { defined, isObject, type JsonObject } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';

/** What is known of the runs that wait in a queue. */
export interface WaitingRuns {
  /** Runs whose time has not come. */
  readonly deferred: number;
  /** Since when the first of those waits that could start, RFC 3339. */
  readonly oldestDueAt: string | undefined;
}

/**
 * A queue as the API tells it. Its name is the one that runs are counted under: `task/<task>` for the queue that each task
 * has, the bare name for one that was declared.
 * @param waitingIn from the runs that are known to wait; undefined: they could not be read.
 * @returns undefined where it has no name.
 */
export function mapQueue(
  raw: JsonObject,
  at: string,
  waitingIn: ((queue: string) => WaitingRuns) | undefined,
): PulledRecord | undefined {
  const fields = new JsonFields(raw);
  const name = fields.name('name');
  if (name === undefined) return undefined;
  const queue = raw.type === 'task' && !name.startsWith('task/') ? `task/${name}` : name;
  const waiting = waitingIn?.(queue);
  const due = fields.count('queued');
  const inProgress = fields.count('running');
  const queueId = fields.name('id');
  const limit = fields.count('concurrencyLimit') ?? limitOf(raw.concurrency);
  return {
    kind: 'queue',
    at,
    data: {
      ...defined({
        queue,
        at,
        due,
        inProgress,
        // A limit that was lifted, and runs that wait no more, are cleared.
        concurrencyLimit: limit ?? null,
        deferred: waiting === undefined ? null : waiting.deferred,
        oldestDueAt: due === 0 ? null : (waiting?.oldestDueAt ?? null),
      }),
      attributes: defined({ queueId, ...fields.rest() }),
    },
  };
}

/** Servers of 4.x tell the limit that holds now beside the one that was declared. */
function limitOf(concurrency: unknown): number | undefined {
  const current = isObject(concurrency) ? concurrency.current : undefined;
  return typeof current === 'number' && Number.isSafeInteger(current) && current >= 0 ? current : undefined;
}

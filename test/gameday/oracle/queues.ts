import { ago, combine, inWindow, type Steps } from '../steps.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../world.ts';
import { type EventHappening, type Evidence, fresh, groups, once, text, time } from './evidence.ts';

/** Queues of jobs. */
export function judgeQueues({ say, of }: Evidence): void {
  for (const [labels, readings] of groups(of('queue').filter(fresh), ({ source, data }) => ({
    source,
    queue: text(data.queue),
  }))) {
    const jobs = of('job').filter((job) => job.source === labels.source && fresh(job));
    // A job counts from when it is heard of, whatever its sender's clock says.
    const enqueued = firstOf(jobs).map(({ at }) => once(at));
    const finished = jobs.filter(({ data }) => data.result !== undefined);
    const due: Steps<number> = readings.map(({ saidAt, data }) => ({ at: saidAt, value: Number(data.due) }));
    const windowMs = 10 * MINUTE_MS;
    say(
      'FleetQueueBacklogNotConsumed',
      labels,
      combine(
        [
          due,
          ago(due, windowMs),
          inWindow(enqueued, windowMs),
          inWindow(
            finished.map(({ at }) => once(at)),
            windowMs,
          ),
        ],
        // Whether it grew is not known before something was said ten minutes ago.
        (now = 0, before = undefined, more = 0, done = 0) =>
          before !== undefined && done === 0 && (now > before || (now === before && now > 0 && more > 0)),
      ),
    );
    const waits = finished.map(({ at, data }) => ({
      at,
      wait: time(data.startedAt) - time(data.enqueuedAt),
    }));
    const long = waits.filter(({ wait }) => wait > MINUTE_MS);
    say(
      'FleetQueueWaitHigh',
      labels,
      combine(
        [
          inWindow(
            waits.map(({ at }) => once(at)),
            15 * MINUTE_MS,
          ),
          inWindow(
            long.map(({ at }) => once(at)),
            15 * MINUTE_MS,
          ),
          inWindow(enqueued, 15 * MINUTE_MS),
          ago(inWindow(enqueued, DAY_MS), HOUR_MS),
        ],
        (n = 0, waited = 0, now = 0, day = 0) => n > 0 && waited > 0.05 * n && !(now > 1.2 * (day / 96)),
      ),
    );
  }
}

/** The first word about each job. */
function firstOf(jobs: readonly EventHappening[]): EventHappening[] {
  const known = new Set<unknown>();
  return jobs.filter(({ data }) => {
    if (known.has(data.jobId)) return false;
    known.add(data.jobId);
    return true;
  });
}

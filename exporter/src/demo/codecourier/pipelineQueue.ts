import { DAY } from '../calendar.ts';
import { readThroughDay } from '../readings.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import type { Tally } from './tally.ts';

const QUEUE = 'run-pipeline';
const CONCURRENCY = 40;

/** Tells what Trigger.dev says of the queue that all runs go through. Its totals count from midnight, when it is deployed anew. */
export function tellPipelineQueue(world: World, story: Story, day: number, tally: Tally): void {
  const begin = day * DAY;
  readThroughDay(world, story, day, `queue/${QUEUE}`, [], (reader, ms) => {
    const due = tally.runs.filter((run) => run.createdMs <= ms && ms < run.startedMs);
    const today = (time: number) => time >= begin && time <= ms;
    const ended = tally.runs.filter((run) => today(run.endMs));
    reader.tell('queue', ms, `queue/${QUEUE}/${ms}`, {
      queue: QUEUE,
      at: instantOf(ms),
      due: due.length,
      deferred: 0,
      inProgress: tally.runs.filter((run) => run.startedMs <= ms && ms < run.endMs).length,
      oldestDueAt: due.length === 0 ? null : instantOf(Math.min(...due.map((run) => run.createdMs))),
      concurrencyLimit: CONCURRENCY,
      enqueuedTotal: tally.runs.filter((run) => today(run.createdMs)).length,
      completedTotal: ended.filter((run) => run.status === 'succeeded').length,
      failedTotal: ended.filter((run) => run.status !== 'succeeded').length,
      retriedTotal: 0,
      serverRunId: `deploy-${day}`,
    });
  });
}

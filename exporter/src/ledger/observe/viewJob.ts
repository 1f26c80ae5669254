import { type Fact, type RecordView, secondsBetween, type View } from './recordView.ts';

export const viewJob: View<'job'> = (job, _context): RecordView => {
  const scope = [job.source, job.queue as string];
  const attempt = Math.max(1, job.tries ?? 1);
  const facts: Fact[] = [{ family: 'fleet_queue_jobs_enqueued_total', key: 'enqueued', labels: scope }];
  // The start of a second try says nothing about how long the job waited for a worker.
  const wait = attempt === 1 ? secondsBetween(job.enqueuedAt, job.startedAt) : undefined;
  if (wait !== undefined)
    facts.push({ family: 'fleet_queue_wait_seconds', key: 'wait#1', field: 'startedAt', labels: scope, value: wait });
  if (job.result !== undefined) {
    facts.push({
      family: 'fleet_queue_jobs_finished_total',
      key: `finished#${attempt}`,
      field: 'result',
      labels: [...scope, job.result],
    });
  }
  return {
    facts,
    parts: [],
    attempt,
    births: [{ family: 'fleet_queue_jobs_finished_total', labels: [...scope, 'complete'] }],
  };
};

import { expect, it } from 'vitest';
import { drawTimeline } from './drawTimeline.ts';
import { judgeByRecords } from './oracle/judgeByRecords.ts';
import { readRules } from './readRules.ts';
import { MINUTE_MS } from './world.ts';

const SEEDS = 40;
const DAYS = 5;
/** Evaluations that an incident has to last for, beyond its `for`. */
const SEEN_MS = 2 * MINUTE_MS;

it('what a label says of an incident is so by the records, whatever else is drawn', async () => {
  const rules = await readRules();
  const forOf = (alert: string, labels: Readonly<Record<string, string>>) =>
    rules.find((rule) => rule.alert === alert && (labels.long === undefined || rule.labels.long === labels.long))
      ?.forMs ?? 0;
  const untrue = Array.from({ length: SEEDS }, (_, i) => drawTimeline({ seed: `labels-${i}`, days: DAYS })).flatMap(
    (timeline) => {
      const conditions = judgeByRecords(timeline);
      const isTrue = (alert: string, from: number, to: number) =>
        conditions.some(
          (condition) =>
            condition.alert === alert &&
            condition.spans.some(
              (span) =>
                span.from >= from - MINUTE_MS &&
                span.from <= to &&
                span.to - span.from >= forOf(alert, condition.labels) + SEEN_MS,
            ),
        );
      return timeline.incidents.flatMap(({ name, alerts, from, to }) =>
        alerts.filter((alert) => !isTrue(alert, from, to)).map((alert) => `${timeline.seed}: ${name}: ${alert}`),
      );
    },
  );
  expect(untrue).toEqual([]);
});

it('a run or a job is told whole or not at all: where it begins, it ends', () => {
  for (let i = 0; i < SEEDS; i++) {
    const { happenings, endMs } = drawTimeline({ seed: `whole-${i}`, days: DAYS });
    const jobs = happenings.flatMap((h) => (h.what === 'event' && h.kind === 'job' ? [h] : []));
    const ended = new Set(jobs.filter(({ data }) => data.finishedAt !== undefined).map(({ data }) => data.jobId));
    const open = jobs.filter(({ at, data }) => !ended.has(data.jobId) && at < endMs - 60 * MINUTE_MS);
    expect(open.map(({ data }) => data.jobId)).toEqual([]);
  }
});

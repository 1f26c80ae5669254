import { combine, inWindow, olderThan, type Steps } from '../steps.ts';
import { HOUR_MS, MINUTE_MS, SETTLE_MS } from '../world.ts';
import { atLeast, type EventHappening, type Evidence, groups, oldestOf, once, text, time } from './evidence.ts';
import { countedRuns, pointsOf, type RunEnd, runEnds, runLabels } from './runEnds.ts';

/** Runs that fail, hang or leave something out. */
export function judgeRuns({ say, of }: Evidence): void {
  const runs = of('run');
  const ends = runEnds(runs);
  const counted = countedRuns(ends);
  const bad = ({ status }: RunEnd) => status === 'failed' || status === 'timed_out';

  const rateHigh = (some: readonly RunEnd[], least: number) =>
    combine(
      [inWindow(pointsOf(some), 15 * MINUTE_MS), inWindow(pointsOf(some.filter(bad)), 15 * MINUTE_MS)],
      (all = 0, failed = 0) => all >= least && failed > 0.1 * all,
    );
  for (const [labels, some] of groups(counted, ({ labels: { source } }) => ({ source })))
    say('FleetRunFailureRateHigh', { ...labels, scope: 'source' }, rateHigh(some, 5));
  for (const [labels, some] of groups(counted, ({ labels: { source, project } }) => ({ source, project })))
    say('FleetRunFailureRateHigh', { ...labels, scope: 'project' }, rateHigh(some, 10));
  for (const [labels, some] of groups(counted, ({ labels: { source } }) => ({ source }))) {
    const burn = (longMs: number, shortMs: number, ratio: number) =>
      combine(
        [
          inWindow(pointsOf(some), longMs),
          inWindow(pointsOf(some.filter(bad)), longMs),
          inWindow(pointsOf(some), shortMs),
          inWindow(pointsOf(some.filter(bad)), shortMs),
        ],
        (all = 0, failed = 0, allShort = 0, failedShort = 0) =>
          all >= 10 && allShort >= 3 && failed > ratio * all && failedShort > ratio * allShort,
      );
    say('FleetRunErrorBudgetBurn', { ...labels, long: '1h' }, burn(HOUR_MS, 5 * MINUTE_MS, 14.4 * 0.05));
    say('FleetRunErrorBudgetBurn', { ...labels, long: '6h' }, burn(6 * HOUR_MS, 30 * MINUTE_MS, 6 * 0.05));
  }
  for (const [labels, some] of groups(runs, ({ source, data }) => runLabels(source, data, runs))) {
    say('FleetRunStuck', labels, olderThan(oldestOf(runningSpans(some)), 2 * HOUR_MS));
    say('FleetFailedRunUnattended', labels, olderThan(oldestUnresolved(some, ends, labels), 5 * MINUTE_MS));
  }
  const configuration = new Set(['api_key', 'template_not_found', 'timeout', 'git_push', 'rate_limit']);
  for (const [labels, some] of groups(
    ends.filter((end) => !end.isLate && end.category !== undefined && configuration.has(end.category)),
    ({ labels: { source, project }, category = '' }) => ({ source, project, category }),
  ))
    say('FleetFailurePattern', labels, atLeast(pointsOf(some), 3, HOUR_MS));
  for (const [labels, some] of groups(counted, ({ labels: { source, project } }) => ({ source, project }))) {
    // That something is missing is known when nobody waits for it any more.
    const missing = (which: (end: RunEnd) => boolean) =>
      some.filter(which).map(({ at, heardAt }) => once(Math.max(at, heardAt) + SETTLE_MS));
    say(
      'FleetArtifactsMissing',
      labels,
      atLeast(
        missing((end) => end.noArtifacts),
        3,
        30 * MINUTE_MS,
      ),
    );
    say(
      'FleetUsageMissing',
      labels,
      atLeast(
        missing((end) => end.usageMissing),
        5,
        HOUR_MS,
      ),
    );
  }
}

/** From when to when each run was running. */
function runningSpans(runs: readonly EventHappening[]): { from: number; to: number; since: number }[] {
  return [...Map.groupBy(runs, ({ data }) => text(data.runId))].flatMap(([, said]) => {
    const started = said.find(({ data }) => data.status === 'running');
    if (started === undefined) return [];
    const ended = said.find(({ data }) => data.finishedAt !== undefined);
    const since = time(started.data.startedAt);
    return [{ from: since, to: ended === undefined ? Infinity : time(ended.data.finishedAt), since }];
  });
}

/** The end of the oldest failure that nobody acknowledged and no later success resolved. */
function oldestUnresolved(
  runs: readonly EventHappening[],
  ends: readonly RunEnd[],
  { source, project, workflow }: RunEnd['labels'],
): Steps<number | undefined> {
  const acknowledged = new Map(
    runs.filter(({ data }) => data.acknowledgedAt !== undefined).map(({ data, saidAt }) => [text(data.runId), saidAt]),
  );
  const mine = ends.filter(
    ({ labels }) => labels.source === source && labels.project === project && labels.workflow === workflow,
  );
  const heard = new Map(
    runs.filter(({ data }) => data.finishedAt !== undefined).map(({ data, at }) => [text(data.runId), at]),
  );
  const successes = mine
    .filter(({ status }) => status === 'succeeded')
    .map(({ at, isLate, runId }) => ({ at, knownAt: isLate ? (heard.get(runId) ?? at) : at }));
  const spans = mine
    .filter(({ status }) => status === 'failed' || status === 'timed_out')
    .map(({ at, runId, isLate }) => {
      // What is told late was nobody's concern before it was told.
      const from = isLate ? (heard.get(runId) ?? at) : at;
      const resolved = successes.filter((success) => success.at >= at).map(({ knownAt }) => knownAt);
      return { from, since: at, to: Math.min(acknowledged.get(runId) ?? Infinity, ...resolved) };
    });
  return oldestOf(spans.filter(({ from, to }) => to > from));
}

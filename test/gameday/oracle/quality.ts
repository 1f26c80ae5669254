import { combine, inWindow, olderThan, type Steps } from '../steps.ts';
import { HOUR_MS } from '../world.ts';
import { atLeast, type Evidence, groups, oldestOf, once, text, time } from './evidence.ts';
import { countedRuns, pointsOf, projectOf, type RunEnd, runEnds } from './runEnds.ts';

/** What runs bring forth: scores and pull requests. */
export function judgeQuality({ say, of }: Evidence): void {
  const runs = of('run');
  const counted = countedRuns(runEnds(runs));
  for (const [labels, some] of groups(
    counted.filter(({ composite }) => composite !== undefined),
    (end) => end.labels,
  )) {
    const scores = some.map(({ at, composite = 0 }) => ({ at, by: composite }));
    say(
      'FleetQualityDrop',
      labels,
      combine(
        [inWindow(pointsOf(some), 6 * HOUR_MS), inWindow(scores, 6 * HOUR_MS), baselineOf(some)],
        (n = 0, sum = 0, baseline = undefined) => n >= 3 && baseline !== undefined && sum / n < baseline - 10,
      ),
    );
    const missed = some.filter(({ thresholdMet }) => thresholdMet === false);
    say(
      'FleetQualityThresholdMissed',
      labels,
      combine(
        [inWindow(pointsOf(some), 6 * HOUR_MS), inWindow(pointsOf(missed), 6 * HOUR_MS)],
        (n = 0, m = 0) => n >= 3 && m > 0.5 * n,
      ),
    );
  }
  for (const [labels, some] of groups(
    runs.filter(({ data }) => data.pullRequest !== undefined),
    ({ source, data }) => ({ source, project: text(data.project) || projectOf(text(data.runId), runs) }),
  )) {
    const requests = some.map(({ saidAt, data }) => ({
      at: saidAt,
      runId: text(data.runId),
      ...(data.pullRequest as { status: string; blockedSince?: string }),
    }));
    const blocked = [...Map.groupBy(requests, ({ runId }) => runId)].flatMap(([, states]) =>
      states.flatMap(({ at, status, blockedSince }, i) =>
        status === 'blocked_on_ci' ? [{ from: at, to: states[i + 1]?.at ?? Infinity, since: time(blockedSince) }] : [],
      ),
    );
    say('FleetPullRequestBlockedOnCi', labels, olderThan(oldestOf(blocked), HOUR_MS));
    const failed = requests.filter(({ status }) => status === 'failed').map(({ at }) => once(at));
    say('FleetPullRequestFailing', labels, atLeast(failed, 3, HOUR_MS));
  }
}

/** The middle of the first ten scores of a workflow, from the tenth on. */
function baselineOf(evaluated: readonly RunEnd[]): Steps<number | undefined> {
  const first = [...evaluated].sort((a, b) => a.at - b.at).slice(0, 10);
  const last = first[9];
  if (last === undefined) return [];
  const scores = first.map(({ composite = 0 }) => composite).sort((a, b) => a - b);
  return [{ at: last.at, value: ((scores[4] as number) + (scores[5] as number)) / 2 }];
}

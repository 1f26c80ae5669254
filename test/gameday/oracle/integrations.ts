import { ago, combine, inWindow, type Point, type Steps } from '../steps.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../world.ts';
import {
  atLeast,
  BASELINE_ENDED_MS,
  type EventHappening,
  type Evidence,
  fresh,
  groups,
  once,
  text,
} from './evidence.ts';

/** Calls to external systems, errors and rate limits of the platforms, their stores and caches. */
export function judgeIntegrations(evidence: Evidence): void {
  judgeAdapters(evidence);
  judgeErrors(evidence);
  judgeRateLimits(evidence);
  judgeStores(evidence);
}

function judgeAdapters({ say, of }: Evidence): void {
  for (const [labels, calls] of groups(of('adapter').filter(fresh), ({ source, data }) => ({
    source,
    adapter: text(data.adapter),
  }))) {
    const some = (which: (result: string) => boolean) =>
      calls
        .filter(({ data }) => which(text(data.result)))
        .map(({ saidAt, data }) => ({ at: saidAt, by: Number(data.count) }));
    const all = some(() => true);
    const errors = some((result) => result !== 'ok');
    say(
      'FleetAdapterErrorRateHigh',
      labels,
      combine(
        [
          inWindow(all, 15 * MINUTE_MS),
          inWindow(errors, 15 * MINUTE_MS),
          ago(inWindow(all, DAY_MS), BASELINE_ENDED_MS),
          ago(inWindow(errors, DAY_MS), BASELINE_ENDED_MS),
        ],
        (n = 0, wrong = 0, dayAll = 0, dayWrong = 0) =>
          n >= 20 && wrong / n > (dayAll === 0 ? 0 : (1.5 * dayWrong) / dayAll) + 0.02,
      ),
    );
    say(
      'FleetIntegrationAuthFailing',
      labels,
      combine(
        [
          inWindow(
            some((r) => r === 'auth'),
            10 * MINUTE_MS,
          ),
          inWindow(
            some((r) => r === 'ok'),
            10 * MINUTE_MS,
          ),
        ],
        (auth = 0, ok = 0) => auth >= 3 && ok === 0,
      ),
    );
  }
}

function judgeErrors({ say, of }: Evidence): void {
  const errors = of('platformError').filter(fresh);
  for (const [labels, some] of groups(errors, ({ source }) => ({ source }))) {
    const logged = some.map(({ saidAt }) => once(saidAt));
    say('FleetErrorVolumeHigh', labels, atLeast(logged, 50, 5 * MINUTE_MS));
    say(
      'FleetErrorRateAboveBaseline',
      labels,
      combine(
        // The mean is that of the day before: an incident is no part of its own baseline.
        [inWindow(logged, 15 * MINUTE_MS), ago(inWindow(logged, DAY_MS), BASELINE_ENDED_MS)],
        (n = 0, day = 0) => n >= 20 && n > (1.1 * day) / 96 && n > day / 96 + 3 * Math.sqrt(day / 96),
      ),
    );
  }
  for (const [labels, some] of groups(
    errors.filter(({ data }) => data.component === 'handleIssueComment' || data.component === 'handlePullRequest'),
    ({ source, data }) => ({ source, component: text(data.component) }),
  ))
    say(
      'FleetCriticalPathFailing',
      labels,
      atLeast(
        some.map(({ saidAt }) => once(saidAt)),
        3,
        10 * MINUTE_MS,
      ),
    );
  for (const [labels, some] of groups(of('errorGroup'), ({ source, data }) => ({
    source,
    component: text(data.component),
    kind: text(data.kind),
  })))
    say(
      'FleetNewErrorGroup',
      labels,
      atLeast(
        some.map(({ saidAt }) => once(saidAt)),
        1,
        HOUR_MS,
      ),
    );
}

function judgeRateLimits({ say, of }: Evidence): void {
  const limited = of('rateLimit').filter(fresh);
  for (const [labels, some] of groups(limited, ({ source }) => ({ source })))
    say(
      'FleetRateLimitSustained',
      labels,
      atLeast(
        some.map(({ saidAt, data }) => ({ at: saidAt, by: Number(data.count) })),
        11,
        5 * MINUTE_MS,
      ),
    );
  for (const [labels, some] of groups(
    limited.filter(({ data }) => data.layer === 'repo'),
    ({ source, data }) => ({ source, project: text(data.project) }),
  ))
    say('FleetRepoRateLimitedRepeatedly', labels, inThreeWindows(some.map(({ at }) => at)));
}

function judgeStores({ say, of }: Evidence): void {
  for (const [labels, readings] of groups(of('store'), ({ source, data }) => ({ source, store: text(data.store) }))) {
    say(
      'FleetStoreDown',
      labels,
      readings.map(({ saidAt, data }) => ({ at: saidAt, value: data.up === false })),
    );
    const broken = readings.filter(({ data }) =>
      ['connection', 'timeout'].includes(text((data.error as { kind?: string } | undefined)?.kind)),
    );
    say(
      'FleetStoreErrors',
      labels,
      atLeast(
        broken.map(({ saidAt }) => once(saidAt)),
        3,
        5 * MINUTE_MS,
      ),
    );
    if (labels.store !== 'redis') continue;
    const { source } = labels;
    const grown = (field: string) => growthOf(readings, field);
    say('FleetCacheEvictions', { source }, atLeast(grown('evictionsTotal'), 1, 15 * MINUTE_MS));
    say(
      'FleetCacheHitRateLow',
      { source },
      combine(
        [inWindow(grown('hitsTotal'), 15 * MINUTE_MS), inWindow(grown('missesTotal'), 15 * MINUTE_MS)],
        (hits = 0, misses = 0) => hits + misses >= 100 && hits / (hits + misses) < 0.8,
      ),
    );
    const sizes = readings.filter(({ data }) => data.memoryBytes !== undefined);
    say(
      'FleetCacheMemoryHigh',
      { source },
      sizes.map(({ saidAt, data }) => ({ at: saidAt, value: Number(data.memoryBytes) > 512 * 2 ** 20 })),
    );
  }
}

/** How much a total grew with each reading after the first. */
function growthOf(readings: readonly EventHappening[], field: string): Point[] {
  const said = readings.filter(({ data }) => data[field] !== undefined).sort((a, b) => a.saidAt - b.saidAt);
  return said
    .slice(1)
    .map(({ saidAt, data }, i) => ({ at: saidAt, by: Number(data[field]) - Number(said[i]?.data[field]) }));
}

/** Whether three of the twelve windows of five minutes of an hour, as the clock cuts them, had one in them: the open one is the last. */
function inThreeWindows(times: readonly number[]): Steps<boolean> {
  const windowOf = (ms: number) => Math.floor(ms / (5 * MINUTE_MS));
  const edges = new Set(times.flatMap((at) => [at, (windowOf(at) + 12) * 5 * MINUTE_MS]));
  return [...edges]
    .sort((a, b) => a - b)
    .map((at) => ({
      at,
      value: new Set(times.filter((t) => t <= at && windowOf(t) > windowOf(at) - 12).map(windowOf)).size >= 3,
    }));
}

import {
  ago,
  atDeadline,
  combine,
  inWindow,
  olderThan,
  type Point,
  type Span,
  type Steps,
  spansOf,
  sumOf,
} from './steps.ts';
import type { Happening, Timeline } from './timeline.ts';
import {
  BUDGETS_USD,
  CRITICAL,
  CRUCIBLE,
  DAY_MS,
  ERROR_SERIES_CAP,
  HOUR_MS,
  LEGACY,
  MINUTE_MS,
  POLL_MS,
  REPLICAS,
  SETTLE_MS,
} from './world.ts';

/** A stretch of time in which the condition of an alert held, without its `for`, by the words of the catalogue of alerts. */
export interface Condition {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spans: readonly Span[];
}

type Labels = Readonly<Record<string, string>>;
type EventHappening = Extract<Happening, { what: 'event' }>;

/** What came so late is history: no window of now has a place for it. */
const LATE_MS = 10 * MINUTE_MS;

/** An incident is no part of the baseline that it is held against: that ended so long ago. The catalogue leaves open how long; it is as chosen. */
const BASELINE_ENDED_MS = 6 * HOUR_MS;

/** What is known of a run at its end, and when it is settled. */
interface RunEnd {
  readonly at: number;
  readonly heardAt: number;
  readonly labels: { readonly source: string; readonly project: string; readonly workflow: string };
  readonly status: string;
  readonly isLate: boolean;
  readonly category: string | undefined;
  readonly composite: number | undefined;
  readonly thresholdMet: boolean | undefined;
  readonly noArtifacts: boolean;
  readonly usageMissing: boolean;
  readonly runId: string;
}

const time = (value: unknown): number => Date.parse(String(value));
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const keyOf = (labels: Labels) => JSON.stringify(labels);

/**
 * Says when each condition of the catalogue became true and false, from what happened alone: it reads the events and outages, and knows
 * neither metrics nor expressions.
 */
export function judgeByRecords(timeline: Timeline): Condition[] {
  const { endMs, happenings, outages } = timeline;
  const conditions: Condition[] = [];
  const say = (alert: string, labels: Labels, holds: Steps<boolean>) => {
    const spans = spansOf(holds, endMs);
    if (spans.length > 0) conditions.push({ alert, labels, spans });
  };
  const events = happenings.filter((h) => h.what === 'event');
  const of = (kind: EventHappening['kind']) => events.filter((event) => event.kind === kind);
  /** What happened now, when it happened by its own word; counted where the word came in time. */
  const fresh = (event: EventHappening) => event.at - event.saidAt < LATE_MS && event.source !== LEGACY;
  const atLeast = (points: readonly Point[], count: number, windowMs: number): Steps<boolean> =>
    combine([inWindow(points, windowMs)], (n = 0) => n >= count);
  const groups = <T, L extends Labels>(items: readonly T[], labelsOf: (item: T) => L): [L, T[]][] =>
    [...Map.groupBy(items, (item) => keyOf(labelsOf(item)))].map(([key, group]) => [JSON.parse(key) as L, group]);
  const once = (at: number): Point => ({ at, by: 1 });

  const runs = of('run');
  const ends = runEnds(runs);
  const bad = ({ status }: RunEnd) => status === 'failed' || status === 'timed_out';
  const counted = ends.filter((end) => !end.isLate && end.status !== 'cancelled');
  const points = (some: readonly RunEnd[]) => some.map(({ at }) => once(at));

  // Runs
  const rateHigh = (some: readonly RunEnd[], least: number) =>
    combine(
      [inWindow(points(some), 15 * MINUTE_MS), inWindow(points(some.filter(bad)), 15 * MINUTE_MS)],
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
          inWindow(points(some), longMs),
          inWindow(points(some.filter(bad)), longMs),
          inWindow(points(some), shortMs),
          inWindow(points(some.filter(bad)), shortMs),
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
    say('FleetFailurePattern', labels, atLeast(points(some), 3, HOUR_MS));
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
  for (const [labels, some] of groups(
    counted.filter(({ composite }) => composite !== undefined),
    (end) => end.labels,
  )) {
    const scores = some.map(({ at, composite = 0 }) => ({ at, by: composite }));
    say(
      'FleetQualityDrop',
      labels,
      combine(
        [inWindow(points(some), 6 * HOUR_MS), inWindow(scores, 6 * HOUR_MS), baselineOf(some)],
        (n = 0, sum = 0, baseline = undefined) => n >= 3 && baseline !== undefined && sum / n < baseline - 10,
      ),
    );
    const missed = some.filter(({ thresholdMet }) => thresholdMet === false);
    say(
      'FleetQualityThresholdMissed',
      labels,
      combine(
        [inWindow(points(some), 6 * HOUR_MS), inWindow(points(missed), 6 * HOUR_MS)],
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

  // Approvals
  for (const [labels, some] of groups(of('approval'), ({ source, data }) => ({
    source,
    project: text(data.project),
    workflow: text(data.workflow),
  }))) {
    const sla = Number(some[0]?.data.slaSeconds);
    if (Number.isNaN(sla)) continue;
    const decided = new Map(
      some
        .filter(({ data }) => data.decidedAt !== undefined)
        .map(({ data }) => [data.approvalId, time(data.decidedAt)]),
    );
    const pending = some
      .filter(({ data }) => data.decidedAt === undefined)
      .map(({ data }) => ({
        since: time(data.requestedAt),
        from: time(data.requestedAt),
        to: decided.get(data.approvalId) ?? Infinity,
      }));
    say('FleetApprovalSlaBreached', labels, olderThan(oldestOf(pending), sla * 1_000));
  }

  sayBudgets(timeline, of('usage'), runs, say);

  // Queues
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

  // Adapters
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

  // Errors of the platforms, rate limits
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

  // Stores
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

  // Chains, sandboxes, personas
  for (const [labels, some] of groups(
    of('chain').filter(({ data }) => data.status === 'failed'),
    ({ source, data }) => ({ source, project: text(data.project) }),
  ))
    say(
      'FleetSprintChainFailed',
      labels,
      atLeast(
        some.map(({ saidAt }) => once(saidAt)),
        1,
        30 * MINUTE_MS,
      ),
    );
  for (const [labels, some] of groups(
    of('sandbox').filter(({ data }) => data.error !== undefined && data.startedAt === undefined),
    ({ source, data }) => ({ source, project: text(data.project) }),
  ))
    say(
      'FleetSandboxProvisioningFailing',
      labels,
      atLeast(
        some.map(({ saidAt }) => once(saidAt)),
        3,
        15 * MINUTE_MS,
      ),
    );
  for (const [labels, some] of groups(of('persona'), ({ source, data }) => ({
    source,
    project: text(data.project),
    persona: text(data.persona),
  })))
    say(
      'FleetPersonaUnused',
      labels,
      olderThan(
        some.map(({ saidAt, data }) => ({
          at: saidAt,
          value: data.archivedAt === undefined ? time(data.lastUsedAt) : undefined,
        })),
        30 * DAY_MS,
      ),
    );

  // The exporter itself
  const spansOfOutage = (kind: string) => outages.filter((o) => o.of === kind);
  const pollerGone = outages
    .filter((o) => o.of === 'replica' && o.replica === REPLICAS[0])
    .sort((a, b) => a.from - b.from);
  for (const outage of spansOfOutage('source')) {
    if (outage.of !== 'source') continue;
    const again = Math.ceil(outage.to / POLL_MS) * POLL_MS;
    // An exporter knows of no success before its own start: that stands for it (alerts.md, "Edges").
    const pauses = pollerGone.filter(({ from, to }) => outage.from < to && from < again);
    const begins = [Math.floor((outage.from - 1) / POLL_MS) * POLL_MS, ...pauses.map(({ to }) => to)];
    const steps = begins.flatMap((since, i) =>
      whileBetween(since + 5 * MINUTE_MS, Math.min(again, pauses[i]?.from ?? Number.POSITIVE_INFINITY)),
    );
    say('FleetSourceStale', { source: outage.source }, steps);
  }
  for (const { from, to } of spansOfOutage('ledger')) {
    say('FleetLedgerDown', {}, whileBetween(from, to));
    // Who cannot write what it reads has not polled.
    const polled = [CRUCIBLE, LEGACY].filter((name) => events.some(({ source, at }) => source === name && at <= from));
    for (const source of polled) say('FleetSourceStale', { source }, whileBetween(from + 5 * MINUTE_MS, to));
  }
  // A replica that is no target is nobody's business; with none left of those that are, the exporter is gone.
  const stateOf = (replica: string): Steps<'absent' | 'down' | 'up'> => {
    const spans = outages.filter((o) => (o.of === 'target' || o.of === 'replica') && o.replica === replica);
    const at = (ms: number) => {
      const of = spans.filter(({ from, to }) => from <= ms && ms < to).map((o) => o.of);
      return of.includes('target') ? 'absent' : of.includes('replica') ? 'down' : 'up';
    };
    const edges = spans.flatMap(({ from, to }) => [from, to]);
    return [timeline.startMs, ...edges.sort((x, y) => x - y)].map((ms) => ({ at: ms, value: at(ms) }));
  };
  const states = REPLICAS.map(stateOf);
  REPLICAS.forEach((instance, i) => {
    const [own = [], others = []] = [states[i], states[1 - i]];
    say(
      'FleetReplicaDown',
      { instance },
      combine([own, others], (mine, other) => mine === 'down' && other === 'up'),
    );
  });
  say(
    'FleetExporterDown',
    {},
    combine([states[0] ?? [], states[1] ?? []], (a, b) => (a === 'down' && b !== 'up') || (b === 'down' && a !== 'up')),
  );
  const verified = happenings.filter((h) => h.what === 'verified');
  say(
    'FleetLedgerMismatch',
    {},
    verified.map(({ at, mismatches }) => ({ at, value: mismatches > 0 })),
  );
  for (const [labels, some] of groups(
    happenings.filter((h) => h.what === 'deadLetters'),
    ({ source }) => ({ source }),
  ))
    say(
      'FleetDeadLetters',
      labels,
      some.map(({ at, count }) => ({ at, value: count > 0 })),
    );
  for (const [labels, some] of groups(
    happenings.filter((h) => h.what === 'refused'),
    ({ source }) => ({ source }),
  ))
    say(
      'FleetIngestRefused',
      labels,
      atLeast(
        some.map(({ at, count }) => ({ at, by: count })),
        1,
        5 * MINUTE_MS,
      ),
    );
  say('FleetSeriesFolded', { family: 'fleet_errors_total' }, atLeast(foldsOf(errors), 1, HOUR_MS));
  for (const [labels, some] of groups(
    events.filter(({ source }) => source !== CRUCIBLE && source !== LEGACY),
    ({ source }) => ({ source }),
  ))
    say('FleetIngestSilent', labels, silenceOf(some, endMs));
  return conditions;
}

function whileBetween(from: number, to: number): Steps<boolean> {
  return to <= from
    ? []
    : [
        { at: from, value: true },
        { at: to, value: false },
      ];
}

const labelCache = new WeakMap<readonly EventHappening[], Map<string, RunEnd['labels']>>();

/** Of all that was said of a run, what names it. */
function namesOfRuns(runs: readonly EventHappening[]): Map<string, RunEnd['labels']> {
  let names = labelCache.get(runs);
  if (names === undefined) {
    names = new Map();
    for (const { source, data } of runs) {
      if (data.project === undefined) continue;
      names.set(text(data.runId), { source, project: text(data.project), workflow: text(data.workflow) });
    }
    labelCache.set(runs, names);
  }
  return names;
}

function runLabels(source: string, data: EventHappening['data'], runs: readonly EventHappening[]): RunEnd['labels'] {
  return namesOfRuns(runs).get(text(data.runId)) ?? { source, project: '', workflow: '' };
}

function projectOf(runId: string, runs: readonly EventHappening[]): string {
  return namesOfRuns(runs).get(runId)?.project ?? '';
}

function runEnds(runs: readonly EventHappening[]): RunEnd[] {
  return runs.flatMap((event) => {
    const { data, source, at, saidAt } = event;
    if (data.finishedAt === undefined) return [];
    const quality = data.quality as { composite?: number; thresholdMet?: boolean } | undefined;
    const error = data.error as { category?: string } | undefined;
    return [
      {
        at: time(data.finishedAt),
        heardAt: at,
        labels: runLabels(source, data, runs),
        status: text(data.status),
        isLate: at - saidAt >= LATE_MS || source === LEGACY,
        category: error?.category,
        composite: quality?.composite,
        thresholdMet: quality?.thresholdMet,
        noArtifacts: Array.isArray(data.artifacts) && data.artifacts.length === 0,
        usageMissing: data.usageMissing === true,
        runId: text(data.runId),
      },
    ];
  });
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

/** Since when the oldest of the things that are there now has been there. */
function oldestOf(spans: readonly { from: number; to: number; since: number }[]): Steps<number | undefined> {
  const changes = spans
    .flatMap((span) => [
      { at: span.from, add: true, span },
      { at: span.to, add: false, span },
    ])
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const now = new Set<(typeof spans)[number]>();
  const steps: { at: number; value: number | undefined }[] = [];
  for (const { at, add, span } of changes) {
    if (add) now.add(span);
    else now.delete(span);
    const value = now.size === 0 ? undefined : Math.min(...[...now].map(({ since }) => since));
    if (steps.at(-1)?.at === at) steps.pop();
    if (steps.at(-1)?.value !== value) steps.push({ at, value });
  }
  return steps;
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

/** The middle of the first ten scores of a workflow, from the tenth on. */
function baselineOf(evaluated: readonly RunEnd[]): Steps<number | undefined> {
  const first = [...evaluated].sort((a, b) => a.at - b.at).slice(0, 10);
  const last = first[9];
  if (last === undefined) return [];
  const scores = first.map(({ composite = 0 }) => composite).sort((a, b) => a - b);
  return [{ at: last.at, value: ((scores[4] as number) + (scores[5] as number)) / 2 }];
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

/** How much a total grew with each reading after the first. */
function growthOf(readings: readonly EventHappening[], field: string): Point[] {
  const said = readings.filter(({ data }) => data[field] !== undefined).sort((a, b) => a.saidAt - b.saidAt);
  return said
    .slice(1)
    .map(({ saidAt, data }, i) => ({ at: saidAt, by: Number(data[field]) - Number(said[i]?.data[field]) }));
}

/** Whether three windows of five minutes, as the clock cuts them, had one in them in the last hour. */
function inThreeWindows(times: readonly number[]): Steps<boolean> {
  const edges = new Set(times.flatMap((at) => [at, at + HOUR_MS]));
  return [...edges]
    .sort((a, b) => a - b)
    .map((at) => ({
      at,
      value:
        new Set(times.filter((t) => t <= at && t > at - HOUR_MS).map((t) => Math.floor(t / (5 * MINUTE_MS)))).size >= 3,
    }));
}

/** Components that came when there was no room for another one. */
function foldsOf(errors: readonly EventHappening[]): Point[] {
  const critical: readonly string[] = CRITICAL;
  const known = new Set<string>();
  const folded = new Set<string>();
  const points: Point[] = [];
  for (const { source, data, saidAt } of errors) {
    // Those that an alert names take no room and need none.
    if (critical.includes(text(data.component))) continue;
    const key = `${source} ${text(data.component)}`;
    if (known.has(key) || folded.has(key)) continue;
    if (known.size < ERROR_SERIES_CAP) known.add(key);
    else {
      folded.add(key);
      points.push({ at: saidAt, by: 1 });
    }
  }
  return points;
}

/** Nothing for three times the usual gap (p99 of the last 14 days, up to a power of two of seconds), and for an hour at least. */
function silenceOf(events: readonly EventHappening[], endMs: number): Steps<boolean> {
  // What is told late closes no gap.
  const fresh = events.filter(({ saidAt, at }) => at - saidAt < LATE_MS).map(({ saidAt, at }) => Math.min(saidAt, at));
  const times = [...new Set(fresh)].sort((a, b) => a - b);
  const gaps = times.slice(1).map((at, i) => ({ at, gap: (at - (times[i] as number)) / 1_000 }));
  const deadlines: { at: number; value: number | undefined }[] = [];
  times.forEach((at, i) => {
    const next = times[i + 1] ?? endMs;
    if (next - at < HOUR_MS) {
      deadlines.push({ at, value: undefined });
      return;
    }
    const days = Math.floor(at / DAY_MS) - 14;
    const recent = gaps.filter((g) => g.at <= at && Math.floor(g.at / DAY_MS) > days).map(({ gap }) => gap);
    if (recent.length < 20) {
      deadlines.push({ at, value: undefined });
      return;
    }
    const p99 = recent.sort((a, b) => a - b)[Math.ceil(recent.length * 0.99) - 1] as number;
    deadlines.push({ at, value: at + Math.max(3 * 2 ** Math.ceil(Math.log2(p99)), 3_600) * 1_000 });
  });
  return atDeadline(deadlines);
}

function sayBudgets(
  { happenings, startMs, endMs }: Timeline,
  usage: readonly EventHappening[],
  runs: readonly EventHappening[],
  say: (alert: string, labels: Labels, holds: Steps<boolean>) => void,
): void {
  const judge = (
    labels: Labels & { scope: string; subject: string },
    spent: Steps<number | undefined>,
    limit: number,
  ) => {
    say(
      'FleetBudgetExceeded',
      labels,
      combine([spent], (usd) => usd !== undefined && usd >= limit),
    );
    say(
      'FleetBudgetNearLimit',
      labels,
      combine([spent], (usd) => usd !== undefined && usd >= 0.8 * limit),
    );
    const exceeded = spansOf(
      combine([spent], (usd) => usd !== undefined && usd >= limit),
      endMs,
    );
    for (const { from } of exceeded) {
      const acknowledged = happenings.find(
        (h) => h.what === 'acknowledge' && h.scope === labels.scope && h.subject === labels.subject && h.at > from,
      );
      say('FleetBudgetPaused', labels, whileBetween(from, acknowledged?.at ?? endMs));
    }
  };
  const projects = Map.groupBy(usage, ({ data }) => text(data.project));
  for (const [project, of] of projects) {
    const points: Point[] = [];
    for (const [day, ofDay] of Map.groupBy(of, ({ saidAt }) => Math.floor(saidAt / DAY_MS))) {
      const paid = ofDay.map(({ saidAt, data }) => ({ at: saidAt, by: Number(data.costUsd ?? 0) }));
      points.push(...paid, { at: (day + 1) * DAY_MS, by: -paid.reduce((sum, { by }) => sum + by, 0) });
    }
    judge(
      { budget: 'per_repo_daily_usd', scope: 'repo_daily', subject: project },
      sumOf(points),
      BUDGETS_USD.repo_daily,
    );
  }
  const paidFor = Map.groupBy(usage, ({ data }) => text(data.runId));
  const personas = Map.groupBy(
    runs.filter(({ data }) => text(data.persona) !== ''),
    ({ data }) => text(data.persona),
  );
  for (const [persona, of] of personas) {
    const dear = [...Map.groupBy(of, ({ data }) => text(data.runId))].flatMap(([runId, said]) => {
      const paid = paidFor.get(runId) ?? [];
      const total = paid.reduce((sum, { data }) => sum + Number(data.costUsd ?? 0), 0);
      if (total < 0.5 * BUDGETS_USD.persona_run) return [];
      const from = said.find(({ data }) => data.status === 'running')?.saidAt ?? startMs;
      const to = said.find(({ data }) => data.finishedAt !== undefined)?.saidAt ?? endMs;
      return [{ from, to, points: paid.map(({ saidAt, data }) => ({ at: saidAt, by: Number(data.costUsd ?? 0) })) }];
    });
    for (const { to, points } of dear) {
      const inTime = points.filter(({ at }) => at < to);
      const spent: Steps<number | undefined> = [...sumOf(inTime), { at: to, value: undefined }];
      judge({ budget: 'per_persona_run_usd', scope: 'persona_run', subject: persona }, spent, BUDGETS_USD.persona_run);
    }
  }
}

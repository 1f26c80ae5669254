import { CRITICAL_COMPONENTS } from '../../exporter/src/contract/criticalComponents.ts';
import type { AlertName } from './alertNames.ts';

/**
 * Grafana as the browser sees it, in the links of the annotations, where Prometheus has no external label {@link GRAFANA_LABEL} that says
 * so. No slash at the end.
 */
export const GRAFANA_ADDRESS = 'http://localhost:3000';
/** An external label of Prometheus with Grafana's address; prometheus.yml takes it off what is sent to Alertmanager. */
export const GRAFANA_LABEL = 'grafana_url';
/** The runbook, on a page of the app; no address but Grafana's is known. */
export const RUNBOOK_PATH = '/a/fleetlens-fleet-app/runbook';

/** The value and what it means; a meaning that ends in * is this project's choice, the others are the platforms' documents'. */
type Threshold = readonly [value: number | string, meaning: string];
/** `for` and `keep_firing_for` are those of the rule; the others are used by its expression. */
export type Thresholds = Readonly<Record<string, Threshold>>;

const FOR = 'holds so long before it fires';
const KEEP = 'goes on firing so long after it held last';
/** An exporter that starts anew shows no gauges for less than that: what they said goes on. */
export const RESTART = '5m';
const KEEP_RESTART = [RESTART, `${KEEP}: an exporter starts anew in less *`] as const;

/** Every figure of every rule, once. Durations as Prometheus writes them, money in USD, ratios of 1, sizes in bytes. */
export const THRESHOLDS = {
  FleetRunFailureRateHigh: {
    ratio: [0.1, 'failed and timed out of all finished runs, above'],
    window: ['15m', 'over'],
    least_of_source: [5, 'finished runs of a source, at least *'],
    least_of_project: [10, 'finished runs of a project, at least *'],
    keep_firing_for: ['10m', KEEP],
  },
  FleetRunStuck: {
    age: [7200, 'seconds that a run has been running, above'],
    for: ['1m', FOR],
    keep_firing_for: KEEP_RESTART,
  },
  FleetFailedRunUnattended: {
    age: [300, 'seconds since the oldest unresolved failure, above'],
    keep_firing_for: KEEP_RESTART,
  },
  FleetApprovalSlaBreached: { for: ['1m', FOR], keep_firing_for: KEEP_RESTART },
  FleetRunErrorBudgetBurn: {
    objective: [0.95, 'of finished runs succeed; above 1 - 1/fast_burn, or the fast burn can never be reached *'],
    fast_burn: [14.4, 'times the pace that uses the budget up in 30 days: 2% of it in one hour'],
    fast_long: ['1h', 'over'],
    fast_short: ['5m', 'and over'],
    fast_for: ['2m', FOR],
    fast_keep: ['5m', KEEP],
    slow_burn: [6, 'times that pace: 5% of the budget in six hours'],
    slow_long: ['6h', 'over'],
    slow_short: ['30m', 'and over'],
    slow_for: ['15m', FOR],
    slow_keep: ['30m', KEEP],
    least_in_long: [10, 'finished runs in the long window, at least *'],
    least_in_short: [3, 'finished runs in the short window, at least *'],
  },
  FleetFailurePattern: {
    failures: [3, 'runs of a project that fail with the same category, at least *'],
    window: ['1h', 'over'],
    categories: ['api_key|template_not_found|timeout|git_push|rate_limit', 'categories that configuration mends'],
  },
  FleetBudgetExceeded: { keep_firing_for: ['15m', KEEP] },
  FleetBudgetNearLimit: {
    ratio: [0.8, 'of the limit is spent, at least *'],
    for: ['5m', FOR],
    keep_firing_for: KEEP_RESTART,
  },
  FleetBudgetPaused: { keep_firing_for: KEEP_RESTART },
  FleetQueueBacklogNotConsumed: {
    window: ['10m', 'due jobs grow and none finishes over'],
    for: ['5m', FOR],
    keep_firing_for: KEEP_RESTART,
  },
  FleetQueueWaitHigh: {
    wait: [60, 'seconds that 95% of the jobs wait at most, above *'],
    window: ['15m', 'over *'],
    spike: [1.2, "times the day's mean of enqueued jobs: more explains the wait *"],
    baseline: ['1d', 'the mean is of'],
    offset: ['1h', 'that ended so long ago, so that an incident is no part of its own baseline *'],
    for: ['10m', FOR],
    keep_firing_for: ['15m', KEEP],
  },
  FleetAdapterErrorRateHigh: {
    factor: [1.5, 'times the baseline *'],
    margin: [0.02, 'and so much more: the ratio of errors is above both together'],
    window: ['15m', 'over'],
    least: [20, 'calls in the window, at least *'],
    baseline: ['1d', 'the baseline is of'],
    offset: ['6h', 'that ended so long ago, so that an incident is no part of its own baseline *'],
    for: ['15m', FOR],
  },
  FleetIntegrationAuthFailing: {
    failures: [3, 'calls that were refused for their credentials, at least *'],
    window: ['10m', 'and no success, over'],
    for: ['2m', FOR],
  },
  FleetErrorVolumeHigh: { errors: [50, 'errors that a platform logged, at least'], window: ['5m', 'over'] },
  FleetErrorRateAboveBaseline: {
    factor: [1.1, 'times the mean, above'],
    deviations: [3, 'times the square root of the mean above it: chance alone seldom gives more *'],
    window: ['15m', 'over'],
    least: [20, 'errors in the window, at least *'],
    baseline: ['1d', 'the mean is of'],
    offset: ['6h', 'that ended so long ago, so that an incident is no part of its own baseline *'],
    history: ['8h', 'of figures there are at least: a mean of less says little *'],
    for: ['15m', FOR],
  },
  FleetNewErrorGroup: { window: ['1h', 'over'] },
  FleetCriticalPathFailing: {
    errors: [3, 'errors of one handler, at least *'],
    window: ['10m', 'over'],
    components: [CRITICAL_COMPONENTS.join('|'), 'the handlers that nothing works without'],
  },
  FleetRateLimitSustained: {
    responses: [10, 'rate-limited (429) responses, above'],
    window: ['5m', 'over'],
    keep_firing_for: ['10m', KEEP],
  },
  FleetRepoRateLimitedRepeatedly: {
    windows: [3, 'windows in which a repository was limited, at least *'],
    window: ['5m', 'windows of'],
    range: ['55m', 'over, and the window that is open now: an hour'],
  },
  FleetStoreDown: { for: ['2m', FOR], keep_firing_for: KEEP_RESTART },
  FleetStoreErrors: {
    errors: [3, 'connection failures and timeouts of a store, at least *'],
    window: ['5m', 'over'],
    for: ['2m', FOR],
  },
  FleetCacheHitRateLow: {
    ratio: [0.8, 'hits of all lookups, below'],
    window: ['15m', 'over'],
    least: [100, 'lookups in the window, at least *'],
    for: ['30m', FOR],
  },
  FleetCacheEvictions: { window: ['15m', 'any eviction over'] },
  FleetCacheMemoryHigh: {
    bytes: [512 * 1024 * 1024, 'bytes that the cache uses (512 MiB), above'],
    for: ['10m', FOR],
    keep_firing_for: KEEP_RESTART,
  },
  FleetQualityDrop: {
    points: [10, "points that the mean composite score is below the workflow's baseline, above"],
    window: ['6h', 'over'],
    least: [3, 'evaluated runs in the window, at least *'],
    for: ['30m', `${FOR} *`],
    keep_firing_for: KEEP_RESTART,
  },
  FleetQualityThresholdMissed: {
    ratio: [0.5, 'of the evaluated runs miss their threshold, above *'],
    window: ['6h', 'over'],
    least: [3, 'evaluated runs in the window, at least *'],
    for: ['30m', FOR],
  },
  FleetPullRequestBlockedOnCi: {
    age: [3600, 'seconds that CI has blocked a pull request, above *'],
    keep_firing_for: KEEP_RESTART,
  },
  FleetPullRequestFailing: {
    failures: [3, 'pull requests of a project that could not be created, at least *'],
    window: ['1h', 'over'],
  },
  FleetSprintChainFailed: { window: ['30m', 'over'] },
  FleetSandboxProvisioningFailing: {
    errors: [3, 'sandboxes of a project that could not be provisioned, at least *'],
    window: ['15m', 'over'],
    for: ['2m', FOR],
  },
  FleetArtifactsMissing: { runs: [3, 'finished runs without artifacts, at least *'], window: ['30m', 'over'] },
  FleetUsageMissing: { runs: [5, 'finished runs without usage figures, at least *'], window: ['1h', 'over'] },
  FleetPersonaUnused: {
    age: [30 * 86_400, 'seconds since a persona was used (30 days), above'],
    for: ['1h', FOR],
    keep_firing_for: KEEP_RESTART,
  },
  FleetSourceStale: { age: [300, 'seconds since the last poll that worked, above *'], for: ['1m', FOR] },
  FleetSeriesFolded: { window: ['1h', 'over'] },
  FleetIngestSilent: {
    factor: [3, "times the source's usual gap between events, above *"],
    least: [3600, 'seconds of silence, above *'],
    for: ['10m', FOR],
    keep_firing_for: KEEP_RESTART,
  },
  FleetIngestRefused: { window: ['5m', 'over'], for: ['2m', FOR] },
  FleetDeadLetters: { for: ['10m', FOR], keep_firing_for: KEEP_RESTART },
  FleetLedgerDown: { for: ['1m', FOR] },
  FleetLedgerMismatch: { keep_firing_for: KEEP_RESTART },
  FleetReplicaDown: { for: ['5m', FOR] },
  FleetExporterDown: { for: ['2m', FOR] },
  FleetWatchdog: {},
} as const satisfies Record<AlertName, Thresholds>;

type Values<A extends AlertName> = {
  readonly [K in keyof (typeof THRESHOLDS)[A]]: (typeof THRESHOLDS)[A][K] extends readonly [infer V, string]
    ? V extends number
      ? number
      : string
    : never;
};

/** The values of an alert by name, without what they mean. */
export function valuesOf<A extends AlertName>(alert: A): Values<A> {
  const entries = Object.entries<Threshold>(THRESHOLDS[alert]).map(([name, [value]]) => [name, value]);
  return Object.fromEntries(entries) as Values<A>;
}

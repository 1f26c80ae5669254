import { valuesOf } from '../../../provisioning/rules/thresholds.ts';

/** From each value on, its colour; the first is the colour of everything below. */
export type Thresholds = readonly [base: string, ...steps: (readonly [from: number, color: string])[]];

// Red is where an alert fires: its figures are those of the rules.
const failureRatio = valuesOf('FleetRunFailureRateHigh').ratio;
const stuckAge = valuesOf('FleetRunStuck').age;
const wait = valuesOf('FleetQueueWaitHigh').wait;
const blockedAge = valuesOf('FleetPullRequestBlockedOnCi').age;
const hits = valuesOf('FleetCacheHitRateLow').ratio;
const unusedAge = valuesOf('FleetPersonaUnused').age;

export const FAILURE_RATE: Thresholds = ['green', [failureRatio / 2, 'orange'], [failureRatio, 'red']];
export const RUNNING_FOR: Thresholds = ['green', [stuckAge / 2, 'orange'], [stuckAge, 'red']];
export const UNATTENDED_FOR: Thresholds = ['orange', [valuesOf('FleetFailedRunUnattended').age, 'red']];
export const BUDGET_USE: Thresholds = ['green', [valuesOf('FleetBudgetNearLimit').ratio, 'orange'], [1, 'red']];
export const WAIT: Thresholds = ['green', [wait, 'orange'], [10 * wait, 'red']];
export const BLOCKED_FOR: Thresholds = ['green', [blockedAge, 'orange'], [4 * blockedAge, 'red']];
export const NO_POLL_FOR: Thresholds = ['green', [valuesOf('FleetSourceStale').age, 'red']];
export const CACHE_HITS: Thresholds = ['red', [hits - 0.1, 'orange'], [hits, 'green']];
export const UNUSED_FOR: Thresholds = ['text', [unusedAge / 2, 'orange'], [unusedAge, 'red']];
export const AGAINST_BASELINE: Thresholds = ['red', [-valuesOf('FleetQualityDrop').points, 'orange'], [-3, 'green']];
/** The threshold that scores have where nobody set another is 75. */
export const SCORE: Thresholds = ['red', [60, 'orange'], [75, 'green']];
export const SUCCESS_RATE: Thresholds = ['red', [0.8, 'orange'], [0.9, 'green']];

export const CACHE_MEMORY_BYTES = valuesOf('FleetCacheMemoryHigh').bytes;

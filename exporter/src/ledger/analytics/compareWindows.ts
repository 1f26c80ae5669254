import type { FiguresOfGroup } from '../../contract/analytics.ts';
import type { AttentionItem } from '../../contract/overview.ts';

/** Fewer runs that ended say nothing. */
const LEAST_RUNS = 5;
/** FleetRunFailureRateHigh. */
const HIGH_FAILURE_RATE = 0.1;
const LEAST_RISE = 0.1;
/** So many times the figure before is sudden. */
const SUDDEN = 2;
const LEAST_USD = 1;
const LEAST_SECONDS = 60;

/**
 * What is suddenly different from the window before, of one project.
 * @param now figures of a window; absent: nothing ended in it
 * @param before those of the window of the same length before it
 */
export function compareWindows(
  project: string | undefined,
  now: FiguresOfGroup | undefined,
  before: FiguresOfGroup | undefined,
): AttentionItem[] {
  const of = project === undefined ? {} : { project };
  if (before === undefined || before.runs < LEAST_RUNS) return [];
  const runs = now?.runs ?? 0;
  const fell: AttentionItem[] =
    runs * SUDDEN * 2 <= before.runs
      ? [{ kind: 'runs_fell', severity: 'warning', ...of, now: runs, before: before.runs }]
      : [];
  if (now === undefined || runs < LEAST_RUNS) return fell;
  const items: AttentionItem[] = [...fell];
  const [rate, rateBefore] = [failureRate(now), failureRate(before)];
  if (rate > HIGH_FAILURE_RATE && rate - rateBefore >= LEAST_RISE && rate >= SUDDEN * rateBefore) {
    items.push({ kind: 'failure_rate_rose', severity: 'critical', ...of, now: rate, before: rateBefore });
  }
  if (now.spentUsd >= SUDDEN * before.spentUsd && now.spentUsd - before.spentUsd >= LEAST_USD) {
    items.push({ kind: 'cost_rose', severity: 'warning', ...of, now: now.spentUsd, before: before.spentUsd });
  }
  const [seconds, secondsBefore] = [now.averageDurationSeconds, before.averageDurationSeconds];
  if (seconds !== undefined && secondsBefore !== undefined) {
    if (seconds >= SUDDEN * secondsBefore && seconds - secondsBefore >= LEAST_SECONDS)
      items.push({ kind: 'duration_rose', severity: 'ticket', ...of, now: seconds, before: secondsBefore });
  }
  return items;
}

function failureRate({ successRate }: FiguresOfGroup): number {
  return successRate === undefined ? 0 : 1 - successRate;
}

import type { CI_STATUSES } from './records.ts';

export type CiStatus = (typeof CI_STATUSES)[number];

/** What a list of checks needs to say of each: a status and, once it is completed, how. */
interface Check {
  readonly status?: string | undefined;
  readonly conclusion?: string | undefined;
}

const FAILING = new Set([
  'failure',
  'error',
  'cancelled',
  'timed_out',
  'action_required',
  'startup_failure',
  'failing',
]);
const PASSING = new Set(['success', 'neutral', 'skipped', 'passing']);

/**
 * One status of all checks of a commit, as GitHub's own command line draws it (cli/cli, pkg/cmd/pr/shared): a check that
 * failed makes it failing, else one that is not done yet makes it pending. `stale` counts as not done.
 * @returns undefined where there are no checks: nothing is known then.
 */
export function ciStatusOf(checks: readonly Check[]): CiStatus | undefined {
  if (checks.length === 0) return undefined;
  const words = checks.map(({ status, conclusion }) => (conclusion ?? status ?? '').toLowerCase());
  if (words.some((word) => FAILING.has(word))) return 'failing';
  return words.every((word) => PASSING.has(word)) ? 'passing' : 'pending';
}

/** @returns the status that weighs more: failing, then pending, then passing. */
export function worseCiStatus(left: CiStatus | undefined, right: CiStatus | undefined): CiStatus | undefined {
  const order: readonly CiStatus[] = ['failing', 'pending', 'passing'];
  return order.find((status) => status === left || status === right);
}

import { isDeepStrictEqual } from 'node:util';
import { ciStatusOf, worseCiStatus } from '../contract/ciStatus.ts';
import type { NormalisedEvent } from '../contract/events.ts';
import type { RunRecord } from '../contract/records.ts';
import { type Merged, stampOf } from './mergeEvent.ts';

/**
 * What one source says of a run of another: GitHub of the pull request that an agent platform's run made.
 *
 * - An addition creates no run and does not keep one alive: whether a run exists and is heard of is its own source's word.
 * - It is compared with the record, not with a hash of what was said before (that hash is the own source's): where the
 *   record says the same already, whoever said it, nothing happens. So two sources that state the same run do not wake each
 *   other up.
 * - It is merged field by field like any event, the later `at` wins. Of `pullRequest` it replaces the keys that it names;
 *   `ci` it replaces as a whole, or check by check where it tells only some of them ({@link Addition.part}).
 * - What it counts is counted under the run's source, and exposed when that one is live.
 */
export interface Addition {
  /** The source that says it. */
  readonly by: string;
  /** `ci.checks` are some of the commit's checks: the others stay. */
  readonly part?: boolean;
}

type PullRequest = NonNullable<RunRecord['pullRequest']>;
type Ci = NonNullable<RunRecord['ci']>;
type Check = NonNullable<Ci['checks']>[number];

type AddedEvent = NormalisedEvent & { readonly addition: Addition };

/** @returns the event with what it changes of the record; undefined where the record says all of it already. */
export function addToRun<Event extends AddedEvent>(run: Merged, event: Event): Event | undefined {
  const { fields, addition } = event;
  // The fields of a record were validated with the contract's types when they entered.
  const before = run.doc as RunRecord;
  const said = fields as Pick<RunRecord, 'pullRequest' | 'ci'>;
  let { at } = event;
  const wanted: Record<string, unknown> = { ...fields };
  delete wanted.runId;

  if (said.ci && addition.part === true) {
    const looked = stampOf(run, 'ci')?.[0];
    const ci = withChecks(before.ci, said.ci, at, looked);
    if (ci === undefined) delete wanted.ci;
    else {
      // The checks were joined with the later ones that the record has: the join is later than both.
      at = looked !== undefined && looked >= at ? new Date(Date.parse(looked) + 1).toISOString() : at;
      wanted.ci = isDeepStrictEqual(ci, before.ci) ? ci : { ...ci, checkedAt: at };
    }
  } else if (said.ci) {
    const { status: _status, checks: _checks, checkedAt: _at, headSha: _head, ...others } = before.ci ?? {};
    wanted.ci = { ...others, ...said.ci };
  }
  const ci = (wanted.ci ?? before.ci) as Ci | undefined;
  const isReleased =
    before.pullRequest?.status === 'blocked_on_ci' && wanted.ci !== undefined && ci?.status === 'passing';
  if (said.pullRequest || isReleased) {
    const since = stampOf(run, 'pullRequest')?.[0];
    wanted.pullRequest = withPullRequest(before.pullRequest, said.pullRequest ?? {}, { at, since, isReleased });
  }
  const changed = Object.keys(wanted).filter((field) => !isDeepStrictEqual(wanted[field], storedValue(run, field)));
  if (changed.length === 0) return undefined;
  return { ...event, at, fields: Object.fromEntries(changed.map((field) => [field, wanted[field]])) };
}

/** `null` clears: a field that is not there is cleared already. */
function storedValue({ doc }: Merged, field: string): unknown {
  const value = field.startsWith('attributes.') ? doc.attributes?.[field.slice('attributes.'.length)] : doc[field];
  return value ?? null;
}

function withPullRequest(
  before: PullRequest | undefined,
  said: PullRequest,
  { at, since, isReleased }: { at: string; since: string | undefined; isReleased: boolean },
): PullRequest {
  // Who names no status says that the pull request is open; what blocks it is then somebody else's word.
  const status = said.status ?? (isReleased ? 'created' : (before?.status ?? 'created'));
  const { blockedSince: _since, ...others } = { ...before, ...said, status };
  if (status !== 'blocked_on_ci') return others;
  const wasBlocked = before?.status === 'blocked_on_ci' ? (before.blockedSince ?? since) : undefined;
  return { ...others, blockedSince: said.blockedSince ?? wasBlocked ?? at };
}

/** @returns the record's checks with those that were told; undefined where they belong to an older commit. */
function withChecks(before: Ci | undefined, said: Ci, at: string, looked: string | undefined): Ci | undefined {
  // A platform that names no commit is taken to speak of this one.
  const isSameCommit = before === undefined || before.headSha === undefined || before.headSha === said.headSha;
  if (!isSameCommit && looked !== undefined && looked >= at) return undefined;
  const checks = [...((isSameCommit ? before?.checks : undefined) ?? [])];
  for (const check of said.checks ?? []) {
    const index = checks.findIndex((known) => isSameCheck(known, check));
    const known = checks[index];
    if (known === undefined) checks.push(check);
    else if (isLater(check, known)) checks[index] = check;
  }
  const computed = ciStatusOf(checks);
  const status = said.status === undefined ? computed : worseCiStatus(computed, said.status);
  const { status: _status, ...others } = (isSameCommit ? before : undefined) ?? {};
  return {
    ...others,
    ...(said.headSha === undefined ? {} : { headSha: said.headSha }),
    checks,
    ...(status === undefined ? {} : { status }),
  };
}

/** Two suites of a commit (one for the push, one for the pull request) may have checks of one name. */
function isSameCheck(left: Check, right: Check): boolean {
  if (left.name !== right.name) return false;
  return left.suiteId === undefined || right.suiteId === undefined || left.suiteId === right.suiteId;
}

/** A check that runs again has a greater id; within one, completed is the last word, and of two of those the later. */
function isLater(check: Check, known: Check): boolean {
  if (typeof check.id === 'number' && typeof known.id === 'number' && check.id !== known.id) return check.id > known.id;
  const isDone = (c: Check) => c.conclusion !== undefined;
  if (isDone(check) !== isDone(known)) return isDone(check);
  const timeOf = (c: Check) => String(c.completedAt ?? c.startedAt ?? '');
  return timeOf(check) >= timeOf(known);
}

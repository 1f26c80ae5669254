import type { Status } from '@contract/status.ts';
import { isFinished, isOpen } from '@contract/status.ts';
import type { Listed } from '../../api/FleetApi';

type Chain = Listed<'chain'>;
type Run = Listed<'run'>;

/** Between two sprints of a chain that goes on: more is a stalled link. */
const STALLED_AFTER_MS = 15 * 60_000;

export interface Sprint {
  /** From 0, as the platform counts. */
  readonly index: number;
  readonly name: string | undefined;
  readonly status: Status;
  readonly run: Run | undefined;
  readonly runId: string | undefined;
  readonly startMs: number | undefined;
  /** Of one that goes on: now. */
  readonly endMs: number | undefined;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** Since the sprint before ended (of the first: since the chain was made). */
  readonly waitSeconds: number | undefined;
  readonly seconds: number | undefined;
  readonly pullRequestUrl: string | undefined;
  readonly isFailed: boolean;
  /** `resumeFromSprint` would run it again, or for the first time. */
  readonly isRedone: boolean;
}

export interface ChainSprints {
  readonly sprints: readonly Sprint[];
  readonly done: number;
  readonly total: number;
  readonly failed: Sprint | undefined;
  /** A sprint should have begun and did not: since then. */
  readonly stalledSince: string | undefined;
  /** The sprint that took the longest: each waits for the one before, so it is what the chain's time depends on most. */
  readonly longest: Sprint | undefined;
  readonly waitSeconds: number;
  readonly costUsd: number | undefined;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
}

/** What a chain's record and those of its runs say together about its sprints, also about those to come. */
export function chainSprints(chain: Chain, runs: readonly Run[], nowMs: number): ChainSprints {
  const told = new Map(chain.sprints?.map((sprint, at) => [sprint.index ?? at, sprint]));
  const runOf = new Map<number, Run>();
  // The latest attempt of a sprint is the one that counts: runs come oldest first.
  for (const run of runs) if (run.sprintIndex !== undefined) runOf.set(run.sprintIndex, run);
  const byId = new Map(runs.map((run) => [run.runId, run]));
  const total = Math.max(chain.sprintCount ?? 0, ...[...told.keys(), ...runOf.keys()].map((index) => index + 1), 0);
  const failedIndex = chain.failedSprintIndex ?? indexOfFailed(chain, told, runOf, total);
  const resumeFrom = failedIndex ?? (chain.status === 'cancelled' ? chain.currentSprintIndex : undefined);

  const sprints: Sprint[] = [];
  let previousEnd = chain.createdAt;
  for (let index = 0; index < total; index++) {
    const sprint = told.get(index);
    const run = sprint?.runId === undefined ? runOf.get(index) : (byId.get(sprint.runId) ?? runOf.get(index));
    const startedAt = sprint?.startedAt ?? run?.startedAt;
    const finishedAt = sprint?.finishedAt ?? run?.finishedAt;
    const status = sprint?.status ?? run?.status ?? 'queued';
    const startMs = toMs(startedAt);
    const endMs = startMs === undefined ? undefined : (toMs(finishedAt) ?? (isOpen(status) ? nowMs : undefined));
    const previousMs = toMs(previousEnd);
    sprints.push({
      index,
      name: sprint?.name ?? run?.name,
      status,
      run,
      runId: run?.runId ?? sprint?.runId,
      startMs,
      endMs,
      startedAt,
      finishedAt,
      waitSeconds:
        startMs === undefined || previousMs === undefined ? undefined : Math.max(0, startMs - previousMs) / 1_000,
      seconds: startMs === undefined || endMs === undefined ? undefined : (endMs - startMs) / 1_000,
      pullRequestUrl: sprint?.prUrl ?? run?.pullRequest?.url,
      isFailed: index === failedIndex,
      isRedone: resumeFrom !== undefined && index >= resumeFrom,
    });
    previousEnd = finishedAt;
  }

  const costs = sprints.flatMap(({ run }) => (run?.costUsd === undefined ? [] : [run.costUsd]));
  const starts = sprints.flatMap(({ startMs }) => startMs ?? []);
  const ends = sprints.flatMap(({ endMs }) => endMs ?? []);
  return {
    sprints,
    total,
    done: sprints.filter(({ status }) => status === 'succeeded').length,
    failed: sprints.find(({ isFailed }) => isFailed),
    stalledSince: stalledSince(chain, sprints, nowMs),
    longest: sprints.reduce<Sprint | undefined>((a, b) => ((b.seconds ?? 0) > (a?.seconds ?? 0) ? b : a), undefined),
    waitSeconds: sprints.reduce((sum, { waitSeconds = 0 }) => sum + waitSeconds, 0),
    costUsd: chain.costUsd ?? (costs.length === 0 ? undefined : costs.reduce((sum, cost) => sum + cost, 0)),
    startMs: starts.length === 0 ? undefined : Math.min(...starts),
    endMs: ends.length === 0 ? undefined : Math.max(...ends),
  };
}

const toMs = (at: string | undefined) => (at === undefined ? undefined : Date.parse(at));

function indexOfFailed(
  chain: Chain,
  told: ReadonlyMap<number, { status?: Status | undefined }>,
  runOf: ReadonlyMap<number, Run>,
  total: number,
): number | undefined {
  if (chain.status !== 'failed') return undefined;
  for (let index = 0; index < total; index++) {
    const status = told.get(index)?.status ?? runOf.get(index)?.status;
    if (status === 'failed' || status === 'timed_out') return index;
  }
  return chain.currentSprintIndex;
}

function stalledSince(chain: Chain, sprints: readonly Sprint[], nowMs: number): string | undefined {
  if (!isOpen(chain.status) || sprints.some(({ status, startMs }) => isOpen(status) && startMs !== undefined))
    return undefined;
  const lastEnd = sprints.filter(({ status }) => isFinished(status)).at(-1)?.finishedAt ?? chain.createdAt;
  if (lastEnd === undefined || nowMs - Date.parse(lastEnd) < STALLED_AFTER_MS) return undefined;
  return lastEnd;
}

import type { ActionAnswer } from '@contract/actions.ts';
import type { FiguresAnswer, FiguresOfGroup } from '@contract/analytics.ts';

const NOBODY: FiguresOfGroup = {
  runs: 0,
  succeeded: 0,
  failed: 0,
  timedOut: 0,
  cancelled: 0,
  costUsd: 0,
  runsWithCost: 0,
  costOfFailuresUsd: 0,
  evaluatedRuns: 0,
  firstPass: { byVerdict: { passed: 0, of: 0 }, byOutcome: { passed: 0, of: 0 } },
  pullRequests: 0,
  mergedPullRequests: 0,
  spentUsd: 0,
};

/** What `GET /api/v1/analytics/runs` answers with these groups. */
export function figuresOf(groups: readonly Partial<FiguresOfGroup>[]): FiguresAnswer {
  const [from, to] = ['2026-11-20T10:00:00.000Z', '2026-11-21T10:00:00.000Z'];
  return { from, to, asOf: to, groups: groups.length, data: groups.map((group) => ({ ...NOBODY, ...group })) };
}

export const ACKNOWLEDGED: ActionAnswer<'acknowledge_run'> = {
  run: { source: 'codecourier', runId: 'run/1', acknowledgedBy: 'ann', acknowledgedAt: '2026-11-20T14:00:00.000Z' },
};

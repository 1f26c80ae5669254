import type { FiguresOfGroup } from '../../contract/analytics.ts';
import { fromNano } from '../nano.ts';
import type { DIMENSIONS } from './measures.ts';
import { percentile, readValues } from './percentile.ts';
import type { FiguresRow } from './readFigures.ts';

const ratio = (part: number, of: number) => (of > 0 ? part / of : undefined);

/** The dimensions of a group; one that is unknown is left out. */
export function describeGroup({
  group,
}: Pick<FiguresRow, 'group'>): Partial<Record<(typeof DIMENSIONS)[number], string>> {
  return Object.fromEntries(Object.entries(group).filter(([, value]) => value !== ''));
}

function percentilesOf(bytes: Buffer | null) {
  if (bytes === null || bytes.length === 0) return undefined;
  const values = readValues(bytes);
  return { p50: percentile(values, 0.5) / 1000, p95: percentile(values, 0.95, 0.5) / 1000, count: values.length };
}

export type Figures = Omit<FiguresOfGroup, 'source' | 'project' | 'workflow' | 'persona' | 'model'>;

/** Sums -> what is answered: units of the API, and what follows from the sums. What is unknown is undefined, which JSON leaves out. */
export function describeFigures(row: FiguresRow): Figures {
  const { succeeded, verdicts, outcomes } = row;
  const costUsd = fromNano(row.cost);
  const figures: { [F in keyof Figures]: Figures[F] | undefined } = {
    runs: row.runs,
    succeeded,
    failed: row.failed,
    timedOut: row.timed_out,
    cancelled: row.cancelled,
    successRate: ratio(succeeded, succeeded + row.failed + row.timed_out),
    averageIterations: ratio(row.iterations, row.iterated),
    averageDurationSeconds: ratio(row.duration_ms / 1000, row.timed),
    queueWaitSeconds: percentilesOf(row.waits),
    costUsd,
    runsWithCost: row.costed,
    costPerRunUsd: ratio(costUsd, row.costed),
    costPerSuccessfulRunUsd: row.costed === 0 ? undefined : ratio(costUsd, succeeded),
    costPerMergedPullRequestUsd: row.costed === 0 ? undefined : ratio(costUsd, row.merged),
    costOfFailuresUsd: fromNano(row.lost),
    averageQuality: ratio(fromNano(row.quality), row.evaluated),
    evaluatedRuns: row.evaluated,
    qualityPerUsd: ratio(fromNano(row.rated_quality), fromNano(row.rated_cost)),
    firstPassRate: ratio(row.verdicts_passed + row.outcomes_passed, verdicts + outcomes),
    firstPass: {
      byVerdict: { passed: row.verdicts_passed, of: verdicts },
      byOutcome: { passed: row.outcomes_passed, of: outcomes },
    },
    pullRequests: row.pull_requests,
    mergedPullRequests: row.merged,
    secondsToMerge: percentilesOf(row.merges),
    spentUsd: fromNano(row.spent),
  };
  return figures as Figures;
}

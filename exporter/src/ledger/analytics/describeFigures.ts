import type { FiguresOfGroup } from '../../contract/analytics.ts';
import type { FigureName } from '../../contract/dimensions.ts';
import { fromNano } from '../nano.ts';
import { type DIMENSIONS, MEASURES, type Measure } from './measures.ts';
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

/** What has to be added up for each figure. */
const MEASURES_OF: { readonly [F in FigureName]: readonly Measure[] } = {
  runs: ['runs'],
  succeeded: ['succeeded'],
  failed: ['failed'],
  timedOut: ['timed_out'],
  cancelled: ['cancelled'],
  successRate: ['succeeded', 'failed', 'timed_out'],
  averageIterations: ['iterations', 'iterated'],
  averageDurationSeconds: ['duration_ms', 'timed'],
  queueWaitSeconds: ['waits'],
  costUsd: ['cost'],
  runsWithCost: ['costed'],
  costPerRunUsd: ['cost', 'costed'],
  costPerSuccessfulRunUsd: ['cost', 'costed', 'succeeded'],
  costPerMergedPullRequestUsd: ['cost', 'costed', 'merged'],
  costOfFailuresUsd: ['lost'],
  averageQuality: ['quality', 'evaluated'],
  evaluatedRuns: ['evaluated'],
  qualityPerUsd: ['rated_quality', 'rated_cost'],
  firstPassRate: ['verdicts', 'verdicts_passed', 'outcomes', 'outcomes_passed'],
  firstPass: ['verdicts', 'verdicts_passed', 'outcomes', 'outcomes_passed'],
  pullRequests: ['pull_requests'],
  mergedPullRequests: ['merged'],
  secondsToMerge: ['merges'],
  spentUsd: ['spent'],
};

/** @returns what has to be added up for these figures. */
export function measuresFor(figures: readonly FigureName[]): readonly Measure[] {
  const needed = new Set(figures.flatMap((name) => MEASURES_OF[name]));
  return MEASURES.filter((measure) => needed.has(measure));
}

export type Figures = Pick<FiguresOfGroup, FigureName>;

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

/** The same; where some are chosen, without the others: of a row that {@link measuresFor} was added up for. */
export function describeChosen(row: FiguresRow, chosen: readonly FigureName[] | undefined): Figures {
  const figures = describeFigures(row);
  if (chosen === undefined) return figures;
  return Object.fromEntries(chosen.map((name) => [name, figures[name]])) as unknown as Figures;
}

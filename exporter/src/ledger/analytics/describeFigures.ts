import type { FiguresOfGroup } from '../../contract/analytics.ts';
import { FIGURES, type FigureName } from '../../contract/dimensions.ts';
import { fromNano } from '../nano.ts';
import { type DIMENSIONS, MEASURES, type Measure, type Sum } from './measures.ts';
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

type Value = FiguresOfGroup[FigureName];
interface Figure<V extends Value> {
  /** What must have been added up. */
  readonly of: readonly Measure[];
  /** Undefined: unknown. */
  value(row: FiguresRow): V | undefined;
}

const figure = <V extends Value>(of: readonly Measure[], value: Figure<V>['value']): Figure<V> => ({ of, value });
/** The sum itself. */
const sum = (of: Exclude<Sum, 'cost' | 'lost' | 'spent'>) => figure([of], (row) => row[of]);
const usd = (of: 'cost' | 'lost' | 'spent') => figure([of], (row) => fromNano(row[of]));

/** Sums -> what is answered: units of the API, and what follows from the sums. */
const FIGURE_OF: { readonly [F in FigureName]: Figure<FiguresOfGroup[F]> } = {
  runs: sum('runs'),
  succeeded: sum('succeeded'),
  failed: sum('failed'),
  timedOut: sum('timed_out'),
  cancelled: sum('cancelled'),
  successRate: figure(['succeeded', 'failed', 'timed_out'], (row) =>
    ratio(row.succeeded, row.succeeded + row.failed + row.timed_out),
  ),
  averageIterations: figure(['iterations', 'iterated'], (row) => ratio(row.iterations, row.iterated)),
  averageDurationSeconds: figure(['duration_ms', 'timed'], (row) => ratio(row.duration_ms / 1000, row.timed)),
  queueWaitSeconds: figure(['waits'], (row) => percentilesOf(row.waits)),
  costUsd: usd('cost'),
  runsWithCost: sum('costed'),
  costPerRunUsd: figure(['cost', 'costed'], (row) => ratio(fromNano(row.cost), row.costed)),
  costPerSuccessfulRunUsd: figure(['cost', 'costed', 'succeeded'], (row) =>
    row.costed === 0 ? undefined : ratio(fromNano(row.cost), row.succeeded),
  ),
  costPerMergedPullRequestUsd: figure(['cost', 'costed', 'merged'], (row) =>
    row.costed === 0 ? undefined : ratio(fromNano(row.cost), row.merged),
  ),
  costOfFailuresUsd: usd('lost'),
  averageQuality: figure(['quality', 'evaluated'], (row) => ratio(fromNano(row.quality), row.evaluated)),
  evaluatedRuns: sum('evaluated'),
  qualityPerUsd: figure(['rated_quality', 'rated_cost'], (row) =>
    ratio(fromNano(row.rated_quality), fromNano(row.rated_cost)),
  ),
  firstPassRate: figure(['verdicts', 'verdicts_passed', 'outcomes', 'outcomes_passed'], (row) =>
    ratio(row.verdicts_passed + row.outcomes_passed, row.verdicts + row.outcomes),
  ),
  firstPass: figure(['verdicts', 'verdicts_passed', 'outcomes', 'outcomes_passed'], (row) => ({
    byVerdict: { passed: row.verdicts_passed, of: row.verdicts },
    byOutcome: { passed: row.outcomes_passed, of: row.outcomes },
  })),
  pullRequests: sum('pull_requests'),
  mergedPullRequests: sum('merged'),
  secondsToMerge: figure(['merges'], (row) => percentilesOf(row.merges)),
  spentUsd: usd('spent'),
};

export type Figures = Pick<FiguresOfGroup, FigureName>;

/** @returns what has to be added up for these figures. */
export function measuresFor(figures: readonly FigureName[]): readonly Measure[] {
  const needed = new Set(figures.flatMap((name) => FIGURE_OF[name].of));
  return MEASURES.filter((measure) => needed.has(measure));
}

/** The figures of a group; what is unknown, or was not asked for, is left out. */
export function describeFigures(row: FiguresRow, figures: readonly FigureName[] = FIGURES): Figures {
  const values = figures.map((name) => [name, FIGURE_OF[name].value(row)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Figures;
}

/** The same as what is between the braces of its JSON: of a long series objects would take half as long again. */
export function writeFigures(row: FiguresRow, figures: readonly FigureName[] = FIGURES): string {
  let text = '';
  for (const name of figures) {
    const value = FIGURE_OF[name].value(row);
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}"${name}":${typeof value === 'number' ? value : JSON.stringify(value)}`;
  }
  return text;
}

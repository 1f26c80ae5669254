/** The figures that are kept of runs, in the order of their columns; migration 0009 says what each means. */
export const SUMS = [
  'runs',
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'timed',
  'duration_ms',
  'iterated',
  'iterations',
  'costed',
  'cost',
  'lost',
  'evaluated',
  'quality',
  'rated_quality',
  'rated_cost',
  'verdicts',
  'verdicts_passed',
  'outcomes',
  'outcomes_passed',
  'pull_requests',
  'merged',
  'spent',
] as const;
/** Values one after the other, 6 bytes each. */
export const LISTS = ['waits', 'merges'] as const;

export type Sum = (typeof SUMS)[number];
export type List = (typeof LISTS)[number];
export const MEASURES = [...SUMS.slice(0, -1), ...LISTS, 'spent'] as const;

export type Measure = (typeof MEASURES)[number];
/** What failures are counted by in the rows of their category. */
export const FAILURE_MEASURES = ['runs', 'failed', 'timed_out', 'lost'] as const satisfies readonly Measure[];

/** What a run is counted by; the columns of fleetlens.run_dim, in the order of the bits of its masks. */
export const DIMENSIONS = ['source', 'project', 'workflow', 'persona', 'model', 'category'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Bits of the dimensions that a row of fleetlens.run_dim is about. */
export const maskOf = (dimensions: readonly Dimension[]): number =>
  dimensions.reduce((mask, dimension) => mask | (1 << DIMENSIONS.indexOf(dimension)), 0);
/** What facts are about: all but the category, which those of a failure's category are about too. */
export const WHOLE_MASK = maskOf(DIMENSIONS.slice(0, -1));
export const CATEGORY_MASK = maskOf(DIMENSIONS);
const SINGLES = DIMENSIONS.slice(0, -1).map((dimension) => maskOf([dimension]));
/** What half hours, hours and days are also added up by: by nothing, and by each dimension alone. */
export const MARGINAL_MASKS = [0, ...SINGLES] as const;
/** What hours are also added up by: each two dimensions. */
const PAIR_MASKS = SINGLES.flatMap((mask, i) => SINGLES.slice(i + 1).map((other) => mask | other));
/** The order of the column `fewer` of fleetlens.run_dim. */
export const FEWER_MASKS = [...MARGINAL_MASKS, ...PAIR_MASKS] as const;

export const HOUR_MS = 3_600_000;
/** Hours of a node of each level of fleetlens.run_sum: an hour, a day, 8 days, 64 days. Each divides the next. */
export const LEVEL_HOURS = [1, 24, 192, 1_536] as const;
/** The level of half hours, which belong to their hour: they are added up when it is. */
export const HALF_LEVEL = -1;
/** All levels, those of the shortest nodes first. */
export const LEVELS: readonly number[] = [HALF_LEVEL, ...LEVEL_HOURS.keys()];
export const HALF_HOUR_MS = HOUR_MS / 2;

/**
 * @returns the masks that a level has rows of. Where those by all dimensions are few there are none by fewer; days and longer nodes have
 *   no more of them than their hours have by two. Failures need no half hours.
 */
export function masksOf(level: number): readonly number[] {
  if (level === HALF_LEVEL) return [...MARGINAL_MASKS, WHOLE_MASK];
  if (level === 0) return [...FEWER_MASKS, WHOLE_MASK, CATEGORY_MASK];
  return [...(level === 1 ? MARGINAL_MASKS : []), WHOLE_MASK, CATEGORY_MASK];
}

export const isList = (measure: Measure): measure is List => (LISTS as readonly string[]).includes(measure);

/** SQL: all measures of a row. */
export const measureColumns = (row: string, measures: readonly Measure[] = MEASURES): string =>
  measures.map((m) => `${row}.${m}`).join(', ');

/** SQL: the sums of all measures, as the columns have them. */
export const measureSums = (row: string, measures: readonly Measure[] = MEASURES): string =>
  measures
    .map((m) => (isList(m) ? `string_agg(${row}.${m}, ''::bytea) as ${m}` : `sum(${row}.${m}) as ${m}`))
    .join(', ');

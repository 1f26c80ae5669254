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
const LISTS = ['waits', 'merges'] as const;

export type Sum = (typeof SUMS)[number];
export type List = (typeof LISTS)[number];
export const MEASURES = [...SUMS.slice(0, -1), ...LISTS, 'spent'] as const;

export type Measure = (typeof MEASURES)[number];
/** What failures are counted by in the rows of their category. */
export const FAILURE_MEASURES = ['runs', 'failed', 'timed_out', 'lost'] as const satisfies readonly Measure[];

/** What a run is counted by; the columns of fleetlens.run_dim. */
export const DIMENSIONS = ['source', 'project', 'workflow', 'persona', 'model', 'category'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const HOUR_MS = 3_600_000;
export const DAY_HOURS = 24;

const isList = (measure: string) => (LISTS as readonly string[]).includes(measure);
const WHOLE: ReadonlySet<string> = new Set([
  'duration_ms',
  'iterations',
  'cost',
  'lost',
  'quality',
  'rated_quality',
  'rated_cost',
  'spent',
]);

/** SQL: all measures of a row. */
export const measureColumns = (row: string, measures: readonly Measure[] = MEASURES): string =>
  measures.map((m) => `${row}.${m}`).join(', ');

/** SQL: the sums of all measures, as the columns have them. */
export const measureSums = (row: string, measures: readonly Measure[] = MEASURES): string =>
  measures
    .map((m) => {
      if (isList(m)) return `string_agg(${row}.${m}, ''::bytea) as ${m}`;
      return WHOLE.has(m) ? `sum(${row}.${m}) as ${m}` : `sum(${row}.${m})::bigint as ${m}`;
    })
    .join(', ');

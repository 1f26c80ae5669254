import { z } from 'zod';
import { many, text, wholeNumber } from './api.ts';
import { BUDGET_SCOPES } from './budgets.ts';
import { ANALYTICS_DIMENSIONS, type AnalyticsDimension, FIGURES, type FigureName } from './dimensions.ts';
import { instant, isTimeZone } from './fields.ts';
import { ERROR_CATEGORIES } from './records.ts';
import { FINISHED_STATUSES } from './status.ts';

/**
 * Figures over the runs that ended in a window: what may be asked and what is answered. Durations are seconds, money is USD; a
 * figure that nothing is known of is absent.
 */

export const DEFAULT_DAYS = 30;
const MOST_GROUPS = 1_000;
/** Figures in one answer. */
export const MOST_POINTS = 20_000;
/** A persona that was not used for so long is one to retire. */
export const UNUSED_DAYS = 30;
/** Sessions of a persona to look at in its weekly review. */
export const REVIEWED_SESSIONS = 5;

const from = instant
  .optional()
  .describe(`Runs that ended at this time or later (RFC 3339). Default: ${DEFAULT_DAYS} days before \`to\`.`);
const to = instant.optional().describe('Runs that ended before this time (RFC 3339). Default: now.');
const listOf = <const T extends readonly string[]>(values: T) =>
  z
    .string()
    .transform((value) => [...new Set(value.split(',').map((part) => part.trim()))])
    .pipe(z.array(z.enum(values)))
    .optional();
const by = listOf(ANALYTICS_DIMENSIONS).meta({
  type: 'string',
  description: `What to group by, one or several of ${ANALYTICS_DIMENSIONS.join(', ')}, comma-separated. Default: nothing, one group.`,
});
const chosen = listOf(FIGURES).meta({
  type: 'string',
  description: `Which figures to tell, comma-separated: of long series few are answered sooner than all. Any of ${FIGURES.join(', ')}. Default: all.`,
});
const only = (what: string) => many(text).optional().describe(`Only runs of these ${what}. Repeatable.`);
const filters = {
  source: only('sources'),
  project: only('projects'),
  workflow: only('workflows'),
  persona: only('personas'),
  model: only('models'),
};
const limit = wholeNumber(1, MOST_GROUPS)
  .default(100)
  .describe(`Groups in the answer, those with the most first; 1 to ${MOST_GROUPS}.`);
const timeZone = z
  .string()
  .refine(isTimeZone, 'expected the IANA name of a time zone, such as Europe/Berlin')
  .default('UTC')
  .describe('In which days and weeks begin, an IANA name.');

/** Of failures and of what was spent. */
export const groupsQuery = z.strictObject({ from, to, by, ...filters, limit });
export type GroupsQuery = z.output<typeof groupsQuery>;

export const figuresQuery = z.strictObject({ ...groupsQuery.shape, figures: chosen });
export type FiguresQuery = z.output<typeof figuresQuery>;

export const TIME_BUCKETS = ['hour', 'day', 'week'] as const;
export type TimeBucket = (typeof TIME_BUCKETS)[number];

export const timeseriesQuery = z.strictObject({
  from,
  to,
  bucket: z
    .enum(TIME_BUCKETS)
    .default('day')
    .describe('A week begins on Monday. The first and the last bucket are cut by the window.'),
  time_zone: timeZone,
  by,
  figures: chosen,
  ...filters,
  limit: limit.prefault(20),
});
export type TimeseriesQuery = z.output<typeof timeseriesQuery>;

const week = z
  .string()
  .regex(/^\d{4}-W(0[1-9]|[1-4]\d|5[0-3])$/, { error: 'expected a week of ISO 8601 such as 2026-W46' })
  .optional()
  .describe('Week of ISO 8601, `2026-W46`. Default: the last one that is over.');
export const reviewQuery = z.strictObject({ week, time_zone: timeZone, project: filters.project });
export type ReviewQuery = z.output<typeof reviewQuery>;

export const budgetReviewQuery = z.strictObject({ week, project: filters.project });
export type BudgetReviewQuery = z.output<typeof budgetReviewQuery>;

const whole = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
const usd = z.number().nonnegative();
const seconds = z.number().nonnegative();
const time = z.iso.datetime();

const group = Object.fromEntries(
  ANALYTICS_DIMENSIONS.map((dimension) => [
    dimension,
    z.string().optional().describe('Of a dimension that was asked for; absent where it is unknown.'),
  ]),
) as { readonly [D in AnalyticsDimension]: z.ZodOptional<z.ZodString> };

const percentiles = z
  .object({ p50: seconds, p95: seconds, count: whole })
  .optional()
  .describe('Exact: values that occurred (nearest rank), of `count` runs of which it is known.');
const passes = z.object({ passed: whole, of: whole });

const figures = {
  runs: whole.describe('Runs that ended: succeeded, failed, timed out or cancelled.'),
  succeeded: whole,
  failed: whole,
  timedOut: whole,
  cancelled: whole,
  successRate: share.optional().describe('succeeded of succeeded, failed and timed out.'),
  averageIterations: z.number().nonnegative().optional(),
  averageDurationSeconds: seconds.optional().describe('Start to end.'),
  queueWaitSeconds: percentiles.describe('Created to started, of runs in their first attempt.'),
  costUsd: usd.describe('What these runs cost, whenever it was spent; of `runsWithCost` of them it is known.'),
  runsWithCost: whole,
  costPerRunUsd: usd.optional().describe('Of the runs whose cost is known.'),
  costPerSuccessfulRunUsd: usd.optional().describe('What all of them cost, by success.'),
  costPerMergedPullRequestUsd: usd.optional().describe('What all of them cost, by merged pull request.'),
  costOfFailuresUsd: usd.describe('Spent on runs that failed or timed out.'),
  averageQuality: z.number().min(0).max(100).optional().describe('Composite score.'),
  evaluatedRuns: whole,
  qualityPerUsd: z
    .number()
    .nonnegative()
    .optional()
    .describe('Points of composite score by dollar, of the evaluated runs whose cost is known.'),
  firstPassRate: share
    .optional()
    .describe('Share of runs that passed at first, of those that succeeded, failed or timed out.'),
  firstPass: z
    .object({ byVerdict: passes, byOutcome: passes })
    .describe(
      'byVerdict: runs with verdicts of checkers or evaluators; passed: the first verdict of each role was. byOutcome: runs without; passed: succeeded in one attempt and one iteration.',
    ),
  pullRequests: whole,
  mergedPullRequests: whole,
  secondsToMerge: percentiles.describe('Pull request created to merged.'),
  spentUsd: usd.describe(
    'What was spent in the window, on whatever runs, as the budgets count it: to the quarter of an hour.',
  ),
} satisfies { readonly [F in FigureName]: z.ZodType };
export const figuresOfGroup = z.object({ ...group, ...figures });
export type FiguresOfGroup = z.output<typeof figuresOfGroup>;
const chosenFigures = z.object(figures).partial().shape;

const scope = {
  from: time,
  to: time,
  asOf: time.describe('The figures hold every event that was recorded until then: usually now.'),
};
const groups = whole.describe('How many groups there are; `data` holds the first `limit` of them.');

const figuresByGroup = <F extends z.ZodRawShape>(told: F) =>
  z.object({ ...scope, groups, data: z.array(z.object({ ...group, ...told })) });
export const figuresAnswer = figuresByGroup(chosenFigures);
/** Where all figures were asked for. */
export type FiguresAnswer = z.output<ReturnType<typeof figuresByGroup<typeof figures>>>;

const failure = z.object({
  ...group,
  category: z.enum(ERROR_CATEGORIES),
  remedy: z.string().describe('What the platform’s documents advise.'),
  runs: whole,
  failed: whole,
  timedOut: whole,
  share: share.describe('Of all failures that the query is about.'),
  costUsd: usd,
});
export const failuresAnswer = z.object({ ...scope, groups, failures: whole, data: z.array(failure) });
export type FailuresAnswer = z.output<typeof failuresAnswer>;

const spend = z.object({
  ...group,
  spentUsd: usd,
  share: share.optional().describe('Of all that was spent that the query is about.'),
});
export const spendAnswer = z.object({ ...scope, groups, spentUsd: usd, data: z.array(spend) });
export type SpendAnswer = z.output<typeof spendAnswer>;

const figuresByTime = <F extends z.ZodRawShape>(told: F) =>
  z.object({
    ...scope,
    bucket: z.enum(TIME_BUCKETS),
    timeZone: z.string(),
    groups,
    data: z.array(
      z.object({
        ...group,
        points: z.array(z.object({ from: time, to: time, ...told })).describe('Every bucket of the window, in order.'),
      }),
    ),
  });
export const timeseriesAnswer = figuresByTime(chosenFigures);
/** Where all figures were asked for. */
export type TimeseriesAnswer = z.output<ReturnType<typeof figuresByTime<typeof figures>>>;

const session = z.object({
  source: z.string(),
  runId: z.string(),
  project: z.string().optional(),
  workflow: z.string().optional(),
  name: z.string().optional(),
  status: z.enum(FINISHED_STATUSES),
  endedAt: time,
  costUsd: usd.optional(),
  quality: z.number().optional(),
  errorCategory: z.enum(ERROR_CATEGORIES).optional(),
  pullRequestUrl: z.string().optional(),
  url: z.string().optional().describe('The run’s own page at its source, else in this exporter’s API.'),
});
export type ReviewedSession = z.output<typeof session>;
const use = z.object({
  source: z.string(),
  project: z.string().optional(),
  lastUsedAt: time.optional(),
  unused: z.boolean(),
});
const reviewed = z.object({
  persona: z.string(),
  lastUsedAt: time.optional().describe('Absent: never, as far as the ledger goes back.'),
  unused: z
    .boolean()
    .describe(
      `Not used in the ${UNUSED_DAYS} days before the end of the week, nor since, and not archived: one to retire.`,
    ),
  uses: z.array(use).describe('Where it is or was used.'),
  ...figures,
  sessions: z
    .array(session)
    .describe(
      `At most ${REVIEWED_SESSIONS} of its runs that ended in the week, drawn by lot from every outcome in turn; always the same ones for a week.`,
    ),
});
export const reviewAnswer = z.object({ week: z.string(), timeZone: z.string(), ...scope, data: z.array(reviewed) });
export type ReviewAnswer = z.output<typeof reviewAnswer>;
export type ReviewedPersona = z.output<typeof reviewed>;

const ofScope = z.enum(Object.values(BUDGET_SCOPES));
const budgeted = z.object({
  scope: ofScope,
  subject: z.string(),
  spentUsd: usd.describe('In the week.'),
  capUsd: usd
    .optional()
    .describe('The configured limit of one window: month, day of a repository, run of a persona. Absent: none.'),
  windows: whole.describe(
    'In which something was spent: days of a repository, runs of a persona that ended in the week; 1 of the workspace.',
  ),
  highestUsd: usd.optional().describe('The dearest of them; of the workspace: the month to the end of the week.'),
  reached: whole.optional().describe('How many of them came to the cap.'),
});
export const budgetReviewAnswer = z.object({
  week: z.string(),
  timeZone: z.string(),
  ...scope,
  data: z.array(budgeted),
});
export type BudgetReviewAnswer = z.output<typeof budgetReviewAnswer>;
export type BudgetedSubject = z.output<typeof budgeted>;

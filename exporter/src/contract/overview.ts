import { z } from 'zod';
import { many, text, wholeNumber } from './api.ts';
import { BUDGET_NAMES } from './budgets.ts';
import { PART_STATUSES } from './health.ts';

/** What pages show beside lists and records: sources, what needs attention now, how long steps usually take. */

const time = z.iso.datetime();
const whole = z.number().int().nonnegative();

/** `GET /api/v1/sources` */
export const sourceState = z.object({
  source: z.string(),
  type: z.string().optional().describe('Of the configuration; absent: it only pushes.'),
  way: z.enum(['pull', 'push']).optional().describe('Absent: configured, and nothing came yet.'),
  backfilled: z.boolean().describe('The first complete read is done.'),
  catchingUp: z
    .boolean()
    .describe('During a backfill, and for 5 minutes after it told history; a few things that come late are none.'),
  progress: z.object({ done: whole, total: whole }).optional().describe('Of a backfill, where the source says it.'),
  lastEventAt: time.optional().describe('The newest event, by its own time.'),
  recordedAt: time.optional().describe('When something of it was recorded last.'),
  usualGapSeconds: z.number().optional().describe('p99 of the gaps between pushed events over 14 days.'),
  deadLetters: whole.describe('Records kept aside because they could not be read.'),
  polling: z
    .object({ status: z.enum(PART_STATUSES), detail: z.string().optional() })
    .optional()
    .describe('How its polls are, of the replica that answers, where that polls.'),
  stale: z
    .boolean()
    .describe('Its last poll failed, or it has pushed nothing for 3 times its usual gap and an hour at least.'),
});
export type SourceState = z.output<typeof sourceState>;
export const sourcesAnswer = z.object({ data: z.array(sourceState) });
export type SourcesAnswer = z.output<typeof sourcesAnswer>;

export const attentionQuery = z.strictObject({
  source: many(text).optional().describe('Only these sources. Repeatable.'),
  project: many(text).optional().describe('Only these projects. Repeatable.'),
  hours: wholeNumber(1, 168)
    .default(6)
    .describe('The window whose figures are compared with those of the same length before it.'),
});
export type AttentionQuery = z.output<typeof attentionQuery>;

export const ATTENTION_KINDS = [
  'failures_unattended',
  'runs_stuck',
  'blocked_on_ci',
  'approvals_overdue',
  'budget_paused',
  'budget_exceeded',
  'budget_near',
  'source_stale',
  'failure_rate_rose',
  'cost_rose',
  'duration_rose',
  'runs_fell',
] as const;

const attentionItem = z.object({
  kind: z.enum(ATTENTION_KINDS),
  severity: z.enum(['critical', 'warning', 'ticket']).describe('As that of the alert about the same.'),
  count: whole.optional().describe('How many there are.'),
  since: time.optional().describe('Of the oldest of them.'),
  source: z.string().optional(),
  project: z.string().optional(),
  budget: z.enum(BUDGET_NAMES).optional(),
  subject: z.string().optional().describe('Of a budget.'),
  now: z.number().optional().describe('The figure: a share, USD, seconds, runs; of a budget what was spent.'),
  before: z.number().optional().describe('The figure of the window before.'),
  limit: z.number().optional(),
  runs: z
    .array(z.object({ source: z.string(), runId: z.string(), title: z.string().optional(), since: time.optional() }))
    .optional()
    .describe('The first of them, the oldest first.'),
  detail: z.string().optional(),
});
export type AttentionItem = z.output<typeof attentionItem>;
/** `GET /api/v1/attention` */
export const attentionAnswer = z.object({
  from: time,
  to: time,
  data: z.array(attentionItem).describe('The most severe first. Empty: all is well.'),
});
export type AttentionAnswer = z.output<typeof attentionAnswer>;

/** `GET /api/v1/runs/{source}/{id}/step-baselines` */
export const stepBaselinesQuery = z.strictObject({
  last: wholeNumber(1, 200)
    .default(50)
    .describe('Of so many of the last runs of the same source, project and workflow that succeeded.'),
});
export const stepBaselinesAnswer = z.object({
  runs: whole.describe('How many runs there were.'),
  data: z.array(
    z.object({
      name: z.string().optional(),
      role: z.string().optional(),
      count: whole.describe('Steps of this name and role whose duration is known.'),
      p50Seconds: z.number(),
      p95Seconds: z.number(),
    }),
  ),
});
export type StepBaselinesAnswer = z.output<typeof stepBaselinesAnswer>;

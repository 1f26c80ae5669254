import { z } from 'zod';
import { text } from './api.ts';
import { BUDGET_NAMES, BUDGET_SCOPES } from './budgets.ts';
import { instant, score } from './fields.ts';

/** `POST /api/v1/actions`: what each action takes besides its name, and what it answers. */

const MAX_WORDS = 4_000;
const words = (what: string) => z.string().trim().min(1).max(MAX_WORDS).describe(what);
const source = text.describe('Name of the source.');
const time = z.iso.datetime();

const workflowScope = {
  source,
  project: text.or(z.literal('')).describe('The project; empty for runs without one.'),
  workflow: text.or(z.literal('')).describe('The workflow; empty for runs without one.'),
};
const whyBaseline = words('Why, for whoever looks at the baseline later.');
const baseline = z.object({
  baseline: z.object({
    source: z.string(),
    project: z.string(),
    workflow: z.string(),
    how: z.enum(['computed', 'pinned', 'rebased']),
    score: z.number().optional().describe('Absent while it is being made.'),
    since: time,
    collectsFrom: time.optional(),
  }),
});

const oneNotification = z.strictObject({
  source,
  notificationId: text.describe('The source’s own id of the notification.'),
  user: text.optional().describe('Whose it is, where a program marks it. A person marks their own.'),
});
const notification = z.object({
  notification: z.object({
    source: z.string(),
    notificationId: z.string(),
    readAt: time.optional(),
    dismissedAt: time.optional(),
  }),
});

export const ACTION_TYPES = {
  acknowledge_run: {
    input: z.strictObject({
      source,
      runId: text.describe('The source’s own id of the run.'),
      note: words('What whoever comes next should know.'),
    }),
    answer: z.object({
      run: z.object({
        source: z.string(),
        runId: z.string().optional(),
        acknowledgedAt: time.optional(),
        acknowledgedBy: z.string().optional(),
        acknowledgedNote: z.string().optional(),
      }),
    }),
  },
  acknowledge_budget: {
    input: z.strictObject({
      budget: z.enum(BUDGET_NAMES).describe('Its key in the configuration.'),
      scope: z.enum(Object.values(BUDGET_SCOPES)).optional().describe('What it bounds; follows from `budget`.'),
      subject: text.describe('`workspace`, the repository (project), or the persona, as GET /api/v1/budgets names it.'),
      reason: words('Why sessions may start again.'),
      raiseToUsd: z.number().positive().max(1_000_000_000).optional(),
    }),
    answer: z.object({
      budget: z.object({
        budget: z.enum(BUDGET_NAMES),
        scope: z.enum(Object.values(BUDGET_SCOPES)),
        subject: z.string(),
        acknowledgedBy: z.string(),
        pausedSince: time,
        acknowledgedAt: time,
        spentUsd: z.number(),
        raisedToUsd: z.number().optional(),
        raisedUntil: time
          .optional()
          .describe('Until when the higher limit holds; absent where it is one of a run, or none was given.'),
      }),
    }),
  },
  pin_baseline: {
    input: z.strictObject({
      ...workflowScope,
      score: score.describe('Composite score, 0 to 100.'),
      reason: whyBaseline,
    }),
    answer: baseline,
  },
  rebase_baseline: {
    input: z.strictObject({
      ...workflowScope,
      from: instant.optional().describe('Of runs that ended at this time or later (RFC 3339). Default: now.'),
      reason: whyBaseline,
    }),
    answer: baseline,
  },
  read_notification: { input: oneNotification, answer: notification },
  dismiss_notification: { input: oneNotification, answer: notification },
  read_all_notifications: {
    input: z.strictObject({
      user: text.optional().describe('Whose, where a program marks them. A person marks their own.'),
      project: text.optional().describe('Only those of this project.'),
    }),
    answer: z.object({ read: z.number().int().nonnegative().describe('How many were marked.') }),
  },
} as const satisfies Record<string, { input: z.ZodObject; answer: z.ZodObject }>;

export type ActionName = keyof typeof ACTION_TYPES;
export const ACTION_NAMES = Object.keys(ACTION_TYPES) as readonly ActionName[];
export type ActionInput<Name extends ActionName> = z.input<(typeof ACTION_TYPES)[Name]['input']>;
export type ActionAnswer<Name extends ActionName> = z.output<(typeof ACTION_TYPES)[Name]['answer']>;

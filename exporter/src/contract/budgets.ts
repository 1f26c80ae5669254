import { z } from 'zod';
import { text } from './api.ts';

/** A budget by its key in the configuration: what it bounds. */
export const BUDGET_SCOPES = {
  workspace_monthly_usd: 'workspace_monthly',
  per_repo_daily_usd: 'repo_daily',
  per_persona_run_usd: 'persona_run',
} as const;
export type BudgetName = keyof typeof BUDGET_SCOPES;
export type BudgetScope = (typeof BUDGET_SCOPES)[BudgetName];

export const BUDGET_NAMES = Object.keys(BUDGET_SCOPES) as readonly BudgetName[];

/** The one subject of the scope `workspace_monthly`: everything that the ledger holds. */
export const WORKSPACE = 'workspace';

export function budgetOf(scope: BudgetScope): BudgetName {
  const found = BUDGET_NAMES.find((name) => BUDGET_SCOPES[name] === scope);
  if (found === undefined) throw new Error(`budgets: found scope ${scope}, expected one of BUDGET_SCOPES`);
  return found;
}

const usd = z.number().describe('US dollars.');
const time = z.iso.datetime();
const scope = z.enum(Object.values(BUDGET_SCOPES));
const named = {
  budget: z.enum(BUDGET_NAMES).describe('Its key in the configuration.'),
  scope,
  subject: z.string().describe(`\`${WORKSPACE}\`, the repository (project), or the persona.`),
};
const advisory = z
  .boolean()
  .describe(
    'No source is told of pauses (`pause:` of a source): a pause stops only launchers that ask `/api/v1/gate` first.',
  );
const contact = z.string().optional().describe('Whom to ask, `budgets.contact` of the configuration.');

export const budgetAnswer = z.object({
  ...named,
  limitUsd: usd.describe('The limit in force: the configured one, or what an admin raised it to for this window.'),
  configuredUsd: usd,
  raisedUsd: usd.optional(),
  spentUsd: usd.describe('Spent in the open window; of persona_run: by the dearest run that is open.'),
  windowStart: time.optional(),
  windowEnd: time.optional(),
  run: z
    .object({ source: z.string(), runId: z.string() })
    .optional()
    .describe('Of persona_run: the run that paused it, else the dearest one.'),
  paused: z.boolean(),
  pausedSince: time.optional(),
  pausedUntil: time.optional().describe('Absent: until an admin acknowledges.'),
  acknowledgedAt: time.optional().describe('When its latest pause was acknowledged.'),
  acknowledgedBy: z.string().optional(),
  acknowledgedReason: z.string().optional(),
  usdPerHour: usd.optional().describe('The present rate; absent while there is not an hour of it.'),
  exhaustedAt: time
    .optional()
    .describe('When the limit is reached at the present rate; absent where that is unknown or not within this window.'),
});
export type BudgetAnswer = z.output<typeof budgetAnswer>;

export const budgetsAnswer = z.object({
  data: z.array(budgetAnswer),
  timeZone: z.string().optional().describe('In which months and days begin; absent without budgets.'),
  advisory,
  contact,
});
export type BudgetsAnswer = z.output<typeof budgetsAnswer>;

export const gateQuery = z.strictObject({
  project: text.optional().describe('The repository in which a session is to start.'),
  persona: text.optional().describe('The persona that is to run.'),
});

export const gateAnswer = z.object({
  allowed: z.boolean().describe('Whether a new session may start.'),
  state: z
    .enum(['open', 'paused', 'unknown'])
    .describe('unknown: the ledger does not answer; `allowed` is then as `budgets.gate.fail` says.'),
  blockedBy: z.array(z.object({ ...named, since: time, until: time.optional() })),
  message: z.string().optional().describe('Why not, for the person who launches.'),
  advisory,
  contact,
  asOf: time.optional().describe('When the ledger was last asked.'),
});
export type GateAnswer = z.output<typeof gateAnswer>;

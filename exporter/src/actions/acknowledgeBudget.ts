import { z } from 'zod';
import { text } from '../contract/api.ts';
import { BUDGET_NAMES, BUDGET_SCOPES } from '../contract/budgets.ts';
import { HttpError } from '../http/httpError.ts';
import { acknowledgeBudget as acknowledge, NotAcknowledged } from '../ledger/budgets/acknowledgeBudget.ts';
import { type ActionContext, type ActionOutcome, defineAction, seesProject } from './action.ts';

const MAX_REASON_LENGTH = 4_000;
const MAX_USD = 1_000_000_000;

/** An admin lets new sessions start again in a scope that its budget paused. */
export const acknowledgeBudget = defineAction({
  name: 'acknowledge_budget',
  role: 'admin',
  summary:
    'End the pause of a budget, with a reason; `raiseToUsd` sets a higher limit for the window that is open now (of a persona: for the run that paused it).',
  auditAs: 'budget_acknowledge',
  input: z.strictObject({
    budget: z.enum(BUDGET_NAMES).describe('Its key in the configuration.'),
    scope: z.enum(Object.values(BUDGET_SCOPES)).optional().describe('What it bounds; follows from `budget`.'),
    subject: text.describe('`workspace`, the repository (project), or the persona, as GET /api/v1/budgets names it.'),
    reason: z.string().trim().min(1).max(MAX_REASON_LENGTH).describe('Why sessions may start again.'),
    raiseToUsd: z.number().positive().max(MAX_USD).optional(),
  }),
  async run({ tx, principal, actor }: ActionContext, { budget, scope, subject, ...input }): Promise<ActionOutcome> {
    const bounded = BUDGET_SCOPES[budget];
    if (scope !== undefined && scope !== bounded) {
      throw new HttpError(400, 'invalid_input', `scope: found ${scope}, expected ${bounded}, that of ${budget}`);
    }
    const project = bounded === 'repo_daily' ? subject : undefined;
    // A budget of more than one project is for who sees all of them.
    if (!seesProject(principal, project)) {
      throw new HttpError(404, 'not_found', `found no budget ${budget} of ${subject}, or none that you may see`);
    }
    try {
      const answer = await acknowledge(tx, { scope: bounded, subject, ...input }, actor);
      return {
        answer: { budget: { budget, scope: bounded, subject, acknowledgedBy: actor, ...answer } },
        audit: { project, target: `${budget} of ${subject}` },
      };
    } catch (error) {
      if (!(error instanceof NotAcknowledged)) throw error;
      throw new HttpError(error.code === 'not_paused' ? 409 : 400, error.code, error.message, { cause: error });
    }
  },
});

import { BUDGET_SCOPES } from '../contract/budgets.ts';
import { HttpError } from '../http/httpError.ts';
import { acknowledgeBudget as acknowledge, NotAcknowledged } from '../ledger/budgets/acknowledgeBudget.ts';
import { defineAction, seesProject } from './action.ts';

/** An admin lets new sessions start again in a scope that its budget paused. */
export const acknowledgeBudget = defineAction({
  name: 'acknowledge_budget',
  role: 'admin',
  summary:
    'End the pause of a budget, with a reason; `raiseToUsd` sets a higher limit for the window that is open now (of a persona: for the run that paused it).',
  auditAs: 'budget_acknowledge',
  async run({ tx, principal, actor }, { budget, scope, subject, ...input }) {
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

import type { BudgetsConfig } from './config/budgetsSchema.ts';
import { actionsOnExceed, receiversOf } from './config/budgetsSchema.ts';
import type { Config } from './config.ts';
import { BUDGET_NAMES, BUDGET_SCOPES, type BudgetScope } from './contract/budgets.ts';
import type { BudgetPolicy } from './ledger/budgets/budgetPolicy.ts';
import { toNano } from './ledger/nano.ts';
import { notifyReceiver, sourceReceiver } from './outbox/receivers.ts';

/** @returns what the ledger is to know of the budgets; undefined where none is set. */
export function budgetPolicyOf(
  config: Pick<Config, 'budgets' | 'actions_on_exceed' | 'sources'>,
): BudgetPolicy | undefined {
  const { budgets } = config;
  const limits = limitsOf(budgets);
  if (budgets === undefined || limits.size === 0) return undefined;
  const actions = actionsOnExceed(config);
  const told = actions.flatMap((action) => receiversOf(action, budgets.notify).map(({ name }) => name));
  return {
    timeZone: budgets.time_zone,
    limits,
    pauses: actions.some(({ does }) => does === 'pause'),
    needsAcknowledgement: actions.some(({ does }) => does === 'require_acknowledgement'),
    tells: [...new Set(told)].map(notifyReceiver),
    pausers: config.sources.flatMap((source) => (source.pause === undefined ? [] : [sourceReceiver(source.name)])),
    ...(budgets.contact === undefined ? {} : { contact: budgets.contact }),
  };
}

function limitsOf(budgets: BudgetsConfig | undefined): ReadonlyMap<BudgetScope, bigint> {
  return new Map(
    BUDGET_NAMES.flatMap((name): [BudgetScope, bigint][] => {
      const usd = budgets?.[name];
      return usd === undefined || usd === 0 ? [] : [[BUDGET_SCOPES[name], toNano(usd)]];
    }),
  );
}

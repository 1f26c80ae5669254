import { z } from 'zod';
import type { BudgetAction } from './budgetAction.ts';
import { budgetAction } from './budgetAction.ts';
import { timeZone } from './fieldTypes.ts';
import type { ConfigProblem } from './problem.ts';

/** 0: no budget. */
const usd = z.number().nonnegative().max(1_000_000_000).optional();
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });
const headers = z
  .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' }), z.string())
  .default({});

/** An HTTP request that tells somebody something. */
const webhook = {
  url: httpUrl,
  method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
  headers,
  bearer_token: z.string().min(1).optional(),
};
const name = z.string().regex(/^[a-zA-Z0-9_.-]{1,64}$/, { error: 'expected 1 to 64 of a-z, A-Z, 0-9, _ . -' });

const receiver = z
  .strictObject({
    name,
    slack_webhook_url: httpUrl.optional(),
    /** Of the Slack webhook, `#agents`. */
    channel: z.string().min(1).optional(),
    ...webhook,
    url: webhook.url.optional(),
  })
  .superRefine((entry, context) => {
    const found = [entry.url, entry.slack_webhook_url].filter((url) => url !== undefined).length;
    if (found !== 1) {
      const what = found === 0 ? 'none' : 'both';
      context.addIssue({
        code: 'custom',
        message: `expected one of url or slack_webhook_url (or its _file), found ${what}`,
      });
    }
  });
export type NotifyReceiver = z.output<typeof receiver>;

/** `pause:` of a source: where it is told to start no new sessions, and to start them again. {action}, {scope} and {subject} in the URL are replaced. */
export const pauseWebhook = z.strictObject(webhook);
export type PauseWebhook = z.output<typeof pauseWebhook>;

export const budgetActions = z.array(budgetAction);

export const budgetsSchema = z.strictObject({
  workspace_monthly_usd: usd,
  per_repo_daily_usd: usd,
  per_persona_run_usd: usd,
  actions_on_exceed: budgetActions.optional(),
  /** In which months and days begin. */
  time_zone: timeZone.default('UTC'),
  notify: z.array(receiver).default([]),
  gate: z
    .strictObject({
      /** What the gate answers while the ledger does not: closed, no new session; open, any. */
      fail: z.enum(['closed', 'open']).default('closed'),
    })
    .prefault({}),
  /** Whom to ask about a pause: a channel, an address, a name. */
  contact: z.string().min(1).max(500).optional(),
});
export type BudgetsConfig = z.output<typeof budgetsSchema>;

export interface BudgetKeys {
  readonly budgets?: BudgetsConfig | undefined;
  /** Beside `budgets`, where CodeCourier's handbook writes it. */
  readonly actions_on_exceed?: readonly BudgetAction[] | undefined;
}

/** @returns what happens when a budget is exceeded, from the one of both places that says so. */
export function actionsOnExceed({ budgets, actions_on_exceed: beside }: BudgetKeys): readonly BudgetAction[] {
  return budgets?.actions_on_exceed ?? beside ?? [];
}

/** @returns the receivers that an action tells; none where no receiver is one of Slack. */
export function receiversOf(action: BudgetAction, receivers: readonly NotifyReceiver[]): readonly NotifyReceiver[] {
  if (action.does === 'notify') return receivers.filter((entry) => entry.name === action.receiver);
  if (action.does !== 'notify_slack') return [];
  const slack = receivers.filter((entry) => entry.slack_webhook_url !== undefined);
  const { channel } = action;
  return channel === undefined ? slack : slack.filter((entry) => channelOf(entry) === channel);
}

/** A receiver without a channel goes by its name. */
function channelOf({ name: own, channel = own }: NotifyReceiver): string {
  return `#${channel.replace(/^#/, '')}`;
}

/** What no single value shows. */
export function budgetProblems(keys: BudgetKeys): ConfigProblem[] {
  const { budgets, actions_on_exceed: beside } = keys;
  const problems: ConfigProblem[] = [];
  if (beside !== undefined && budgets === undefined) {
    problems.push({
      path: ['actions_on_exceed'],
      message: 'found actions and no budgets:, expected limits under budgets:',
    });
  }
  if (beside !== undefined && budgets?.actions_on_exceed !== undefined) {
    const message = 'found actions here and under budgets:, expected them in one of both places';
    problems.push({ path: ['actions_on_exceed'], message });
  }
  const receivers = budgets?.notify ?? [];
  for (const [index, { name: own }] of receivers.entries()) {
    const first = receivers.findIndex((entry) => entry.name === own);
    if (first === index) continue;
    const message = `the same name as budgets.notify[${first}], expected each to be unique`;
    problems.push({ path: ['budgets', 'notify', index, 'name'], message });
  }
  const place = beside === undefined ? ['budgets', 'actions_on_exceed'] : ['actions_on_exceed'];
  for (const [index, action] of actionsOnExceed(keys).entries()) {
    if (receiversOf(action, receivers).length > 0) continue;
    const path = [...place, index];
    if (action.does === 'notify') {
      const expected = receivers.length === 0 ? 'and budgets.notify has none' : `expected one of ${namesOf(receivers)}`;
      problems.push({ path, message: `found the receiver ${JSON.stringify(action.receiver)}, ${expected}` });
    }
    const slack = receivers.filter((entry) => entry.slack_webhook_url !== undefined);
    if (action.does === 'notify_slack' && slack.length > 0) {
      const message = `found the channel ${action.channel}, expected one of ${slack.map(channelOf).join(', ')}: the channel or name of a receiver under budgets.notify`;
      problems.push({ path, message });
    }
  }
  return problems;
}

function namesOf(receivers: readonly NotifyReceiver[]): string {
  return receivers.map((entry) => entry.name).join(', ');
}

/** @returns what can be used and will surprise: for the log. */
export function budgetWarnings(keys: BudgetKeys): string[] {
  const actions = actionsOnExceed(keys);
  const receivers = keys.budgets?.notify ?? [];
  const unheard = actions.filter(
    (action) => action.does === 'notify_slack' && receiversOf(action, receivers).length === 0,
  );
  const told = new Set(actions.flatMap((action) => receiversOf(action, receivers)));
  const idle = receivers.filter((entry) => !told.has(entry));
  return [
    ...unheard.map(
      ({ text }) =>
        `budgets: "${text}" tells nobody: found no receiver with a slack_webhook_url, expected one under budgets.notify`,
    ),
    ...(idle.length === 0
      ? []
      : [`budgets: no action of actions_on_exceed tells ${namesOf(idle)}; "notify <name>" does`]),
    ...(actions.some((action) => action.does === 'require_acknowledgement') &&
    !actions.some((action) => action.does === 'pause')
      ? [
          'budgets: an acknowledgement is required and nothing is paused; "pause new sessions on the affected scope" pauses',
        ]
      : []),
  ];
}

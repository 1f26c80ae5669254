import type { BudgetMessage } from '../contract/budgetMessage.ts';

const WHAT = { workspace_monthly: 'The workspace', repo_daily: 'Repository', persona_run: 'Persona' } as const;
const WINDOW = { workspace_monthly: 'this month', repo_daily: 'today', persona_run: 'in one run' } as const;

/** @returns the sentence that Slack shows. What comes from outside is escaped, so that no name can mention or link. */
export function slackText(message: BudgetMessage, externalUrl: string | undefined): string {
  const { scope, subject, budget, spentUsd, limitUsd, run, paused, pausedUntil, contact } = message;
  const name = scope === 'workspace_monthly' ? WHAT[scope] : `${WHAT[scope]} *${escaped(subject)}*`;
  const by = run === undefined ? '' : ` (run ${escaped(run.runId)} of ${escaped(run.source)})`;
  const until = pausedUntil === undefined ? 'until an admin acknowledges' : `until ${pausedUntil}`;
  return [
    `${name} has spent ${usd(spentUsd)} of ${usd(limitUsd)} ${WINDOW[scope]}${by}: budget \`${budget}\` is used up.`,
    ...(paused ? [`New sessions are paused ${until}.`] : []),
    ...(contact === undefined ? [] : [`Ask: ${escaped(contact)}.`]),
    ...(externalUrl === undefined ? [] : [`${externalUrl.replace(/\/$/, '')}/api/v1/budgets`]),
  ].join(' ');
}

/** https://docs.slack.dev/messaging/formatting-message-text: these three are the control characters. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function usd(amount: number): string {
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

import { z } from 'zod';

/** What happens when a budget is exceeded, as a sentence of the configuration says it. */
export type BudgetAction =
  /** channel: `#agents`; absent: every receiver that is a Slack webhook. */
  | { readonly does: 'notify_slack'; readonly channel?: string; readonly text: string }
  | { readonly does: 'notify'; readonly receiver: string; readonly text: string }
  | { readonly does: 'pause'; readonly text: string }
  | { readonly does: 'require_acknowledgement'; readonly text: string };

/** The sentences, for errors. YAML takes ` #channel` for a comment unless the sentence is quoted. */
const EXPECTED = [
  '"notify slack channel #<channel>"',
  '"notify <name of a receiver under budgets.notify>"',
  '"pause new sessions on the affected scope"',
  '"require admin acknowledge to resume"',
].join(', ');

const SLACK = /^notify slack(?: channel(?: (#?[\p{L}\p{N}_.-]+))?)?$/iu;
const NOTIFY = /^notify ([a-zA-Z0-9_.-]{1,64})$/i;
const PAUSE = /^pause new sessions(?: on the affected scope)?$/i;
const ACKNOWLEDGE =
  /^require (?:an )?admin (?:acknowledge|acknowledgement|acknowledgment|to acknowledge)(?: to resume)?$/i;

/** @returns undefined where it is none of the sentences. */
export function parseBudgetAction(sentence: string): BudgetAction | undefined {
  const text = sentence.trim().replace(/\s+/g, ' ');
  const slack = SLACK.exec(text);
  if (slack !== null) {
    const [, channel] = slack;
    return {
      does: 'notify_slack',
      ...(channel === undefined ? {} : { channel: `#${channel.replace(/^#/, '')}` }),
      text,
    };
  }
  if (PAUSE.test(text)) return { does: 'pause', text };
  if (ACKNOWLEDGE.test(text)) return { does: 'require_acknowledgement', text };
  const [, receiver] = NOTIFY.exec(text) ?? [];
  return receiver === undefined ? undefined : { does: 'notify', receiver, text };
}

export const budgetAction = z.string().transform((sentence, context): BudgetAction => {
  const action = parseBudgetAction(sentence);
  if (action !== undefined) return action;
  context.issues.push({ code: 'custom', input: sentence, message: `expected one of ${EXPECTED}` });
  return z.NEVER;
});

import type { NotifyReceiver, PauseWebhook } from '../config/budgetsSchema.ts';
import type { Config } from '../config.ts';
import type { BudgetMessage } from '../contract/budgetMessage.ts';
import { slackText } from './slackText.ts';

/** What is sent, ready for `fetch`. */
export interface OutboxRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Makes the request that tells the receiver. */
export type Receiver = (message: BudgetMessage) => OutboxRequest;

export const notifyReceiver = (name: string): string => `notify:${name}`;
export const sourceReceiver = (name: string): string => `source:${name}`;

/** @returns every receiver of the configuration, by its name in the outbox. */
export function receiversIn({
  budgets,
  sources,
  web,
}: Pick<Config, 'budgets' | 'sources' | 'web'>): ReadonlyMap<string, Receiver> {
  const receivers = new Map<string, Receiver>();
  for (const entry of budgets?.notify ?? []) receivers.set(notifyReceiver(entry.name), tell(entry, web.external_url));
  for (const { name, pause } of sources)
    if (pause !== undefined) receivers.set(sourceReceiver(name), tellSource(pause));
  return receivers;
}

const JSON_TYPE = { 'content-type': 'application/json' };

function tell(entry: NotifyReceiver, externalUrl: string | undefined): Receiver {
  const { slack_webhook_url: slackUrl, url } = entry;
  return (message) =>
    slackUrl === undefined
      ? webhookRequest({ ...entry, url: url as string }, message)
      : {
          url: slackUrl,
          method: 'POST',
          headers: JSON_TYPE,
          body: JSON.stringify({ text: slackText(message, externalUrl) }),
        };
}

function tellSource(pause: PauseWebhook): Receiver {
  return (message) => {
    const values: Readonly<Record<string, string>> = {
      action: message.type === 'budget_pause' ? 'pause' : 'resume',
      scope: message.scope,
      subject: message.subject,
    };
    const url = pause.url.replace(/(?:\{|%7B)(action|scope|subject)(?:\}|%7D)/gi, (_all, name: string) =>
      encodeURIComponent(values[name.toLowerCase()] ?? ''),
    );
    return webhookRequest({ ...pause, url }, { action: values.action, ...message });
  };
}

function webhookRequest({ url, method, headers, bearer_token: token }: PauseWebhook, message: object): OutboxRequest {
  return {
    url,
    method,
    headers: { ...JSON_TYPE, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    body: JSON.stringify(message),
  };
}

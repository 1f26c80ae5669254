import type { Logger } from 'pino';
import type { Source, SourceType } from '../source.ts';
import { configSchema, type SentryConfig } from './config.ts';
import { SentryPoll } from './pollSentry.ts';
import { probeSentry } from './probe.ts';
import { SentryApi } from './sentryApi.ts';
import { sentryWebhook } from './webhook.ts';

/**
 * Sentry, for the errors that platforms report to it, and the issues that it makes of them: by polls, and sooner by the webhooks
 * of an integration. What comes both ways is one record.
 */
export const sentry: SourceType<SentryConfig> = {
  type: 'sentry',
  configSchema,
  create(_name: string, config: SentryConfig, log: Logger): Source {
    const api = new SentryApi(config);
    const poll = new SentryPoll(config, api, log);
    return {
      poll: (cursor, context) => poll.poll(cursor, context),
      probe: (signal) => probeSentry(api, config, signal),
      async close() {}, // Calls end with their signals; nothing stays open.
    };
  },
  webhook: (_name, config) => sentryWebhook(config),
};

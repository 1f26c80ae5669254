import type { Logger } from 'pino';
import type { Source, SourceType } from '../source.ts';
import { configSchema, type GithubOptions, withWebUrl } from './config.ts';
import { GithubApi } from './githubApi.ts';
import { PullRequestPoll } from './pollPullRequests.ts';
import { probeGithub } from './probe.ts';
import { githubWebhook } from './webhook.ts';

/**
 * GitHub, for what it knows of the pull requests that runs of other sources made: their state, the status of their checks, and
 * each check. It has no runs of its own.
 */
export const github: SourceType<GithubOptions> = {
  type: 'github',
  configSchema,
  create(_name: string, options: GithubOptions, log: Logger): Source {
    const config = withWebUrl(options);
    const api = new GithubApi(config, log);
    const poll = new PullRequestPoll(config, api, log);
    return {
      poll: (cursor, context) => poll.poll(cursor, context),
      probe: (signal) => probeGithub(api, config, signal),
      async close() {}, // Calls end with their signals; nothing stays open.
    };
  },
  webhook: (_name, options) => githubWebhook(withWebUrl(options)),
};

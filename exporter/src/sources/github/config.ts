import { z } from 'zod';
import { positiveDurationMs, positiveInteger, sourceName } from '../../config/fieldTypes.ts';

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
  .transform((url) => url.replace(/\/+$/, ''));

export const configSchema = z.strictObject({
  /** A token that may read pull requests, checks and commit statuses of the repositories; nothing more. */
  api_key: z.string().regex(/^[\x21-\x7e]+$/, {
    error: 'expected a token: printable ASCII without spaces, as an HTTP header can carry',
  }),
  /** GitHub Enterprise Server: https://<host>/api/v3. */
  base_url: httpUrl.prefault('https://api.github.com'),
  /** Where pull requests have their pages; default: follows from base_url. */
  web_url: httpUrl.optional(),
  /** The sources whose runs have their pull requests here. */
  runs_of: z.array(sourceName).nonempty({ error: 'expected the names of the sources whose runs open pull requests' }),
  /** Only these are asked about and listened to; default: every one that a run names. */
  repositories: z
    .array(z.string().regex(/^[\w.-]+\/[\w.-]+$/, { error: 'expected owner/name' }))
    .nonempty()
    .optional(),
  /** What GitHub signs its webhooks with; without it there is no webhook. */
  webhook_secret: z
    .string()
    .min(16, { error: 'expected at least 16 characters; `openssl rand -hex 32` makes a good one' })
    .optional(),
  /** An unchanged pull request's `checkedAt` is renewed so often. */
  renew_checked_at: positiveDurationMs.prefault('5m'),
  /** Pull requests that are looked at at the same time. */
  concurrency: positiveInteger.max(16).default(4),
  /** Open pull requests that are followed by conditional requests, whose ETags are kept; more are asked for in batches. */
  max_followed: positiveInteger.max(2_000).default(500),
  /** Shared key: no look may take longer than the page that it belongs to. */
  timeout: positiveDurationMs.prefault('30s'),
});

export type GithubOptions = z.output<typeof configSchema>;
export type GithubConfig = GithubOptions & { readonly web_url: string };

/** github.com and its API have two host names, GitHub Enterprise Server has one for both, ghe.com has `api.` before it. */
export function withWebUrl(options: GithubOptions): GithubConfig {
  const { protocol, host } = new URL(options.base_url);
  const following = host === 'api.github.com' ? 'https://github.com' : `${protocol}//${host.replace(/^api\./, '')}`;
  return { ...options, web_url: options.web_url ?? following };
}

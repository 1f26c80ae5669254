import { z } from 'zod';
import { positiveDurationMs } from '../../config/fieldTypes.ts';

const slug = z.string().regex(/^[a-z0-9_][a-z0-9_-]{0,99}$/, {
  error: 'expected a slug as it stands in the address of the page: lower case letters, digits, _ and -',
});

export const configSchema = z.strictObject({
  /**
   * A token that may read, and nothing more: the scopes `event:read` (issues) and `project:read` (projects, their events). An
   * internal integration gives one, with its webhooks; or a personal token of a user who is in the projects.
   */
  auth_token: z.string().regex(/^[\x21-\x7e]+$/, {
    error: 'expected a token: printable ASCII without spaces, as an HTTP header can carry',
  }),
  /** A region of sentry.io has an address of its own (https://de.sentry.io), and so has a Sentry that is hosted elsewhere. */
  base_url: z
    .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
    .transform((url) => url.replace(/\/+$/, ''))
    .prefault('https://sentry.io'),
  organization: slug,
  projects: z.array(slug).nonempty({ error: 'expected the slugs of one or more projects' }),
  /** The client secret of the integration, with which it signs its webhooks; without it there is no webhook. */
  webhook_secret: z
    .string()
    .min(16, { error: 'expected at least 16 characters: the client secret of the integration' })
    .optional(),
  /** How far back the first read goes. Sentry keeps errors for 30 or 90 days, by plan. */
  history: positiveDurationMs.prefault('14d'),
  /** How far behind the newest known error a poll looks for errors that were sent late. */
  overlap: positiveDurationMs.prefault('10m'),
});

export type SentryConfig = z.output<typeof configSchema>;

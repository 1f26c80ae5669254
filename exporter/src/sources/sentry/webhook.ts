import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../rows/textValues.ts';
import type { Webhook, WebhookEvent, WebhookOutcome, WebhookReceiver } from '../source.ts';
import type { SentryConfig } from './config.ts';
import { textOf } from './jsonTexts.ts';
import { readSentEvent } from './mapEvent.ts';
import { readIssue } from './mapIssue.ts';

/** Where each resource has its thing. */
const error = z.looseObject({ event_id: z.string(), issue_id: z.string(), datetime: z.string() });
const issue = z.looseObject({ id: z.string(), project: z.looseObject({ slug: z.string() }), lastSeen: z.string() });
const payloads = {
  issue: z.object({ action: z.string(), data: z.object({ issue }) }),
  error: z.object({ action: z.string(), data: z.object({ error }) }),
  event_alert: z.object({ data: z.object({ event: error, triggered_rule: z.unknown() }) }),
} as const;

type Told = Pick<WebhookEvent, 'kind' | 'data'> & {
  readonly at: string | undefined;
  readonly project: string | undefined;
};
type Reading = Told | { readonly reason: string };

/** The webhooks of an integration (docs.sentry.io, "Integration Platform: Webhooks"): issues, errors, and alerts of issues. */
export function sentryWebhook({ webhook_secret: secret, projects }: SentryConfig): WebhookReceiver | undefined {
  if (secret === undefined) return undefined;
  const allowed = new Set(projects);
  return {
    async receive({ body, headers }: Webhook): Promise<WebhookOutcome> {
      const signature = headers['sentry-hook-signature']?.toString();
      if (!isSigned(body, signature, secret)) {
        const found = signature === undefined ? 'none' : 'one that does not fit the body';
        return {
          refused: 'signature',
          reason: `Sentry-Hook-Signature: found ${found}, expected the signature by webhook_secret, the client secret of the integration`,
          ...(signature === undefined ? {} : { sent: signature }),
        };
      }
      const resource = headers['sentry-hook-resource'];
      if (typeof resource !== 'string') {
        return { refused: 'malformed', reason: 'expected the header Sentry-Hook-Resource' };
      }
      const payload = parse(body.toString('utf8'));
      if (payload === undefined) return { refused: 'malformed', reason: 'found a body that is no JSON' };
      const told = tell(resource, payload);
      if (told === undefined) return { events: [] };
      if ('reason' in told) return { refused: 'malformed', reason: told.reason };
      const { at, project, kind, data } = told;
      if (at === undefined) return { refused: 'malformed', reason: `${resource}: found no time that can be read` };
      if (project === undefined || !allowed.has(project)) return { events: [] };
      // Only the body is signed, and a delivery that is tried again comes under another Request-ID: the body names the event.
      const id = `${resource}/${createHash('sha256').update(body).digest('hex')}`;
      return { events: [{ id, kind, at, data }] };
    },
  };
}

/** `Sentry-Hook-Signature`: HMAC-SHA256 of the raw body by the client secret, hexadecimal. */
function isSigned(body: Buffer, found: string | undefined, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(body).digest();
  const signature = Buffer.from(found !== undefined && /^[0-9a-f]{64}$/i.test(found) ? found : '', 'hex');
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // The caller says that it is no JSON.
    throw error;
  }
}

/** @returns undefined for resources of no interest. */
function tell(resource: string, payload: unknown): Reading | undefined {
  switch (resource) {
    case 'issue':
      return read(payloads.issue, payload, ({ action, data }) => tellIssue(action, data.issue));
    case 'error':
      return read(payloads.error, payload, ({ data }) => tellError(data.error));
    case 'event_alert':
      return read(payloads.event_alert, payload, ({ data }) => tellError(data.event, textOf(data.triggered_rule)));
    default:
      return undefined;
  }
}

function read<T>(type: z.ZodType<T>, payload: unknown, map: (payload: T) => Told): Reading {
  const parsed = type.safeParse(payload);
  if (parsed.success) return map(parsed.data);
  const [first] = parsed.error.issues;
  return { reason: `${first?.path.join('.')}: ${first?.message}` };
}

/**
 * A new or regressed issue is counted by its component. Where its culprit tells none, only the next poll knows it, and says
 * what kind the issue is.
 */
function tellIssue(action: string, raw: JsonObject): Told {
  const { firstSeenAt, lastSeenAt: at, component, isRegressed, project, data } = readIssue(raw);
  const kind = isRegressed ? 'regressed' : action === 'created' ? 'new' : undefined;
  return {
    kind: 'errorGroup',
    at,
    project,
    data: {
      ...data,
      ...(firstSeenAt === undefined ? {} : { firstSeenAt }),
      ...(component === undefined ? {} : { component, ...(kind === undefined ? {} : { kind }) }),
    },
  };
}

function tellError(raw: JsonObject, alertRule?: string): Told {
  const { at, project, data } = readSentEvent(raw);
  const attributes = { ...(data.attributes as JsonObject), ...(alertRule === undefined ? {} : { alertRule }) };
  return { kind: 'platformError', at, project, data: { ...data, attributes } };
}

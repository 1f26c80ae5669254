import { createHmac, randomUUID } from 'node:crypto';
import pino from 'pino';
import { expect, onTestFinished } from 'vitest';
import { normaliseEvent } from '../../../exporter/src/normalise/normaliseEvent.ts';
import { configSchema } from '../../../exporter/src/sources/sentry/config.ts';
import { sentry } from '../../../exporter/src/sources/sentry/sentry.ts';
import type { Source, WebhookOutcome } from '../../../exporter/src/sources/source.ts';
import { type LedgerBed, openLedger } from '../../ledger/ledgerBed.ts';
import type { AskedFor } from '../hostedServer.ts';
import { type HostedPoll, pollHosted } from '../pollHosted.ts';
import { SentryServer } from './sentryServer.ts';

export const SECRET = 'client-secret-of-the-integration';

// biome-ignore lint/suspicious/noExplicitAny: what a record holds is what the tests ask.
type Doc = any;

export interface SentryBed extends LedgerBed {
  readonly sentry: SentryServer;
  readonly source: Source;
  /** Another exporter process with the same configuration. */
  create(options?: object): Source;
  poll(
    source?: Source,
    timeoutMs?: number,
  ): Promise<HostedPoll & { readonly asked: readonly AskedFor[]; readonly writes: number }>;
  /** Sends a webhook as Sentry does. @returns what the ledger made of each event. */
  deliver(resource: string, payload: object, headers?: Record<string, string>): Promise<readonly string[]>;
  receive(body: string, headers: Record<string, string>): Promise<WebhookOutcome>;
  groups(): Promise<readonly Doc[]>;
  errors(): Promise<readonly Doc[]>;
  /** `label,label` -> value. */
  counted(family: string): Promise<Record<string, number>>;
}

/** Whole seconds, as Sentry's lists write times. */
export function ago(seconds: number): string {
  return new Date(Math.floor(Date.now() / 1000 - seconds) * 1000).toISOString().replace('.000', '');
}

export function signatureOf(body: string, secret = SECRET): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** A webhook as Sentry sends it. */
export function signedWebhook(resource: string, payload: object) {
  const body = JSON.stringify(payload);
  const headers = {
    'content-type': 'application/json',
    'request-id': randomUUID().replaceAll('-', ''),
    'sentry-hook-resource': resource,
    'sentry-hook-timestamp': String(Math.floor(Date.now() / 1000)),
    'sentry-hook-signature': signatureOf(body),
  };
  return { body, headers };
}

export async function sentryBed(options: object = {}): Promise<SentryBed> {
  const server = await SentryServer.start('bot', 'scripts');
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    expect(server.mistakes).toEqual([]);
  });
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  const log = pino({ level: 'silent' });
  const configOf = (more: object = {}) =>
    configSchema.parse({
      auth_token: server.token,
      base_url: `${server.http.url}/`,
      organization: 'acme',
      projects: ['bot', 'scripts'],
      webhook_secret: SECRET,
      ...options,
      ...more,
    });
  const create = (more?: object) => {
    const source = sentry.create('sentry', configOf(more), log);
    onTestFinished(() => source.close());
    return source;
  };
  const source = create();
  const receiver = sentry.webhook?.('sentry', configOf(), log);
  const docs = async (table: string, order: string) =>
    (await bed.query<{ doc: Doc }>(`select doc from fleetlens.${table} order by doc ->> '${order}', key`)).map(
      ({ doc }) => doc,
    );
  const receive = async (body: string, headers: Record<string, string>) => {
    if (receiver === undefined) throw new Error('the source takes no webhooks');
    return await receiver.receive({ body: Buffer.from(body), headers });
  };
  return {
    ...bed,
    [Symbol.asyncDispose]: bed[Symbol.asyncDispose],
    sentry: server,
    source,
    create,
    async poll(polled = source, timeoutMs = 30_000) {
      const from = server.http.asked.length;
      let writes = 0;
      const ledger = {
        readCursor: (name: string) => bed.ledger.readCursor(name),
        openRunIds: (name: string) => bed.ledger.openRunIds(name),
        openPullRequests: (sources: readonly string[]) => bed.ledger.openPullRequests(sources),
        async recordPulled(batch: Parameters<typeof bed.ledger.recordPulled>[0]) {
          writes += 1;
          await bed.ledger.recordPulled(batch);
        },
      };
      const outcome = await pollHosted(polled, ledger, { name: 'sentry', timeoutMs });
      return { ...outcome, asked: server.http.asked.slice(from), writes };
    },
    receive,
    async deliver(resource, payload, headers = {}) {
      const signed = signedWebhook(resource, payload);
      const outcome = await receive(signed.body, { ...signed.headers, ...headers });
      if ('refused' in outcome) return [`${outcome.refused}: ${outcome.reason}`];
      const events = outcome.events.map((event) => normaliseEvent({ ...event, source: 'sentry' }, Date.now()));
      if (events.length === 0) return [];
      return (await bed.ledger.recordPushed(events)).map(({ result }) => result);
    },
    groups: () => docs('error_group', 'fingerprint'),
    errors: () => docs('platform_error', 'at'),
    async counted(family) {
      const rows = await bed.query<{ labels: string[]; value: string }>(
        'select labels, value from fleetlens.rollup where family = $1 and value <> 0 order by labels',
        [family],
      );
      return Object.fromEntries(rows.map(({ labels, value }) => [labels.join(','), Number(value) / 1e9]));
    },
  };
}

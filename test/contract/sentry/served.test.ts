import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ExporterProcess, startExporter } from '../../support/exporterProcess.ts';
import { parseExposition } from '../../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/waitFor.ts';
import { alertPayload, errorPayload, exactly, issuePayload, sentError } from './payloads.ts';
import { ago, SECRET, signatureOf, signedWebhook } from './sentryBed.ts';
import { SentryServer } from './sentryServer.ts';

const TAGS = [
  { key: 'stage', value: 'production' },
  { key: 'run_id', value: 'run-1' },
];
const CULPRIT = 'handlePush(app)';
const ERRORS = 'fleet_errors_total{source="sentry",component="production"}';
const NEW_GROUPS = 'fleet_error_groups_total{source="sentry",component="handlePush",kind="new"}';

let server: SentryServer;
let database: TestDatabase;
let exporter: ExporterProcess;

beforeAll(async () => {
  [server, database] = await Promise.all([SentryServer.start('bot'), migratedDatabase({ synchronousCommit: 'off' })]);
  capture('77', ago(600));
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      sources: [
        {
          name: 'sentry',
          type: 'sentry',
          base_url: server.http.url,
          organization: 'acme',
          projects: ['bot'],
          auth_token: server.token,
          webhook_secret: SECRET,
          poll_interval: '200ms',
        },
      ],
    },
  });
});
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
  await server?.[Symbol.asyncDispose]();
});

/** The platform has an error, the first of its issue. @returns what Sentry's webhooks say of it. */
function capture(issueId: string, at: string) {
  const { event, issue } = server.capture('bot', { at, issue: issueId, culprit: CULPRIT, tags: TAGS });
  const error = sentError({
    event_id: event.eventID,
    issue_id: issueId,
    culprit: CULPRIT,
    datetime: exactly(at),
    tags: TAGS.map(({ key, value }) => [key, value]),
  });
  const { lifetime: _, ...told } = issue;
  return [
    ['issue', issuePayload('created', told)],
    ['error', errorPayload(error)],
    ['event_alert', alertPayload(error)],
  ] as const;
}

async function send({ body, headers }: { body: string; headers: Record<string, string> }) {
  const response = await fetch(`${exporter.url}/api/v1/webhooks/sentry`, { method: 'POST', body, headers });
  return { status: response.status, body: await response.json() };
}

const listed = async (list: string) =>
  ((await (await fetch(`${exporter.url}/api/v1/${list}?source=sentry`)).json()) as { data: unknown[] }).data;
const sample = async (series: string) => parseExposition(await exporter.scrape()).get(series);

/** Two polls later everything that Sentry had is read: one may have been under way. */
async function polledAnew(): Promise<void> {
  const polls = () => server.http.asked.filter(({ path }) => path.endsWith('/issues/')).length;
  const before = polls();
  await waitFor(() => polls() > before + 2, { what: 'two more polls' });
}

it('errors and their groups come by polls and by webhooks, and count once', async () => {
  await waitFor(async () => (await sample(ERRORS)) === 1 && (await sample(NEW_GROUPS)) === 1, {
    what: 'the error that was there before',
  });
  expect(await listed('error-groups')).toMatchObject([{ fingerprint: '77', kind: 'new', component: 'handlePush' }]);

  const at = ago(60);
  server.http.fail(/./, { kind: 'status', status: 503 }, 1_000); // the webhooks come first
  const hooks = capture('78', at);
  for (const [resource, payload] of hooks) {
    const webhook = signedWebhook(resource, payload);
    expect(await send(webhook), resource).toEqual({ status: 200, body: { accepted: 1, duplicates: 0, rejected: [] } });
    expect((await send(webhook)).body, resource).toEqual({ accepted: 0, duplicates: 1, rejected: [] });
  }
  await waitFor(async () => (await sample(ERRORS)) === 2 && (await sample(NEW_GROUPS)) === 2, {
    what: 'the error of the webhook',
  });
  server.http.heal();
  await polledAnew();
  expect([await sample(ERRORS), await sample(NEW_GROUPS)]).toEqual([2, 2]);
  expect(await listed('platform-errors')).toEqual([
    expect.objectContaining({
      fingerprint: '78',
      attributes: expect.objectContaining({ alertRule: expect.any(String) }),
    }),
    expect.objectContaining({ fingerprint: '77', runId: 'run-1', project: 'bot' }),
  ]);
  expect(await listed('error-groups')).toHaveLength(2);
  expect(server.mistakes).toEqual([]);
});

it('a webhook that somebody else signed is refused and records nothing', async () => {
  const webhook = signedWebhook('error', errorPayload(sentError({ event_id: 'f'.repeat(32) })));
  const forged = {
    ...webhook.headers,
    'sentry-hook-signature': signatureOf(webhook.body, 'another-secret-of-somebody'),
  };
  expect(await send({ ...webhook, headers: forged })).toMatchObject({
    status: 401,
    body: { error: { code: 'signature_invalid' } },
  });
  expect(JSON.stringify(await listed('platform-errors'))).not.toContain('f'.repeat(32));
  expect(await sample('fleetlens_ingest_events_total{source="sentry",result="rejected"}')).toBe(1);
});

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sign } from '@octokit/webhooks-methods';
import bcrypt from 'bcrypt';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TokenRegistry } from '../../exporter/src/http/auth.ts';
import { createServer } from '../../exporter/src/http/createServer.ts';
import { HealthRegistry } from '../../exporter/src/http/healthRegistry.ts';
import { listen } from '../../exporter/src/http/listen.ts';
import { RateLimits } from '../../exporter/src/http/rateLimit/rateLimits.ts';
import { WebConfigFile } from '../../exporter/src/http/webConfig/webConfigFile.ts';
import { webhookRoute } from '../../exporter/src/http/webhookRoute.ts';
import { GroupCommit } from '../../exporter/src/ingest/groupCommit.ts';
import { selfCounter, selfGauge } from '../../exporter/src/metrics/selfMetrics.ts';
import { DEFAULT_VALUE_LIMITS } from '../../exporter/src/normalise/normaliseEvent.ts';
import { configSchema as githubConfig, withWebUrl } from '../../exporter/src/sources/github/config.ts';
import { githubWebhook } from '../../exporter/src/sources/github/webhook.ts';
import { configSchema as logsConfig } from '../../exporter/src/sources/pino-logs/config.ts';
import { pushedLines } from '../../exporter/src/sources/pino-logs/pushedLines.ts';
import { configSchema as sentryConfig } from '../../exporter/src/sources/sentry/config.ts';
import { sentryWebhook } from '../../exporter/src/sources/sentry/webhook.ts';
import { errorPayload, sentError } from '../contract/sentry/payloads.ts';
import { SECRET, signedWebhook } from '../contract/sentry/sentryBed.ts';
import { openLedger } from '../ledger/ledgerBed.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';

const TOKEN = 'a-token-of-a-viewer-0123456789';
const receivers = {
  hub: githubWebhook(withWebUrl(githubConfig.parse({ api_key: 'k', runs_of: ['agents'], webhook_secret: SECRET }))),
  sentry: sentryWebhook(
    sentryConfig.parse({ auth_token: 't', organization: 'acme', projects: ['bot'], webhook_secret: SECRET }),
  ),
  logs: pushedLines(logsConfig.parse({ webhook_secret: SECRET })),
};
type Source = keyof typeof receivers;

interface Sent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An exporter with basic authentication on, and limits that no right sender reaches unless told so. */
async function openBed(limits: { max?: number; project_max?: number } = {}) {
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  const directory = await temporaryDirectory('web');
  onTestFinished(() => directory.remove());
  const webFile = join(directory.path, 'web.yaml');
  await writeFile(webFile, `basic_auth_users: {prom: "${await bcrypt.hash('s3cret', 4)}"}\n`);
  const log = pino({ level: 'silent' });
  const registry = new Registry();
  const limited = selfCounter(registry, 'fleetlens_rate_limited_total');
  const app = createServer({
    log,
    version: '1.2.3',
    tokens: new TokenRegistry([
      { name: 'v', role: 'viewer', sha256: createHash('sha256').update(TOKEN).digest('hex') },
    ]),
    health: new HealthRegistry({ version: '1.2.3', essential: [] }),
    metricsNeedToken: false,
    webConfig: new WebConfigFile(webFile, (error) => {
      throw error;
    }),
    limits: await RateLimits.open(
      { max: 1_000, project_max: 1_000, window: 3_600_000, redis_port: 6379, ...limits },
      { log, limited, storeUp: selfGauge(registry, 'fleetlens_rate_limit_store_up') },
    ),
  });
  onTestFinished(() => app.close());
  webhookRoute(app, {
    receiverOf: (name) => receivers[name as Source],
    commits: new GroupCommit({ record: (events) => bed.ledger.recordPushed(events), maxQueueBytes: 1_000_000 }),
    counted: selfCounter(registry, 'fleetlens_ingest_events_total'),
    maxBodyBytes: 100_000,
    values: DEFAULT_VALUE_LIMITS,
    keepAside: (letters) => bed.ledger.keepAside(letters),
  });
  app.get('/api/v1/runs', { config: { access: 'read' } }, async () => ({ data: [] }));
  const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
  const url = `http://127.0.0.1:${address?.port}`;
  return {
    async send(source: string, { body, headers }: Sent) {
      const response = await fetch(`${url}/api/v1/webhooks/${source}`, { method: 'POST', body, headers });
      const answer = (await response.json()) as { accepted?: number; error?: { code: string } };
      return { status: response.status, headers: response.headers, ...answer };
    },
    read: async (headers: Record<string, string> = {}) => (await fetch(`${url}/api/v1/runs`, { headers })).status,
    limitedBy: async (layer: string) =>
      (await limited.get()).values.find(({ labels }) => labels.layer === layer)?.value ?? 0,
  };
}

let sequence = 0;
const line = () =>
  JSON.stringify({ level: 50, time: Date.now() - 1_000, msg: `failed ${++sequence}`, repo: 'octo/cli' });
const basic = (password: string) => `Basic ${Buffer.from(`prom:${password}`).toString('base64')}`;
const logs = (authorization: string): Sent => ({ body: line(), headers: { authorization } });
const fromSentry = (changes: object = {}) =>
  signedWebhook(
    'error',
    errorPayload(sentError({ event_id: (++sequence).toString(16).padStart(32, '0'), ...changes })),
  );
async function fromGithub(secret = SECRET): Promise<Sent> {
  const body = JSON.stringify({ zen: `Keep it logically awesome. ${++sequence}` });
  const headers = {
    'x-github-event': 'ping',
    'x-github-delivery': `d${sequence}`,
    'x-hub-signature-256': await sign(secret, body),
  };
  return { body, headers };
}
/** Signed by somebody who guesses the secret: each guess is another one. */
const forged = (): Sent => {
  const { body, headers } = fromSentry();
  return { body, headers: { ...headers, 'sentry-hook-signature': createHash('sha256').update(body).digest('hex') } };
};
const unsigned = ({ body }: Sent): Sent => ({ body, headers: { 'sentry-hook-resource': 'error' } });

describe('with basic authentication on', () => {
  it('a webhook passes by its signature or secret alone, everything else needs a user or a token', async () => {
    const { send, read } = await openBed();
    expect((await send('hub', await fromGithub())).status).toBe(202);
    expect(await send('sentry', fromSentry())).toMatchObject({ status: 200, accepted: 1 });
    expect(await send('logs', logs(`Bearer ${SECRET}`))).toMatchObject({ status: 200, accepted: 1 });
    expect(await send('logs', logs(basic(SECRET)))).toMatchObject({ status: 200, accepted: 1 });
    expect([await read(), await read({ authorization: basic('s3cret') })]).toEqual([401, 200]);
    expect(await read({ authorization: `Bearer ${SECRET}` })).toBe(401);
  });

  it('neither a user of it nor a token stands in for the signature or secret', async () => {
    const { send } = await openBed();
    for (const authorization of [basic('s3cret'), `Bearer ${TOKEN}`]) {
      expect(await send('logs', logs(authorization))).toMatchObject({ status: 401, error: { code: 'token_invalid' } });
      const { body, headers } = unsigned(fromSentry());
      expect(await send('sentry', { body, headers: { ...headers, authorization } })).toMatchObject({
        status: 401,
        error: { code: 'signature_invalid' },
      });
    }
    expect((await send('nobody', fromSentry())).status).toBe(404);
  });
});

describe('wrong signatures and secrets', () => {
  it.each<[string, Source, () => Sent | Promise<Sent>]>([
    ['Sentry', 'sentry', forged],
    ['GitHub', 'hub', () => fromGithub(`guess ${sequence}`)],
    ['a log shipper', 'logs', () => logs(`Bearer guess-${++sequence}`)],
  ])('of %s: after too many different ones nothing of that address is heard', async (_who, source, guess) => {
    const { send, read, limitedBy } = await openBed();
    for (let n = 0; n < 100; n++) expect((await send(source, await guess())).status).toBe(401);
    expect((await send(source, await guess())).status).toBe(429);
    const refused = await send('sentry', fromSentry());
    expect([refused.status, Number(refused.headers.get('retry-after')) > 3_000]).toEqual([429, true]);
    expect(await read({ authorization: `Bearer ${TOKEN}` })).toBe(429);
    expect(await limitedBy('ip')).toBe(3);
  });

  it('one that is sent again and again, or none at all, locks nobody out', async () => {
    const { send } = await openBed();
    const old = forged();
    for (let n = 0; n < 120; n++) {
      expect((await send('sentry', old)).status).toBe(401);
      expect((await send('sentry', unsigned(fromSentry()))).status).toBe(401);
      expect((await send('logs', logs('Bearer the-secret-of-last-year'))).status).toBe(401);
    }
    expect((await send('sentry', fromSentry())).status).toBe(200);
  });
});

describe('the layer of source and project', () => {
  it('counts a webhook for what it is about, and records nothing of one that is too much', async () => {
    const { send, limitedBy } = await openBed({ project_max: 2 });
    const about = (repo: string) => fromSentry({ tags: [['repo', repo]] });
    for (const status of [200, 200, 429]) expect((await send('sentry', about('octo/cli'))).status).toBe(status);
    expect((await send('sentry', about('octo/web'))).headers.get('x-ratelimit-remaining')).toBe('1');
    const [first, second, tooMuch] = [logs(`Bearer ${SECRET}`), logs(`Bearer ${SECRET}`), logs(`Bearer ${SECRET}`)];
    expect([(await send('logs', first)).accepted, (await send('logs', second)).accepted]).toEqual([1, 1]);
    const refused = await send('logs', tooMuch);
    expect([refused.status, refused.error?.code]).toEqual([429, 'too_many_requests']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
    expect(await limitedBy('repo')).toBe(2);
  });

  it('counts what is of no interest for its source, and not who is unknown', async () => {
    const { send } = await openBed({ project_max: 2 });
    for (let n = 0; n < 5; n++) await send('sentry', unsigned(fromSentry()));
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await send('hub', await fromGithub())).status);
    expect(statuses).toEqual([202, 202, 429]);
    expect((await send('sentry', fromSentry())).status).toBe(200);
  });
});

import webhookExamples from '@octokit/webhooks-examples' with { type: 'json' };
import { sign } from '@octokit/webhooks-methods';
import pino from 'pino';
import { Counter, Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TokenRegistry } from '../../../exporter/src/http/auth.ts';
import { createServer } from '../../../exporter/src/http/createServer.ts';
import { HealthRegistry } from '../../../exporter/src/http/healthRegistry.ts';
import { listen } from '../../../exporter/src/http/listen.ts';
import { webhookRoute } from '../../../exporter/src/http/webhookRoute.ts';
import { GroupCommit } from '../../../exporter/src/ingest/groupCommit.ts';
import { LedgerUnavailable } from '../../../exporter/src/ledger/ledgerErrors.ts';
import { DEFAULT_VALUE_LIMITS } from '../../../exporter/src/normalise/normaliseEvent.ts';
import { configSchema } from '../../../exporter/src/sources/github/config.ts';
import { github } from '../../../exporter/src/sources/github/github.ts';
import type { WebhookReceiver } from '../../../exporter/src/sources/source.ts';
import { event, openLedger, recordsOf, totalOf } from '../../ledger/ledgerBed.ts';

const SECRET = 'a-secret-that-nobody-guesses';
const MAX_BODY = 200_000;
// biome-ignore lint/suspicious/noExplicitAny: GitHub's own payloads, changed here and there.
type Payload = any;
// The package's types are those of a module with a default export; its file is the JSON itself.
const examples = webhookExamples as unknown as readonly {
  readonly name: string;
  readonly examples: readonly Payload[];
}[];

/** GitHub's own payload of an event, the first that fits. */
function example(name: string, fits: (payload: Payload) => boolean = () => true): Payload {
  const found = examples.find((e) => e.name === name)?.examples.find(fits);
  if (found === undefined) throw new Error(`@octokit/webhooks-examples has no such ${name}`);
  return structuredClone(found);
}

/** As of now: GitHub's payloads are of 2019, and older than an event may be. */
const ago = (seconds: number) =>
  new Date(Math.floor(Date.now() / 1000 - seconds) * 1000).toISOString().replace('.000', '');

async function webhookBed(options: { receiver?: WebhookReceiver; config?: object } = {}) {
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  const log = pino({ level: 'silent' });
  const config = configSchema.parse({
    api_key: 'token',
    runs_of: ['agents'],
    webhook_secret: SECRET,
    ...options.config,
  });
  const receiver = options.receiver ?? github.webhook?.('hub', config, log);
  const counted = new Counter({
    name: 'fleetlens_ingest_events_total',
    help: '-',
    labelNames: ['source', 'result'],
    registers: [new Registry()],
  });
  let broken = false;
  const commits = new GroupCommit({
    record: async (events) => {
      if (broken) throw new LedgerUnavailable('ledger: the database cannot take the write');
      return await bed.ledger.recordPushed(events);
    },
    maxQueueBytes: 1_000_000,
  });
  const app = createServer({
    log,
    version: '1.2.3',
    tokens: new TokenRegistry([]),
    health: new HealthRegistry({ version: '1.2.3', essential: [] }),
    metricsNeedToken: false,
  });
  webhookRoute(app, {
    receiverOf: (name) => (name === 'hub' ? receiver : undefined),
    commits,
    counted,
    maxBodyBytes: MAX_BODY,
    values: DEFAULT_VALUE_LIMITS,
    keepAside: (letters) => bed.ledger.keepAside(letters),
  });
  const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
  onTestFinished(() => app.close());
  const url = `http://127.0.0.1:${address?.port}/api/v1/webhooks/`;
  let deliveries = 0;
  const post = async (body: string, headers: Record<string, string>, source = 'hub') => {
    const response = await fetch(url + source, { method: 'POST', body, headers });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Payload };
  };
  return {
    ...bed,
    post,
    breakLedger: () => {
      broken = true;
    },
    mendLedger: () => {
      broken = false;
    },
    count: async (result: string) => (await counted.get()).values.find(({ labels }) => labels.result === result)?.value,
    async deliver(name: string, payload: Payload, delivery = `delivery-${++deliveries}`) {
      const body = JSON.stringify(payload);
      return await post(body, {
        'content-type': 'application/json',
        'x-github-event': name,
        'x-github-delivery': delivery,
        'x-hub-signature-256': await sign(SECRET, body),
      });
    },
    /** A run of the pull request that GitHub's payloads are about. */
    async openRun(url: string, source = 'agents') {
      const at = ago(600);
      await bed.ledger.recordPushed([
        event(
          `open ${source}`,
          'run',
          at,
          {
            runId: 'run',
            project: 'p',
            status: 'succeeded',
            finishedAt: at,
            pullRequest: { url, number: 2, status: 'created' },
          },
          source,
        ),
      ]);
    },
    async run() {
      const [row] = await bed.query<{ doc: Payload }>(`select doc from fleetlens.run where source = 'agents'`);
      return row?.doc;
    },
  };
}

const PAGE = 'https://github.com/Codertocat/Hello-World/pull/2';

function checkRunDone(conclusion = 'success', id = 128620228) {
  const payload = example('check_run', (p) => p.action === 'completed');
  Object.assign(payload.check_run, {
    id,
    status: 'completed',
    conclusion,
    completed_at: ago(60),
    started_at: ago(120),
  });
  return payload;
}

describe('GitHub’s webhooks', () => {
  it('check_run: the check, and what all checks come to', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    const payload = checkRunDone();
    expect(await bed.deliver('check_run', payload)).toMatchObject({
      status: 200,
      body: { accepted: 1, duplicates: 0, rejected: [] },
    });
    expect((await bed.run()).ci).toEqual({
      headSha: payload.check_run.head_sha,
      status: 'passing',
      checkedAt: expect.stringMatching(/\.999Z$/),
      checks: [
        {
          id: payload.check_run.id,
          name: payload.check_run.name,
          status: 'completed',
          conclusion: 'success',
          url: payload.check_run.html_url,
          suiteId: payload.check_run.check_suite.id,
          app: payload.check_run.app.slug,
          startedAt: payload.check_run.started_at,
          completedAt: payload.check_run.completed_at,
        },
      ],
    });
    expect(await totalOf(bed, 'fleet_ci_checks_finished_total')).toBe(1);
    await bed.deliver('check_run', checkRunDone('failure', 128620229));
    expect((await bed.run()).ci).toMatchObject({ status: 'failing', checks: [{ id: 128620229 }] });
  });

  it('check_suite and workflow_run: that checks are to come, or that they could not start', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    await bed.deliver('check_run', checkRunDone());
    for (const [name, seconds] of [
      ['check_suite', 40],
      ['workflow_run', 20],
    ] as const) {
      const of = (status: string, conclusion: string | null, at: number) => {
        const payload = example(name, (p) => p[name].pull_requests.length > 0);
        const { head_sha } = checkRunDone().check_run;
        const [pull] = example('check_suite', (p) => p.check_suite.pull_requests.length > 0).check_suite.pull_requests;
        payload.repository.full_name = 'Codertocat/Hello-World';
        payload.repository.id = pull.base.repo.id;
        Object.assign(payload[name], {
          status,
          conclusion,
          head_sha,
          updated_at: ago(at),
          pull_requests: [{ ...pull, head: { ...pull.head, sha: head_sha } }],
        });
        return payload;
      };
      await bed.deliver(name, of('in_progress', null, seconds));
      expect((await bed.run()).ci, name).toMatchObject({ status: 'pending', checks: [{ conclusion: 'success' }] });
      await bed.deliver(name, of('completed', 'success', seconds - 5));
      expect((await bed.run()).ci, name).toMatchObject({ status: 'passing' });
      await bed.deliver(name, of('completed', name === 'check_suite' ? 'timed_out' : 'startup_failure', seconds - 10));
      expect((await bed.run()).ci, name).toMatchObject({ status: 'failing' });
    }
  });

  it('pull_request: opened, pushed to, closed, merged, reopened', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    const of = (action: string, at: number, changes: object = {}) => {
      const payload = example('pull_request', (p) => p.action === 'opened' && p.pull_request.html_url === PAGE);
      Object.assign(payload, { action });
      Object.assign(payload.pull_request, { updated_at: ago(at), created_at: ago(1_000), ...changes });
      return payload;
    };
    await bed.deliver('check_run', checkRunDone('failure'));
    const head = (await bed.run()).ci.headSha;
    await bed.deliver('pull_request', of('opened', 50));
    expect((await bed.run()).pullRequest).toEqual({
      url: PAGE,
      number: 2,
      status: 'created',
      draft: false,
      createdAt: expect.any(String),
    });
    expect((await bed.run()).ci).toMatchObject({ headSha: head, checks: [{ conclusion: 'failure' }] });
    await bed.deliver('pull_request', of('synchronize', 45, { head: { sha: 'b'.repeat(40) } }));
    expect((await bed.run()).ci).toEqual({ headSha: 'b'.repeat(40), checks: [], checkedAt: expect.any(String) });
    await bed.deliver('pull_request', of('closed', 40, { state: 'closed', closed_at: ago(40) }));
    expect((await bed.run()).pullRequest).toMatchObject({ status: 'closed' });
    await bed.deliver('pull_request', of('reopened', 30));
    expect((await bed.run()).pullRequest).toMatchObject({ status: 'created' });
    await bed.deliver('pull_request', of('closed', 20, { state: 'closed', closed_at: ago(20), merged_at: ago(20) }));
    expect((await bed.run()).pullRequest).toMatchObject({ status: 'merged', mergedAt: expect.any(String) });
    expect(await totalOf(bed, 'fleet_pull_request_merge_seconds')).toBe(1);
  });

  it('every payload of GitHub’s own examples is answered', async () => {
    const bed = await webhookBed();
    for (const { name, examples: payloads } of examples) {
      for (const payload of payloads) {
        const { status, body } = await bed.deliver(name, payload);
        const known = ['check_run', 'check_suite', 'workflow_run', 'pull_request'].includes(name);
        expect([200, 202], `${name}: ${JSON.stringify(body)}`).toContain(status);
        if (!known) expect(status, name).toBe(202);
      }
    }
    expect(await recordsOf(bed)).toEqual({});
  });

  it('delivered again is a duplicate; the same delivery with another body changes nothing', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    const payload = checkRunDone();
    await bed.deliver('check_run', payload, 'd1');
    const records = await recordsOf(bed);
    expect((await bed.deliver('check_run', payload, 'd1')).body).toEqual({ accepted: 0, duplicates: 1, rejected: [] });
    payload.check_run.conclusion = 'failure';
    expect((await bed.deliver('check_run', payload, 'd1')).body).toMatchObject({
      accepted: 0,
      rejected: [{ reason: expect.stringMatching(/^conflict/) }],
    });
    expect(await recordsOf(bed)).toEqual(records);
    expect([await bed.count('accepted'), await bed.count('duplicate'), await bed.count('conflict')]).toEqual([1, 1, 1]);
  });

  it('adds to runs of the sources it may, of the repositories it may', async () => {
    const bed = await webhookBed({ config: { runs_of: ['others'] } });
    await bed.openRun(PAGE);
    await bed.deliver('check_run', checkRunDone());
    expect((await bed.run()).ci).toBeUndefined();
    const only = await webhookBed({ config: { repositories: ['acme/app'] } });
    expect((await only.deliver('check_run', checkRunDone())).status).toBe(202);
  });

  it('a check of an older commit than the pull request’s is passed over', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    const payload = checkRunDone();
    payload.check_run.pull_requests[0].head.sha = 'c'.repeat(40);
    expect((await bed.deliver('check_run', payload)).status).toBe(202);
    expect((await bed.run()).ci).toBeUndefined();
  });

  it('comes as a form as well', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    const body = new URLSearchParams({ payload: JSON.stringify(checkRunDone()) }).toString();
    const answer = await bed.post(body, {
      'content-type': 'application/x-www-form-urlencoded',
      'x-github-event': 'check_run',
      'x-github-delivery': 'd',
      'x-hub-signature-256': await sign(SECRET, body),
    });
    expect(answer).toMatchObject({ status: 200, body: { accepted: 1 } });
  });
});

describe('who is refused', () => {
  const body = JSON.stringify(checkRunDone());
  const headers = async (changes: Record<string, string | undefined>) => {
    const all = {
      'content-type': 'application/json',
      'x-github-event': 'check_run',
      'x-github-delivery': 'd',
      'x-hub-signature-256': await sign(SECRET, body),
      ...changes,
    };
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  };

  it.each<[string, () => Promise<Record<string, string>>]>([
    ['no signature', () => headers({ 'x-hub-signature-256': undefined })],
    ['an empty one', () => headers({ 'x-hub-signature-256': '' })],
    ['one of another secret', async () => headers({ 'x-hub-signature-256': await sign('another secret', body) })],
    ['one of another body', async () => headers({ 'x-hub-signature-256': await sign(SECRET, `${body} `) })],
    ['one of another length', () => headers({ 'x-hub-signature-256': 'sha256=00' })],
    ['the old SHA-1 alone', () => headers({ 'x-hub-signature-256': undefined, 'x-hub-signature': 'sha1=00' })],
  ])('%s: 401, and nothing is read of it', async (_what, make) => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    const before = await recordsOf(bed);
    expect(await bed.post(body, await make())).toMatchObject({
      status: 401,
      body: { error: { code: 'signature_invalid' } },
    });
    expect(await recordsOf(bed)).toEqual(before);
    expect(await bed.count('rejected')).toBe(1);
  });

  it('a signed body that is no JSON or no such event, and a request without GitHub’s headers', async () => {
    const bed = await webhookBed();
    const signed = async (text: string, changes: Record<string, string | undefined> = {}) =>
      await bed.post(text, { ...(await headers(changes)), 'x-hub-signature-256': await sign(SECRET, text) });
    expect(await signed('{')).toMatchObject({ status: 400 });
    expect(await signed('{"check_run":{}}')).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('check_run.') } },
    });
    expect(await signed(body, { 'x-github-delivery': undefined })).toMatchObject({ status: 400 });
    expect(await signed(body, { 'x-github-event': undefined })).toMatchObject({ status: 400 });
  });

  it('a source that is not there or takes no webhooks: 404', async () => {
    const bed = await webhookBed();
    expect(await bed.post(body, await headers({}), 'nobody')).toMatchObject({ status: 404 });
    const silent = github.webhook?.(
      'hub',
      configSchema.parse({ api_key: 't', runs_of: ['a'] }),
      pino({ level: 'silent' }),
    );
    expect(silent).toBeUndefined();
  });

  it('a body that is too large: 413', async () => {
    const bed = await webhookBed();
    const large = 'x'.repeat(MAX_BODY + 1);
    expect(await bed.post(large, await headers({}))).toMatchObject({ status: 413 });
  });

  it('a ledger that cannot write: 503 with Retry-After, and the delivery works later', async () => {
    const bed = await webhookBed();
    await bed.openRun(PAGE);
    bed.breakLedger();
    const answer = await bed.deliver('check_run', checkRunDone(), 'd1');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await bed.count('refused')).toBe(1);
    bed.mendLedger();
    expect(await bed.deliver('check_run', checkRunDone(), 'd1')).toMatchObject({ status: 200, body: { accepted: 1 } });
  });
});

it('a source type that sends records of its own has them recorded as its own', async () => {
  const receiver: WebhookReceiver = {
    receive: async ({ body }) => ({
      events: [
        { id: 'e1', kind: 'errorGroup', at: ago(5), data: { fingerprint: body.toString(), kind: 'new' } },
        { id: 'e2', kind: 'errorGroup', at: ago(5), data: {} },
      ],
    }),
  };
  const bed = await webhookBed({ receiver });
  expect(await bed.post('f1', { 'content-type': 'text/x-any' })).toMatchObject({
    status: 200,
    body: { accepted: 1, duplicates: 0, rejected: [{ index: 1, id: 'e2' }] },
  });
  expect(await bed.query('select source, key from fleetlens.error_group')).toEqual([{ source: 'hub', key: 'f1' }]);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { withClient } from '../support/ledgerContents.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhookReceiver.ts';

const INGEST = 'ingest-token-for-tests';
const VIEWER = 'viewer-token-for-tests';
const TEAM = 'team-token-for-the-tests';
const ADMIN = 'admin-token-for-the-tests';
const CHANNEL = '#codecourier-budget';

let database: TestDatabase;
let receiver: WebhookReceiver;
let first: ExporterProcess;
let second: ExporterProcess;
let config: Record<string, unknown>;
let files: TemporaryDirectory;
let sequence = 0;

const cost = (project: string, costUsd: number, data: Record<string, unknown> = {}): PushedEvent => {
  const id = `usage-${++sequence}`;
  const at = new Date().toISOString();
  return { id, source: 'cc', kind: 'usage', at, data: { usageId: id, project, costUsd, ...data } };
};

async function read<T>(exporter: ExporterProcess, path: string, token = VIEWER): Promise<{ status: number; body: T }> {
  const response = await fetch(exporter.url + path, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: (await response.json()) as T };
}

interface Gate {
  allowed: boolean;
  state: string;
  blockedBy: { budget: string; subject: string; since: string }[];
  message?: string;
  contact?: string;
  advisory: boolean;
}
const gate = async (exporter: ExporterProcess, query: string) =>
  (await read<Gate>(exporter, `/api/v1/gate?${query}`)).body;

async function act(exporter: ExporterProcess, body: object, token = ADMIN) {
  const response = await fetch(`${exporter.url}/api/v1/actions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
}

/** Webhooks that were taken, once for each key: what a receiver that knows the key acts on. */
const taken = (path: string, subject: string) => {
  const keys = new Set<string>();
  return receiver.received.filter((request) => {
    const key = request.headers['idempotency-key'] as string;
    if (request.status !== 200 || !request.path.startsWith(path) || keys.has(key)) return false;
    keys.add(key);
    return JSON.stringify(request.body).includes(subject);
  });
};

const pauses = async (project: string) =>
  withClient(database.connectionString, async (client) => {
    const { rows } = await client.query('select from fleetlens.budget_pause where subject = $1', [project]);
    return rows.length;
  });

const budgetLines = async (exporter: ExporterProcess) =>
  Object.fromEntries(
    [...parseExposition(await exporter.scrape())].filter(([name]) => name.startsWith('fleet_budget_')),
  );

beforeAll(async () => {
  database = await migratedDatabase();
  receiver = await startWebhookReceiver();
  files = await temporaryDirectory('budgets');
  const slackUrl = join(files.path, 'slack-url');
  await writeFile(slackUrl, `${receiver.url}/slack\n`, { mode: 0o600 });
  config = {
    ledger: { database_url: database.connectionString, settle_after: '0s' },
    tokens: [
      { name: 'ci', role: 'ingest', token: INGEST },
      { name: 'reader', role: 'viewer', token: VIEWER },
      { name: 'team', role: 'viewer', token: TEAM, projects: ['ours'] },
      { name: 'ann', role: 'admin', token: ADMIN },
    ],
    rate_limit: { max: 1_000_000 },
    sources: [
      {
        name: 'launcher',
        type: 'pino-logs',

        path: files.path,
        pause: { url: `${receiver.url}/pause/{scope}/{subject}?do={action}`, method: 'PUT', bearer_token: 'let-me-in' },
      },
    ],
    budgets: {
      workspace_monthly_usd: 5_000,
      per_repo_daily_usd: 200,
      per_persona_run_usd: 25,
      notify: [{ name: 'codecourier-budget', slack_webhook_url_file: slackUrl }],
      contact: '#platform-admins',
    },
    actions_on_exceed: [
      `notify slack channel ${CHANNEL}`,
      'pause new sessions on the affected scope',
      'require admin acknowledge to resume',
    ],
  };
});

afterAll(async () => {
  await first?.stop();
  await second?.stop();
  await receiver?.close();
  await files?.remove();
  await database?.drop();
});

describe('two replicas with the budgets of the handbook', () => {
  beforeAll(async () => {
    first = await startExporter({ config });
    second = await startExporter({ config });
  });

  it('200 costs at once that cross a budget pause it once and tell once, though a replica is killed meanwhile', async () => {
    const events = Array.from({ length: 200 }, () => cost('shop', 1.5));
    const push = async (exporter: ExporterProcess, event: PushedEvent): Promise<void> => {
      // A sender that gets no answer sends again, here to the replica that is left.
      const answer = await pushEvents(exporter.url, INGEST, [event]).catch(() => undefined);
      if (answer?.status !== 200) await pushEvents(second.url, INGEST, [event]);
    };
    const pushing = Promise.all(events.map((event, i) => push(i % 2 === 0 ? first : second, event)));
    await first.kill('SIGKILL');
    await pushing;
    for (const event of events) expect((await pushEvents(second.url, INGEST, [event])).duplicates).toBe(1);
    await waitFor(() => taken('/slack', 'shop').length > 0 && taken('/pause', 'shop').length > 0, {
      what: 'the replica that is left to lead and to tell',
    });
    await first.restart();
    expect(await pauses('shop')).toBe(1);
    expect(taken('/slack', 'shop')).toHaveLength(1);
    const [pause, ...more] = taken('/pause', 'shop');
    expect(more).toEqual([]);
    expect(pause).toMatchObject({
      method: 'PUT',
      path: '/pause/repo_daily/shop?do=pause',
      body: {
        action: 'pause',
        budget: 'per_repo_daily_usd',
        scope: 'repo_daily',
        subject: 'shop',
        limitUsd: 200,
        spentUsd: expect.any(Number),
      },
    });
    expect(pause?.headers.authorization).toBe('Bearer let-me-in');
    expect(taken('/slack', 'shop')[0]?.body.text).toMatch(
      /^Repository \*shop\* has spent \$[23]\d\d\.\d\d of \$200\.00 today: budget `per_repo_daily_usd` is used up\. New sessions are paused until an admin acknowledges\. Ask: #platform-admins\.$/,
    );
  });

  it('both tell launchers, people and Prometheus the same', async () => {
    for (const exporter of [first, second]) {
      const answer = await waitFor(
        async () => {
          const found = await gate(exporter, 'project=shop&persona=coder');
          return found.state === 'paused' ? found : undefined;
        },
        { what: 'the gate to know' },
      );
      expect(answer).toMatchObject({
        allowed: false,
        blockedBy: [{ budget: 'per_repo_daily_usd', scope: 'repo_daily', subject: 'shop', since: expect.any(String) }],
        message: expect.stringContaining('ask #platform-admins'),
        advisory: false,
      });
      expect(await gate(exporter, 'project=other')).toMatchObject({ allowed: true, state: 'open', blockedBy: [] });
    }
    const lines = await budgetLines(first);
    expect(await budgetLines(second)).toEqual(lines);
    const of = (family: string, labels: string) => lines[`${family}{${labels}}`];
    const repo = 'budget="per_repo_daily_usd",scope="repo_daily",subject="shop"';
    const workspace = 'budget="workspace_monthly_usd",scope="workspace_monthly",subject="workspace"';
    expect(of('fleet_budget_limit_usd', repo)).toBe(200);
    expect(of('fleet_budget_spent_usd', repo)).toBe(300);
    expect(of('fleet_budget_paused', repo)).toBe(1);
    expect(of('fleet_budget_paused', workspace)).toBe(0);
    const now = new Date();
    expect(of('fleet_budget_window_end_timestamp_seconds', workspace)).toBe(
      Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) / 1000,
    );
    expect((await read(first, '/api/v1/budgets')).body).toMatchObject({
      timeZone: 'UTC',
      advisory: false,
      contact: '#platform-admins',
      data: [
        { budget: 'workspace_monthly_usd', subject: 'workspace', limitUsd: 5_000, spentUsd: 300, paused: false },
        { budget: 'per_repo_daily_usd', subject: 'shop', limitUsd: 200, spentUsd: 300, paused: true },
      ],
    });
  });

  it('who sees one project sees its budget alone, and may ask for it alone', async () => {
    await pushEvents(first.url, INGEST, [cost('ours', 1)]);
    const { body } = await read<{ data: { subject: string }[] }>(first, '/api/v1/budgets', TEAM);
    expect(body.data.map(({ subject }) => subject)).toEqual(['ours']);
    expect((await read(first, '/api/v1/gate?project=shop', TEAM)).status).toBe(403);
    expect((await read(first, '/api/v1/gate?project=ours', TEAM)).status).toBe(200);
    expect((await read(first, '/api/v1/gate?repo=ours')).status).toBe(400);
  });

  it('an admin resumes it with a raised cap; it pauses again at that', async () => {
    const input = { action: 'acknowledge_budget', budget: 'per_repo_daily_usd', subject: 'shop', reason: 'release' };
    expect((await act(first, input, VIEWER)).status).toBe(403);
    expect((await act(first, { ...input, raiseToUsd: 250 })).body).toMatchObject({
      error: { message: 'raiseToUsd: found 250, expected more than 300, what is spent already' },
    });
    expect(await act(second, { ...input, raiseToUsd: 310 })).toMatchObject({
      status: 200,
      body: { budget: { subject: 'shop', acknowledgedBy: 'ann', raisedToUsd: 310, spentUsd: 300 } },
    });
    for (const exporter of [first, second])
      await waitFor(async () => (await gate(exporter, 'project=shop')).allowed, { what: 'the gate to open' });
    await waitFor(() => taken('/pause', 'shop').length === 2, { what: 'the source to be told' });
    expect(taken('/pause', 'shop')[1]).toMatchObject({
      path: '/pause/repo_daily/shop?do=resume',
      body: { action: 'resume', acknowledgedBy: 'ann', reason: 'release', raisedToUsd: 310 },
    });
    await pushEvents(first.url, INGEST, [cost('shop', 10)]);
    await waitFor(async () => !(await gate(second, 'project=shop')).allowed, { what: 'the gate to close again' });
    expect((await act(second, input)).status).toBe(200);
    expect(await pauses('shop')).toBe(2);
    const audit = await read<{ data: { actor: string; target: string }[] }>(
      first,
      '/api/v1/audit?action=budget_acknowledge',
      ADMIN,
    );
    expect(audit.body.data).toMatchObject([
      { actor: 'ann', target: 'per_repo_daily_usd of shop' },
      { actor: 'ann', target: 'per_repo_daily_usd of shop' },
    ]);
  });

  it('a receiver that fails, is slow or asks to wait is told in the end, once; another one is not held up', async () => {
    receiver.answerNext(
      { status: 500 },
      { status: 500 },
      { status: 429, headers: { 'retry-after': '2' } },
      { status: 429, headers: { 'retry-after': '2' } },
      { status: 200, afterMs: 500 },
    );
    await pushEvents(first.url, INGEST, [cost('flaky', 200)]);
    await waitFor(() => taken('/slack', 'flaky').length === 1 && taken('/pause', 'flaky').length === 1, {
      what: 'both to be told',
    });
    const limited = receiver.received.filter((r) => r.status === 429);
    expect(limited).toHaveLength(2);
    for (const { atMs, headers } of limited) {
      const again = receiver.received.find(
        (r) => r.atMs > atMs && r.headers['idempotency-key'] === headers['idempotency-key'],
      );
      expect((again?.atMs ?? 0) - atMs).toBeGreaterThanOrEqual(1_900);
    }
  });

  it('a reload changes limits at once, and a limit of 0 is none', async () => {
    await pushEvents(first.url, INGEST, [cost('cheap', 7)]);
    const budgets = config.budgets as object;
    for (const exporter of [first, second]) {
      await exporter.writeConfig({
        ...config,
        budgets: { ...budgets, per_repo_daily_usd: 5, workspace_monthly_usd: 0 },
      });
      process.kill(exporter.pid(), 'SIGHUP');
    }
    await waitFor(async () => !(await gate(first, 'project=cheap')).allowed, { what: 'the lower limit to count' });
    const lines = Object.keys(await budgetLines(first));
    expect(lines.filter((line) => line.includes('workspace'))).toEqual([]);
    expect(await pauses('cheap')).toBe(1);
  });
});

describe('a ledger that does not answer', () => {
  it.each(['closed', 'open'] as const)('the gate fails %s', async (fail) => {
    const budgets = { per_repo_daily_usd: 5, gate: { fail } };
    const url = new URL(database.connectionString);
    url.port = '1';
    const exporter = await startExporter({
      config: { ...config, sources: [], actions_on_exceed: [], budgets, ledger: { database_url: url.href } },
      waitForLedger: false,
    });
    try {
      expect(await gate(exporter, 'project=shop')).toMatchObject({
        allowed: fail === 'open',
        state: 'unknown',
        message: expect.stringContaining(`budgets.gate.fail is ${fail}`),
        advisory: true,
      });
    } finally {
      await exporter.stop();
    }
  });
});

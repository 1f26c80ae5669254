import { sign } from '@octokit/webhooks-methods';
import { expect, it, onTestFinished } from 'vitest';
import { startExporter } from '../../support/exporterProcess.ts';
import { rollupTotal } from '../../support/ledgerContents.ts';
import { migratedDatabase } from '../../support/postgres.ts';
import { pushEvents } from '../../support/pushEvents.ts';
import { waitFor } from '../../support/waitFor.ts';
import { pageUrl } from './githubBed.ts';
import { GithubServer } from './githubServer.ts';

const INGEST = 'ingest-token-of-the-tests';
const SECRET = 'webhook-secret-of-the-tests';

it('the exporter polls GitHub, takes its webhooks, and tells a revoked token', async () => {
  const hub = await GithubServer.start();
  onTestFinished(() => hub.stop());
  const database = await migratedDatabase();
  onTestFinished(() => database.drop());
  const exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      tokens: [{ name: 'ci', role: 'ingest', token: INGEST, sources: ['agents'] }],
      sources: [
        {
          name: 'hub',
          type: 'github',
          api_key: hub.token,
          base_url: hub.url,
          web_url: 'https://github.com',
          runs_of: ['agents'],
          webhook_secret: SECRET,
          poll_interval: '1s',
        },
      ],
    },
  });
  onTestFinished(() => exporter.stop());
  const sample = async (series: string) => {
    const line = (await exporter.scrape()).split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  const reaches = (series: string, value: number) =>
    waitFor(async () => (await sample(series)) === value, { what: `${series} to be ${value}` });

  const pull = hub.open(7, { checks: [{ id: 1, name: 'build', status: 'in_progress', conclusion: null }] });
  const now = () => new Date().toISOString();
  const run = { runId: 'r7', project: 'acme', status: 'running', createdAt: now(), startedAt: now() };
  const data = { ...run, pullRequest: { url: pageUrl(7), number: 7, status: 'created' } };
  await pushEvents(exporter.url, INGEST, [{ id: 'e1', source: 'agents', kind: 'run', at: now(), data }]);
  await reaches('fleet_ci_status{source="agents",project="acme",status="pending"}', 1);
  expect(await sample('fleetlens_source_up{source="hub"}')).toBe(1);
  expect(await sample('fleetlens_source_quota_remaining{source="hub"}')).toBeLessThan(5_000);

  // GitHub's API knows of the end of the check only later: what the webhook says stands meanwhile.
  const body = JSON.stringify({
    action: 'completed',
    check_run: {
      id: 1,
      name: 'build',
      head_sha: pull.headSha,
      status: 'completed',
      conclusion: 'failure',
      html_url: 'https://github.com/acme/app/runs/1',
      started_at: now(),
      completed_at: now(),
      check_suite: { id: 5 },
      app: { slug: 'octoapp' },
      pull_requests: [{ number: 7, head: { sha: pull.headSha }, base: { repo: { id: 1 } } }],
    },
    repository: { id: 1, full_name: 'acme/app' },
  });
  pull.checks = [{ id: 1, name: 'build', status: 'completed', conclusion: 'failure' }];
  const deliver = async () => {
    const response = await fetch(`${exporter.url}/api/v1/webhooks/hub`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'check_run',
        'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        'x-hub-signature-256': await sign(SECRET, body),
      },
    });
    return { status: response.status, body: await response.json() };
  };
  expect(await deliver()).toEqual({ status: 200, body: { accepted: 1, duplicates: 0, rejected: [] } });
  await reaches('fleet_ci_status{source="agents",project="acme",status="failing"}', 1);
  expect(await deliver()).toMatchObject({ body: { duplicates: 1 } });
  // What the webhook counted the polls that follow do not count again.
  const counted = () => rollupTotal(database.connectionString, 'fleet_ci_checks_finished_total');
  hub.take();
  await waitFor(() => hub.seen.filter(({ path }) => path.endsWith('/status')).length >= 2, {
    what: 'two further polls',
  });
  expect(await counted()).toBe(1);
  expect(await sample('fleetlens_ingest_events_total{source="hub",result="accepted"}')).toBe(1);

  const { token } = hub;
  hub.token = 'another';
  await reaches('fleetlens_source_up{source="hub"}', 0);
  expect(await sample('fleetlens_source_requests_total{source="hub",result="auth"}')).toBeGreaterThan(0);
  expect(await counted()).toBe(1);
  expect(exporter.logs()).not.toContain(token);
  expect(exporter.logs()).not.toContain(SECRET);
});

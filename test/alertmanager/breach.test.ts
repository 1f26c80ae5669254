import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AlertmanagerServer, startAlertmanager } from '../support/alertmanager.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhookReceiver.ts';

const TOKEN = 'ingest-token-for-tests';
const RULES = fileURLToPath(new URL('../../provisioning/prometheus/rules', import.meta.url));

let database: TestDatabase;
let exporter: ExporterProcess;
let prometheus: PrometheusServer;
let alertmanager: AlertmanagerServer;
let channel: WebhookReceiver;
let onCall: WebhookReceiver;

/** The shipped rules, Alertmanager and its routes; addresses and intervals (1 s) are the test's. */
beforeAll(async () => {
  database = await freshDatabase();
  [channel, onCall] = await Promise.all([startWebhookReceiver(), startWebhookReceiver()]);
  const names = (await readdir(RULES)).filter((name) => name.endsWith('.yml'));
  const files = names.map(async (name) => [name, await readFile(join(RULES, name), 'utf8')] as const);
  [exporter, alertmanager] = await Promise.all([
    startExporter({
      config: {
        ledger: { database_url: database.connectionString },
        tokens: [{ name: 'test', role: 'ingest', token: TOKEN }],
        budgets: { per_repo_daily_usd: 200 },
      },
    }),
    startAlertmanager({ urlOf: (receiver) => (receiver === 'slack-budget' ? channel : onCall).url }),
  ]);
  prometheus = await startPrometheus({
    targets: [exporter.url],
    ruleFiles: Object.fromEntries(await Promise.all(files)),
    config: { alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager.url).host] }] }] } },
  });
  // Targets and Alertmanagers are found some seconds after the start.
  await waitFor(async () => (await prometheus.query('up{job="fleetlens"} == 1')).length, { what: 'the first scrape' });
  await waitFor(
    async () => {
      const answer = await (await fetch(`${prometheus.url}/api/v1/alertmanagers`)).json();
      return (answer as { data: { activeAlertmanagers: unknown[] } }).data.activeAlertmanagers.length;
    },
    { what: 'Prometheus to know Alertmanager' },
  );
});

afterAll(async () => {
  await prometheus?.stop();
  await alertmanager?.stop();
  await exporter?.stop();
  await channel?.close();
  await onCall?.close();
  await database?.drop();
});

let spent = 0;
async function spend(project: string, costUsd: number): Promise<number> {
  const id = `usage-${++spent}`;
  const data = { usageId: id, project, costUsd, service: 'anthropic' };
  const at = new Date().toISOString();
  const atMs = Date.now();
  const answer = await pushEvents(exporter.url, TOKEN, [{ id, source: 'platform', kind: 'usage', at, data }]);
  expect(answer.accepted).toBe(1);
  return atMs;
}

it('a budget that is exceeded reaches its channel and on-call', async () => {
  await spend('innocent', 100);
  const delays: number[] = [];
  for (const project of ['web', 'app', 'api']) {
    const atMs = await spend(project, 250);
    const message = (receiver: WebhookReceiver, path: string) =>
      receiver.received.find(
        (one) => one.path === path && JSON.stringify(one.body).includes(`of ${project} is exceeded`),
      );
    const [inChannel, atOnCall] = await waitFor(
      () => {
        const both = [message(channel, '/slack/slack-budget'), message(onCall, '/pagerduty')] as const;
        return both[0] !== undefined && both[1] !== undefined ? ([both[0], both[1]] as const) : undefined;
      },
      { what: `the page about ${project}` },
    );
    delays.push(Math.max(inChannel.atMs, atOnCall.atMs) - atMs);
    expect(JSON.stringify(inChannel.body)).toContain('250.00 of 200.00 USD');
    expect(JSON.stringify(atOnCall.body)).toContain('#fleetbudgetexceeded');
  }
  console.log(`breach to both receivers: ${delays.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(', ')}`);
  const all = [...channel.received, ...onCall.received].map(({ body }) => JSON.stringify(body)).join('\n');
  expect(all).not.toContain('innocent');
  // Inhibited: what is exceeded is also nearly spent.
  expect(all).not.toContain('FleetBudgetNearLimit');
});

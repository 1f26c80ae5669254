import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AlertmanagerServer, type PostedAlert, SECRET, startAlertmanager } from '../support/alertmanager.ts';
import { waitFor } from '../support/waitFor.ts';
import { type ReceivedRequest, startWebhookReceiver, type WebhookReceiver } from '../support/webhookReceiver.ts';

let receiver: WebhookReceiver;
let alertmanager: AlertmanagerServer;
let sequence = 0;
/** Alerts of one test have a source of their own. */
let source: string;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  alertmanager = await startAlertmanager({ urlOf: () => receiver.url, externalUrl: 'https://alerts.example.com/am' });
});
afterAll(async () => {
  await alertmanager?.stop();
  await receiver?.close();
});
beforeEach(() => {
  source = `source-${++sequence}`;
});

const about = (path: string, text: string) =>
  receiver.received.filter((one) => one.path.startsWith(path) && JSON.stringify(one.body).includes(text));
const told = async (path: string, text = source): Promise<ReceivedRequest> => {
  const [first] = await waitFor(() => about(path, text), { what: `a message about ${text} at ${path}` });
  return first as ReceivedRequest;
};
const alert = (
  alertname: string,
  severity: string,
  labels: Record<string, string> = {},
  annotations = {},
): PostedAlert => ({
  labels: { alertname, severity, source, ...labels },
  annotations: {
    summary: `A run of fix on web (${source}) has been running for 3h`,
    description: 'Sessions longer than 2h almost always come of a misconfigured workflow.',
    runbook_url: 'https://wiki.example.com/runbook#fleetrunstuck',
    dashboard_url: `https://grafana.example.com/d/fleetlens-runs?var-source=${source}&var-project=web`,
    ...annotations,
  },
  startsAt: '2026-11-21T10:00:00Z',
});
interface SlackMessage {
  readonly channel: string;
  readonly attachments: readonly {
    readonly title: string;
    readonly title_link: string;
    readonly text: string;
    readonly color: string;
  }[];
}
const slackMessage = (request: ReceivedRequest) => {
  const { channel, attachments } = request.body as unknown as SlackMessage;
  return { channel, ...(attachments[0] as SlackMessage['attachments'][number]) };
};

describe('a message in Slack', () => {
  it('tells what, where, since when, and links to run, dashboard, runbook and silence', async () => {
    const run = `https://grafana.example.com/a/fleetlens-fleet-app/find?oldest=running&source=${source}`;
    await alertmanager.post([
      alert('FleetRunStuck', 'warning', { project: 'acme/web', workflow: 'fix "it"' }, { run_url: run }),
    ]);
    const { channel, title, title_link, text, color } = slackMessage(await told('/slack/slack'));
    expect(channel).toBe('#fleet-alerts');
    expect(color).toBe('warning');
    expect(title).toBe(`Warning: FleetRunStuck · ${source}`);
    expect(title_link).toBe(`https://grafana.example.com/d/fleetlens-runs?var-source=${source}&var-project=web`);
    expect(text.split('\n')).toEqual([
      `*A run of fix on web (${source}) has been running for 3h*`,
      'Sessions longer than 2h almost always come of a misconfigured workflow.',
      `project \`acme/web\` source \`${source}\` workflow \`fix "it"\` `,
      'since 2026-11-21 10:00:00 UTC',
      expect.stringMatching(/^<.*Run> · <.*Dashboard> · <.*Runbook> · <.*Silence>$/),
      '',
    ]);
    expect(text).toContain(`<${run.replaceAll('&', '&amp;')}|Run>`);
    expect(text).toContain('<https://wiki.example.com/runbook#fleetrunstuck|Runbook>');
    // The page of a new silence reads its matchers from there.
    const silence = /<([^|>]*)\|Silence>/.exec(text)?.[1] ?? '';
    expect(silence.startsWith('https://alerts.example.com/am/#/silences/new?filter=')).toBe(true);
    expect(decodeURIComponent(silence.slice(silence.indexOf('=') + 1))).toBe(
      `{alertname="FleetRunStuck",project="acme/web",severity="warning",source="${source}",workflow="fix \\"it\\""}`,
    );
  });

  it('of a run of nobody has no link to one', async () => {
    await alertmanager.post([alert('FleetQueueWaitHigh', 'warning')]);
    expect(slackMessage(await told('/slack/slack')).text).not.toContain('|Run>');
  });

  it('mentions nobody and makes no links of what platforms say', async () => {
    await alertmanager.post([
      alert(
        'FleetRunStuck',
        'warning',
        { project: '<!channel> `x' },
        { summary: `<!here> & <https://evil.example|${source}>` },
      ),
    ]);
    const { text } = slackMessage(await told('/slack/slack'));
    expect(text).toContain(`*&lt;!here&gt; &amp; &lt;https://evil.example|${source}&gt;*`);
    expect(text).toContain("project `&lt;!channel&gt; 'x`");
  });

  it('lists the alerts of a group, ten of them, and says how many more there are', async () => {
    // Begun now: of alerts that are older than `group_wait`, the first is told without the others.
    const startsAt = new Date().toISOString();
    const many = Array.from({ length: 12 }, (_, i) => ({
      ...alert('FleetFailurePattern', 'warning', { project: `p${i}` }),
      startsAt,
    }));
    await alertmanager.post(many);
    const { title, text } = slackMessage(await told('/slack/slack'));
    expect(title).toBe(`Warning: FleetFailurePattern · ${source} (12 firing, 0 resolved)`);
    expect(text.match(/\|Silence>/g)).toHaveLength(10);
    expect(text.trim().endsWith('and 2 more')).toBe(true);
  });

  it('says that it is over', async () => {
    const one = alert('FleetRunStuck', 'ticket', {}, {});
    await alertmanager.post([one]);
    expect(slackMessage(await told('/slack/low-priority')).channel).toBe('#fleet-tickets');
    await alertmanager.post([{ ...one, endsAt: '2026-11-21T12:00:00Z' }]);
    const [, second] = await waitFor(
      () => (about('/slack/low-priority', source).length > 1 ? about('/slack/low-priority', source) : undefined),
      { what: 'the end' },
    );
    const { title, color, text } = slackMessage(second as ReceivedRequest);
    expect(title).toBe(`Resolved: FleetRunStuck · ${source}`);
    expect(color).toBe('good');
    expect(text).toContain('until 2026-11-21 12:00:00 UTC');
  });

  it('names the severity that no route knows', async () => {
    await alertmanager.post([alert('FleetRunStuck', 'page')]);
    expect(slackMessage(await told('/slack/fallback')).title).toContain('No route for severity "page"');
  });
});

it('pages PagerDuty and Opsgenie with the links of the alert, and with the keys of the files', async () => {
  await alertmanager.post([alert('FleetQueueBacklogNotConsumed', 'critical')]);
  const page = (await told('/pagerduty')).body as {
    routing_key: string;
    payload: Record<string, never>;
    client_url: string;
  };
  expect(page.routing_key).toBe(SECRET);
  expect(page.payload).toMatchObject({
    summary: `A run of fix on web (${source}) has been running for 3h`,
    severity: 'critical',
    custom_details: { runbook: 'https://wiki.example.com/runbook#fleetrunstuck' },
  });
  expect(page.client_url).toContain('/d/fleetlens-runs');
  const { body, headers } = await told('/opsgenie');
  expect(headers.authorization).toBe(`GenieKey ${SECRET}`);
  expect(body).toMatchObject({ message: `A run of fix on web (${source}) has been running for 3h`, priority: 'P1' });
});

it('money goes to its channel and to on-call', async () => {
  const labels = { budget: 'per_repo_daily_usd', scope: 'repo_daily', subject: source };
  await alertmanager.post([
    {
      ...alert('FleetBudgetPaused', 'warning'),
      labels: { alertname: 'FleetBudgetPaused', severity: 'warning', ...labels },
    },
  ]);
  expect(slackMessage(await told('/slack/slack-budget')).channel).toBe('#codecourier-budget');
  await told('/pagerduty');
});

it("the watchdog calls the dead man's switch again and again, with its token", async () => {
  await alertmanager.post([alert('FleetWatchdog', 'none')]);
  const { headers } = await told('/webhook/dead-mans-switch');
  expect(headers.authorization).toBe(`Bearer ${SECRET}`);
});

describe('inhibition', () => {
  /** What was told once a later alert of the same receiver has come through. */
  const after = async (mark: string) => {
    await told('/slack/slack', mark);
    return receiver.received.map((one) => JSON.stringify(one.body)).join('\n');
  };
  const plain = (labels: Record<string, string>): PostedAlert => ({
    labels,
    annotations: { summary: `${Object.values(labels).join(' ')}` },
  });

  it('a stale source holds back its own alerts, no one else’s', async () => {
    await alertmanager.post([alert('FleetSourceStale', 'critical')]);
    await told('/pagerduty');
    await alertmanager.post([
      alert('FleetRunStuck', 'warning', { project: 'held-back' }),
      {
        ...alert('FleetRunStuck', 'warning'),
        labels: { alertname: 'FleetRunStuck', severity: 'warning', source: `${source}-other` },
      },
      plain({ alertname: 'FleetBudgetPaused', severity: 'warning', budget: 'b', subject: `${source}-money` }),
      plain({ alertname: 'HostOutOfMemory', severity: 'warning', source, host: `${source}-host` }),
    ]);
    await told('/slack/slack-budget', `${source}-money`);
    await told('/slack/slack', `${source}-host`);
    expect(await after(`${source}-other`)).not.toContain('held-back');
  });

  it('an exceeded budget holds back that it is nearly spent, of the same budget alone', async () => {
    const budget = (alertname: string, severity: string, subject: string) =>
      plain({ alertname, severity, budget: 'per_repo_daily_usd', scope: 'repo_daily', subject });
    await alertmanager.post([budget('FleetBudgetExceeded', 'critical', source)]);
    await told('/slack/slack-budget', 'FleetBudgetExceeded');
    await alertmanager.post([
      budget('FleetBudgetNearLimit', 'warning', source),
      budget('FleetBudgetNearLimit', 'warning', `${source}-other`),
      budget('FleetBudgetPaused', 'warning', `${source}`),
    ]);
    await told('/slack/slack-budget', `FleetBudgetNearLimit warning per_repo_daily_usd repo_daily ${source}-other`);
    await told('/slack/slack-budget', `FleetBudgetPaused warning per_repo_daily_usd repo_daily ${source}`);
    const near = about('/slack/slack-budget', `FleetBudgetNearLimit warning per_repo_daily_usd repo_daily ${source}`);
    expect(near.every((one) => JSON.stringify(one.body).includes(`${source}-other`))).toBe(true);
  });

  it('without an exporter nothing else of the fleet is told, but the watchdog and what others watch', async () => {
    await alertmanager.post([
      plain({ alertname: 'FleetExporterDown', severity: 'critical', job: 'fleetlens', mark: source }),
    ]);
    await told('/pagerduty', 'FleetExporterDown');
    await alertmanager.post([
      alert('FleetRunStuck', 'warning', { project: 'blind' }),
      plain({ alertname: 'FleetBudgetPaused', severity: 'warning', budget: 'b', subject: `${source}-blind` }),
      alert('FleetWatchdog', 'none'),
      alert('HostOutOfMemory', 'warning', { host: 'web-1' }),
    ]);
    await told('/webhook/dead-mans-switch', source);
    const all = await after('web-1');
    expect(all).not.toContain('"blind"');
    expect(all).not.toContain('blind');
    // It ends, and they come.
    await alertmanager.post([
      {
        ...plain({ alertname: 'FleetExporterDown', severity: 'critical', job: 'fleetlens', mark: source }),
        endsAt: new Date().toISOString(),
      },
    ]);
    await told('/slack/slack-budget', `${source}-blind`);
  });
});

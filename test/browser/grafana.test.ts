import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_SOURCES, pushEvents, simulateFleet } from '../../exporter/src/demo/index.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { freePort } from '../support/freePort.ts';
import { launchChromium } from './chromium.ts';
import { findGrafanaHome } from './findGrafana.ts';
import { type GrafanaProcess, startGrafana } from './grafanaProcess.ts';
import { PLUGIN_DIST } from './stage.ts';

const home = findGrafanaHome();
if (home === undefined) {
  console.log('No Grafana was found (GRAFANA_HOME, or an installed package): the tests in a real Grafana are skipped.');
}
const TOKENS = { grafana: 'of-the-data-source', simulator: 'of-the-simulator' };
const DAY_MS = 86_400_000;

interface Place {
  readonly source: string;
  readonly id: string;
}

describe.skipIf(home === undefined)('in a real Grafana', () => {
  let exporter: ExporterProcess;
  let grafana: GrafanaProcess;
  let browser: Browser;
  let context: BrowserContext;
  let some: Readonly<Record<'run' | 'failed' | 'chain' | 'sandbox', Place>>;
  beforeAll(async () => {
    const port = await freePort();
    exporter = await startExporter({
      config: {
        tokens: [
          { name: 'grafana', role: 'viewer', token: TOKENS.grafana, require_identity: true },
          { name: 'simulator', role: 'ingest', token: TOKENS.simulator, sources: DEMO_SOURCES },
        ],
        grafana: { url: `http://127.0.0.1:${port}/` },
        budgets: { workspace_monthly_usd: 5_000, per_repo_daily_usd: 20 },
      },
    });
    const events = simulateFleet({ seed: 'fleetlens', from: new Date(Date.now() - 2 * DAY_MS), to: new Date() });
    await pushEvents({ url: exporter.url, token: TOKENS.simulator, events });
    grafana = await startGrafana({
      home: home ?? '',
      port,
      pluginDirectory: PLUGIN_DIST,
      exporterUrl: exporter.url,
      token: TOKENS.grafana,
    });
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1500, height: 950 } });
    await context.request.post(`${grafana.url}/login`, { data: { user: 'admin', password: 'admin' } });
    some = {
      // One that printed something: not every failed run came so far.
      run: await oneOf('runs?status=succeeded&source=codecourier-demo', 'runId'),
      failed: await oneOf('runs?status=failed', 'runId'),
      chain: await oneOf('chains?status=failed', 'chainId'),
      sandbox: await oneOf('sandboxes', 'sandboxId'),
    };
  }, 480_000);
  afterAll(async () => {
    await browser?.close();
    await grafana?.stop();
    await exporter?.stop();
  });

  const readUrl = (path: string) => `${grafana.url}/api/datasources/proxy/uid/fleet/read/api/v1/${path}`;
  async function oneOf(list: string, key: string): Promise<Place> {
    const response = await context.request.get(readUrl(list));
    const { data } = (await response.json()) as { data: readonly Record<string, string>[] };
    return { source: data[0]?.source ?? '', id: data[0]?.[key] ?? '' };
  }

  /** @returns the page, and what its console showed as an error */
  async function open(path: string): Promise<{ page: Page; errors: string[] }> {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error.stack)));
    await page.goto(`${grafana.url}${path}`);
    return { page, errors };
  }
  const query = ({ source, id }: Place) => `source=${source}&id=${encodeURIComponent(id)}`;

  it.each([
    { name: 'fleet', path: () => 'fleet', shows: 'h2' },
    { name: 'runs', path: () => 'runs', shows: 'table tbody tr' },
    { name: 'run', path: () => `run?${query(some.failed)}`, shows: '#run-timeline' },
    { name: 'chains', path: () => 'chains', shows: 'a[href*="chain?"]' },
    { name: 'chain', path: () => `chain?${query(some.chain)}`, shows: 'table tbody tr' },
    { name: 'sandbox', path: () => `sandbox?${query(some.sandbox)}`, shows: 'h2' },
    { name: 'queues', path: () => 'queues', shows: 'table tbody tr' },
    { name: 'quality', path: () => 'quality', shows: 'table tbody tr' },
    { name: 'cost', path: () => 'cost', shows: 'dd' },
    { name: 'workflows', path: () => 'workflows', shows: 'table tbody tr' },
    { name: 'budgets', path: () => 'budgets', shows: 'h2, h3' },
    { name: 'approvals', path: () => 'approvals', shows: 'h2' },
    { name: 'inbox', path: () => 'inbox', shows: '[role=radiogroup]' },
    { name: 'audit', path: () => 'audit', shows: 'details' },
  ])('$name shows the fleet, without an error', async ({ path, shows }) => {
    const { page, errors } = await open(`/a/fleetlens-fleet-app/${path()}`);
    await page.locator('main').locator(shows).first().waitFor({ timeout: 60_000 });
    expect(errors).toEqual([]);
    await page.close();
  });

  it('takes an action of who is signed in, and refuses one that names nobody’s run', async () => {
    const act = (data: object) => context.request.post(`${grafana.url}/api/datasources/proxy/uid/fleet/act`, { data });
    const { source, id: runId } = some.failed;
    const done = await act({ action: 'acknowledge_run', source, runId, note: 'seen in Grafana' });
    expect(await done.json()).toMatchObject({
      run: { runId, acknowledgedBy: 'admin', acknowledgedNote: 'seen in Grafana' },
    });
    expect((await act({ action: 'acknowledge_run', source, runId: 'nobody’s', note: 'x' })).status()).toBe(404);
    // The read route passes no action, whatever follows it.
    const through = await context.request.post(readUrl('actions'), { data: { action: 'read_all_notifications' } });
    expect(through.ok()).toBe(false);
  });

  it('draws the panels and Grafana’s own table, trace and log panels from the data source', async () => {
    const { source, id } = some.run;
    const datasource = { type: 'fleetlens-fleet-datasource', uid: 'fleet' };
    const panels = [
      ['table', { queryType: 'runs' }],
      ['traces', { queryType: 'trace', source, id }],
      ['logs', { queryType: 'output', source, id }],
      ['fleetlens-rundetail-panel', { queryType: 'run', source, id }],
      ['fleetlens-sprintchain-panel', { queryType: 'chain', ...some.chain }],
    ] as const;
    const dashboard = {
      uid: 'fleet-panels',
      title: 'Panels',
      time: { from: 'now-2d', to: 'now' },
      schemaVersion: 41,
      panels: panels.map(([type, target], at) => ({
        id: at + 1,
        type,
        title: `panel ${type}`,
        datasource,
        targets: [{ refId: 'A', datasource, ...target }],
        gridPos: { x: (at % 2) * 12, y: Math.floor(at / 2) * 10, w: 12, h: 10 },
        options: {},
      })),
    };
    const saved = await context.request.post(`${grafana.url}/api/dashboards/db`, { data: { dashboard } });
    expect(saved.ok()).toBe(true);
    const { page, errors } = await open('/d/fleet-panels?kiosk');
    // Panels that nobody sees are not drawn.
    await page.setViewportSize({ width: 1500, height: 1600 });
    const shown = (type: string) => page.getByTestId(`data-testid Panel header panel ${type}`).textContent();
    const texts = [
      ['table', 'workflow'],
      ['traces', 'Trace ID'],
      ['logs', 'info'],
      ['fleetlens-rundetail-panel', 'Zoom to step'],
      ['fleetlens-sprintchain-panel', 'sprints completed'],
    ] as const;
    for (const [type, text] of texts) {
      await expect.poll(() => shown(type), { timeout: 60_000, interval: 500 }).toContain(text);
    }
    expect(await page.getByText('No data').count()).toBe(0);
    expect(errors).toEqual([]);
    await page.close();
  }, 240_000);
});

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runs } from '../../dashboards/src/dashboards/runs.ts';
import { DASHBOARDS } from '../../dashboards/src/index.ts';
import { openPanelsOf } from '../../dashboards/src/testing/readDashboards.ts';
import { waitFor } from '../support/waitFor.ts';
import { launchChromium, openContext } from './chromium.ts';
import { type DashboardStage, setDashboardStage } from './dashboardStage.ts';
import { findGrafanaHome } from './findGrafana.ts';

const home = findGrafanaHome();
if (home === undefined) {
  console.log(
    'No Grafana was found (GRAFANA_HOME, or an installed package): the dashboards in a real Grafana are skipped.',
  );
}
/** `FLEETLENS_SCREENSHOTS=1 npx vitest run test/browser/dashboards.test.ts` writes the pictures of the documentation. */
const PICTURES =
  process.env.FLEETLENS_SCREENSHOTS === undefined
    ? undefined
    : fileURLToPath(new URL('../../docs/img/', import.meta.url));
const WIDTH = 1600;
const PHONE = 390;

/** What the demo fleet has none of at most times; all else shows something. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set([
  // Its sources push, and are told of nothing that fails.
  'Calls to sources that failed, per minute',
  'Duration of polls, p95',
  'Contradictions, per hour',
  'Rate limits',
  'Audit webhook failing for',
  'Mismatches',
  'Refused events',
  // What somebody has to see to is gone at most times.
  'Lost',
  'Oldest unattended failure',
  'Waiting for a person',
  // Of some moments at night.
  'Oldest run under way',
  'Oldest is due for',
  'Missing figures and artifacts',
  'Runs without figures',
  'New and returning error groups',
  'Store errors, per hour',
  'Errors that the platforms log',
  'Errors by component, per hour',
  'Rate limited, per hour',
  'How long approvals wait',
  'Blocked for',
  'Cache evictions, per hour',
  'Alerts that fire',
  'Alerts of the time range',
]);

interface SeenPanel {
  readonly title: string;
  readonly text: string;
  readonly isDrawn: boolean;
  readonly hasError: boolean;
}

describe.skipIf(home === undefined)('the dashboards in a real Grafana', () => {
  let stage: DashboardStage;
  let browser: Browser;
  let context: BrowserContext;
  beforeAll(async () => {
    stage = await setDashboardStage(home ?? '', 14);
    browser = await launchChromium();
    context = await openContext(browser, { viewport: { width: WIDTH, height: 1000 } });
    await context.request.post(`${stage.grafana.url}/login`, { data: { user: 'admin', password: 'admin' } });
    // Grafana makes its key with the first identity that it signs; the exporter, which found none before, looks again within 10 s.
    const me = `${stage.grafana.url}/api/datasources/proxy/uid/fleetlens-fleet/read/api/v1/me`;
    await waitFor(async () => (await context.request.get(me)).ok(), {
      what: 'the exporter to know who asks',
    });
    if (PICTURES !== undefined) await mkdir(PICTURES, { recursive: true });
  }, 480_000);
  afterAll(async () => {
    await browser?.close();
    await stage?.stop();
  });

  async function open(path: string): Promise<{ page: Page; errors: string[] }> {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error.stack)));
    page.on('response', (response) => {
      if (response.status() >= 400 && response.url().startsWith(stage.grafana.url))
        errors.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`${stage.grafana.url}${path}`);
    return { page, errors };
  }

  it.each(DASHBOARDS.map((dashboard) => [dashboard.uid ?? '', dashboard] as const))(
    '%s shows the demo fleet in every panel, on a wall and on a phone',
    async (uid, dashboard) => {
      const shown = openPanelsOf(dashboard);
      const noValues = new Map(shown.map(({ title = '', fieldConfig }) => [title, fieldConfig?.defaults.noValue]));
      // The exporter tells of itself only since it runs.
      const range = PICTURES !== undefined && uid === 'fleetlens-exporter' ? '&from=now-5m&to=now' : '';
      const { page, errors } = await open(`/d/${uid}?kiosk${range}`);
      await page.locator(PANEL).first().waitFor();
      // Panels that nobody sees are not drawn: as high as the dashboard is.
      const bottom = Math.max(...shown.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)));
      await page.setViewportSize({ width: WIDTH, height: bottom * 38 + 160 });
      const lacking = async () => {
        const panels = await seenPanels(page);
        const wrong = panels.flatMap(({ title, text, isDrawn, hasError }) => {
          if (hasError) return [`${title}: an error`];
          if (/No data/.test(text)) return [`${title}: No data`];
          const isEmpty = !isDrawn && text.replace(title, '').trim() === (noValues.get(title) ?? 'none');
          if (isEmpty && !MAY_BE_EMPTY.has(title)) return [`${title}: ${text}`];
          return !isDrawn && text.replace(title, '').trim() === '' ? [`${title}: nothing`] : [];
        });
        const missing = shown.length - panels.length;
        const loading = await page.getByLabel('Panel loading bar').count();
        return [
          ...wrong,
          ...(missing > 0 ? [`${missing} panels are not there`] : []),
          ...(loading > 0 ? ['loading'] : []),
        ];
      };
      await expect.poll(lacking, { timeout: 120_000, interval: 1_000 }).toEqual([]);
      expect(errors).toEqual([]);
      if (PICTURES !== undefined) {
        await page.waitForTimeout(1_500);
        await page.screenshot({ path: join(PICTURES, `${uid}.png`) });
      }

      await page.setViewportSize({ width: PHONE, height: 2_000 });
      const tooWide = () =>
        page.evaluate(
          ([selector, width]) =>
            [...document.querySelectorAll(selector)].flatMap((panel) => {
              const { left, right } = panel.getBoundingClientRect();
              return left < 0 || right > width ? [`${panel.getAttribute('data-testid')} ${left} to ${right}`] : [];
            }),
          [PANEL, PHONE] as const,
        );
      await expect.poll(tooWide, { interval: 500 }).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE);
      if (PICTURES !== undefined && uid === 'fleetlens-overview') {
        await page.waitForTimeout(1_500);
        await page.screenshot({ path: join(PICTURES, `${uid}-phone.png`) });
      }
      await page.close();
    },
    180_000,
  );

  it('are what Grafana’s own schema says', async () => {
    for (const dashboard of DASHBOARDS) {
      const response = await context.request.post(
        `${stage.grafana.url}/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards?dryRun=All&fieldValidation=Strict`,
        {
          data: {
            apiVersion: 'dashboard.grafana.app/v1beta1',
            kind: 'Dashboard',
            metadata: { name: `${dashboard.uid}-checked` },
            spec: { ...dashboard, uid: undefined },
          },
        },
      );
      expect(response.ok(), `${dashboard.uid}: ${await response.text()}`).toBe(true);
    }
  });

  it('lead to the pages of the app with what is chosen', async () => {
    const { page } = await open(
      '/d/fleetlens-runs?var-source=crucible-demo&var-source=demiton-demo&from=now-2d&to=now',
    );
    const link = page.getByRole('link', { name: 'List of runs' }).first();
    await link.waitFor();
    const href = new URL((await link.getAttribute('href')) ?? '', stage.grafana.url);
    expect(href.pathname).toBe('/a/fleetlens-fleet-app/runs');
    expect(href.searchParams.getAll('source')).toEqual(['crucible-demo', 'demiton-demo']);
    expect(href.searchParams.getAll('project')).toEqual([]);
    expect(Object.fromEntries(href.searchParams)).toMatchObject({ ds: 'fleetlens-fleet', from: 'now-2d', to: 'now' });
    await page.goto(href.href);
    await page.locator('main table tbody tr').first().waitFor();
    expect(await page.locator('main').textContent()).not.toContain('codecourier-demo');
    await page.close();
  });

  it('show one run and one chain in full below their lists', async () => {
    const first = async (list: string, key: string) => {
      const path = `api/datasources/proxy/uid/fleetlens-fleet/read/api/v1/${list}`;
      const answer = await context.request.get(`${stage.grafana.url}/${path}`);
      const { data } = (await answer.json()) as { data: readonly Record<string, string>[] };
      return { source: data[0]?.source ?? '', id: data[0]?.[key] ?? '' };
    };
    const run = await first('runs?status=failed', 'runId');
    const chain = await first('chains?status=failed', 'chainId');
    const places = [
      {
        path: `fleetlens-runs?var-run_source=${run.source}&var-run=${run.id}`,
        row: 'One run',
        panel: 'Run',
        shows: 'Zoom to step',
      },
      {
        path: `fleetlens-chains?var-chain_source=${chain.source}&var-chain=${chain.id}`,
        row: 'One chain',
        panel: 'Chain',
        shows: 'sprints completed',
      },
    ];
    for (const { path, row, panel, shows } of places) {
      const { page } = await open(`/d/${path}&kiosk`);
      await page.setViewportSize({ width: WIDTH, height: 4_800 });
      await page.getByTestId(`data-testid dashboard-row-title-${row}`).click();
      const shown = page.getByTestId(`data-testid Panel header ${panel}`);
      await expect.poll(() => shown.textContent(), { interval: 500 }).toContain(shows);
      await page.close();
    }
  });

  it('open the page of a run from an exemplar', async () => {
    const panel = openPanelsOf(runs).find(({ title }) => title === 'Duration');
    const { page } = await open(`/d/fleetlens-runs?kiosk&viewPanel=panel-${panel?.id}`);
    const marker = page.getByTestId('data-testid Exemplar marker').first();
    await marker.waitFor();
    await marker.click({ force: true });
    const link = page.getByRole('link', { name: 'Open the run' }).first();
    await link.waitFor();
    await page.goto(new URL((await link.getAttribute('href')) ?? '', stage.grafana.url).href);
    await page.waitForURL(/\/a\/fleetlens-fleet-app\/run\?/);
    await page.locator('#run-timeline').waitFor();
    await page.close();
  });
});

const PANEL = '[data-testid^="data-testid Panel header "]';

function seenPanels(page: Page): Promise<SeenPanel[]> {
  return page.evaluate(
    (selector) =>
      [...document.querySelectorAll<HTMLElement>(selector)].map((panel) => ({
        title: (panel.getAttribute('data-testid') ?? '').replace('data-testid Panel header ', ''),
        text: panel.textContent,
        // A table has more rows than its head.
        isDrawn: panel.querySelector('canvas, [role=row]:nth-of-type(2)') !== null,
        hasError: panel.querySelector('[data-testid="data-testid Panel status error"]') !== null,
      })),
    PANEL,
  );
}

import { expect, test } from './fleetTest.ts';
import { APP_ID, EXOTIC_IDS, EXOTIC_PROJECT, SOURCE } from './names.ts';

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly target: object;
}

/** Panels of the data source, two in a row. */
function dashboardOf(uid: string, panels: readonly Panel[]): object {
  return {
    uid,
    title: uid,
    time: { from: 'now-2d', to: 'now' },
    schemaVersion: 41,
    panels: panels.map(({ type, title, target }, at) => ({
      id: at + 1,
      type,
      title,
      datasource: SOURCE,
      targets: [{ refId: 'A', datasource: SOURCE, ...target }],
      gridPos: { x: (at % 2) * 12, y: Math.floor(at / 2) * 8, w: 12, h: 8 },
      options: {},
    })),
  };
}

test('a dashboard shows our panels and Grafana’s own from the data source', async ({
  gotoDashboardPage,
  page,
  errors,
  fleet,
}) => {
  const run = await fleet.first('runs', 'status=succeeded&source=codecourier-demo');
  const chain = await fleet.first('chains', 'status=failed');
  const panels = [
    { type: 'table', target: { queryType: 'runs' }, shows: 'workflow' },
    { type: 'traces', target: { queryType: 'trace', ...run }, shows: 'Trace ID' },
    { type: 'logs', target: { queryType: 'output', ...run }, shows: /info/i },
    { type: 'fleetlens-rundetail-panel', target: { queryType: 'run', ...run }, shows: 'Zoom to step' },
    { type: 'fleetlens-sprintchain-panel', target: { queryType: 'chain', ...chain }, shows: 'sprints completed' },
  ].map((panel) => ({ ...panel, title: `panel ${panel.type}` }));
  const uid = await fleet.saveDashboard(dashboardOf('fleetlens-e2e-panels', panels));
  // Panels that nobody sees are not drawn.
  await page.setViewportSize({ width: 1500, height: 1600 });
  // Without what Grafana asks for besides the dashboard, and does not have.
  const dashboard = await gotoDashboardPage({ uid, queryParams: new URLSearchParams({ kiosk: '1' }) });
  for (const { title, shows } of panels) {
    await expect(dashboard.getPanelByTitle(title).locator).toContainText(shows);
  }
  await expect(page.getByText('No data')).toHaveCount(0);
  expect(errors).toEqual([]);
});

test('a panel’s menu leads to the runs behind it, of the same sources, projects and time', async ({
  gotoDashboardPage,
  page,
  fleet,
}) => {
  const { source } = await fleet.first('runs', 'status=failed');
  const target = { queryType: 'runs', filters: { source: [source], status: ['failed'] } };
  const uid = await fleet.saveDashboard(
    dashboardOf('fleetlens-e2e-menu', [{ type: 'table', title: 'Failed', target }]),
  );
  const dashboard = await gotoDashboardPage({ uid, timeRange: { from: 'now-36h', to: 'now' } });
  const panel = dashboard.getPanelByTitle('Failed');
  await expect(panel.locator).toContainText('workflow');
  await panel.clickOnMenuItem('Show runs in Fleetlens', { parentItem: 'Extensions' });
  await page.waitForURL(`**/a/${APP_ID}/runs?**`);
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toMatchObject({
    source,
    status: 'failed',
    from: 'now-36h',
    to: 'now',
    ds: SOURCE.uid,
  });
  await expect(page.locator('main table tbody tr').first()).toBeVisible();
});

test('Explore’s menu leads to the runs of its query', async ({ page, fleet }) => {
  const { source } = await fleet.first('runs', 'status=failed');
  const queries = [{ refId: 'A', datasource: SOURCE, queryType: 'runs', filters: { source: [source] } }];
  const panes = { one: { datasource: SOURCE.uid, queries, range: { from: 'now-3h', to: 'now' } } };
  await page.goto(`/explore?schemaVersion=1&orgId=1&panes=${encodeURIComponent(JSON.stringify(panes))}`);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Show runs in Fleetlens' }).click();
  const confirm = page.getByRole('button', { name: 'Open', exact: true });
  if (await confirm.isVisible()) await confirm.click();
  await page.waitForURL(`**/a/${APP_ID}/runs?**`);
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toMatchObject({
    source,
    from: 'now-3h',
    ds: SOURCE.uid,
  });
});

test('a data link opens its run, whatever the platform calls it', async ({ gotoDashboardPage, page, fleet }) => {
  const target = { queryType: 'runs', filters: { project: [EXOTIC_PROJECT] } };
  const uid = await fleet.saveDashboard(
    dashboardOf('fleetlens-e2e-links', [{ type: 'table', title: 'Exotic', target }]),
  );
  const dashboard = await gotoDashboardPage({ uid });
  const { locator } = dashboard.getPanelByTitle('Exotic');
  const hrefs: string[] = [];
  for (const index of EXOTIC_IDS.keys()) {
    const link = locator.getByRole('link', { name: `exotic ${index}`, exact: true });
    await expect(link).toBeVisible();
    hrefs.push((await link.getAttribute('href')) ?? '');
  }
  for (const [index, id] of EXOTIC_IDS.entries()) {
    await test.step(id, async () => {
      if (index === 0) await locator.getByRole('link', { name: 'exotic 0', exact: true }).click();
      else await page.goto(hrefs[index] ?? '');
      await expect(page.getByRole('heading', { name: `exotic ${index}`, exact: true })).toBeVisible();
      expect(new URL(page.url()).searchParams.get('id')).toBe(id);
    });
  }
});

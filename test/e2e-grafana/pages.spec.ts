import { expect, type Fleet, type Place, test } from './fleetTest.ts';
import { APP_ID } from './names.ts';

const PHONE = { width: 390, height: 844 };

const query = ({ source, id }: Place) => `source=${source}&id=${encodeURIComponent(id)}`;

interface Page {
  readonly name: string;
  readonly of?: Parameters<Fleet['first']>;
  readonly shows: string;
}

/** Every page, the record that it is about, and what says that it has its answer. */
const PAGES: readonly Page[] = [
  { name: 'fleet', shows: 'h2' },
  { name: 'runs', shows: 'table tbody tr' },
  { name: 'run', of: ['runs', 'status=failed'], shows: '#run-timeline' },
  { name: 'chains', shows: 'a[href*="chain?"]' },
  { name: 'chain', of: ['chains', 'status=failed'], shows: 'table tbody tr' },
  { name: 'sandboxes', shows: 'a[href*="sandbox?"]' },
  { name: 'sandbox', of: ['sandboxes', ''], shows: 'h2' },
  { name: 'queues', shows: 'table tbody tr' },
  { name: 'quality', shows: 'table tbody tr' },
  { name: 'cost', shows: 'dd' },
  { name: 'workflows', shows: 'table tbody tr' },
  { name: 'history', shows: 'table tbody tr' },
  { name: 'budgets', shows: 'h2, h3' },
  { name: 'approvals', shows: 'h2' },
  { name: 'inbox', shows: '[role=radiogroup]' },
  { name: 'audit', shows: 'details' },
  { name: 'find?q=acme', shows: 'input' },
  { name: 'runbook', shows: '#fleetrunstuck' },
];

for (const page of PAGES) {
  test(`${page.name} shows the fleet, without an error, and fits a phone`, async ({
    gotoAppPage,
    page: browserPage,
    errors,
    fleet,
  }) => {
    const path = page.of !== undefined ? `${page.name}?${query(await fleet.first(...page.of))}` : page.name;
    await gotoAppPage({ pluginId: APP_ID, path: fleet.pageOf(path).slice(`/a/${APP_ID}/`.length) });
    await expect(browserPage.locator('main').locator(page.shows).first()).toBeVisible();
    const crumbs = await browserPage.getByTestId(/breadcrumb$/).allInnerTexts();
    expect(crumbs.length).toBeGreaterThan(1);
    expect(new Set(crumbs).size, crumbs.join(' > ')).toBe(crumbs.length);
    await browserPage.setViewportSize(PHONE);
    await expect
      .poll(() => browserPage.evaluate(() => document.documentElement.scrollWidth))
      .toBeLessThanOrEqual(PHONE.width);
    expect(errors).toEqual([]);
  });
}

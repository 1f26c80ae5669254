import { fileURLToPath } from 'node:url';
import { expect, type Place, test } from './fleetTest.ts';

const FOLDER = fileURLToPath(new URL('../../plugin/src/img/screenshots/', import.meta.url));
const query = ({ source, id }: Place) => `source=${source}&id=${encodeURIComponent(id)}`;

/** `npm run plugin:screenshots`: the pictures that plugin.json names, of the demo fleet in the Grafana that was found. */
test('takes the screenshots of the plugin’s own page', async ({ page, fleet }) => {
  const failed = await fleet.first('runs', 'status=failed&source=codecourier-demo');
  const chain = await fleet.first('chains', 'status=failed');
  const pictures = [
    { name: 'fleet', path: 'fleet', shows: 'h2' },
    { name: 'runs', path: 'runs?from=now-2d&to=now', shows: 'table tbody tr' },
    { name: 'run', path: `run?${query(failed)}`, shows: '#run-timeline' },
    { name: 'chain', path: `chain?${query(chain)}`, shows: 'table tbody tr' },
    { name: 'budgets', path: 'budgets', shows: 'li h2' },
  ];
  for (const { name, path, shows } of pictures) {
    await page.goto(fleet.pageOf(path));
    await expect(page.locator('main').locator(shows).first()).toBeVisible();
    await page.waitForLoadState('networkidle').catch(() => undefined);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
  }
});

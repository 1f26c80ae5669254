import { expect, test } from './fleetTest.ts';
import { APP_ID, READ_TOKEN, SOURCE, SOURCE_NAME } from './names.ts';

const { EXPORTER_URL = '' } = process.env;
const TRIES = [
  {
    what: 'accepts an exporter that answers',
    url: EXPORTER_URL,
    token: READ_TOKEN,
    severity: 'success',
    says: 'The exporter answers, with',
  },
  {
    what: 'says what to do about a wrong token',
    url: EXPORTER_URL,
    token: 'wrong',
    severity: 'error',
    says: 'Enter a token of role viewer',
  },
  {
    what: 'says what to check where nothing answers',
    url: 'http://127.0.0.1:9',
    token: READ_TOKEN,
    severity: 'error',
    says: 'Check that the address is right',
  },
] as const;

for (const { what, url, token, severity, says } of TRIES) {
  test(`the connection test ${what}`, async ({ createDataSourceConfigPage, page }) => {
    const config = await createDataSourceConfigPage({ type: SOURCE.type, name: `${SOURCE_NAME}: ${what}` });
    await page.getByRole('textbox', { name: 'URL' }).or(page.locator('#fleetlens-url')).first().fill(url);
    await page.locator('#fleetlens-token').fill(token);
    await config.saveAndTest({ path: '/read/api/v1/sources' });
    await expect(config).toHaveAlert(severity, { hasText: says });
  });
}

test('the app’s configuration asks each part of the exporter', async ({ gotoAppConfigPage, page }) => {
  await gotoAppConfigPage({ pluginId: APP_ID });
  const parts = page.getByRole('table').first().locator('tbody tr');
  await expect(parts).toHaveCount(5);
  for (const part of await parts.all()) await expect(part).toContainText('answers');
});

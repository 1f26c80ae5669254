import { expect, test } from './fleetTest.ts';
import { SOURCE } from './names.ts';

test('an action is done in the name of who is signed in, and refused where it is about nobody’s run', async ({
  fleet,
  request,
}) => {
  const { GRAFANA_ADMIN_USER: acknowledgedBy = 'admin' } = process.env;
  const isOpen = ({ acknowledgedAt }: { acknowledgedAt?: unknown }) => acknowledgedAt === undefined;
  const { source, id: runId } = await fleet.first('runs', 'status=failed', isOpen);
  const done = await fleet.act({ action: 'acknowledge_run', source, runId, note: 'seen in Grafana' });
  expect(await done.json()).toMatchObject({ run: { runId, acknowledgedBy, acknowledgedNote: 'seen in Grafana' } });
  const nobodys = await fleet.act({ action: 'acknowledge_run', source, runId: 'nobody’s', note: 'x' });
  expect(nobodys.status()).toBe(404);
  // The read route passes no action, whatever follows it.
  const through = await request.post(`/api/datasources/proxy/uid/${SOURCE.uid}/read/api/v1/actions`, {
    data: { action: 'read_all_notifications' },
  });
  expect(through.ok()).toBe(false);
});

test('a view is kept in Grafana for the next visit, until it is removed', async ({ page, fleet }) => {
  const name = `failed ${Date.now()}`;
  const openViews = async (address: string) => {
    await page.goto(fleet.pageOf(address));
    await page.getByRole('button', { name: 'Views' }).click();
  };
  await openViews('runs?status=failed&from=now-2d&to=now');
  await page.getByRole('textbox', { name: 'Name of the view' }).fill(name);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('link', { name })).toBeVisible();

  await openViews('runs');
  await page.getByRole('link', { name }).click();
  await page.waitForURL(/status=failed/);
  expect(new URL(page.url()).searchParams.get('from')).toBe('now-2d');

  await openViews('runs');
  await page.getByRole('button', { name: `Remove view ${name}` }).click();
  await expect(page.getByRole('link', { name })).toHaveCount(0);
});

test('a run’s links lead to where the platform shows it', async ({ page, fleet }) => {
  const { source, id } = await fleet.first('runs', 'status=failed&source=codecourier-demo');
  await page.goto(fleet.pageOf(`run?source=${source}&id=${encodeURIComponent(id)}`));
  const links = page.getByRole('navigation', { name: 'Links of this run' });
  await links.getByRole('link', { name: 'Other runs of this workflow' }).click();
  await page.waitForURL(/\/runs\?.*workflow=/);
});

import type { Page } from '@playwright/test';
import { expect, test } from './fleetTest.ts';
import { SOURCE, SOURCE_NAME } from './names.ts';

const ANSWER = '/read/api/v1/';

/** Chooses in one of the data source's pickers, as somebody who types does. */
async function choose(page: Page, label: string, text: string): Promise<void> {
  const picker = page.getByRole('combobox', { name: label, exact: true });
  await picker.click();
  await picker.fill(text);
  await page
    .getByRole('option', { name: text, exact: true })
    .or(page.getByRole('option', { name: text }))
    .first()
    .click();
  await page.keyboard.press('Escape');
}

async function type(page: Page, label: string, text: string): Promise<void> {
  await page.getByRole('textbox', { name: label, exact: true }).fill(text);
  await page.keyboard.press('Enter');
}

test('the panel editor asks for what is chosen, of a scope', async ({ panelEditPage, page, fleet }) => {
  const { source } = await fleet.first('chains', 'status=failed');
  await panelEditPage.datasource.set(SOURCE_NAME);
  await panelEditPage.setVisualization('Table');
  await choose(page, 'Query', 'Sprint chains');
  await choose(page, 'Source', source);
  await expect(
    panelEditPage.refreshPanel({
      waitForResponsePredicateCallback: (response) => response.url().includes(`${ANSWER}chains?source=${source}`),
    }),
  ).toBeOK();
  await expect(panelEditPage.panel.fieldNames.filter({ hasText: 'sprints done' })).toBeVisible();
  await expect(panelEditPage.panel.data.first()).toBeVisible();
  await expect(panelEditPage.panel.getErrorIcon()).toHaveCount(0);
});

test('a chart asks for the chosen figures alone', async ({ panelEditPage, page }) => {
  await panelEditPage.datasource.set(SOURCE_NAME);
  await panelEditPage.setVisualization('Time series');
  await choose(page, 'Query', 'Workflow analytics');
  await choose(page, 'Figures', 'success rate');
  const answer = page.waitForResponse((each) => each.url().includes(`${ANSWER}analytics/timeseries?`));
  await page.getByRole('switch', { name: 'Over time' }).click({ force: true });
  const response = await answer;
  expect(new URL(response.url()).searchParams.get('figures')).toBe('successRate');
  const { data } = (await response.json()) as { data: readonly { workflow?: string }[] };
  await expect(
    panelEditPage.panel.locator.getByRole('button', { name: data[0]?.workflow ?? '', exact: true }),
  ).toBeVisible();
  await expect(panelEditPage.panel.getErrorIcon()).toHaveCount(0);
});

test('Explore shows the output of a run', async ({ explorePage, page, fleet }) => {
  const { source, id } = await fleet.first('runs', 'status=succeeded&source=codecourier-demo');
  await explorePage.datasource.set(SOURCE_NAME);
  await choose(page, 'Query', 'Output of a run');
  await type(page, 'Source', source);
  const answer = page.waitForResponse((response) => response.url().includes('/output?'));
  await type(page, 'Run', id);
  const { data } = (await (await answer).json()) as { data: readonly { text: string }[] };
  await expect(page.getByText(data[0]?.text.trim().slice(0, 40) ?? '').first()).toBeVisible();
});

test('Explore shows a run as a trace', async ({ page, fleet }) => {
  const run = await fleet.first('runs', 'status=succeeded&source=codecourier-demo');
  const queries = [{ refId: 'A', datasource: SOURCE, queryType: 'trace', ...run }];
  const panes = { one: { datasource: SOURCE.uid, queries, range: { from: 'now-3h', to: 'now' } } };
  await page.goto(`/explore?schemaVersion=1&orgId=1&panes=${encodeURIComponent(JSON.stringify(panes))}`);
  await expect(page.getByText('Trace ID').first()).toBeVisible();
  await expect(page.getByText('Queue wait').first()).toBeVisible();
});

test('Explore stays with what is chosen by mouse', async ({ page, errors }) => {
  const queries = [{ refId: 'A', datasource: SOURCE, queryType: 'runs' }];
  const panes = { one: { datasource: SOURCE.uid, queries, range: { from: 'now-2d', to: 'now' } } };
  await page.goto(`/explore?schemaVersion=1&orgId=1&panes=${encodeURIComponent(JSON.stringify(panes))}`);
  await expect(page.getByRole('cell').or(page.getByRole('gridcell')).first()).toBeVisible();
  const picker = page.getByRole('combobox', { name: 'Query', exact: true });
  await picker.click();
  await page.getByRole('option', { name: 'A run as a trace' }).click();
  await expect(picker).toHaveValue('A run as a trace');
  await expect(page.getByText('Choose a source and the id of a run', { exact: false }).first()).toBeVisible();
  expect(errors).toEqual([]);
});

test('a variable has the values that the exporter knows', async ({ variableEditPage, page }) => {
  await variableEditPage.setVariableType('Query');
  await variableEditPage.datasource.set(SOURCE_NAME);
  await choose(page, 'Values of', 'source');
  await variableEditPage.runQuery();
  await expect(variableEditPage).toDisplayPreviews(['codecourier-demo']);
});

test('an annotation query finds the failed runs', async ({ annotationEditPage, selectors }) => {
  await annotationEditPage.datasource.set(SOURCE_NAME);
  await annotationEditPage.getByGrafanaSelector(selectors.components.Annotations.editor.testButton).click();
  await expect(
    annotationEditPage.getByGrafanaSelector(selectors.components.Annotations.editor.resultContainer),
  ).toContainText(/\d+ events/);
});

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { screen } from '@testing-library/react';
import { openPage } from '../../testing/renderPage';

const RULES = resolve(__dirname, '../../../../provisioning/prometheus/rules');
const scrolledTo: string[] = [];
beforeAll(() => {
  // jsdom lays nothing out.
  Element.prototype.scrollIntoView = function () {
    scrolledTo.push(this.id);
  };
});

it('opens at the alert that runbook_url names', async () => {
  openPage('runbook#fleetledgerdown');
  const heading = await screen.findByRole('heading', { name: 'FleetLedgerDown', level: 3 });
  expect(scrolledTo).toEqual([heading.id]);
  expect(screen.getAllByText('Escalate').length).toBeGreaterThan(40);
});

it('has every place that a rule links to, and leads from one to the other', async () => {
  openPage('runbook');
  await screen.findByRole('heading', { name: 'FleetLedgerDown' });
  const rules =
    readFileSync(resolve(RULES, 'fleet-runs.yml'), 'utf8') + readFileSync(resolve(RULES, 'fleet-cost.yml'), 'utf8');
  const anchors = [...rules.matchAll(/\/runbook#(\w+)'/g)].map(([, anchor = '']) => anchor);
  expect(anchors.length).toBeGreaterThan(8);
  for (const anchor of anchors) expect(document.getElementById(anchor)).toBeInTheDocument();
  const link = screen.getAllByRole('link', { name: 'Stuck session' })[0];
  expect(link).toHaveAttribute('href', '/a/fleetlens-fleet-app/runbook#stuck-session');
  expect(document.getElementById('stuck-session')).toBeInTheDocument();
  // Files beside the runbook are not in Grafana.
  expect(screen.queryAllByRole('link').filter((one) => one.getAttribute('href')?.includes('.md'))).toEqual([]);
});

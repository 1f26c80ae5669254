import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ALERT_SEVERITIES } from '../../provisioning/rules/alertNames.ts';
import { ALERTMANAGER_FILE } from '../support/alertmanager.ts';

function amtool(...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync('amtool', args, { encoding: 'utf8' });
  if (error !== undefined)
    throw new Error('Cannot run amtool; install it with scripts/install-test-tools.sh', { cause: error });
  return { status, stdout, output: `${stdout}${stderr}` };
}

/** The receivers of an alert with these labels, in the order in which they are told. */
function receiversOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return amtool('config', 'routes', 'test', `--config.file=${ALERTMANAGER_FILE}`, ...pairs).stdout.trim();
}

/** What the catalogue says of each severity. */
const RECEIVERS = { critical: 'on-call', warning: 'slack', ticket: 'low-priority' } as const;

it('is a configuration that Alertmanager takes, templates included', () => {
  const { status, output } = amtool('check-config', ALERTMANAGER_FILE);
  expect(output).not.toContain('FAILED');
  expect(status).toBe(0);
});

it.each(Object.entries(ALERT_SEVERITIES))('%s (%s) reaches who has to know', (alertname, severity) => {
  const expected = alertname.startsWith('FleetBudget')
    ? 'slack-budget,on-call'
    : severity === 'none'
      ? 'dead-mans-switch'
      : RECEIVERS[severity];
  expect(receiversOf({ alertname, severity, source: 'codecourier-main', job: 'fleetlens' })).toBe(expected);
});

it('what has no known severity is seen, not lost', () => {
  expect(receiversOf({ alertname: 'FleetRunStuck', severity: 'page' })).toBe('fallback');
  expect(receiversOf({ alertname: 'FleetRunStuck' })).toBe('fallback');
  expect(receiversOf({ alertname: 'HostOutOfMemory', severity: 'none' })).toBe('fallback');
});

it("alerts of others go by their severity; nothing but the watchdog calls the dead man's switch", () => {
  expect(receiversOf({ alertname: 'HostOutOfMemory', severity: 'critical' })).toBe('on-call');
  expect(receiversOf({ alertname: 'FleetWatchdogs', severity: 'warning' })).toBe('slack');
});

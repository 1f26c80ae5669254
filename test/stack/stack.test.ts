import { spawn } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, openContext } from '../browser/chromium.ts';
import { findGrafanaHome } from '../browser/findGrafana.ts';
import { processesNaming } from '../support/processesNaming.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { ROOT } from './composeFile.ts';
import { parseVariables } from './startStack.ts';

const hasGrafana = findGrafanaHome() !== undefined;
if (!hasGrafana)
  console.log('No Grafana was found (GRAFANA_HOME, or an installed package): the stack is tested without it.');

let directory: TemporaryDirectory;
let stack: ReturnType<typeof spawn>;
let output = '';
let ended: Promise<number | null>;

beforeAll(async () => {
  directory = await temporaryDirectory('stack');
  // As root the embedded Postgres runs under another account, which has to pass through to the data directory.
  await chmod(directory.path, 0o711);
  const options = ['--data-dir', join(directory.path, 'data'), '--free-ports', '--days', '1', '--no-history'];
  stack = spawn(process.execPath, ['test/stack/run.ts', ...options], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [stack.stdout, stack.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  ended = new Promise((resolve) => stack.once('close', resolve));
  await waitFor(
    () => {
      if (stack.exitCode !== null) throw new Error(`it ended: ${output}`);
      return output.includes('Everything is up');
    },
    { what: 'the stack', timeoutMs: 420_000 },
  );
}, 440_000);
afterAll(async () => {
  stack?.kill('SIGTERM');
  await ended;
  await directory?.remove();
});

/** The address that it told of a part. */
function addressOf(part: string): string {
  const [, url = ''] = new RegExp(`^ +${part} +(https?://[^ \\n]+)`, 'm').exec(output) ?? [];
  expect(url, output).not.toBe('');
  return url;
}

const readVariables = async () => parseVariables(await readFile(join(directory.path, 'data', 'env'), 'utf8'));

const read = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text);
};

describe('npm run stack', () => {
  it('tells that all of it is well, and what is missing', () => {
    const withoutGrafana =
      /^ +Health +degraded; grafana identity is degraded [^;]*ECONNREFUSED[^;]*; nothing is known from before$/m;
    expect(output).toMatch(hasGrafana ? /^ +Health +ok$/m : withoutGrafana);
  });

  it('scrapes the exporter as job fleetlens, with exemplars that name runs', async () => {
    const prometheus = addressOf('Prometheus');
    const up = async () => (await read(`${prometheus}/api/v1/query?query=up{job="fleetlens"}`)).data.result;
    await waitFor(async () => (await up())[0]?.value[1] === '1', { what: 'the target' });
    const { data } = await read(`${prometheus}/api/v1/query?query=count(fleet_runs_created_total)`);
    expect(Number(data.result[0]?.value[1])).toBeGreaterThan(0);
    const now = Math.ceil(Date.now() / 1000);
    const range = new URLSearchParams({
      query: 'fleet_run_duration_seconds_bucket',
      start: String(now - 86_400),
      end: String(now),
    });
    const exemplars = async () => (await read(`${prometheus}/api/v1/query_exemplars?${range}`)).data;
    const [series] = await waitFor(async () => ((await exemplars()).length > 0 ? await exemplars() : undefined), {
      what: 'exemplars',
    });
    expect(series.exemplars[0].labels.run_id).toMatch(/./);
  });

  it('loads the rules, whose links lead to this Grafana, and tells Alertmanager', async () => {
    const prometheus = addressOf('Prometheus');
    const { data } = await read(`${prometheus}/api/v1/rules?type=alert`);
    const rules = data.groups.flatMap((group: { rules: object[] }) => group.rules);
    expect(rules.length).toBeGreaterThan(40);
    const alertmanagers = async () => (await read(`${prometheus}/api/v1/alertmanagers`)).data.activeAlertmanagers;
    await waitFor(async () => (await alertmanagers()).length === 1, { what: 'Alertmanager' });
    const firing = async () => await read(`${addressOf('Alertmanager')}/api/v2/alerts?filter=alertname=FleetWatchdog`);
    const [watchdog] = await waitFor(async () => ((await firing()).length > 0 ? await firing() : undefined), {
      what: 'the watchdog in Alertmanager',
    });
    // The address is for its links alone.
    expect(watchdog.labels).toEqual({ alertname: 'FleetWatchdog', severity: 'none' });
    if (hasGrafana) expect(watchdog.annotations.dashboard_url).toContain(addressOf('Grafana'));
  });

  it.runIf(hasGrafana)('has dashboards, data sources that work and the fleet in Grafana', async () => {
    const grafana = addressOf('Grafana');
    const { GRAFANA_ADMIN_PASSWORD } = await readVariables();
    const headers = { authorization: `Basic ${btoa(`admin:${GRAFANA_ADMIN_PASSWORD}`)}` };
    const ask = (path: string) => read(`${grafana}/api/${path}`, headers);
    expect((await ask('datasources/uid/fleetlens-prometheus/health')).status).toBe('OK');
    expect((await ask('alertmanager/fleetlens-alertmanager/api/v2/status')).versionInfo).toBeDefined();
    // As a person: the exporter believes the identity that Grafana signs.
    const runs = await ask('datasources/proxy/uid/fleetlens-fleet/read/api/v1/runs?limit=5');
    expect(runs.data.length).toBe(5);
    expect((await ask('plugins/fleetlens-fleet-app/settings')).enabled).toBe(true);
    const dashboards = await waitFor(
      async () => {
        const found = await ask('search?type=dash-db&folderUIDs=fleetlens');
        return found.length > 0 ? found : undefined;
      },
      { what: 'the dashboards' },
    );
    expect(dashboards.map(({ uid }: { uid: string }) => uid)).toContain('fleetlens-overview');
  });

  it.runIf(hasGrafana)(
    'leads from the dot on a histogram to the page of its run',
    async () => {
      const grafana = addressOf('Grafana');
      const { GRAFANA_ADMIN_PASSWORD: password } = await readVariables();
      const browser = await launchChromium();
      try {
        const context = await openContext(browser, { viewport: { width: 1500, height: 1100 } });
        await context.request.post(`${grafana}/login`, { data: { user: 'admin', password } });
        const page = await context.newPage();
        const datasource = { type: 'prometheus', uid: 'fleetlens-prometheus' };
        const expr = 'sum by (le) (fleet_run_duration_seconds_bucket)';
        const queries = [{ refId: 'A', datasource, expr, range: true, exemplar: true }];
        const pane = { datasource: datasource.uid, queries, range: { from: 'now-3h', to: 'now' } };
        const panes = new URLSearchParams({ schemaVersion: '1', orgId: '1', panes: JSON.stringify({ a: pane }) });
        // Explore asks once: right after the first scrape there is no step with a value yet, and a graph of nothing has no dots.
        await waitFor(
          async () => {
            await page.goto(`${grafana}/explore?${panes}`);
            await page.locator('[data-testid*="xemplar"]').first().hover({ force: true, timeout: 20_000 });
            return true;
          },
          { what: 'the dot' },
        );
        const link = await page.locator('a[href*="fleetlens-fleet-app/find"]').first().getAttribute('href');
        await page.goto(new URL(link ?? '', grafana).href);
        await page.waitForURL(/\/a\/fleetlens-fleet-app\/run\?/);
      } finally {
        await browser.close();
      }
    },
    240_000,
  );

  // Last: it ends what the others look at.
  it('ends all of it when it is told to', async () => {
    expect((await processesNaming(directory.path)).length).toBeGreaterThan(4);
    stack.kill('SIGINT');
    expect(await ended, output).toBe(0);
    expect(output).toContain('Everything has ended.');
    expect(await processesNaming(directory.path)).toEqual([]);
  });
});

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEMO_SOURCES, pushEvents, simulateLive } from '../../exporter/src/demo/index.ts';
import { runCli } from '../cli/runCli.ts';
import { demoHistory } from '../support/demoHistory.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { freePort } from '../support/freePort.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { promtool } from '../support/promtool.ts';
import { settleHistory } from '../support/settleHistory.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { gaugeHistory } from './gaugeHistory.ts';
import { type GrafanaProcess, startGrafana } from './grafanaProcess.ts';
import { PLUGIN_DIST } from './stage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TOKENS = { grafana: 'of-the-data-source', simulator: 'of-the-simulator' };
const PROVISIONING = fileURLToPath(new URL('../../provisioning/', import.meta.url));

export interface DashboardStage {
  readonly exporter: ExporterProcess;
  readonly prometheus: PrometheusServer;
  readonly grafana: GrafanaProcess;
  stop(): Promise<void>;
}

/**
 * The demo fleet in a real exporter, its history as blocks in a real Prometheus that scrapes it, and a real Grafana with the
 * dashboards as they are provisioned.
 */
export async function setDashboardStage(home: string, days: number): Promise<DashboardStage> {
  const started = new AsyncDisposableStack();
  try {
    return { ...(await start(home, days, started)), stop: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function start(home: string, days: number, started: AsyncDisposableStack): Promise<Omit<DashboardStage, 'stop'>> {
  const grafanaPort = await freePort();
  const directory = await temporaryDirectory('dashboards');
  started.defer(() => directory.remove());
  const exporter = await startExporter({
    config: {
      tokens: [
        { name: 'grafana', role: 'viewer', token: TOKENS.grafana, require_identity: true },
        { name: 'simulator', role: 'ingest', token: TOKENS.simulator, sources: DEMO_SOURCES },
      ],
      grafana: { url: `http://127.0.0.1:${grafanaPort}/` },
      budgets: { workspace_monthly_usd: 5_000, per_repo_daily_usd: 40, per_persona_run_usd: 25 },
    },
  });
  started.defer(() => exporter.stop());
  const stopping = new AbortController();
  const push = { url: exporter.url, token: TOKENS.simulator, signal: stopping.signal };
  const to = new Date();
  const since = new Date(to.getTime() - days * DAY_MS);
  const events = demoHistory({ from: since, to });
  await pushEvents({ ...push, events, gzip: true });
  // What comes minutes after a run, its cost and its judgement against the baseline, is history too.
  await settleHistory(() => exporter.scrape());

  const instance = new URL(exporter.url).host;
  const dataDir = join(directory.path, 'prometheus');
  await mkdir(dataDir);
  // Finer for the dashboards of a day than for those of a week.
  const yesterday = new Date(to.getTime() - 26 * HOUR_MS);
  const spans = [
    { name: 'old', step: '1h', range: ['--since', since.toISOString(), '--until', yesterday.toISOString()] },
    { name: 'recent', step: '5m', range: ['--since', yesterday.toISOString()] },
  ];
  const exportSpan = async ({ name, step, range }: (typeof spans)[number]) => {
    const file = join(directory.path, `${name}.om`);
    const exported = await runCli([
      ...['export', '--config', exporter.configFile, '--format', 'openmetrics', '--step', step, '-o', file],
      ...['--label', 'job=fleetlens', '--label', `instance=${instance}`, ...range],
    ]);
    if (exported.code !== 0) throw new Error(`fleetlens export ended with ${exported.code}: ${exported.stderr}`);
    await makeBlocks(file, dataDir);
  };
  const exportGauges = async () => {
    const file = join(directory.path, 'gauges.om');
    await writeFile(file, gaugeHistory(events, { job: 'fleetlens', instance }));
    await makeBlocks(file, dataDir);
  };
  await Promise.all([...spans.map(exportSpan), exportGauges()]);
  const prometheus = await startPrometheus({ targets: [instance], dataDir, ruleFiles: await provisionedRules() });
  started.defer(() => prometheus.stop());
  const live = pushEvents({
    ...push,
    events: simulateLive({ seed: 'fleetlens', since, from: to, signal: stopping.signal }),
    flushAfterMs: 200,
  });
  started.defer(async () => {
    stopping.abort();
    await live;
  });
  const grafana = await startGrafana({
    home,
    port: grafanaPort,
    pluginDirectory: PLUGIN_DIST,
    provisioning: {
      directory: join(PROVISIONING, 'grafana'),
      env: {
        GF_PATHS_PROVISIONING: join(PROVISIONING, 'grafana'),
        FLEETLENS_PROMETHEUS_URL: prometheus.url,
        FLEETLENS_ALERTMANAGER_URL: 'http://127.0.0.1:9093',
        FLEETLENS_URL: exporter.url,
        FLEETLENS_GRAFANA_TOKEN: TOKENS.grafana,
      },
    },
  });
  started.defer(() => grafana.stop());
  const watched = async () =>
    (await prometheus.query('min(fleetlens_ledger_up) + count(ALERTS{alertname="FleetWatchdog"})')).length > 0;
  await waitFor(watched, {
    what: 'the first scrape and the first look of the rules',
    intervalMs: 500,
  });
  return { exporter, prometheus, grafana };
}

async function makeBlocks(file: string, dataDir: string): Promise<void> {
  const { exitCode, output } = await promtool([
    ...['tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=54h', '--quiet'],
    ...[file, dataDir],
  ]);
  if (exitCode !== 0) throw new Error(`promtool ended with ${exitCode} for ${file}: ${output}`);
}

/** The rules as they are shipped, so that what they record and what fires is there too. */
async function provisionedRules(): Promise<Record<string, string>> {
  const directory = join(PROVISIONING, 'prometheus', 'rules');
  if (!existsSync(directory)) return {};
  const names = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name));
  const files = names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(files));
}

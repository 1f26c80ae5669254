import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEMO_SOURCES, pushEvents, simulateLive } from '../../exporter/src/demo/index.ts';
import { GrafanaServer } from '../contract/grafana/grafanaServer.ts';
import { demoHistory } from '../support/demoHistory.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { buildHost, type Lane } from './host/buildHost.ts';
import { type Host, startHost } from './host/hostServer.ts';

export const PLUGIN_DIST = fileURLToPath(new URL('../../plugin/dist', import.meta.url));
const DAY_MS = 86_400_000;
const TOKENS = { grafana: 'of-the-data-source', simulator: 'of-the-simulator' };
type Events = Parameters<typeof pushEvents>[0]['events'];

export interface StageOptions {
  readonly lanes: readonly Lane[];
  /** Days of the demo fleet's history. */
  readonly days: number;
  readonly pluginDirectory?: string;
}

export interface Stage {
  readonly exporter: ExporterProcess;
  /** A host for each lane, in front of the same exporter. */
  readonly hosts: ReadonlyMap<Lane, Host>;
  readonly grafana: GrafanaServer;
  /** Pushes to the exporter, as a platform does. */
  push(events: Events): Promise<void>;
  stop(): Promise<void>;
}

/** The real exporter with the demo fleet, history first and then live, and the host pages in front of it. */
export async function setStage({ lanes, days, pluginDirectory = PLUGIN_DIST }: StageOptions): Promise<Stage> {
  const stopping = new AbortController();
  const grafana = await GrafanaServer.start();
  const directory = await temporaryDirectory('host');
  const exporter = await startExporter({
    config: {
      tokens: [
        { name: 'grafana', role: 'viewer', token: TOKENS.grafana, require_identity: true },
        { name: 'simulator', role: 'ingest', token: TOKENS.simulator, sources: DEMO_SOURCES },
      ],
      grafana: { url: grafana.url },
      budgets: { workspace_monthly_usd: 5_000, per_repo_daily_usd: 20, per_persona_run_usd: 25 },
    },
  });
  const sender = { url: exporter.url, token: TOKENS.simulator, signal: stopping.signal };
  const push = async (events: Events) => {
    await pushEvents({ ...sender, events });
  };
  const from = new Date(Date.now() - days * DAY_MS);
  const to = new Date();
  await push(demoHistory({ from, to }));
  const events = simulateLive({ seed: 'fleetlens', since: from, from: to, signal: stopping.signal });
  const live = pushEvents({ ...sender, events, flushAfterMs: 200 });

  const hosts = new Map<Lane, Host>();
  for (const lane of lanes) {
    const hostDirectory = join(directory.path, lane);
    await buildHost(lane, hostDirectory);
    hosts.set(
      lane,
      await startHost({
        hostDirectory,
        pluginDirectory,
        exporterUrl: exporter.url,
        token: TOKENS.grafana,
        identityOf: (role) => grafana.identityOf(role.toLowerCase(), { role }),
      }),
    );
  }
  return {
    exporter,
    hosts,
    grafana,
    push,
    async stop() {
      stopping.abort();
      await live;
      for (const host of hosts.values()) await host.stop();
      await exporter.stop();
      await grafana[Symbol.asyncDispose]();
      await directory.remove();
    },
  };
}

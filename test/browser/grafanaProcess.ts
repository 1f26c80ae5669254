import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startServer } from '../support/serverProcess.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';

const PLUGIN_IDS = [
  'fleetlens-fleet-app',
  'fleetlens-fleet-datasource',
  'fleetlens-rundetail-panel',
  'fleetlens-sprintchain-panel',
];

export interface GrafanaProcess {
  readonly url: string;
  stop(): Promise<void>;
}

interface GrafanaOptions {
  readonly home: string;
  readonly port: number;
  /** The built plugin. */
  readonly pluginDirectory: string;
  /** Of our data source; without one none is provisioned. */
  readonly exporterUrl?: string;
  /** Of our data source. */
  readonly token?: string;
  /** Provisioning as it is shipped, instead of the above, and the variables that its files read. */
  readonly provisioning?: { readonly directory: string; readonly env: Readonly<Record<string, string>> };
}

/** Starts a real Grafana with the built plugin, the app enabled and data sources as they are shipped; admin's password is admin. */
export async function startGrafana(options: GrafanaOptions): Promise<GrafanaProcess> {
  const { home, port, pluginDirectory, exporterUrl, token, provisioning } = options;
  const directory = await temporaryDirectory('grafana');
  const at = (...parts: string[]) => join(directory.path, ...parts);
  await cp(pluginDirectory, at('plugins', 'fleetlens-fleet-app'), { recursive: true });
  for (const kind of ['datasources', 'plugins', 'dashboards', 'alerting']) {
    await mkdir(at('provisioning', kind), { recursive: true });
  }
  const app = { type: 'fleetlens-fleet-app', org_id: 1, disabled: false };
  await writeFile(at('provisioning', 'plugins', 'app.yaml'), stringify({ apiVersion: 1, apps: [app] }));
  const sources = [
    exporterUrl !== undefined && {
      name: 'Fleetlens',
      uid: 'fleetlens-fleet',
      type: 'fleetlens-fleet-datasource',
      access: 'proxy',
      jsonData: { url: exporterUrl },
      secureJsonData: { token },
    },
  ].filter((source) => source !== false);
  await writeFile(at('provisioning', 'datasources', 'fleet.yaml'), stringify({ apiVersion: 1, datasources: sources }));
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    server: { http_addr: '127.0.0.1', http_port: port, root_url: `${url}/` },
    paths: {
      data: at('data'),
      logs: at('logs'),
      plugins: at('plugins'),
      provisioning: provisioning?.directory ?? at('provisioning'),
    },
    plugins: { allow_loading_unsigned_plugins: PLUGIN_IDS.join(','), preinstall_disabled: true },
    analytics: { reporting_enabled: false, check_for_updates: false, check_for_plugin_updates: false },
    news: { news_feed_enabled: false },
    // Gravatar's pictures come from elsewhere: pages would wait for them.
    security: { admin_password: 'admin', disable_gravatar: true },
  };
  const ini = Object.entries(settings).flatMap(([section, keys]) => [
    `[${section}]`,
    ...Object.entries(keys).map(([key, value]) => `${key} = ${value}`),
  ]);
  await writeFile(at('grafana.ini'), `${ini.join('\n')}\n`);
  const server = await startServer({
    command: join(home, 'bin', 'grafana'),
    args: ['server', '--homepath', home, '--config', at('grafana.ini')],
    cwd: directory.path,
    env: { PATH: process.env.PATH ?? '', ...provisioning?.env },
    readyTimeoutMs: 180_000,
    ready: async () => (await fetch(`${url}/api/health`)).ok,
  });
  return {
    url,
    async stop() {
      await server.stop();
      await directory.remove();
    },
  };
}

import { fileURLToPath } from 'node:url';
import { type APIRequestContext, request } from '@playwright/test';
import { DEMO_SOURCES, pushEvents } from '../../exporter/src/demo/index.ts';
import { findGrafana } from '../browser/findGrafana.ts';
import { startGrafana } from '../browser/grafanaProcess.ts';
import { demoHistory } from '../support/demoHistory.ts';
import { startExporter } from '../support/exporterProcess.ts';
import { freePort } from '../support/freePort.ts';
import { APP_ID, EXOTIC_IDS, EXOTIC_PROJECT, READ_TOKEN, SIGNED_IN, SOURCE, SOURCE_NAME } from './names.ts';

const PLUGIN_DIST = fileURLToPath(new URL('../../plugin/dist', import.meta.url));
const DAY_MS = 86_400_000;
const INGEST_TOKEN = 'of-the-simulator';

/**
 * Playwright's global setup: the real exporter with the demo fleet, the Grafana that was found or a new one with the built plugin,
 * somebody signed in, and a data source. Tests read GRAFANA_URL and EXPORTER_URL.
 * @returns the teardown, which leaves nothing in a Grafana that ran before
 */
export default async function prepareGrafana(): Promise<() => Promise<void>> {
  const found = findGrafana();
  if (found === undefined) {
    throw new Error('No Grafana was found. Name one in GRAFANA_URL (that runs, with the plugin) or GRAFANA_HOME.');
  }
  const port = await freePort();
  const url = 'url' in found ? found.url : `http://127.0.0.1:${port}`;
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
  };
  try {
    const [exporterUrl] = await Promise.all([
      prepareExporter(url, stops),
      'home' in found &&
        startGrafana({ home: found.home, port, pluginDirectory: PLUGIN_DIST }).then((it) => stops.push(it.stop)),
    ]);
    const api = await request.newContext({ baseURL: url });
    stops.push(() => api.dispose());
    await signIn(api);
    stops.push(await createSource(api, exporterUrl));
    process.env.GRAFANA_URL = url;
    process.env.EXPORTER_URL = exporterUrl;
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareExporter(grafanaUrl: string, stops: (() => Promise<unknown>)[]): Promise<string> {
  const exporter = await startExporter({
    config: {
      tokens: [
        { name: 'grafana', role: 'viewer', token: READ_TOKEN, require_identity: true },
        { name: 'simulator', role: 'ingest', token: INGEST_TOKEN, sources: DEMO_SOURCES },
      ],
      grafana: { url: `${grafanaUrl}/` },
      budgets: { workspace_monthly_usd: 5_000, per_repo_daily_usd: 20, per_persona_run_usd: 25 },
    },
  });
  stops.push(() => exporter.stop());
  const to = new Date();
  const push = (events: Parameters<typeof pushEvents>[0]['events']) =>
    pushEvents({ url: exporter.url, token: INGEST_TOKEN, events });
  await push(demoHistory({ from: new Date(to.getTime() - 2 * DAY_MS), to }));
  const at = new Date(to.getTime() - 1.9 * DAY_MS).toISOString();
  await push(
    EXOTIC_IDS.map((runId, index) => ({
      id: `exotic-${index}`,
      source: DEMO_SOURCES[0] ?? '',
      kind: 'run' as const,
      at,
      data: { runId, name: `exotic ${index}`, project: EXOTIC_PROJECT, status: 'cancelled', createdAt: at },
    })),
  );
  return exporter.url;
}

async function signIn(api: APIRequestContext): Promise<void> {
  const { GRAFANA_ADMIN_USER: user = 'admin', GRAFANA_ADMIN_PASSWORD: password = 'admin' } = process.env;
  await expectOk(api.post('/login', { data: { user, password } }), `sign in to Grafana as ${user}`);
  await api.storageState({ path: SIGNED_IN });
  await expectOk(
    api.post(`/api/plugins/${APP_ID}/settings`, { data: { enabled: true, pinned: true } }),
    'enable the app',
  );
}

/** @returns what removes it again */
async function createSource(api: APIRequestContext, exporterUrl: string): Promise<() => Promise<unknown>> {
  const path = `/api/datasources/uid/${SOURCE.uid}`;
  await api.delete(path);
  const data = {
    ...SOURCE,
    name: SOURCE_NAME,
    access: 'proxy',
    jsonData: { url: exporterUrl },
    secureJsonData: { token: READ_TOKEN },
  };
  await expectOk(api.post('/api/datasources', { data }), 'create the data source');
  return () => api.delete(path);
}

async function expectOk(answer: ReturnType<APIRequestContext['post']>, what: string): Promise<void> {
  const response = await answer;
  if (!response.ok()) throw new Error(`Could not ${what}: ${response.status()} ${await response.text()}`);
}

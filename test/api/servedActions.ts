import { createHash } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { grafanaSchema } from '../../exporter/src/config/grafanaSchema.ts';
import type { Config } from '../../exporter/src/config.ts';
import { loadConfig } from '../../exporter/src/config.ts';
import { actionRoute } from '../../exporter/src/http/actionRoute.ts';
import { TokenRegistry } from '../../exporter/src/http/auth.ts';
import { createServer } from '../../exporter/src/http/createServer.ts';
import { HealthRegistry } from '../../exporter/src/http/healthRegistry.ts';
import { GrafanaIdentity } from '../../exporter/src/http/identity/grafanaIdentity.ts';
import { listen } from '../../exporter/src/http/listen.ts';
import { meRoute } from '../../exporter/src/http/meRoute.ts';
import { recordRoutes } from '../../exporter/src/http/recordRoutes.ts';
import { Ledger } from '../../exporter/src/ledger/ledger.ts';
import { DEFAULT_SERIES_CAPS } from '../../exporter/src/ledger/seriesRegistry.ts';
import { normaliseEvent } from '../../exporter/src/normalise/normaliseEvent.ts';
import { GrafanaServer } from '../contract/grafana/grafanaServer.ts';
import { ApiDescription } from '../support/apiDescription.ts';
import { migratedDatabase } from '../support/postgres.ts';
import { CONNECT_TIMEOUT_MS } from '../support/postgresCluster.ts';

const SILENT = pino({ level: 'silent' });
const DAY_MS = 86_400_000;

/** Of whom: a token each. `team` is an operator of one project. */
const TOKENS = {
  viewer: { role: 'viewer' },
  operator: { role: 'operator' },
  builder: { role: 'builder' },
  admin: { role: 'admin' },
  ingest: { role: 'ingest' },
  team: { role: 'operator', projects: ['acme/storefront'] },
} as const;
type Token = keyof typeof TOKENS;
/** A token, or a person whom Grafana vouches for beside the viewer's token: their login and basic role there. */
export type Who = Token | { readonly login: string; readonly role: 'Viewer' | 'Editor' | 'Admin' };
const tokenOf = (name: Token) => `the-token-of-${name}`;

export type Json = Record<string, unknown>;

export interface ServedActions {
  readonly url: string;
  readonly ledger: Ledger;
  readonly connectionString: string;
  act(who: Who, body: unknown): Promise<{ status: number; body: Json }>;
  get(who: Who, path: string): Promise<{ status: number; body: Json }>;
  /** The audit trail, oldest first, as an admin reads it. */
  audit(): Promise<Json[]>;
  /** Records events as ingest does. @throws where one is refused. */
  record(events: Iterable<unknown>): Promise<void>;
  /** What a gauge says: the rollup's value; undefined where nothing contributes. */
  gauge(family: string): Promise<number[]>;
  close(): Promise<void>;
}

/** Reads and actions over HTTP, on a ledger of its own. */
export async function serveActions(more: Partial<Config> = {}): Promise<ServedActions> {
  const database = await migratedDatabase({ synchronousCommit: 'off' });
  const grafana = await GrafanaServer.start();
  const ledger = new Ledger({
    connectionString: database.connectionString,
    log: SILENT,
    caps: DEFAULT_SERIES_CAPS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    policy: { costFrom: () => 'usage', lostAfterMs: 400 * DAY_MS, settleAfterMs: 0, dedupeWindowMs: 400 * DAY_MS },
  });
  const config = { ...(await loadConfig(undefined, { sourceSchemas: {}, env: {}, cwd: '/nonexistent' })), ...more };
  const app = createServer({
    log: SILENT,
    version: '1.2.3',
    tokens: new TokenRegistry(
      Object.entries(TOKENS).map(([name, rule]) => ({
        name,
        ...rule,
        sha256: createHash('sha256')
          .update(tokenOf(name as Token))
          .digest('hex'),
      })),
    ),
    health: new HealthRegistry({ version: '1.2.3', essential: [] }),
    people: new GrafanaIdentity(grafanaSchema.parse({ url: grafana.url })),
    metricsNeedToken: false,
  });
  actionRoute(app, { ledger, config: () => config });
  meRoute(app);
  recordRoutes(app, { pool: ledger.pool });
  const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
  const url = `http://127.0.0.1:${address?.port}`;
  const description = await ApiDescription.load(url);
  const ask = async (who: Who, path: string, init: RequestInit = {}) => {
    const headers =
      typeof who === 'string'
        ? { ...init.headers, authorization: `Bearer ${tokenOf(who)}` }
        : {
            ...init.headers,
            authorization: `Bearer ${tokenOf('viewer')}`,
            'x-grafana-id': grafana.identityOf(who.login, { role: who.role }),
          };
    const response = await fetch(url + path, { ...init, headers });
    const body = await response.text();
    const contentType = response.headers.get('content-type');
    const method = init.method ?? 'GET';
    const problem = description.problemOf({ method, path, status: response.status, contentType, body });
    if (problem !== undefined) throw new Error(problem);
    return { status: response.status, body: JSON.parse(body) as Json };
  };
  return {
    url,
    ledger,
    connectionString: database.connectionString,
    act: (who, body) =>
      ask(who, '/api/v1/actions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    get: (who, path) => ask(who, path),
    async audit() {
      return (await ask('admin', '/api/v1/audit?order=recorded&limit=500')).body.data as Json[];
    },
    async record(events) {
      const now = Date.now();
      const results = await ledger.recordPushed([...events].map((event) => normaliseEvent(event, now)));
      const refused = results.filter(({ result }) => result !== 'accepted' && result !== 'duplicate');
      if (refused.length > 0) throw new Error(`${refused.length} refused, the first: ${JSON.stringify(refused[0])}`);
    },
    async gauge(family) {
      const client = new pg.Client({ connectionString: database.connectionString });
      await client.connect();
      try {
        const { rows } = await client.query<{ value: string }>(
          'select p.value::text from fleetlens.part p join fleetlens.rollup r on r.id = p.series where r.family = $1 order by p.value',
          [family],
        );
        return rows.map((row) => Number(row.value));
      } finally {
        await client.end();
      }
    },
    async close() {
      await app.close();
      await grafana[Symbol.asyncDispose]();
      await ledger.close();
      await database.drop();
    },
  };
}

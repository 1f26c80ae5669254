import { createHash } from 'node:crypto';
import type pg from 'pg';
import { pino } from 'pino';
import { TokenRegistry } from '../../exporter/src/http/auth.ts';
import { createServer } from '../../exporter/src/http/createServer.ts';
import { HealthRegistry } from '../../exporter/src/http/healthRegistry.ts';
import { listen } from '../../exporter/src/http/listen.ts';
import { liveRoutes } from '../../exporter/src/http/live/liveRoutes.ts';
import { recordRoutes } from '../../exporter/src/http/recordRoutes.ts';
import { Ledger } from '../../exporter/src/ledger/ledger.ts';
import { DEFAULT_SERIES_CAPS } from '../../exporter/src/ledger/seriesRegistry.ts';
import { normaliseEvent } from '../../exporter/src/normalise/normaliseEvent.ts';
import { ApiDescription } from '../support/apiDescription.ts';
import { migratedDatabase } from '../support/postgres.ts';
import { CONNECT_TIMEOUT_MS } from '../support/postgresCluster.ts';

const SILENT = pino({ level: 'silent' });
const DAY_MS = 86_400_000;
export const TOKENS = { all: 'admin-of-everything', team: 'admin-of-one-project' };

export interface ServedReads {
  readonly url: string;
  /** Paths as the framework has them (`/api/v1/runs/:source/:id`), with their methods. */
  readonly routes: readonly string[];
  /** What `GET /openapi.json` of this server says. */
  readonly description: ApiDescription;
  /** @throws where the answer is not as the API's description says. */
  get(path: string, token?: keyof typeof TOKENS): Promise<{ status: number; body: never }>;
  close(): Promise<void>;
}

export interface ServedLedger extends ServedReads {
  readonly ledger: Ledger;
  readonly connectionString: string;
  /** Records events as ingest does. @throws where one is refused. */
  record(events: Iterable<unknown>): Promise<void>;
}

/** The read API on a ledger, and what `more` adds to it: a token that sees all, and one that sees the projects of `team`. */
export async function serveReads(
  pool: pg.Pool,
  team: readonly string[],
  more: (app: ReturnType<typeof createServer>) => void = () => {},
): Promise<ServedReads> {
  const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');
  const app = createServer({
    log: SILENT,
    version: '1.2.3',
    tokens: new TokenRegistry([
      { name: 'all', role: 'admin', sha256: sha256(TOKENS.all) },
      { name: 'team', role: 'admin', sha256: sha256(TOKENS.team), projects: team },
    ]),
    health: new HealthRegistry({ version: '1.2.3', essential: [] }),
    metricsNeedToken: false,
  });
  const routes: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) if (name !== 'HEAD') routes.push(`${name} ${url}`);
  });
  recordRoutes(app, { pool });
  more(app);
  const [address] = await listen(app, [{ host: '127.0.0.1', port: 0 }]);
  const url = `http://127.0.0.1:${address?.port}`;
  const description = await ApiDescription.load(url);
  return {
    url,
    routes,
    description,
    async get(path, token = 'all') {
      const response = await fetch(url + path, { headers: { authorization: `Bearer ${TOKENS[token]}` } });
      const body = await response.text();
      const contentType = response.headers.get('content-type');
      const problem = description.problemOf({ method: 'GET', path, status: response.status, contentType, body });
      if (problem !== undefined) throw new Error(problem);
      return { status: response.status, body: JSON.parse(body) as never };
    },
    close: () => app.close(),
  };
}

/** The read API on a ledger of its own: a token that sees all, and one that sees the projects of `team`. */
export async function serveLedger(team: readonly string[]): Promise<ServedLedger> {
  const database = await migratedDatabase({ synchronousCommit: 'off' });
  const ledger = new Ledger({
    connectionString: database.connectionString,
    log: SILENT,
    caps: DEFAULT_SERIES_CAPS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    policy: { costFrom: () => 'usage', lostAfterMs: 400 * DAY_MS, settleAfterMs: 0, dedupeWindowMs: 400 * DAY_MS },
  });
  const reads = await serveReads(ledger.pool, team, (app) => {
    liveRoutes(app, { pool: ledger.pool, onCommit: (listener) => ledger.onCommit(listener), log: SILENT });
  });
  return {
    ...reads,
    ledger,
    connectionString: database.connectionString,
    async record(events) {
      const now = Date.now();
      const normalised = [...events].map((event) => normaliseEvent(event, now));
      const refused = (await ledger.recordPushed(normalised)).filter(
        ({ result }) => result !== 'accepted' && result !== 'duplicate',
      );
      if (refused.length > 0) throw new Error(`${refused.length} refused, the first: ${JSON.stringify(refused[0])}`);
    },
    async close() {
      await reads.close();
      await ledger.close();
      await database.drop();
    },
  };
}

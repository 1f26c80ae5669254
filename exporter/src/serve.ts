import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import type { Logger } from 'pino';
import { auditReload, auditStart } from './audit/auditConfiguration.ts';
import { AuditQueue } from './audit/auditQueue.ts';
import { auditRefusedUse } from './audit/auditRefusedUse.ts';
import type { Config } from './config.ts';
import { planReload } from './config.ts';
import { connectLedger } from './connectLedger.ts';
import { actionRoute } from './http/actionRoute.ts';
import { analyticsRoutes } from './http/analyticsRoutes.ts';
import { type GuardedRoute, TokenRegistry } from './http/auth.ts';
import { metricsSource } from './http/compatible/metricsSource.ts';
import { recordMetric } from './http/compatible/recordMetric.ts';
import { createServer } from './http/createServer.ts';
import { drainServer } from './http/drainServer.ts';
import { HealthRegistry } from './http/healthRegistry.ts';
import { HEALTH_PATHS } from './http/healthRoutes.ts';
import { GrafanaIdentity } from './http/identity/grafanaIdentity.ts';
import { ingestRoute } from './http/ingestRoute.ts';
import { listen } from './http/listen.ts';
import { liveRoutes } from './http/live/liveRoutes.ts';
import { meRoute } from './http/meRoute.ts';
import { metricsRoute } from './http/metricsRoute.ts';
import { overviewRoutes } from './http/overviewRoutes.ts';
import { RateLimits } from './http/rateLimit/rateLimits.ts';
import { recordRoutes } from './http/recordRoutes.ts';
import { WebConfigFile } from './http/webConfig/webConfigFile.ts';
import { webhookRoute } from './http/webhookRoute.ts';
import { GroupCommit } from './ingest/groupCommit.ts';
import { leadExporter } from './leadExporter.ts';
import { readBudgets } from './ledger/budgets/readBudgets.ts';
import { qualityPolicyOf } from './ledger/quality/qualityPolicy.ts';
import { readMeasuredRuns } from './ledger/read/readMeasuredRuns.ts';
import { ledgerPolicyOf } from './ledgerPolicyOf.ts';
import { allowsFamily } from './metrics/allowsFamily.ts';
import { budgetGauges } from './metrics/budgetGauges.ts';
import { RollupSnapshot } from './metrics/rollupSnapshot.ts';
import { createScraper } from './metrics/scrape.ts';
import { createSelfRegistry, selfCounter, selfGauge, selfHistogram } from './metrics/selfMetrics.ts';
import { serveBudgets } from './serveBudgets.ts';
import { createWebhooks } from './sources/createSource.ts';
import { createSourceMetrics } from './sources/poll/sourceMetrics.ts';
import { startSentry } from './telemetry/sentry.ts';
import { startTracing } from './telemetry/tracing.ts';
import { BUILD } from './version.ts';

export interface RunningExporter {
  /** Where it listens, `http://127.0.0.1:9960`; the first address where there are several. */
  readonly url: string;
  /** Every route and who may call it. */
  readonly routes: readonly GuardedRoute[];
  /** Applies what of a new configuration needs no restart. @returns the keys that do. */
  reload(config: Config): Promise<readonly string[]>;
  /** Remembers that a new configuration could not be read; the old one stays in force. */
  reloadFailed(): void;
  /** Drains: refuses new work, ends what is under way, stops the database if it is the exporter's own. */
  close(): Promise<void>;
}

/** How long requests under way may take when the exporter stops. */
const DRAIN_MS = 10_000;
/** A change of these is one of the budgets' policy. */
const BUDGET_KEYS: ReadonlySet<string> = new Set(['sources', 'budgets', 'actions_on_exceed']);

/**
 * Starts the exporter: HTTP at once, so that probes and scrapes have an answer while the ledger comes up; then the ledger;
 * then, on the replica that leads, polling and upkeep.
 * @throws where it cannot listen, or where the embedded database cannot start.
 */
export async function startExporter(initial: Config, log: Logger): Promise<RunningExporter> {
  let config = initial;
  // What is opened is closed in the reverse order: by close(), or at once where a later part cannot start.
  await using starting = new AsyncDisposableStack();
  const tracing = await startTracing({ version: BUILD.version, ignoredPaths: HEALTH_PATHS });
  starting.defer(() => tracing?.shutdown());
  const sentry = await startSentry({ release: BUILD.version, tracingElsewhere: tracing !== undefined });
  starting.defer(() => sentry?.close());
  const webConfig = readWebConfig(config, log);

  const registry = createSelfRegistry(BUILD);
  const reloadSuccess = selfGauge(registry, 'fleetlens_config_last_reload_success');
  reloadSuccess.set(1);
  const health = new HealthRegistry({ version: BUILD.version });
  const ledger = await connectLedger(config, log, health);
  starting.defer(() => ledger.close());
  const snapshot = new RollupSnapshot(ledger.ledger.pool, {
    idleMs: config.metrics.series_idle,
    allows: (family) => allowsFamily(config.metrics, family),
  });
  const commitSeconds = selfHistogram(registry, 'fleetlens_ingest_commit_seconds');
  const commits = new GroupCommit({
    record: (events) => ledger.recordPushed(events),
    maxQueueBytes: config.ingest.max_queue_bytes,
    onCommit: (seconds) => commitSeconds.observe(seconds),
  });
  health.register({
    name: 'ingest',
    async check() {
      const { bytes } = commits;
      const limit = config.ingest.max_queue_bytes;
      return {
        status: bytes > limit / 2 ? 'degraded' : 'ok',
        detail: `${bytes} of ${limit} bytes wait for the ledger`,
      };
    },
  });
  const tokens = new TokenRegistry(config.tokens);
  const people = new GrafanaIdentity(config.grafana);
  health.register({ name: 'grafana identity', check: () => people.health() });
  const sourceMetrics = createSourceMetrics(
    registry,
    config.sources.map((s) => s.name),
    new Date(),
  );

  const counterDifference = selfGauge(registry, 'fleetlens_source_figure_difference');
  const auditFailing = selfGauge(registry, 'fleetlens_audit_webhook_failing_timestamp_seconds');
  const audit = new AuditQueue(ledger.ledger, ledger.migrated, log);
  starting.defer(() => audit.close());

  const limits = await RateLimits.open(config.rate_limit, {
    log,
    limited: selfCounter(registry, 'fleetlens_rate_limited_total'),
    storeUp: selfGauge(registry, 'fleetlens_rate_limit_store_up'),
  });
  starting.defer(() => limits.close());
  health.register({ name: 'rate limits', check: async () => limits.health() });

  const app = createServer({
    log,
    version: BUILD.version,
    tokens,
    health,
    people,
    onRefused: (report) => audit.add(auditRefusedUse(report)),
    metricsNeedToken: config.metrics.require_token,
    limits,
    trustedProxies: config.web.trusted_proxies,
    requestLog: () => ({ requests: config.log.requests, healthRequests: config.log.health_requests }),
    ...(config.web.external_url === undefined ? {} : { externalUrl: config.web.external_url }),
    ...(sentry === undefined ? {} : { errors: sentry }),
    ...(webConfig === undefined ? {} : { webConfig }),
  });
  tracing?.nameSpansByRoute(app);
  metricsRoute(app, {
    scraper: createScraper(
      snapshot,
      registry,
      log,
      (family) => allowsFamily(config.metrics, family),
      async () => budgetGauges((await readBudgets(ledger.ledger.pool, ledger.ledger.policy.budgets)).states),
    ),
    maxConcurrentScrapes: config.metrics.max_concurrent_scrapes,
    access: 'metrics',
  });
  const ingestCounted = selfCounter(registry, 'fleetlens_ingest_events_total');
  const valueLimits = { maxDepth: config.ingest.max_depth, maxTextLength: config.ingest.max_field_bytes };
  ingestRoute(app, {
    commits,
    giveWay: () => ledger.ledger.giveWay(),
    counted: ingestCounted,
    maxBodyBytes: config.ingest.max_body_bytes,
    maxEventBytes: config.ingest.max_event_bytes,
    values: valueLimits,
  });
  actionRoute(app, { ledger: ledger.ledger, config: () => config });
  meRoute(app);
  let webhooks = createWebhooks(config, log);
  webhookRoute(app, {
    receiverOf: (source) => webhooks.get(source),
    commits,
    counted: ingestCounted,
    maxBodyBytes: config.ingest.max_body_bytes,
    values: valueLimits,
    keepAside: (letters) => ledger.ledger.keepAside(letters),
  });
  recordMetric(app, {
    sourceFor: (allowed) => metricsSource(config, allowed),
    readMeasuredRuns: (source, runIds) => readMeasuredRuns(ledger.ledger.pool, source, runIds),
    commits,
    counted: ingestCounted,
    values: valueLimits,
  });
  recordRoutes(app, { pool: ledger.ledger.pool, quality: () => qualityPolicyOf(ledger.ledger) });
  liveRoutes(app, {
    pool: ledger.ledger.pool,
    onCommit: (listener) => ledger.ledger.onCommit(listener),
    log,
    metrics: {
      open: selfGauge(registry, 'fleetlens_streams'),
      events: selfCounter(registry, 'fleetlens_stream_events_total'),
      ended: selfCounter(registry, 'fleetlens_streams_ended_total'),
    },
  });
  analyticsRoutes(app, {
    pool: ledger.ledger.pool,
    policy: () => ledger.ledger.policy.budgets,
    externalUrl: config.web.external_url,
  });
  overviewRoutes(app, {
    pool: ledger.ledger.pool,
    policy: () => ledger.ledger.policy.budgets,
    sources: () => config.sources,
    health: async (prefix) => (await health.report((name) => name.startsWith(prefix))).parts,
  });
  const { connectionString, migrated } = ledger;
  const budgets = serveBudgets(app, { ledger: ledger.ledger, connectionString, migrated, config: () => config, log });
  starting.defer(() => budgets.close());

  const url = await listenOnAll(app, config, webConfig);
  ledger.migrated.then(
    () => health.markReady(),
    () => log.info('ledger: the exporter stops before the schema was up to date'),
  );
  const lead = () =>
    leadExporter({
      config: () => config,
      ledger: ledger.ledger,
      migrated: ledger.migrated,
      sourceMetrics,
      health,
      counterDifference,
      auditFailing,
      log,
      connect: () => connectLeader(ledger.connectionString),
    });
  let leader = lead();
  const opened = starting.move();
  log.info({ url, version: BUILD.version }, 'fleetlens is listening');
  audit.add(auditStart(config));

  return {
    url,
    routes: app.guardedRoutes,
    async reload(next) {
      const plan = planReload(config, next);
      const change = auditReload(config, next, plan.restart);
      if (change !== undefined) audit.add(change);
      config = plan.effective;
      tokens.replace(config.tokens);
      people.replace(config.grafana);
      log.level = config.log.level;
      if (plan.apply.some((key) => key.startsWith('metrics.'))) snapshot.reset();
      if (plan.apply.includes('rate_limit')) await limits.reload(config.rate_limit);
      ledger.ledger.policy = ledgerPolicyOf(config);
      if (plan.apply.some((key) => BUDGET_KEYS.has(key))) budgets.changed();
      if (plan.apply.includes('sources')) {
        webhooks = createWebhooks(config, log);
        await leader.stop();
        leader = lead();
      }
      if (plan.apply.includes('audit') && !plan.apply.includes('sources')) {
        await leader.stop();
        leader = lead();
      }
      reloadSuccess.set(1);
      log.info({ applied: plan.apply, needRestart: plan.restart }, 'configuration reloaded');
      return plan.restart;
    },
    reloadFailed: () => reloadSuccess.set(0),
    async close() {
      health.markNotReady('stopping');
      const { cut } = await drainServer(app, { timeoutMs: DRAIN_MS });
      if (cut > 0) log.warn({ cut }, 'requests were cut: they had not ended in time');
      await leader.stop();
      await commits.drain();
      await opened.disposeAsync();
    },
  };
}

function readWebConfig({ web }: Config, log: Logger): WebConfigFile | undefined {
  if (web.config_file === undefined) return undefined;
  return new WebConfigFile(web.config_file, (error) =>
    log.error({ err: error }, 'web configuration: the change cannot be used'),
  );
}

/** @returns the first address, as a URL that this machine can use. */
async function listenOnAll(
  app: FastifyInstance,
  { web }: Config,
  webConfig: WebConfigFile | undefined,
): Promise<string> {
  const [first] = await listen(app, web.listen_address);
  const host = first?.host === '::' || first?.host === '0.0.0.0' ? '127.0.0.1' : first?.host;
  const scheme = webConfig?.current().tls === undefined ? 'http' : 'https';
  return `${scheme}://${host?.includes(':') ? `[${host}]` : host}:${first?.port}`;
}

async function connectLeader(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: 'fleetlens leader',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  await client.connect();
  return client;
}

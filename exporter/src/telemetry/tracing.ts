import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { FastifyInstance } from 'fastify';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Tracing {
  /** Names the server spans of this app after their routes (`GET /api/v1/runs/:source/:id`). */
  nameSpansByRoute(app: FastifyInstance): void;
  /** Sends what is waiting and stops. */
  shutdown(): Promise<void>;
}

export interface StartTracingOptions {
  readonly env?: Environment;
  readonly version: string;
  /** Paths whose requests make no span (probes). */
  readonly ignoredPaths: ReadonlySet<string>;
}

/**
 * Traces the exporter's own work (HTTP in and out, Postgres) where OTEL_EXPORTER_OTLP_ENDPOINT is set, and sends the
 * spans by OTLP/HTTP in protobuf. OTEL_SERVICE_NAME (default fleetlens), OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and
 * OTEL_EXPORTER_OTLP_HEADERS have their standard meaning. Without the endpoint nothing is imported.
 * @returns undefined without an endpoint.
 */
export async function startTracing(options: StartTracingOptions): Promise<Tracing | undefined> {
  const env = options.env ?? process.env;
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT) return undefined;
  const [api, sdkNode, { OTLPTraceExporter }, { HttpInstrumentation }, { PgInstrumentation }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-pg'),
  ]);
  const sdk = new sdkNode.NodeSDK({
    serviceName: env.OTEL_SERVICE_NAME || 'fleetlens',
    resource: sdkNode.resources.resourceFromAttributes({ 'service.version': options.version }),
    traceExporter: new OTLPTraceExporter(),
    // Prometheus takes the metrics and standard error the logs: by default the SDK would send both by OTLP too.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({
        ignoreIncomingRequestHook: ({ url }) => options.ignoredPaths.has((url ?? '').split('?', 1)[0] ?? ''),
      }),
      // A statement's values are the fleet's data; statements themselves are constant texts.
      new PgInstrumentation({ enhancedDatabaseReporting: false }),
    ],
  });
  sdk.start();
  patchLoadedModules();
  return {
    nameSpansByRoute: (app) => {
      app.addHook('onRequest', async (request) => {
        const route = request.routeOptions.url;
        const span = api.trace.getActiveSpan();
        if (route === undefined || span === undefined) return;
        span.updateName(`${request.method} ${route}`).setAttribute('http.route', route);
      });
    },
    shutdown: () => sdk.shutdown(),
  };
}

/**
 * The instrumentations wait for `require`, which ES modules never call. They patch prototypes and the one CommonJS
 * instance that `import` shares, so requiring each module once, whenever, reaches every importer; no loader hook is needed.
 */
function patchLoadedModules(): void {
  const require = createRequire(import.meta.url);
  for (const name of ['http', 'https', 'pg']) require(name);
  syncBuiltinESMExports();
}

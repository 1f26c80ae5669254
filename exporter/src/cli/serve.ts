import { Command } from 'commander';

/** `fleetlens serve`. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('run the exporter: read the configured sources, take pushed events, serve /metrics and the API')
    .option('-c, --config <file>', 'configuration file (default: fleetlens.yaml, if it exists)')
    .option('--web.listen-address <address...>', 'where to listen, host:port or :port; instead of web.listen_address')
    .option('--web.config.file <file>', 'TLS and basic authentication, in the format of the exporter toolkit')
    .addHelpText(
      'after',
      `
Signals: SIGHUP reloads the configuration, SIGTERM and SIGINT drain and stop.
Environment: DATABASE_URL, LOG_LEVEL, LOG_REQUESTS, LOG_HEALTH_REQUESTS, SENTRY_DSN, OTEL_EXPORTER_OTLP_ENDPOINT.
Exit codes: 0 stopped by a signal, 1 could not start, 2 wrong usage or configuration.

Examples:
  fleetlens serve
  fleetlens serve --config /etc/fleetlens.yaml --web.listen-address :9960
  DATABASE_URL=postgres://fleetlens@db/fleetlens fleetlens serve`,
    )
    .action(async (options: Record<string, unknown>) => {
      const { runServe } = await import('../runServe.ts');
      await runServe({
        config: options.config as string | undefined,
        listenAddress: options['web.listenAddress'] as string[] | undefined,
        webConfigFile: options['web.config.file'] as string | undefined,
      });
    });
}

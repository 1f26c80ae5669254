import { loadConfig } from './config.ts';
import { startExporter } from './serve.ts';
import { sourceSchemas } from './sources/createSource.ts';
import { createLogger } from './telemetry/logger.ts';

export interface ServeFlags {
  readonly config: string | undefined;
  readonly listenAddress: readonly string[] | undefined;
  readonly webConfigFile: string | undefined;
}

/** Runs the exporter until a signal ends it. */
export async function runServe(options: ServeFlags): Promise<void> {
  const load = () =>
    loadConfig(options.config, {
      sourceSchemas,
      flags: {
        ...(options.listenAddress === undefined ? {} : { listenAddresses: options.listenAddress }),
        ...(options.webConfigFile === undefined ? {} : { webConfigFile: options.webConfigFile }),
      },
    });
  const config = await load();
  const log = createLogger({ level: config.log.level });
  const exporter = await startExporter(config, log);

  process.on('SIGHUP', () => {
    load().then(exporter.reload, (error: unknown) => {
      exporter.reloadFailed();
      log.error({ err: error }, 'the configuration was not reloaded; the old one stays in force');
    });
  });
  const { promise: stopped, resolve: stop } = Promise.withResolvers<NodeJS.Signals>();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const signal = await stopped;
  log.info({ signal }, 'stopping');
  await exporter.close();
}

import type { Logger } from 'pino';
import { loadConfig } from './config.ts';
import { type RunningExporter, startExporter } from './serve.ts';
import { sourceSchemas } from './sources/createSource.ts';
import { createLogger } from './telemetry/logger.ts';

export interface ServeFlags {
  readonly config: string | undefined;
  readonly listenAddress: readonly string[] | undefined;
  readonly webConfigFile: string | undefined;
}

/** Less than the 30 s after which Kubernetes kills, so that the log says what hung. */
const STOP_WITHIN_MS = 25_000;

/** Runs the exporter until a signal ends it. */
export async function runServe(options: ServeFlags): Promise<void> {
  // From the first moment on: a signal during the start must not leave an embedded database behind, and a reload not end it.
  const { promise: stopped, resolve: stop } = Promise.withResolvers<NodeJS.Signals>();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  let running: RunningExporter | undefined;
  let turn: Promise<void> = Promise.resolve();
  process.on('SIGHUP', () => {
    // One after the other, the newest file last.
    turn = turn.then(async () => running && (await reload(running)));
  });

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

  async function reload(exporter: RunningExporter): Promise<void> {
    try {
      await exporter.reload(await load());
    } catch (error) {
      exporter.reloadFailed();
      log.error({ err: error }, 'the configuration was not reloaded; the old one stays in force');
    }
  }

  running = await startExporter(config, log);
  const signal = await stopped;
  log.info({ signal }, 'stopping');
  endWhatHangs(log);
  const exporter = running;
  running = undefined;
  await turn;
  await exporter.close();
}

/** A database that neither answers nor hangs up would keep the process for ever. */
function endWhatHangs(log: Logger): void {
  const timer = setTimeout(() => {
    log.fatal(
      `not everything ended within ${STOP_WITHIN_MS / 1000} s of the signal; ending now. What was not acknowledged is sent again by its sender`,
    );
    process.exit(1);
  }, STOP_WITHIN_MS);
  timer.unref();
}

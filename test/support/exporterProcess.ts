import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { onFreePort } from './freePort.ts';
import { type Exit, type ServerProcess, startServer } from './serverProcess.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';

const CLI = fileURLToPath(new URL('../../exporter/bin/fleetlens.js', import.meta.url));
/** The rest of the environment (DATABASE_URL, SENTRY_DSN, LOG_LEVEL…) would configure the exporter behind the test's back. */
const KEPT_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG'];

export interface ExporterOptions {
  /**
   * fleetlens.yaml as an object. `web.listen_address` is set here; without `ledger` the embedded Postgres keeps its data in the
   * exporter's temporary directory.
   */
  readonly config?: { readonly web?: object; readonly ledger?: object; readonly [key: string]: unknown };
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `fleetlens serve`. */
  readonly args?: readonly string[];
  /** Off: the start ends when the process answers, though its ledger may not be there. Default on: when it is ready to serve. */
  readonly waitForLedger?: boolean;
  /** Milliseconds until it answers; default 60,000. */
  readonly readyTimeoutMs?: number;
}

export interface ExporterProcess {
  /** `http://127.0.0.1:<port>`; stays the same over restarts. */
  readonly url: string;
  readonly configFile: string;
  readonly directory: string;
  pid(): number;
  /** The process that runs now, or ran last. */
  process(): ServerProcess;
  /** What it logged since its last start. */
  logs(): string;
  /** GET /metrics; OpenMetrics where `accept` asks for it. */
  scrape(accept?: string): Promise<string>;
  /** Replaces the configuration file; the exporter reads it on SIGHUP or restart. */
  writeConfig(config: NonNullable<ExporterOptions['config']>): Promise<void>;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** Starts it again after its end, on the same port, directory and configuration. */
  restart(): Promise<void>;
  /** SIGTERM, where it still runs; then removes its directory. */
  stop(): Promise<void>;
}

/** Starts the real CLI, `fleetlens serve`, on a free port and waits until it is ready. */
export async function startExporter(options: ExporterOptions = {}): Promise<ExporterProcess> {
  const directory = await temporaryDirectory('exporter');
  // As root the embedded Postgres runs under another account, which has to pass through to the data directory.
  await chmod(directory.path, 0o711);
  const configFile = join(directory.path, 'fleetlens.yaml');
  const writeConfig = ({ web, ...config }: NonNullable<ExporterOptions['config']>, port: number) =>
    writeFile(
      configFile,
      stringify({
        web: { listen_address: `127.0.0.1:${port}`, ...web },
        ledger: { data_dir: join(directory.path, 'data') },
        ...config,
      }),
    );
  const probe = (options.waitForLedger ?? true) ? '/-/ready' : '/-/healthy';
  const launch = (port: number) =>
    startServer({
      command: process.execPath,
      args: [CLI, 'serve', '--config', configFile, ...(options.args ?? [])],
      cwd: directory.path,
      env: { ...keptEnvironment(), ...options.env },
      readyTimeoutMs: options.readyTimeoutMs ?? 60_000,
      ready: async () => (await fetch(`http://127.0.0.1:${port}${probe}`)).ok,
    });

  try {
    let server: ServerProcess;
    const port = await onFreePort(async (free) => {
      await writeConfig(options.config ?? {}, free);
      server = await launch(free);
      return free;
    });
    const url = `http://127.0.0.1:${port}`;
    const current = () => server;
    return {
      url,
      configFile,
      directory: directory.path,
      pid: () => current().pid,
      process: current,
      logs: () => current().output(),
      async scrape(accept) {
        const response = await fetch(`${url}/metrics`, accept === undefined ? {} : { headers: { accept } });
        const text = await response.text();
        if (!response.ok) throw new Error(`GET /metrics answered ${response.status}: ${text}`);
        return text;
      },
      writeConfig: (config) => writeConfig(config, port),
      kill: (signal) => current().kill(signal),
      async restart() {
        if (current().isRunning()) throw new Error('The exporter still runs; end it with kill() before restart()');
        server = await launch(port);
      },
      async stop() {
        if (current().isRunning()) await current().stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

function keptEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(KEPT_VARIABLES.map((name) => [name, process.env[name]]));
}

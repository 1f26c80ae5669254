import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGrafanaHome } from '../browser/findGrafana.ts';
import { type ServerOptions, type ServerProcess, startServer } from '../support/serverProcess.ts';
import { type ComposeService, ROOT, readComposeFile, withVariables } from './composeFile.ts';
import { Places, type Ports } from './places.ts';
import { pushHistory } from './pushHistory.ts';

const CLI = join(ROOT, 'exporter', 'bin', 'fleetlens.js');
const PLUGIN = fileURLToPath(new URL('../../plugin/dist', import.meta.url));
/** The names that packages give the same command. */
const COMMANDS = {
  redis: { names: ['redis-server'], from: 'the Debian/Ubuntu package redis-server' },
  prometheus: { names: ['prometheus'], from: 'the Debian/Ubuntu package prometheus' },
  alertmanager: {
    names: ['prometheus-alertmanager', 'alertmanager'],
    from: 'the Debian/Ubuntu package prometheus-alertmanager',
  },
} as const;

export interface StackOptions {
  /** What the stack keeps: databases, series, secrets. Started again on it, it goes on where it stopped. */
  readonly directory: string;
  readonly ports: Ports;
  /** Days of the demo fleet's history; 0: no fleet. */
  readonly days: number;
  /** Whether the fleet's history is put into a new Prometheus. */
  readonly history: boolean;
  /** Ends the start: what runs already is stopped. */
  readonly signal: AbortSignal;
  tell(text: string): void;
}

export interface Stack {
  /** Rejects with what it said as soon as one of the processes ends by itself. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** Starts the services of docker-compose.yml as processes on loopback, from the same configuration files. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const running: ServerProcess[] = [];
  let isStopping = false;
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const stop = async () => {
    isStopping = true;
    // The last first: who pushes and who scrapes before the exporter. All are asked, whatever one of them says.
    const results = [];
    for (const server of running.toReversed()) results.push(...(await Promise.allSettled([server.stop()])));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };
  const start = async (name: string, server: ServerOptions) => {
    options.signal.throwIfAborted();
    const started = await startServer(server);
    running.push(started);
    options.signal.throwIfAborted();
    void started.exited.then(({ code, signal }) => {
      if (isStopping) return;
      fail(
        new Error(`${name} ended (code ${code}, signal ${signal}). Its last words:\n${started.output().slice(-4_000)}`),
      );
    });
  };
  try {
    await startAll(options, start);
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  return { failed, stop };
}

async function startAll(
  { directory, ports, days, history, tell }: StackOptions,
  start: (name: string, server: ServerOptions) => Promise<void>,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  // As root the embedded Postgres runs under another account, which has to pass through.
  await chmod(directory, 0o711);
  const { services } = await readComposeFile();
  const variables = await readVariables(directory, ports);
  const places = new Places(directory, ports);
  const at = (port: number) => `http://127.0.0.1:${port}`;
  const answers = (port: number, path: string) => async () => (await fetch(`${at(port)}${path}`)).ok;
  const say = (name: string, text: string) => tell(`  ${name.padEnd(14)}${text}`);

  const redis = findCommand('redis', say);
  if (redis !== undefined) {
    const own = ['--port', String(ports.redis), '--bind', '127.0.0.1', '--dir', directory];
    await start('Redis', {
      command: redis,
      args: [...own, '--save', '', '--requirepass', variables.REDIS_PASSWORD ?? ''],
      ready: ({ output }) => output().includes('Ready to accept connections'),
    });
    say('Redis', `redis://127.0.0.1:${ports.redis}`);
  }

  const service = async (name: string) => {
    const found = services[name];
    if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
    return await local(found, variables, await places.of(found));
  };
  const exporter = await service('exporter');
  const { DATABASE_URL: external } = process.env;
  const { DATABASE_URL: _, REDIS_HOST: __, ...exporterEnv } = exporter.env;
  const env = {
    ...exporterEnv,
    ...(external === undefined ? {} : { DATABASE_URL: external }),
    ...(redis === undefined ? {} : { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(ports.redis) }),
    FLEETLENS_LISTEN_ADDRESS: `127.0.0.1:${ports.exporter}`,
    FLEETLENS_DATA_DIR: join(directory, 'ledger'),
  };
  await start('The exporter', {
    command: CLI,
    args: exporter.args,
    env: { ...base(), ...env },
    cwd: directory,
    ready: answers(ports.exporter, '/-/ready'),
    readyTimeoutMs: 120_000,
  });
  say('Postgres', external === undefined ? `embedded, in ${join(directory, 'ledger')}` : 'the one of DATABASE_URL');
  say(
    'Exporter',
    `${at(ports.exporter)}   /metrics  /health  /openapi.json   admin's token: FLEETLENS_ADMIN_TOKEN in ${join(directory, 'env')}`,
  );

  if (days > 0) {
    const demo = await service('demo');
    await start('The demo fleet', {
      command: CLI,
      args: [...demo.args, '--days', String(days)],
      env: { ...base(), ...demo.env },
      cwd: directory,
      // The history first: then the figures of Prometheus begin with it.
      ready: ({ output }) => output().includes('is live'),
      readyTimeoutMs: 600_000,
    });
    say('Demo fleet', `${days} days of history, then live`);
  }

  const alertmanager = findCommand('alertmanager', say);
  if (alertmanager !== undefined) {
    const { args } = await service('alertmanager');
    await start('Alertmanager', {
      command: alertmanager,
      args: [...args, `--web.listen-address=127.0.0.1:${ports.alertmanager}`],
      ready: answers(ports.alertmanager, '/-/ready'),
    });
    say('Alertmanager', at(ports.alertmanager));
  }

  const prometheus = findCommand('prometheus', say);
  if (prometheus !== undefined) {
    const { args } = await service('prometheus');
    const blocks = join(directory, 'prometheus-data');
    if (history && days > 0 && !existsSync(join(blocks, 'wal'))) {
      await pushHistory({ cli: CLI, config: exporter.args.at(-1) ?? '', env: { ...base(), ...env }, blocks, ports });
      say('Prometheus', 'has the history of the demo fleet');
    }
    await start('Prometheus', {
      command: prometheus,
      args: [...args, `--web.listen-address=127.0.0.1:${ports.prometheus}`],
      ready: answers(ports.prometheus, '/-/ready'),
      readyTimeoutMs: 120_000,
    });
    say('Prometheus', `${at(ports.prometheus)}   /targets  /alerts`);
  }

  const home = findGrafanaHome();
  if (home === undefined) {
    say('Grafana', 'not found: install it (https://grafana.com/grafana/download) or set GRAFANA_HOME');
    return;
  }
  if (!existsSync(join(PLUGIN, 'plugin.json'))) {
    say('Grafana', 'not started: the plugin is not built; npm run plugin:build');
    return;
  }
  const grafana = await service('grafana');
  const plugins = join(directory, 'plugins');
  await mkdir(plugins, { recursive: true });
  await symlink(PLUGIN, join(plugins, 'fleetlens-fleet-app')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await start('Grafana', {
    command: join(home, 'bin', 'grafana'),
    args: ['server', '--homepath', home],
    cwd: directory,
    env: {
      ...base(),
      ...grafana.env,
      // What the image sets.
      GF_PATHS_PROVISIONING: grafana.path('/etc/grafana/provisioning'),
      GF_PATHS_DATA: grafana.path('/var/lib/grafana'),
      GF_PATHS_PLUGINS: plugins,
      GF_LOG_MODE: 'console',
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(ports.grafana),
    },
    ready: answers(ports.grafana, '/api/health'),
    readyTimeoutMs: 240_000,
  });
  say('Grafana', `http://localhost:${ports.grafana}   user admin, password ${variables.GRAFANA_ADMIN_PASSWORD}`);
}

interface LocalService {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** @returns where a path of the container is here. */
  path(container: string): string;
}

async function local(
  service: ComposeService,
  variables: Readonly<Record<string, string>>,
  translate: (text: string) => string,
): Promise<LocalService> {
  const read = (text: string) => translate(withVariables(text, variables));
  const environment = Object.entries(service.environment ?? {});
  return {
    args: (service.command ?? []).map(read),
    env: Object.fromEntries(environment.map(([name, value]) => [name, read(value)])),
    path: translate,
  };
}

/** The rest of the environment would configure the processes behind the files' back. */
function base(): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
  // The exporter's first line looks for `node`: the one that runs this.
  return { PATH: [dirname(process.execPath), PATH].join(delimiter), HOME, TMPDIR };
}

/** The variables of .env.example: secrets are made once and kept in the stack's directory. */
async function readVariables(directory: string, ports: Ports): Promise<Record<string, string>> {
  const file = join(directory, 'env');
  const example = parseVariables(await readFile(join(ROOT, '.env.example'), 'utf8'));
  const kept = existsSync(file) ? parseVariables(await readFile(file, 'utf8')) : {};
  const secrets = Object.keys(example)
    .filter((name) => example[name] === '')
    .map((name) => [name, kept[name] ?? randomBytes(24).toString('hex')]);
  const variables: Record<string, string> = {
    ...example,
    ...Object.fromEntries(secrets),
    // Everything listens on loopback alone.
    GRAFANA_ADMIN_PASSWORD: kept.GRAFANA_ADMIN_PASSWORD ?? 'admin',
    GRAFANA_ROOT_URL: `http://localhost:${ports.grafana}/`,
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  return variables;
}

/** @returns the variables of a file as docker compose's .env. */
export function parseVariables(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

function findCommand(part: keyof typeof COMMANDS, say: (name: string, text: string) => void): string | undefined {
  const { names, from } = COMMANDS[part];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  if (found === undefined) say(part, `not found: ${names.join(' or ')}, from ${from}`);
  return found;
}

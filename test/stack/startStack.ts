import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { healthAnswer } from '../../exporter/src/contract/health.ts';
import { findGrafanaHome } from '../browser/findGrafana.ts';
import { type ServerOptions, type ServerProcess, startServer } from '../support/serverProcess.ts';
import { settleHistory } from '../support/settleHistory.ts';
import { waitFor } from '../support/waitFor.ts';
import { type ComposeService, ROOT, readComposeFile, withVariables } from './composeFile.ts';
import { Places, type Ports } from './places.ts';
import { pushHistory } from './pushHistory.ts';

const CLI = join(ROOT, 'exporter', 'bin', 'fleetlens.js');
const PLUGIN = fileURLToPath(new URL('../../plugin/dist', import.meta.url));
/** The names that packages give the same command. */
const COMMANDS = {
  Redis: { names: ['redis-server'], from: 'the Debian/Ubuntu package redis-server' },
  Prometheus: { names: ['prometheus'], from: 'the Debian/Ubuntu package prometheus' },
  Alertmanager: {
    names: ['prometheus-alertmanager', 'alertmanager'],
    from: 'the Debian/Ubuntu package prometheus-alertmanager',
  },
} as const;

export interface StackOptions {
  /** What the stack keeps: databases, series, secrets. Started again on it, it goes on where it stopped. */
  readonly directory: string;
  readonly ports: Ports;
  /** Of the ledger. Default: an embedded Postgres. Never from the shell's DATABASE_URL: the fleet is simulated. */
  readonly databaseUrl?: string | undefined;
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
    const failures: unknown[] = [];
    // The last first: who pushes and who scrapes before the exporter. All are asked, whatever one of them says.
    for (const server of running.toReversed()) await server.stop().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
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

/** What the start of each part needs. */
interface Context extends Omit<StackOptions, 'tell' | 'signal'> {
  start(name: string, server: ServerOptions): Promise<void>;
  say(name: string, text: string): void;
  /** Of .env. */
  readonly variables: Readonly<Record<string, string>>;
  service(name: string): Promise<LocalService>;
}

async function startAll(options: StackOptions, start: Context['start']): Promise<void> {
  const { directory, ports, tell } = options;
  await mkdir(directory, { recursive: true });
  // As root the embedded Postgres runs under another account, which has to pass through.
  await chmod(directory, 0o711);
  const { services } = await readComposeFile();
  const variables = await readVariables(directory, ports);
  const places = new Places(directory, ports);
  const context: Context = {
    ...options,
    start,
    variables,
    say: (name, text) => tell(`  ${name.padEnd(14)}${text}`),
    async service(name) {
      const found = services[name];
      if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
      return local(found, variables, await places.of(found));
    },
  };
  const hasRedis = await startRedis(context);
  const exporter = await startExporter(context, hasRedis);
  // The fleet's past before Prometheus, which then begins with it.
  if (options.days > 0) await startDemo(context);
  await startAlertmanager(context);
  await startPrometheus(context, exporter);
  await startGrafana(context);
  await tellHealth(context);
}

/** What the exporter says of its parts, now that all are there. */
async function tellHealth({ ports, variables, say }: Context): Promise<void> {
  const headers = { authorization: `Bearer ${variables.FLEETLENS_ADMIN_TOKEN}` };
  const answer = healthAnswer.parse(await (await fetch(`${at(ports.exporter)}/health`, { headers })).json());
  const ailing = Object.entries(answer.parts).filter(([, { status }]) => status !== 'ok');
  const details = ailing.map(([name, { status, detail = '' }]) => `${name} is ${status} ${detail}`);
  say('Health', [answer.status, ...details].join('; '));
}

const at = (port: number) => `http://127.0.0.1:${port}`;
const answers = (port: number, path: string) => async () => (await fetch(`${at(port)}${path}`)).ok;

async function startRedis({ directory, ports, variables, start, say }: Context): Promise<boolean> {
  const command = findCommand('Redis', say);
  if (command === undefined) return false;
  const own = ['--port', String(ports.redis), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  await start('Redis', {
    command,
    args: [...own, '--requirepass', variables.REDIS_PASSWORD ?? ''],
    ready: ({ output }) => output().includes('Ready to accept connections'),
  });
  say('Redis', `redis://127.0.0.1:${ports.redis}`);
  return true;
}

interface RunningExporter {
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
}

async function startExporter(context: Context, hasRedis: boolean): Promise<RunningExporter> {
  const { directory, ports, databaseUrl, start, say, service } = context;
  const { args, env: inContainer } = await service('exporter');
  const { DATABASE_URL: _url, REDIS_HOST: _host, ...others } = inContainer;
  const data = join(directory, 'ledger');
  const env = {
    ...base(),
    ...others,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(hasRedis ? { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(ports.redis) } : {}),
    FLEETLENS_LISTEN_ADDRESS: `127.0.0.1:${ports.exporter}`,
    FLEETLENS_DATA_DIR: data,
  };
  await start('The exporter', {
    command: CLI,
    args,
    env,
    cwd: directory,
    ready: answers(ports.exporter, '/-/ready'),
    readyTimeoutMs: 120_000,
  });
  say('Postgres', databaseUrl === undefined ? `embedded, in ${data}` : 'the one of --database-url');
  say('Exporter', `${at(ports.exporter)}   /metrics  /health  /openapi.json`);
  say('', `FLEETLENS_ADMIN_TOKEN and the other secrets are in ${join(directory, 'env')}`);
  return { config: args.at(-1) ?? '', env };
}

async function startDemo({ directory, days, start, say, service }: Context): Promise<void> {
  const { args, env } = await service('demo');
  await start('The demo fleet', {
    command: CLI,
    args: [...args, '--days', String(days)],
    env: { ...base(), ...env },
    cwd: directory,
    ready: ({ output }) => output().includes('is live'),
    readyTimeoutMs: 600_000,
  });
  say('Demo fleet', `${days} days of history, then live`);
}

async function startAlertmanager({ ports, start, say, service }: Context): Promise<void> {
  const command = findCommand('Alertmanager', say);
  if (command === undefined) return;
  const { args } = await service('alertmanager');
  await start('Alertmanager', {
    command,
    args: [...args, `--web.listen-address=127.0.0.1:${ports.alertmanager}`],
    ready: answers(ports.alertmanager, '/-/ready'),
  });
  say('Alertmanager', at(ports.alertmanager));
}

async function startPrometheus(context: Context, exporter: RunningExporter): Promise<void> {
  const { ports, days, history, start, say, service } = context;
  const command = findCommand('Prometheus', say);
  if (command === undefined) return;
  const { args, env, path } = await service('prometheus');
  const blocks = path('/prometheus');
  if (history && days > 0 && !existsSync(join(blocks, 'wal'))) {
    say('Prometheus', 'is given the history of the demo fleet');
    await settleHistory(async () => await (await fetch(`${at(ports.exporter)}/metrics`)).text());
    await pushHistory({ cli: CLI, ...exporter, blocks, ports });
  }
  await start('Prometheus', {
    command,
    // What Prometheus 3 does by itself, the packages' Prometheus 2 does when told.
    args: [...args, '--enable-feature=expand-external-labels', `--web.listen-address=127.0.0.1:${ports.prometheus}`],
    env: { ...base(), ...env },
    ready: answers(ports.prometheus, '/-/ready'),
    readyTimeoutMs: 120_000,
  });
  say('Prometheus', `${at(ports.prometheus)}   /targets  /alerts`);
}

async function startGrafana({ directory, ports, variables, start, say, service }: Context): Promise<void> {
  const home = findGrafanaHome();
  if (home === undefined) {
    say('Grafana', 'not found: install it (https://grafana.com/grafana/download) or set GRAFANA_HOME');
    return;
  }
  if (!existsSync(join(PLUGIN, 'plugin.json'))) {
    say('Grafana', 'not started: the plugin is not built; npm run plugin:build');
    return;
  }
  const { env, path } = await service('grafana');
  const plugins = join(directory, 'plugins');
  await mkdir(plugins, { recursive: true });
  // A link: what is built anew is there at the next load of a page.
  await symlink(PLUGIN, join(plugins, 'fleetlens-fleet-app')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await start('Grafana', {
    command: join(home, 'bin', 'grafana'),
    args: ['server', '--homepath', home],
    cwd: directory,
    env: {
      ...base(),
      ...env,
      // What the image sets.
      GF_PATHS_PROVISIONING: path('/etc/grafana/provisioning'),
      GF_PATHS_DATA: path('/var/lib/grafana'),
      GF_PATHS_PLUGINS: plugins,
      GF_LOG_MODE: 'console',
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(ports.grafana),
    },
    ready: answers(ports.grafana, '/api/health'),
    readyTimeoutMs: 240_000,
  });
  const password = variables.GRAFANA_ADMIN_PASSWORD ?? '';
  say('Grafana', `http://localhost:${ports.grafana}   user admin, password ${password}`);
  // As a person, through the data source. Grafana makes its signing key for the first one, for whom it may fail while it is busy
  // with its start; before, the exporter would find none.
  const ask = async () => {
    const response = await fetch(`${at(ports.grafana)}/api/datasources/proxy/uid/fleetlens-fleet/read/api/v1/me`, {
      headers: { authorization: `Basic ${btoa(`admin:${password}`)}` },
    });
    if (!response.ok) throw new Error(`it answers ${response.status}: ${await response.text()}`);
    return true;
  };
  await waitFor(ask, { what: 'the data source', timeoutMs: 30_000, intervalMs: 1_000 }).catch((error: Error) =>
    say('', error.message),
  );
}

interface LocalService {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** @returns where a path of the container is here. */
  path(container: string): string;
}

function local(
  service: ComposeService,
  variables: Readonly<Record<string, string>>,
  translate: (text: string) => string,
): LocalService {
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

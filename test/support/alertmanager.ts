import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { onFreePort } from './freePort.ts';
import { type ServerProcess, startServer } from './serverProcess.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';

/** As shipped. */
export const ALERTMANAGER_FILE = fileURLToPath(
  new URL('../../provisioning/alertmanager/alertmanager.yml', import.meta.url),
);
/** Debian's name first. */
const COMMANDS = ['prometheus-alertmanager', 'alertmanager'];

export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  readonly endsAt?: string;
}

export interface AlertmanagerServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly process: ServerProcess;
  post(alerts: readonly PostedAlert[]): Promise<void>;
  stop(): Promise<void>;
}

export interface AlertmanagerOptions {
  /** Where the messages of a receiver go: to `/slack/<receiver>`, `/webhook/<receiver>`, `/pagerduty` and `/opsgenie` below it. */
  readonly urlOf: (receiver: string) => string;
  /** `--web.external-url`, which links lead to. */
  readonly externalUrl?: string;
}

/** The content of every secret file. */
export const SECRET = 'secret-of-the-receiver';

type Part = Record<string, unknown>;
interface Config extends Part {
  readonly route: Route;
  readonly receivers: readonly (Part & { readonly name: string })[];
  readonly templates: readonly string[];
}
interface Route extends Part {
  readonly routes?: readonly Route[];
}

/** A real Alertmanager with the shipped configuration, of which only addresses, secrets' places and intervals (to 1 s) are others. */
export async function startAlertmanager(options: AlertmanagerOptions): Promise<AlertmanagerServer> {
  const directory = await temporaryDirectory('alertmanager');
  try {
    const configFile = join(directory.path, 'alertmanager.yml');
    const config = await adapted(options.urlOf, directory.path);
    await writeFile(configFile, stringify(config));
    const command = COMMANDS.find((name) => spawnSync(name, ['--version']).error === undefined);
    if (command === undefined)
      throw new Error('Cannot run Alertmanager; install it with scripts/install-test-tools.sh');
    const { url, process } = await onFreePort(async (port) => {
      const url = `http://127.0.0.1:${port}`;
      const process = await startServer({
        command,
        args: [
          `--config.file=${configFile}`,
          `--storage.path=${join(directory.path, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--cluster.listen-address=',
          ...(options.externalUrl === undefined
            ? []
            : [`--web.external-url=${options.externalUrl}`, '--web.route-prefix=/']),
        ],
        ready: async () => (await fetch(`${url}/-/ready`)).ok,
      });
      return { url, process };
    });
    return {
      url,
      process,
      async post(alerts) {
        const response = await fetch(`${url}/api/v2/alerts`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(alerts),
        });
        if (!response.ok) throw new Error(`Alertmanager answered ${response.status}: ${await response.text()}`);
      },
      async stop() {
        await process.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

async function adapted(urlOf: AlertmanagerOptions['urlOf'], directory: string): Promise<Part> {
  const config = parse(await readFile(ALERTMANAGER_FILE, 'utf8')) as Config;
  const secrets = join(directory, 'secrets');
  await mkdir(secrets);
  const secret = async (name: string, content: string) => {
    const file = join(secrets, name);
    await writeFile(file, content);
    return file;
  };
  const receivers = await Promise.all(
    config.receivers.map(async (receiver) => {
      const { name } = receiver;
      const receiverUrl = urlOf(name);
      const list = (key: string) => (receiver[key] ?? []) as readonly Part[];
      const token = await secret('token', SECRET);
      const slack = await secret(`slack-${name}`, `${receiverUrl}/slack/${name}`);
      return {
        name,
        slack_configs: list('slack_configs').map((one) => ({ ...one, api_url_file: slack })),
        webhook_configs: list('webhook_configs').map((one) => ({
          ...one,
          url: `${receiverUrl}/webhook/${name}`,
          http_config: { authorization: { credentials_file: token } },
        })),
        pagerduty_configs: list('pagerduty_configs').map((one) => ({
          ...one,
          routing_key_file: token,
          url: `${receiverUrl}/pagerduty`,
        })),
        opsgenie_configs: list('opsgenie_configs').map((one) => ({
          ...one,
          api_key_file: token,
          api_url: `${receiverUrl}/opsgenie/`,
        })),
      };
    }),
  );
  const folder = dirname(ALERTMANAGER_FILE);
  return {
    ...config,
    templates: config.templates.map((pattern) => join(folder, dirname(pattern), basename(pattern))),
    route: withoutWaiting(config.route),
    receivers,
  };
}

function withoutWaiting(route: Route): Route {
  return {
    ...route,
    group_wait: '1s',
    group_interval: '1s',
    routes: (route.routes ?? []).map(withoutWaiting),
  };
}

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { DEMO_SOURCES, pushEvents, simulateFleet, simulateLive } from '../demo/index.ts';
import { startExporter } from '../serve.ts';
import { sourceSchemas } from '../sources/createSource.ts';
import { createLogger } from '../telemetry/logger.ts';
import { CliError, EXIT_USAGE } from './cliError.ts';
import type { DemoOptions } from './demo.ts';
import { tell } from './printOutput.ts';
import { showProgress } from './progress.ts';

const DAY_MS = 86_400_000;
/** The exporter remembers ids for 35 days and refuses older events. */
const LONGEST_PAUSE_MS = 30 * DAY_MS;
const READY_TIMEOUT_MS = 60_000;
/** Live events are gathered for so long before they are sent. */
const FLUSH_MS = 500;
const SAVE_EVERY_MS = 5_000;

/** What a directory was begun with, and how far its fleet has come. */
const stateSchema = z.object({
  seed: z.string(),
  scale: z.number(),
  since: z.iso.datetime(),
  /** Everything before this time was pushed; absent: the history is not complete. */
  pushedTo: z.iso.datetime().optional(),
});
type State = z.infer<typeof stateSchema>;

export async function runDemoCommand(options: DemoOptions): Promise<void> {
  const startedMs = performance.now();
  const directory = resolve(options.dataDir);
  await mkdir(directory, { recursive: true });
  const state = await readState(directory, options);

  const stopping = new AbortController();
  const onSignal = () => {
    tell('\nStopping.');
    stopping.abort();
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const { signal } = stopping;
  const exporter = options.pushTo === undefined ? await ownExporter(directory, options) : await otherExporter(options);
  try {
    await waitUntilReady(exporter.url, signal);
    const push = { url: exporter.url, token: exporter.token, signal };
    let current = state;
    if (current.pushedTo === undefined && !signal.aborted) current = await pushHistory(current, push, directory);
    if (!signal.aborted) {
      tell(exporter.instructions((performance.now() - startedMs) / 1000));
      await pushLive(current, push, directory);
    }
  } finally {
    await exporter.close();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

interface DemoExporter {
  readonly url: string;
  /** Of role ingest. */
  readonly token: string;
  instructions(seconds: number): string;
  close(): Promise<void>;
}

async function ownExporter(directory: string, { listenAddress }: DemoOptions): Promise<DemoExporter> {
  const token = await tokenIn(join(directory, 'ingest-token'));
  await tokenIn(join(directory, 'viewer-token'));
  const config = await writeConfig(directory, listenAddress);
  const exporter = await startExporter(config, createLogger({ level: process.env.LOG_LEVEL ?? 'error' }));
  const { url } = exporter;
  return {
    url,
    token,
    instructions: (seconds) => instructions(url, directory, seconds),
    close: () => exporter.close(),
  };
}

async function otherExporter({ pushTo: url = '', tokenFile }: DemoOptions): Promise<DemoExporter> {
  if (!URL.canParse(url)) {
    throw new CliError(`--push-to: found ${url}, expected an address such as http://127.0.0.1:9960`, {
      exitCode: EXIT_USAGE,
    });
  }
  const token = tokenFile === undefined ? process.env.FLEETLENS_TOKEN : (await readFile(tokenFile, 'utf8')).trim();
  if (!token) {
    throw new CliError('--push-to needs a token of role ingest, in --token-file or FLEETLENS_TOKEN', {
      exitCode: EXIT_USAGE,
    });
  }
  return {
    url,
    token,
    instructions: (seconds) =>
      `\nA simulated fleet is live in ${url} (after ${seconds.toFixed(0)} s). Ctrl-C stops it.`,
    close: async () => {},
  };
}

async function readState(directory: string, { seed, scale, days }: DemoOptions): Promise<State> {
  const file = join(directory, 'demo.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    const state = { seed, scale, since: new Date(Date.now() - days * DAY_MS).toISOString() };
    await saveState(directory, state);
    return state;
  }
  const state = stateSchema.parse(JSON.parse(text));
  if (state.seed !== seed || state.scale !== scale) {
    throw new CliError(
      `${directory} holds the fleet of --seed ${state.seed} --scale ${state.scale}; name that, another --data-dir, or delete the directory`,
    );
  }
  if (Date.parse(state.pushedTo ?? state.since) < Date.now() - LONGEST_PAUSE_MS) {
    throw new CliError(
      `${directory} was left more than 30 days ago, and its fleet cannot go on; delete the directory to begin anew`,
    );
  }
  return state;
}

async function saveState(directory: string, state: State): Promise<void> {
  const file = join(directory, 'demo.json');
  await writeFile(`${file}.new`, `${JSON.stringify(state)}\n`);
  await rename(`${file}.new`, file);
}

/** A random token in a file that only its owner reads, kept over restarts. */
async function tokenIn(file: string): Promise<string> {
  const token = randomBytes(32).toString('hex');
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return token;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return (await readFile(file, 'utf8')).trim();
  }
}

async function writeConfig(directory: string, listenAddress: string) {
  const file = join(directory, 'fleetlens.yaml');
  const { stringify } = await import('yaml');
  const content = {
    web: { listen_address: listenAddress },
    ledger: { data_dir: directory },
    tokens: [
      { name: 'simulator', role: 'ingest', token_file: 'ingest-token', sources: DEMO_SOURCES },
      { name: 'viewer', role: 'viewer', token_file: 'viewer-token' },
    ],
  };
  await writeFile(file, `# Written by fleetlens demo at each start.\n${stringify(content)}`);
  // A DATABASE_URL of the shell must not put the simulated fleet into a real ledger.
  return await loadConfig(file, { sourceSchemas, env: {} });
}

async function waitUntilReady(url: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  let reason = '';
  while (!signal.aborted) {
    try {
      const response = await fetch(new URL('/-/ready', url));
      reason = (await response.text()).trim();
      if (response.ok) return;
    } catch (error) {
      // Another process, or container, may start later than this one.
      reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    }
    if (performance.now() > deadline) throw new CliError(`the exporter at ${url} did not become ready: ${reason}`);
    await sleep(100);
  }
}

type Push = { readonly url: string; readonly token: string; readonly signal: AbortSignal };

async function pushHistory(state: State, push: Push, directory: string): Promise<State> {
  const from = new Date(state.since);
  const to = new Date();
  const progress = await showProgress('History');
  try {
    const { stopped } = await pushEvents({
      ...push,
      events: simulateFleet({ seed: state.seed, scale: state.scale, from, to }),
      gzip: true,
      onProgress: ({ sent, at }) => {
        const done = at === undefined ? 0 : Date.parse(at) - from.getTime();
        progress.update(done, to.getTime() - from.getTime(), `${sent} events`);
      },
    });
    if (stopped) return state;
  } finally {
    progress.stop();
  }
  const complete = { ...state, pushedTo: to.toISOString() };
  await saveState(directory, complete);
  return complete;
}

async function pushLive(state: State, push: Push, directory: string): Promise<void> {
  const from = new Date(state.pushedTo ?? state.since);
  let saved = performance.now();
  let pushedTo = state.pushedTo;
  await pushEvents({
    ...push,
    events: simulateLive({
      seed: state.seed,
      scale: state.scale,
      from,
      since: new Date(state.since),
      signal: push.signal,
    }),
    flushAfterMs: FLUSH_MS,
    giveUpAfterMs: Number.POSITIVE_INFINITY,
    onProgress: ({ at }) => {
      if (at === undefined || performance.now() - saved < SAVE_EVERY_MS) return;
      saved = performance.now();
      // Requests under way may end in another order: a minute is sent again next time, and is a duplicate.
      pushedTo = new Date(Math.max(from.getTime(), Date.parse(at) - 60_000)).toISOString();
      void saveState(directory, { ...state, pushedTo });
    },
  });
  await saveState(directory, { ...state, ...(pushedTo === undefined ? {} : { pushedTo }) });
}

function instructions(url: string, directory: string, seconds: number): string {
  const { host } = new URL(url);
  return `
A simulated fleet is live (ready after ${seconds.toFixed(0)} s).

  metrics   ${url}/metrics
  health    ${url}/health
  API       ${url}/api/v1/runs    (described in ${url}/openapi.json)

  fleetlens runs list --url ${url} --token-file ${join(directory, 'viewer-token')}

For prometheus.yml:

  scrape_configs:
    - job_name: fleetlens
      scrape_interval: 15s
      static_configs:
        - targets: ['${host}']

Its history as Prometheus blocks:

  fleetlens export --config ${join(directory, 'fleetlens.yaml')} --format openmetrics --label job=fleetlens --label instance=${host} -o history.om
  promtool tsdb create-blocks-from openmetrics --max-block-duration=54h history.om <Prometheus' data directory>

Ctrl-C stops it.`;
}

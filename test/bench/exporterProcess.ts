import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import type { ProbeAnswer } from './loopProbe.ts';

export interface ExporterProcess {
  readonly url: string;
  readonly pid: number;
  /** Of role ingest. */
  readonly token: string;
  /** The longest time since the last call that the event loop was busy without a break, milliseconds. */
  longestBlockMs(): Promise<number>;
  /** The most resident memory since the start, bytes. */
  peakRss(): Promise<number>;
  stop(): Promise<void>;
}

const BINARY = fileURLToPath(new URL('../../exporter/bin/fleetlens.js', import.meta.url));
const PROBE = new URL('./loopProbe.ts', import.meta.url).href;
/** Of role ingest, where the configuration of a scenario has no tokens of its own. */
export const BENCH_TOKEN = 'bench-ingest-0123456789abcdef';
const STOP_TIMEOUT_MS = 20_000;

/** Further arguments of Node, say `FLEETLENS_BENCH_NODE_ARGS="--cpu-prof --cpu-prof-dir=profiles"` to see where time goes. */
const NODE_ARGUMENTS = (process.env.FLEETLENS_BENCH_NODE_ARGS ?? '').split(' ').filter((argument) => argument !== '');

/** `fleetlens serve` on a database that has the ledger's schema or none yet, on a free loopback port. */
export async function startExporter(databaseUrl: string, config: object = {}): Promise<ExporterProcess> {
  const directory = await temporaryDirectory('bench-exporter');
  const file = join(directory.path, 'fleetlens.yaml');
  await writeFile(
    file,
    stringify({
      web: { listen_address: '127.0.0.1:0' },
      ledger: { database_url: databaseUrl },
      tokens: [{ name: 'bench', role: 'ingest', token: BENCH_TOKEN }],
      metrics: { max_series: 1_000_000, family_share: 1 },
      ...config,
    }),
    { mode: 0o600 },
  );
  // As a user starts it: the first line of the file has arguments of Node, too.
  const child = spawn(BINARY, ['serve', '--config', file], {
    env: {
      ...{ PATH: process.env.PATH, TZ: 'UTC', LOG_LEVEL: 'info', NO_COLOR: '1' },
      NODE_OPTIONS: [...NODE_ARGUMENTS, '--import', PROBE].join(' '),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-1024 * 1024);
    });
  }
  const exited = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    }
    await directory.remove();
  };
  try {
    const url = await waitFor(
      async () => {
        if (child.exitCode !== null) throw new Error('it ended');
        const found = /"url":"(http:[^"]+)"/.exec(output)?.[1];
        if (found === undefined) return undefined;
        const ready = await fetch(`${found}/-/ready`);
        await ready.arrayBuffer();
        return ready.ok ? found : undefined;
      },
      { what: 'the exporter to be ready', timeoutMs: 30_000 },
    );
    const { pid } = child;
    if (pid === undefined) throw new Error('bench: expected the exporter to have a process id');
    return {
      url,
      pid,
      token: BENCH_TOKEN,
      async longestBlockMs() {
        const answered = once(child, 'message') as Promise<[ProbeAnswer]>;
        child.send('longestBlock');
        return (await answered)[0].longestBlockMs;
      },
      async peakRss() {
        const status = await readFile(`/proc/${pid}/status`, 'utf8');
        return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`bench: the exporter did not start. Its output:\n${output}`, { cause: error });
  }
}

import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Ports } from './places.ts';

interface HistoryOptions {
  readonly cli: string;
  /** Of the exporter that runs. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  /** Prometheus' data directory. */
  readonly blocks: string;
  readonly ports: Ports;
}

/** Puts what the ledger knows of the past into a Prometheus that has not been started yet, as blocks. */
export async function pushHistory({ cli, config, env, blocks, ports }: HistoryOptions): Promise<void> {
  const file = join(blocks, 'history.om');
  const labels = ['--label', 'job=fleetlens', '--label', `instance=127.0.0.1:${ports.exporter}`];
  await run(cli, ['export', '--config', config, '--format', 'openmetrics', ...labels, '-o', file], env);
  await run('promtool', ['tsdb', 'create-blocks-from', '--max-block-duration=54h', 'openmetrics', file, blocks], env);
  await rm(file);
}

async function run(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const [code, errors] = await Promise.all([
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
    text(child.stderr),
  ]);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${errors}`);
}

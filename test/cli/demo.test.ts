import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startExporter } from '../support/exporterProcess.ts';
import { onFreePort } from '../support/freePort.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { runCli, startCli } from './runCli.ts';

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory('demo');
  // As root the embedded Postgres runs under another account, which has to pass through to the data directory.
  await chmod(directory.path, 0o711);
});
const running = new Set<() => Promise<unknown>>();
afterAll(async () => {
  // Where a test failed, its demo still runs.
  for (const stop of running) await stop();
  await directory?.remove();
});

function startDemo(port: number) {
  const data = join(directory.path, 'demo');
  const address = `127.0.0.1:${port}`;
  const child = startCli(['demo', '--data-dir', data, '--listen-address', address, '--days', '2'], {
    cwd: directory.path,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = async () => {
    child.kill('SIGINT');
    return await ended;
  };
  running.add(stop);
  return {
    url: `http://${address}`,
    data,
    output: () => output,
    live: () =>
      waitFor(
        () => {
          if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
          return output.includes('A simulated fleet is live');
        },
        { what: 'the demo to be live', timeoutMs: 50_000 },
      ),
    stop,
  };
}

describe('fleetlens demo', () => {
  it('has history, goes live, stops cleanly and goes on where it stopped', async () => {
    const demo = await onFreePort(async (port) => {
      const started = startDemo(port);
      await started.live();
      return started;
    });
    const counted = async () => {
      const samples = parseExposition(await (await fetch(`${demo.url}/metrics`)).text());
      return [...samples].reduce(
        (sum, [name, value]) => sum + (name.startsWith('fleet_runs_created_total') ? value : 0),
        0,
      );
    };
    const created = await waitFor(counted, { what: 'the sources to go live' });
    expect(created).toBeGreaterThan(100);
    expect((await stat(join(demo.data, 'ingest-token'))).mode & 0o777).toBe(0o600);
    expect(demo.output()).toContain(`- targets: ['${new URL(demo.url).host}']`);
    const viewer = ['--url', demo.url, '--token-file', join(demo.data, 'viewer-token')];
    expect((await runCli(['runs', 'list', ...viewer])).stdout).toContain('codecourier-demo/');
    // Beside the running exporter.
    const config = ['--config', join(demo.data, 'fleetlens.yaml')];
    expect(await runCli(['ledger', 'verify', ...config])).toMatchObject({ code: 0 });
    expect(await demo.stop(), demo.output()).toBe(0);
    expect(demo.output()).not.toMatch(/error/i);

    // With none running, for as long as the command takes.
    expect(await runCli(['ledger', 'verify', ...config])).toMatchObject({ code: 0 });
    await expect(stat(join(demo.data, 'postgres-url'))).rejects.toThrow('ENOENT');

    const state = await readFile(join(demo.data, 'demo.json'), 'utf8');
    const again = startDemo(Number(new URL(demo.url).port));
    await again.live();
    expect(again.output()).not.toContain('History');
    expect(await waitFor(counted, { what: 'the counters' })).toBeGreaterThanOrEqual(created);
    expect(JSON.parse(await readFile(join(demo.data, 'demo.json'), 'utf8'))).toMatchObject({
      since: JSON.parse(state).since,
    });
    expect(await again.stop(), again.output()).toBe(0);
  });

  it('pushes to an exporter that runs already, and only with a token', async () => {
    const token = 'of-the-simulator-alone';
    const exporter = await startExporter({ config: { tokens: [{ name: 'simulator', role: 'ingest', token }] } });
    running.add(() => exporter.stop());
    const args = ['demo', '--data-dir', join(directory.path, 'pushed'), '--push-to', exporter.url, '--days', '1'];
    expect(await runCli(args)).toMatchObject({ code: 2, stderr: expect.stringContaining('FLEETLENS_TOKEN') });
    const child = startCli(args, { env: { FLEETLENS_TOKEN: token } });
    running.add(async () => child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const inLedger = async () =>
      parseExposition(await exporter.scrape()).has(
        'fleetlens_ingest_events_total{source="codecourier-demo",result="accepted"}',
      );
    await waitFor(inLedger, { what: 'the fleet in the ledger' });
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  it('refuses a directory with another fleet', async () => {
    const data = join(directory.path, 'demo');
    const { code, stderr } = await runCli(['demo', '--data-dir', data, '--seed', 'other']);
    expect(code).toBe(1);
    expect(stderr).toContain('holds the fleet of --seed fleetlens');
  });
});

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { waitFor } from '../../../../test/support/waitFor.ts';
import { runLeader } from './runLeader.ts';

/** Replicas on one real Postgres. `leading` holds those that lead at this moment. */
async function replicas(...names: string[]) {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  return replicasOn(database.connectionString, ...names);
}

async function replicasOn(connectionString: string, ...names: string[]) {
  const leading = new Set<string>();
  const overlaps: string[][] = [];
  const pids = new Map<string, number>();
  const leaders = new Map(
    names.map((name) => [
      name,
      runLeader({
        log: pino({ level: 'silent' }),
        async connect() {
          const client = new Client({ connectionString, keepAlive: true });
          client.on('error', () => {});
          await client.connect();
          const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
          pids.set(name, rows[0]?.pid ?? 0);
          return client;
        },
        async onLead(signal) {
          if (!signal.aborted && leading.size > 0) overlaps.push([...leading, name]);
          leading.add(name);
          signal.addEventListener('abort', () => leading.delete(name), { once: true });
          if (signal.aborted) leading.delete(name);
          await sleep(600_000, undefined, { signal }).catch(() => {});
        },
      }),
    ]),
  );
  onTestFinished(async () => {
    await Promise.all([...leaders.values()].map((leader) => leader.stop()));
  });
  const admin = async (sql: string, values: unknown[]) => {
    const client = new Client({ connectionString });
    await client.connect();
    await client.query(sql, values);
    await client.end();
  };
  return { connectionString, leading, overlaps, pids, leaders, admin };
}

it('one replica leads; when its backend is terminated another takes over, and never two lead at once', async () => {
  const { leading, overlaps, pids, admin } = await replicas('a', 'b');
  const first = await waitFor(() => [...leading][0], { what: 'a leader' });
  await waitFor(() => pids.size === 2, { what: 'both to be connected' });
  await admin('select pg_terminate_backend($1)', [pids.get(first)]);
  const next = await waitFor(() => [...leading].find((name) => name !== first), { what: 'the other to take over' });
  expect(next).not.toBe(first);
  // The old leader stands in line again: it leads once the new one has lost its connection too.
  await admin('select pg_terminate_backend($1)', [pids.get(next)]);
  await waitFor(() => leading.has(first), { what: 'the first to lead again' });
  expect(overlaps).toEqual([]);
});

it('a leader that stops hands over, and its work has ended before', async () => {
  const { leading, overlaps, leaders } = await replicas('a', 'b');
  const first = await waitFor(() => [...leading][0], { what: 'a leader' });
  await leaders.get(first)?.stop();
  expect(leading.has(first)).toBe(false);
  await waitFor(() => leading.size === 1 && !leading.has(first), { what: 'the other to take over' });
  expect(overlaps).toEqual([]);
});

it('takes over from a process that hangs: the server ends a session that stays silent', async () => {
  const { leading, leaders, connectionString } = await replicas('a');
  await waitFor(() => leading.has('a'), { what: 'a leader' });
  const script = `
    import { Client } from 'pg';
    import pino from 'pino';
    import { runLeader } from ${JSON.stringify(new URL('./runLeader.ts', import.meta.url).href)};
    runLeader({
      log: pino({ level: 'silent' }),
      async connect() {
        const client = new Client({ connectionString: process.env.LEDGER });
        await client.connect();
        return client;
      },
      async onLead(signal) {
        console.log('leads');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });`;
  const other = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, LEDGER: connectionString },
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void other.kill('SIGKILL'));
  let output = '';
  other.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  await leaders.get('a')?.stop();
  await waitFor(() => output.includes('leads'), { what: 'the other process to lead' });
  other.kill('SIGSTOP');
  const heir = await replicasOn(connectionString, 'b');
  await waitFor(() => heir.leading.has('b'), { what: 'a takeover from the stopped process', timeoutMs: 40_000 });
  // Two more beats: the lead is kept.
  other.kill('SIGCONT');
  await waitFor(() => heir.pids.has('b') && heir.leading.has('b'), { what: 'the lead to stay' });
  expect(heir.overlaps).toEqual([]);
});

/** For the tests of the embedded Postgres: directories, exporter processes and questions, all ended and removed after each test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import pino, { type Logger } from 'pino';
import { afterEach } from 'vitest';
import { whoIs } from './findProcess.ts';
import { readPostmasterPid } from './postmasterPid.ts';
import type { InstalledBinaries } from './serverBinaries.ts';
import { type EmbeddedPostgresServer, startEmbeddedPostgres } from './startEmbeddedPostgres.ts';

export const isRoot = process.getuid?.() === 0;

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
export function atEnd(end: () => Promise<unknown>): void {
  endings.push(end);
}

/** Open for passage, as a directory of a real system is; mkdtemp's own are closed to the server's account. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(path.join(os.tmpdir(), 'fleetlens-test-')));
  await chmod(directory, 0o711);
  atEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Ends whatever server a test left in a data directory, before the directory is removed. */
export function endServerOf(dataDir: string): void {
  atEnd(async () => {
    const clusterDir = await realpath(path.join(dataDir, 'postgres')).catch(() => undefined);
    if (clusterDir === undefined) return;
    const found = await readPostmasterPid(clusterDir);
    if (found === undefined || (await whoIs(found.pid, clusterDir)) !== 'its postmaster') return;
    process.kill(found.pid, 'SIGQUIT');
    while ((await whoIs(found.pid, clusterDir)) !== 'nobody') await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

export interface LogLine {
  level: number;
  msg: string;
  postgres?: { severity?: string };
}

export function captureLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  return { log: pino({ level: 'debug' }, sink), lines };
}

interface Places {
  dataDir: string;
  stateDir?: string;
  installed?: InstalledBinaries;
}

let stateDir: Promise<string> | undefined;

/** A test has a state directory of its own, one for all exporters that it starts: as the system has, and never the system's. */
async function withinTest(places: Places): Promise<Places> {
  if (stateDir === undefined) {
    stateDir = temporaryDirectory().then((directory) => path.join(directory, 'state'));
    atEnd(async () => {
      stateDir = undefined;
    });
  }
  return { stateDir: await stateDir, ...places };
}

export async function startHere(places: Places, log: Logger = captureLog().log): Promise<EmbeddedPostgresServer> {
  endServerOf(places.dataDir);
  const server = await startEmbeddedPostgres({ ...(await withinTest(places)), log });
  atEnd(() => server.stop());
  return server;
}

export interface HeldServer {
  child: ChildProcess;
  connectionString: string;
  adopted: boolean;
  error?: string;
  stderr: Promise<string>;
}

/** An exporter's process of its own. */
export async function startElsewhere(places: Places, account?: { uid: number; gid: number }): Promise<HeldServer> {
  endServerOf(places.dataDir);
  const script = path.join(import.meta.dirname, 'holdEmbeddedPostgres.ts');
  const child = spawn(process.execPath, ['--no-warnings', script, JSON.stringify(await withinTest(places))], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    // A process group of its own, as a shell gives to what it starts.
    detached: true,
    ...account,
  });
  atEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const stderr = text(child.stderr);
  for await (const line of createInterface({ input: child.stdout })) return { child, stderr, ...JSON.parse(line) };
  throw new Error(`the exporter's process printed nothing but:\n${await stderr}`);
}

export async function killHard(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

export async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

export async function postmasterPid(dataDir: string): Promise<number> {
  const found = await readPostmasterPid(await realpath(path.join(dataDir, 'postgres')));
  if (found === undefined) throw new Error(`no server runs in ${dataDir}`);
  return found.pid;
}

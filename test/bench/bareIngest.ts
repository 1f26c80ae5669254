import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Bed, dropDatabase, execute, socketUrl } from './bed.ts';
import type { PushedEvent } from './fleet.ts';
import type { LoadPlan } from './load.ts';
import { runLoad } from './runLoad.ts';

/** So that no group holds the connection for longer than one of the exporter does. */
const MOST_EVENTS = 2_000;

/**
 * Events per second of the least that acknowledges durable events once: JSON, a digest, and a row with its key, in one table, all
 * that waits in one statement. No token, no validation, no redaction, no merging into records, no counting.
 */
export async function bareIngestRate({ cluster }: Bed, load: Omit<LoadPlan, 'url' | 'token'>): Promise<number> {
  const database = 'bench_bare';
  await execute(cluster, 'postgres', [`create database ${database}`]);
  try {
    await execute(cluster, database, [
      'create table event (source text, id text, digest bytea, at timestamptz, body jsonb, primary key (source, id))',
    ]);
    const child = fork(fileURLToPath(import.meta.url), [socketUrl(cluster, database)]);
    try {
      const [port] = (await once(child, 'message')) as [number];
      const plan = { ...load, url: `http://127.0.0.1:${port}`, token: '' };
      await runLoad({ ...plan, runs: Math.ceil(load.runs / 10), prefix: `${load.prefix}-warm` });
      const [result] = await runLoad(plan);
      if (result === undefined || result.accepted !== result.events)
        throw new Error(`bench: expected ${result?.events} events to be accepted, found ${result?.accepted}`);
      return result.events / result.seconds;
    } finally {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
  } finally {
    await dropDatabase(cluster, database);
  }
}

interface Waiting {
  readonly events: readonly PushedEvent[];
  answer(): void;
}

async function serve(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  const waiting: Waiting[] = [];
  let isWriting = false;

  async function writeAll(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      const group: Waiting[] = [];
      for (let events = 0; waiting.length > 0 && events < MOST_EVENTS; ) {
        const next = waiting.shift() as Waiting;
        events += next.events.length;
        group.push(next);
      }
      await write(group.flatMap(({ events }) => events));
      for (const { answer } of group) answer();
    }
    isWriting = false;
  }

  async function write(events: readonly PushedEvent[]): Promise<void> {
    await client.query({
      name: 'write',
      text: 'insert into event select * from unnest($1::text[], $2::text[], $3::bytea[], $4::timestamptz[], $5::jsonb[]) on conflict do nothing',
      values: [
        events.map(({ source }) => source),
        events.map(({ id }) => id),
        events.map((event) => createHash('sha256').update(JSON.stringify(event)).digest()),
        events.map(({ at }) => at),
        events.map(({ data }) => JSON.stringify(data)),
      ],
    });
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const { events } = JSON.parse(Buffer.concat(chunks).toString()) as { events: readonly PushedEvent[] };
      const body = JSON.stringify({ accepted: events.length, duplicates: 0, rejected: [] });
      const answer = () =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
          .end(body);
      waiting.push({ events, answer });
      // What came in the same turn of the event loop is written together.
      if (!isWriting) setImmediate(() => isWriting || void writeAll());
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

const [, script, databaseUrl] = process.argv;
if (script === fileURLToPath(import.meta.url)) await serve(databaseUrl as string);

import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Bed, dropDatabase, execute, socketUrl } from './bed.ts';
import type { PushedEvent } from './fleet.ts';
import { forkServer, serveForked } from './forkServer.ts';
import type { LoadPlan } from './load.ts';
import { runLoad } from './runLoad.ts';

const FILE = fileURLToPath(import.meta.url);

/**
 * Events per second of the least that acknowledges durable events once: JSON, a digest, and a row with its key, in one table, all
 * that waits in one statement. No token, no validation, no redaction, no merging into records, no counting; nothing of the
 * exporter, whose changes must not move it.
 */
export async function bareIngestRate({ cluster }: Bed, load: Omit<LoadPlan, 'url' | 'token'>): Promise<number> {
  const database = 'bench_bare';
  await execute(cluster, 'postgres', [`create database ${database}`]);
  try {
    await execute(cluster, database, [
      'create table event (source text, id text, digest bytea, at timestamptz, body jsonb, primary key (source, id))',
    ]);
    const server = await forkServer(FILE, socketUrl(cluster, database));
    try {
      const plan = { ...load, url: server.url, token: '' };
      await runLoad({ ...plan, runs: Math.ceil(load.runs / 10), prefix: `${load.prefix}-warm` });
      const [result] = await runLoad(plan);
      if (result === undefined || result.accepted !== result.events)
        throw new Error(`bench: expected ${result?.events} events to be accepted, found ${result?.accepted}`);
      return result.events / result.seconds;
    } finally {
      await server.stop();
    }
  } finally {
    await dropDatabase(cluster, database);
  }
}

interface Waiting {
  readonly events: readonly PushedEvent[];
  answer(): void;
}

async function createBareServer(databaseUrl: string): Promise<Server> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  let waiting: Waiting[] = [];
  let isWriting = false;

  async function writeAll(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
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

  return createServer((request, response) => {
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
}

if (process.argv[1] === FILE) serveForked(createBareServer);

import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { fleetHistory } from '../support/fleetHistory.ts';
import { freezeProcess } from '../support/freezeProcess.ts';
import { withClient } from '../support/ledgerContents.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { postBody } from '../support/postBody.ts';
import { type PostgresCluster, startPostgres } from '../support/postgresCluster.ts';
import { promtoolCheckMetrics } from '../support/promtool.ts';
import { type PushAnswer, type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { mountSmallDisk, type SmallDisk } from '../support/smallDisk.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKEN = 'ingest-token-for-tests';
const bearer = { authorization: `Bearer ${TOKEN}` };

let postgres: PostgresCluster;
let exporter: ExporterProcess | undefined;
let databases = 0;
let sequence = 0;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
afterEach(async () => {
  await exporter?.stop();
  exporter = undefined;
});

async function createDatabase(name = `outage_${++databases}`): Promise<string> {
  await withClient(postgres.connectionString(), (client) => client.query(`create database ${name}`));
  return postgres.connectionString(name);
}

async function start(databaseUrl: string, config: object = {}, options: object = {}): Promise<ExporterProcess> {
  exporter = await startExporter({
    config: {
      ledger: { database_url: databaseUrl },
      tokens: [{ name: 'ci', role: 'ingest', token: TOKEN }],
      ...config,
    },
    ...options,
  });
  return exporter;
}

function runs(count: number, bytes = 0): PushedEvent[] {
  return Array.from({ length: count }, () => {
    const id = `run-${++sequence}`;
    const at = new Date(Date.now() - 1_000).toISOString();
    return { id, source: 'pushed', kind: 'run', at, data: { runId: id, status: 'running', prompt: 'x'.repeat(bytes) } };
  });
}

const get = async (url: string, path: string) => {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, text: await response.text() };
};
const push = ({ url }: ExporterProcess, events: readonly PushedEvent[]) => pushEvents(url, TOKEN, events);
const refusal = { status: 503, accepted: 0, retryAfter: expect.stringMatching(/^[1-9]\d*$/) };
const families = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] as string);
const counted = async ({ scrape }: ExporterProcess, result: string, source = 'pushed') =>
  parseExposition(await scrape()).get(`fleetlens_ingest_events_total{source="${source}",result="${result}"}`) ?? 0;

/** Sends what nobody acknowledged once more, and everything else too: all of it has to be a duplicate. */
async function expectRecorded(to: ExporterProcess, events: readonly PushedEvent[], size = 500): Promise<void> {
  for (let i = 0; i < events.length; i += size) {
    const batch = events.slice(i, i + size);
    expect(await push(to, batch)).toMatchObject({ status: 200, accepted: 0, duplicates: batch.length, rejected: [] });
  }
}

/** What a target says whose ledger is away: that, itself, and no figure of the fleet. */
async function expectOwnFamiliesAlone({ scrape }: ExporterProcess): Promise<void> {
  const texts = { text: await scrape(), openmetrics: await scrape('application/openmetrics-text') };
  for (const text of Object.values(texts)) {
    expect(text).toMatch(/^fleetlens_ledger_up 0$/m);
    expect(families(text).filter((name) => !/^(fleetlens|process|nodejs)_/.test(name))).toEqual([]);
    expect(families(text)).toContain('process_start_time_seconds');
    expect(text).not.toMatch(/^fleetlens_(series|source_catching_up|dead_letters|ledger_mismatches)\b/m);
  }
  expect(await promtoolCheckMetrics(texts.text)).toEqual({ exitCode: 0, output: '' });
}

describe('a Postgres that stops', () => {
  it('is answered with 503 and told by every probe; afterwards all goes on by itself', async () => {
    const running = await start(await createDatabase());
    const acknowledged = runs(20);
    expect(await push(running, acknowledged)).toMatchObject({ status: 200, accepted: 20 });
    expect(families(await running.scrape())).toContain('fleet_runs');

    await postgres.halt();
    const refused = runs(3);
    for (let i = 0; i < 3; i++) expect(await push(running, refused)).toMatchObject(refusal);
    expect(await counted(running, 'refused')).toBe(9);
    await expectOwnFamiliesAlone(running);
    expect(await get(running.url, '/-/healthy')).toMatchObject({ status: 200 });
    expect(await get(running.url, '/-/ready')).toMatchObject({ status: 503, text: expect.stringContaining('ledger') });
    const health = await get(running.url, '/health');
    expect(health.status).toBe(503);
    expect(JSON.parse(health.text)).toMatchObject({ status: 'down', parts: { ledger: { status: 'down' } } });

    await postgres.restart();
    await waitFor(async () => (await get(running.url, '/-/ready')).status === 200, {
      what: 'the exporter to be ready',
    });
    expect(await push(running, refused)).toMatchObject({ status: 200, accepted: 3, duplicates: 0 });
    await expectRecorded(running, [...acknowledged, ...refused]);
    expect(families(await running.scrape())).toContain('fleet_runs');
  });

  it('in the middle of a stream of pushes loses nothing that was acknowledged', async () => {
    const running = await start(await createDatabase());
    const events = fleetHistory({ source: 'pushed', runs: 300, seed: 1, endMs: Date.now() });
    const answers = new Set<number>();
    let acknowledged = 0;
    const pushing = (async () => {
      for (let i = 0; i < events.length; i += 10) {
        await waitFor(
          async () => {
            const answer = await push(running, events.slice(i, i + 10));
            answers.add(answer.status);
            if (answer.status !== 200) expect(answer).toMatchObject(refusal);
            return answer.status === 200;
          },
          { what: 'a batch to be acknowledged' },
        );
        acknowledged += 10;
      }
    })();
    for (const share of [0.2, 0.6]) {
      await waitFor(() => acknowledged > events.length * share, { what: 'some pushes', intervalMs: 1 });
      await postgres.crash();
      await postgres.restart();
    }
    await pushing;
    expect([...answers].sort()).toEqual([200, 503]);
    await expectRecorded(running, events);
  });
});

describe('a Postgres that is not there at the start', () => {
  it('is waited for: the exporter says so, refuses events, and comes up when it comes', async () => {
    const database = await createDatabase();
    await postgres.halt();
    const running = await start(database, {}, { waitForLedger: false });
    await expectOwnFamiliesAlone(running);
    const events = runs(2);
    expect(await push(running, events)).toMatchObject(refusal);
    expect(await counted(running, 'refused')).toBe(2);
    expect(await get(running.url, '/-/ready')).toMatchObject({ status: 503 });
    expect((await get(running.url, '/health')).status).toBe(503);

    await postgres.restart();
    await waitFor(async () => (await get(running.url, '/-/ready')).status === 200, {
      what: 'the exporter to be ready',
    });
    expect(await push(running, events)).toMatchObject({ status: 200, accepted: 2 });
    expect(await running.scrape()).toMatch(/^fleetlens_ledger_up 1$/m);
  });

  it('whose database nobody has made yet is waited for too, and /health says what is missing', async () => {
    const running = await start(postgres.connectionString('made_later'), {}, { waitForLedger: false });
    await waitFor(async () => (await get(running.url, '/health')).text.includes('"made_later\\" does not exist'), {
      what: '/health to name the database',
    });
    // It says so once, however often it tries.
    const told = () =>
      running
        .logs()
        .split('\n')
        .filter((line) => line.includes('"level":"error"'));
    expect(told()).toHaveLength(1);
    await createDatabase('made_later');
    await waitFor(async () => (await get(running.url, '/-/ready')).status === 200, {
      what: 'the exporter to be ready',
    });
    expect(await push(running, runs(1))).toMatchObject({ status: 200, accepted: 1 });
  });

  it('that grants too little is no hindrance to stopping, nor to starting once it grants enough', async () => {
    const database = await createDatabase();
    const url = new URL(database);
    const admin = (sql: string) => withClient(database, (client) => client.query(sql));
    await admin("create role limited login password 'of-the-limited-role'");
    [url.username, url.password] = ['limited', 'of-the-limited-role'];
    const running = await start(url.href, {}, { waitForLedger: false });
    const bothTried = () =>
      running.logs().includes('permission denied') && running.logs().includes('this replica polls the sources');
    // The replica leads, and has nothing to lead yet.
    await waitFor(bothTried, { what: 'the first try' });
    expect(await running.kill('SIGTERM')).toEqual({ code: 0, signal: null });

    await running.restart();
    await waitFor(bothTried, { what: 'the first try after the restart' });
    await admin(`grant create on database ${url.pathname.slice(1)} to limited`);
    await waitFor(async () => (await get(running.url, '/-/ready')).status === 200, {
      what: 'the exporter to be ready',
    });
    expect(await push(running, runs(1))).toMatchObject({ status: 200, accepted: 1 });
  });
});

describe('a Postgres that hangs', () => {
  const small = {
    ingest: { max_event_bytes: '10KB', max_body_bytes: '20KB', max_queue_bytes: '40KB', max_field_bytes: '10KB' },
  };
  let thaw = () => {};
  afterEach(() => thaw());

  /** Freezes it, then pushes what has to wait. @returns the answers to come, once the exporter holds all of it. */
  async function pushIntoTheFreeze(running: ExporterProcess, batches: readonly PushedEvent[][]) {
    // The writer has its connection: one that cannot be made is given up after 5 s.
    expect(await push(running, runs(1))).toMatchObject({ status: 200 });
    thaw = await freezeProcess(postgres.process().pid);
    const waiting: Promise<PushAnswer>[] = [];
    for (const batch of batches) {
      waiting.push(push(running, batch));
      await waitFor(
        async () => {
          const { parts } = JSON.parse((await get(running.url, '/health')).text);
          return Number.parseInt(parts.ingest.detail, 10) > 15_000 * waiting.length;
        },
        { what: `${waiting.length} bodies in the queue` },
      );
    }
    return { answers: Promise.all(waiting) };
  }

  it('fills the queue up to its limit; what comes then is refused at once, and what waits is recorded', async () => {
    const running = await start(await createDatabase(), small);
    const held = [runs(2, 7_600), runs(2, 7_600)];
    const { answers } = await pushIntoTheFreeze(running, held);
    expect(JSON.parse((await get(running.url, '/health')).text).parts.ingest.status).toBe('degraded');

    const refused = runs(2, 7_600);
    // Refused while it is read: how many events it holds nobody knows.
    expect(await push(running, refused)).toMatchObject(refusal);
    // Refused after it was unpacked: it is small on the wire.
    const packed = await postBody(running.url, gzipSync(JSON.stringify({ events: refused })), {
      ...bearer,
      'content-encoding': 'gzip',
    });
    expect(packed).toMatchObject({ status: 503, error: { code: 'ledger_unavailable' } });
    expect(packed.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);

    thaw();
    for (const answer of await answers) expect(answer).toMatchObject({ status: 200, accepted: 2, rejected: [] });
    expect(await counted(running, 'refused')).toBe(2);
    expect(await counted(running, 'refused', '')).toBe(1);
    expect(await push(running, refused)).toMatchObject({ status: 200, accepted: 2, duplicates: 0 });
    await expectRecorded(running, [...held.flat(), ...refused], 2);
    // Everything was given back: the largest body fits again.
    expect(JSON.parse((await get(running.url, '/health')).text).parts.ingest).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/^0 of 40000 bytes/),
    });
  });

  it('and a scrape that it does not answer shows the own families alone; thawed, it shows all again', async () => {
    const running = await start(await createDatabase());
    expect(await push(running, runs(1))).toMatchObject({ status: 200 });
    thaw = await freezeProcess(postgres.process().pid);
    const text = await running.scrape();
    expect(text).toMatch(/^fleetlens_ledger_up 0$/m);
    expect(families(text).filter((name) => name.startsWith('fleet_'))).toEqual([]);
    thaw();
    await waitFor(async () => families(await running.scrape()).includes('fleet_runs'), { what: 'the fleet families' });
  });

  it('SIGTERM then: what is in flight is answered and recorded, what comes is turned away, and it exits 0', async () => {
    const running = await start(await createDatabase(), small);
    const held = [runs(2, 7_600), runs(2, 7_600)];
    const { answers } = await pushIntoTheFreeze(running, held);
    const exited = running.kill('SIGTERM');
    await waitFor(() => running.logs().includes('"msg":"stopping"'), { what: 'the exporter to stop' });
    await waitFor(
      () =>
        fetch(`${running.url}/-/healthy`).then(
          ({ status }) => status === 503,
          () => true,
        ),
      { what: 'new requests to be turned away' },
    );
    thaw();
    for (const answer of await answers) expect(answer).toMatchObject({ status: 200, accepted: 2 });
    expect(await exited).toEqual({ code: 0, signal: null });
    await running.restart();
    await expectRecorded(running, held.flat(), 2);
  });

  it('and never wakes up: SIGTERM ends the exporter all the same, with an exit code that says so', async () => {
    const running = await start(await createDatabase());
    thaw = await freezeProcess(postgres.process().pid);
    const lost = push(running, runs(1)).catch((error: unknown) => error);
    expect(await running.kill('SIGTERM')).toEqual({ code: 1, signal: null });
    expect(running.logs()).toMatch(/"level":"fatal".*not everything ended/);
    // Never acknowledged: cut off, or told to come again.
    expect(await lost).not.toMatchObject({ status: 200 });
  });
});

describe('a full disk', () => {
  let disk: SmallDisk | undefined;
  let cluster: PostgresCluster | undefined;
  afterEach(async () => {
    await exporter?.stop();
    await cluster?.stop();
    await disk?.remove();
  });

  it('is answered with 503, and loses nothing that was acknowledged', async (context) => {
    disk = await mountSmallDisk(160).catch((error: Error) => {
      console.warn(
        `skipped: no tmpfs can be mounted here (${error.message.trim()}); run the tests as root for this one`,
      );
      return context.skip(error.message);
    });
    cluster = await startPostgres({
      dataDisk: disk.path,
      settings: { min_wal_size: '32MB', max_wal_size: '48MB', wal_recycle: 'off' },
    });
    const running = await start(cluster.connectionString());
    const acknowledged = runs(10);
    expect(await push(running, acknowledged)).toMatchObject({ status: 200 });

    await disk.fill();
    const refused = await waitFor(
      async () => {
        const events = runs(20, 10_000);
        const answer = await push(running, events);
        if (answer.status === 200) acknowledged.push(...events);
        else expect(answer).toMatchObject(refusal);
        return answer.status === 503 && events;
      },
      { what: 'the disk to be full', intervalMs: 1 },
    );
    expect(await counted(running, 'refused')).toBe(20);
    expect((await get(running.url, '/-/healthy')).status).toBe(200);

    await disk.free();
    await waitFor(async () => (await push(running, refused)).status === 200, { what: 'room' });
    await expectRecorded(running, [...acknowledged, ...refused]);
  });
});

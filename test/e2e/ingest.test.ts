import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { withClient } from '../support/ledgerContents.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { type Posted, postBody } from '../support/postBody.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { promtoolCheckMetrics } from '../support/promtool.ts';
import type { PushedEvent } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKENS = {
  ci: 'ingest-token-for-tests',
  bound: 'ingest-token-of-one-source',
  viewer: 'viewer-token-for-tests',
  admin: 'admin-token-for-tests',
};
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let database: TestDatabase;
let exporter: ExporterProcess;
let pid: number;
let sequence = 0;
let errorsSeen = 0;

const bearer = (token: keyof typeof TOKENS) => ({ authorization: `Bearer ${TOKENS[token]}` });
const iso = (ms: number) => new Date(ms).toISOString();
const post = (body: Parameters<typeof postBody>[1], headers: Parameters<typeof postBody>[2] = {}): Promise<Posted> =>
  postBody(exporter.url, body, { ...bearer('ci'), ...headers });
const ndjson = { 'content-type': 'application/x-ndjson' };

/** A run that nothing is wrong with, under a new id; `data` and `envelope` change it. */
function run(data: Record<string, unknown> = {}, envelope: Partial<PushedEvent> = {}): PushedEvent {
  const id = `event-${++sequence}`;
  const at = iso(Date.now() - MINUTE_MS);
  return { id, source: 'pushed', kind: 'run', at, data: { runId: id, status: 'running', ...data }, ...envelope };
}

async function counted(source = 'pushed'): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [series, value] of parseExposition(await exporter.scrape())) {
    const match = /^fleetlens_ingest_events_total\{source="(.*)",result="(.*)"\}$/.exec(series);
    if (match?.[1] === source) found[match[2] as string] = value;
  }
  return found;
}

/** How much each result grew while `work` ran. */
async function growth(work: () => Promise<unknown>, source?: string): Promise<Record<string, number>> {
  const before = await counted(source);
  await work();
  const after = Object.entries(await counted(source)).map(([result, value]) => [result, value - (before[result] ?? 0)]);
  return Object.fromEntries(after.filter(([, by]) => by !== 0));
}

const readRun = async (id: string, source = 'pushed') => {
  const response = await fetch(`${exporter.url}/api/v1/runs/${source}/${encodeURIComponent(id)}`, {
    headers: bearer('viewer'),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

beforeAll(async () => {
  database = await migratedDatabase();
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      tokens: [
        { name: 'ci', role: 'ingest', token: TOKENS.ci },
        { name: 'bound', role: 'ingest', token: TOKENS.bound, sources: ['mine', 'also-mine'] },
        { name: 'reader', role: 'viewer', token: TOKENS.viewer },
        { name: 'root', role: 'admin', token: TOKENS.admin },
      ],
      log: { level: 'debug', requests: true },
    },
  });
  pid = exporter.pid();
});
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
});

/** Whatever came before: the same process takes the next good event, and no answer was a failure of its own. */
afterEach(async () => {
  expect(exporter.process().isRunning()).toBe(true);
  expect(exporter.pid()).toBe(pid);
  expect((await post(JSON.stringify({ events: [run()] }))).answer).toEqual({
    accepted: 1,
    duplicates: 0,
    rejected: [],
  });
  const errors = exporter
    .logs()
    .split('\n')
    .filter((line) => line.includes('"level":"error"'));
  const fresh = errors.slice(errorsSeen);
  errorsSeen = errors.length;
  expect(fresh).toEqual([]);
});

describe('a body that cannot be read is refused whole', () => {
  const tooLarge = new Uint8Array(11_000_000).fill(0x20);
  const bomb = gzipSync(new Uint8Array(50_000_000).fill(0x20));
  const packed = gzipSync(JSON.stringify({ events: [] }));
  const good = () => JSON.stringify({ events: [run()] });
  const chunked = () =>
    new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i++) controller.enqueue(tooLarge.subarray(0, 1_000_000));
        controller.close();
      },
    });

  it.each<[string, () => Parameters<typeof postBody>[1], Record<string, string | null>, number, string]>([
    ['malformed JSON', () => '{"events": [}', {}, 400, 'malformed_json'],
    ['half a JSON text', () => good().slice(0, -10), {}, 400, 'malformed_json'],
    ['NaN, which JSON has no word for', () => good().replace('"running"', 'NaN'), {}, 400, 'malformed_json'],
    ['NUL bytes', () => new Uint8Array(100), {}, 400, 'malformed_json'],
    ['an array', () => JSON.stringify([run()]), {}, 400, 'invalid_request'],
    ['null', () => 'null', {}, 400, 'invalid_request'],
    ['a text', () => '"events"', {}, 400, 'invalid_request'],
    ['no events', () => '{}', {}, 400, 'invalid_request'],
    ['events that are an object', () => '{"events": {}}', {}, 400, 'invalid_request'],
    ['one bare event', () => JSON.stringify(run()), {}, 400, 'invalid_request'],
    ['nothing', () => '', {}, 400, 'malformed_json'],
    ['nothing, of no type', () => undefined, { 'content-type': null }, 400, 'invalid_request'],
    ['11 MB', () => tooLarge, {}, 413, 'payload_too_large'],
    ['11 MB in chunks', chunked, {}, 413, 'payload_too_large'],
    ['a gzip bomb of 50 MB', () => bomb, { 'content-encoding': 'gzip' }, 413, 'payload_too_large'],
    ['half a gzip file', () => packed.subarray(0, -8), { 'content-encoding': 'gzip' }, 400, 'bad_gzip'],
    ['no gzip at all', good, { 'content-encoding': 'gzip' }, 400, 'bad_gzip'],
    ['an encoding that it does not read', good, { 'content-encoding': 'br' }, 415, 'unsupported_encoding'],
    ['a type that it does not read', good, { 'content-type': 'application/xml' }, 415, 'unsupported_media_type'],
    ['no type', good, { 'content-type': null }, 415, 'unsupported_media_type'],
  ])('%s', async (_name, body, headers, status, code) => {
    const posted = await post(body(), headers);
    expect(posted).toMatchObject({ status, error: { code, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    expect(posted.error.message).not.toBe('');
    if (code === 'unsupported_encoding') expect(posted.headers.get('accept-encoding')).toBe('gzip');
  });

  it('gzip is read whatever the case of its name', async () => {
    const body = gzipSync(good());
    expect(await post(body, { 'content-encoding': 'GZIP' })).toMatchObject({ status: 200, answer: { accepted: 1 } });
  });

  it('also while another replica holds the writer lock, for which what is right waits', async () => {
    await withClient(database.connectionString, async (holder) => {
      await holder.query('begin; select pg_advisory_xact_lock(7251944002)');
      const event = run();
      const waiting = post(JSON.stringify({ events: [event] }));
      await waitFor(
        async () => {
          const { rows } = await holder.query("select from pg_locks where locktype = 'advisory' and not granted");
          return rows.length > 0 ? true : undefined;
        },
        { what: 'the exporter to wait for the lock' },
      );
      expect((await post('{"events": [')).status).toBe(400);
      const rejected = await post(JSON.stringify({ events: [{ ...run(), at: 'yesterday' }] }));
      expect(rejected).toMatchObject({ status: 200, answer: { accepted: 0, rejected: [{ index: 0 }] } });
      await holder.query('rollback');
      expect(await waiting).toMatchObject({ status: 200, answer: { accepted: 1 } });
    });
  });
});

describe('one bad event is rejected with its place and reason, and its neighbours are accepted', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  /** Written as text: some of it has no value in JavaScript. */
  const raw = (member: string, change: Partial<PushedEvent> = {}) =>
    JSON.stringify(run({}, change)).replace(/\}$/, `,${member}}`);
  const inData = (member: string) => JSON.stringify(run()).replace(/\}\}$/, `,${member}}}`);

  const cases: [string, () => unknown, RegExp][] = [
    ['null', () => null, /expected an event object, found null/],
    ['a text', () => 'event', /expected an event object, found string/],
    ['an array', () => [run()], /expected an event object, found an array/],
    ['no id', () => ({ ...run(), id: undefined }), /^id: /],
    ['an empty id', () => run({}, { id: '' }), /^id: /],
    ['an id of 256 characters', () => run({}, { id: 'x'.repeat(256) }), /^id: /],
    ['a number as id', () => ({ ...run(), id: 7 }), /^id: /],
    ['NUL in the id', () => run({}, { id: 'a\0b' }), /^id: contains NUL/],
    ['a source with a space', () => run({}, { source: 'my source' }), /^source: /],
    ['no source', () => ({ ...run(), source: undefined }), /^source: /],
    ['an unknown kind', () => run({}, { kind: 'meeting' }), /^kind: found "meeting", expected one of run, step/],
    ['an inherited property as kind', () => run({}, { kind: 'constructor' }), /^kind: found "constructor"/],
    ['no kind', () => ({ ...run(), kind: undefined }), /^kind: found undefined/],
    ['a number as time', () => ({ ...run(), at: 1_700_000_000 }), /^at: /],
    ['words as time', () => run({}, { at: 'yesterday' }), /^at: expected an RFC 3339 time.*found "yesterday"/],
    ['31 February', () => run({}, { at: '2026-02-31T00:00:00.000Z' }), /^at: expected an RFC 3339 time/],
    ['a time before 1970', () => run({}, { at: '1969-12-31T23:59:59Z' }), /^at: expected an RFC 3339 time from 1970/],
    ['6 minutes ahead', () => run({}, { at: iso(Date.now() + 6 * MINUTE_MS) }), /^at: .*at most 5 minutes ahead/],
    ['data that is an array', () => ({ ...run(), data: [] }), /^data: /],
    ['no data', () => ({ ...run(), data: undefined }), /^data: /],
    ['data without its key', () => run({ runId: undefined }), /^data: a run is identified by runId/],
    ['an empty key', () => run({ runId: '' }), /^data\.runId: |^data: a run is identified by runId/],
    ['a number as status', () => run({ status: 3 }), /^data\.status: /],
    ['a text as cost', () => run({ costUsd: '12' }), /^data\.costUsd: /],
    ['half an iteration', () => run({ iterations: 1.5 }), /^data\.iterations: /],
    ['a negative cost', () => run({ costUsd: -0.01 }), /^data\.costUsd: /],
    ['negative tokens', () => run({ inputTokens: -1 }), /^data\.inputTokens: /],
    ['a cost beyond all numbers', () => inData('"costUsd":1e999'), /^data\.costUsd: /],
    ['a negative cost beyond all numbers', () => inData('"costUsd":-1e999'), /^data\.costUsd: /],
    ['a score above 100', () => run({ quality: { composite: 101 } }), /^data\.quality\.composite: /],
    ['a project of 256 characters', () => run({ project: 'p'.repeat(256) }), /^data\.project: /],
    ['a start before 1970', () => run({ startedAt: '1969-01-01T00:00:00Z' }), /^data\.startedAt: expected/],
    [
      'an end before its start',
      () => run({ startedAt: '2026-01-02T00:00:00.000Z', finishedAt: '2026-01-01T00:00:00.000Z' }),
      /^data\.finishedAt: found 2026-01-01.*not before data\.startedAt/,
    ],
    [
      'an end before its start, in another time zone',
      () => run({ startedAt: '2026-01-01T12:00:00+02:00', finishedAt: '2026-01-01T09:59:59Z' }),
      /^data\.finishedAt: found 2026-01-01T09:59:59.000Z.*data\.startedAt \(2026-01-01T10:00:00/,
    ],
    [
      '2 MB in many texts',
      () => run({ notes: new Array(20).fill('n'.repeat(100_000)) }),
      /event of \d+ bytes.*1000000/,
    ],
    [
      // 1.4 million UTF-8 bytes of half as many characters
      '1.4 MB of text that is not ASCII',
      () => run({ notes: new Array(7).fill('ü'.repeat(100_000)) }),
      /event of 14\d+ bytes.*1000000/,
    ],
    ['2 MB of spare members', () => raw(`"extra":${JSON.stringify('e'.repeat(2_000_000))}`), /event of 2\d+ bytes/],
    [
      'a text of 300,000 characters',
      () => run({ prompt: 'p'.repeat(300_000) }),
      /^data\.prompt: found a text of 300000/,
    ],
    [
      'data 10,000 deep',
      () => inData(`"metadata":${nested(10_000)}`),
      /^data\.metadata[.0]{1,60}…: nested deeper than 64/,
    ],
    ['a kind 10,000 deep', () => raw(`"kind":${nested(10_000)}`, { kind: '' }), /^kind: /],
    ['an id 10,000 deep', () => raw(`"id":${nested(10_000)}`), /^id: /],
    ['a time 10,000 deep', () => raw(`"at":${nested(10_000)}`), /^at: /],
    [
      'a large event with a member 100,000 deep',
      () => raw(`"extra":${nested(100_000)},"more":${JSON.stringify('e'.repeat(2_000_000))}`),
      /nested too deep to be measured|event of 22\d+ bytes/,
    ],
    ['__proto__', () => inData('"__proto__":{"polluted":1}'), /^data: the field name __proto__ is not allowed/],
    [
      '__proto__ inside',
      () => inData('"config":{"__proto__":{"polluted":1}}'),
      /^data\.config: the field name __proto__/,
    ],
  ];
  const text = (event: unknown) => (typeof event === 'string' && event.startsWith('{') ? event : JSON.stringify(event));

  it.each(cases)('%s', async (_name, bad, reason) => {
    const rejected = [{ index: 1, reason: expect.stringMatching(reason) }];
    const texts = [text(run()), text(bad()), text(run())];
    const asJson = await post(`{"events":[${texts}]}`);
    expect(asJson).toMatchObject({ status: 200, answer: { accepted: 2, duplicates: 0, rejected } });
    const asLines = await post([text(run()), text(bad()), text(run())].join('\n'), ndjson);
    expect(asLines).toMatchObject({ status: 200, answer: { accepted: 2, duplicates: 0, rejected } });
  });

  it('tells the id where it is one, and counts what it rejects', async () => {
    const bad = run({ costUsd: -1 });
    const by = await growth(async () => {
      expect((await post(JSON.stringify({ events: [bad, run(), { ...run(), id: 7 }] }))).answer.rejected).toEqual([
        { index: 0, id: bad.id, reason: expect.any(String) },
        { index: 2, reason: expect.any(String) },
      ]);
    });
    expect(by).toEqual({ accepted: 1, rejected: 2 });
  });

  it('an event older than ids are remembered is too old, one just younger is not', async () => {
    const old = run({}, { at: iso(Date.now() - 35 * DAY_MS - MINUTE_MS) });
    const young = run({}, { at: iso(Date.now() - 35 * DAY_MS + MINUTE_MS) });
    const by = await growth(async () => {
      const posted = await post(JSON.stringify({ events: [run(), old, young] }));
      expect(posted).toMatchObject({
        status: 200,
        answer: { accepted: 2, rejected: [{ index: 1, id: old.id, reason: expect.stringMatching(/^too_old: at: /) }] },
      });
    });
    expect(by).toEqual({ accepted: 2, too_old: 1 });
    expect((await readRun(old.id)).status).toBe(404);
    expect((await readRun(young.id)).status).toBe(200);
  });

  it('of lines, the index counts those that are not empty; a line that is no JSON is one event', async () => {
    const lines = [
      '',
      JSON.stringify(run()),
      '  ',
      '{"broken"',
      JSON.stringify(run()),
      'NaN',
      '',
      JSON.stringify(run()),
    ];
    const posted = await post(`${lines.join('\r\n')}\r\n`, ndjson);
    expect(posted.status).toBe(200);
    expect(posted.answer).toEqual({
      accepted: 3,
      duplicates: 0,
      rejected: [
        { index: 1, reason: expect.stringMatching(/^not valid JSON: /) },
        { index: 3, reason: expect.stringMatching(/^not valid JSON: /) },
      ],
    });
  });

  it('nothing but bad events is an answer too', async () => {
    const posted = await post(JSON.stringify({ events: [null, 1] }));
    expect(posted).toMatchObject({ status: 200, answer: { accepted: 0, rejected: [{ index: 0 }, { index: 1 }] } });
    expect(await post('{"events":[]}')).toMatchObject({ status: 200, answer: { accepted: 0, rejected: [] } });
  });
});

describe('what is odd but right is accepted', () => {
  it('10,000 events in one body', async () => {
    const events = Array.from({ length: 10_000 }, () => run());
    const by = await growth(async () => {
      expect((await post(JSON.stringify({ events }))).answer).toEqual({
        accepted: 10_000,
        duplicates: 0,
        rejected: [],
      });
    });
    expect(by).toEqual({ accepted: 10_000 });
    await withClient(database.connectionString, async (client) => {
      const { rows } = await client.query('select count(*)::int as n from fleetlens.run where key = any($1)', [
        events.map((event) => event.id),
      ]);
      expect(rows).toEqual([{ n: 10_000 }]);
    });
  });

  it('NUL, newline, quote, backslash, emoji and half a surrogate in labels, which promtool reads', async () => {
    const project = 'a\0b\nc"d\\e🚀\ud800\r\u2028';
    const event = run({ project, workflow: ' ', status: 'succeeded' });
    expect((await post(JSON.stringify({ events: [event] }))).answer.accepted).toBe(1);
    const text = await exporter.scrape();
    const line = String.raw`fleet_runs_created_total{source="pushed",project="a�b\nc\"d\\e🚀�${'\r\u2028'}",workflow=" ",trigger=""} 0`;
    expect(text.split('\n')).toContain(line);
    expect(await promtoolCheckMetrics(text)).toEqual({ exitCode: 0, output: '' });
  });

  it('an unknown word for a status is unknown, and stays beside it', async () => {
    const event = run({ status: 'pondering' });
    expect((await post(JSON.stringify({ events: [event] }))).answer.accepted).toBe(1);
    expect(await readRun(event.id)).toMatchObject({ status: 200, body: { status: 'unknown', rawStatus: 'pondering' } });
  });

  it('constructor and prototype are names like others, and touch no other record', async () => {
    const data = { constructor: { prototype: { polluted: 1 } }, prototype: { polluted: 2 }, toString: 'text' };
    const events = [run(data), run()] as const;
    const envelope = JSON.stringify(run()).replace(/\}$/, ',"__proto__":{"polluted":3}}');
    const posted = await post(`{"events":[${JSON.stringify(events[0])},${JSON.stringify(events[1])},${envelope}]}`);
    expect(posted.answer).toEqual({ accepted: 3, duplicates: 0, rejected: [] });
    expect((await readRun(events[0].id)).body.attributes).toEqual(data);
    expect(JSON.stringify((await readRun(events[1].id)).body)).not.toContain('polluted');
  });
});

describe('ids', () => {
  it('the same event twice in one body is one event', async () => {
    const event = run();
    const by = await growth(async () => {
      expect((await post(JSON.stringify({ events: [event, run(), event] }))).answer).toEqual({
        accepted: 2,
        duplicates: 1,
        rejected: [],
      });
    });
    expect(by).toEqual({ accepted: 2, duplicate: 1 });
  });

  it('the same id with another body is a conflict: 409 alone, in its place in a batch', async () => {
    const event = run();
    const other = { ...event, data: { ...event.data, status: 'failed' } };
    const by = await growth(async () => {
      expect((await post(JSON.stringify({ events: [event] }))).answer.accepted).toBe(1);
      expect(await post(JSON.stringify({ events: [other] }))).toMatchObject({
        status: 409,
        error: { code: 'conflict', message: expect.stringContaining(event.id) },
      });
      expect(await post(JSON.stringify(other), ndjson)).toMatchObject({ status: 409 });
      expect(await post(JSON.stringify({ events: [run(), other, event] }))).toMatchObject({
        status: 200,
        answer: {
          accepted: 1,
          duplicates: 1,
          rejected: [{ index: 1, id: event.id, reason: expect.stringMatching(/^conflict: /) }],
        },
      });
    });
    expect(by).toEqual({ accepted: 2, conflict: 3, duplicate: 1 });
    expect((await readRun(event.id)).body.status).toBe('running');
  });

  it.each([
    ['an event that is accepted', () => run(), { accepted: 1, rejected: 1 }],
    ['one that is rejected', () => 'no event', { accepted: 0, rejected: 2 }],
  ])('a conflict before %s is in a batch, too', async (_what, second, { accepted, rejected }) => {
    const event = run();
    const other = { ...event, data: { ...event.data, status: 'failed' } };
    expect((await post(JSON.stringify({ events: [event] }))).answer.accepted).toBe(1);
    const { status, answer } = await post(JSON.stringify({ events: [other, second()] }));
    expect({ status, accepted: answer.accepted, rejected: answer.rejected.length }).toEqual({
      status: 200,
      accepted,
      rejected,
    });
    expect(answer.rejected[0]).toMatchObject({ index: 0, reason: expect.stringMatching(/^conflict: /) });
  });

  it('the same body with its fields in another order, or its times in another zone, is a duplicate', async () => {
    const event = run({ project: 'p', workflow: 'w' }, { at: '2099-01-01T00:00:00.000Z' });
    const at = iso(Math.floor(Date.now() / 1000) * 1000 - MINUTE_MS);
    const again = {
      ...event,
      at: at.replace('.000Z', '+00:00'),
      data: Object.fromEntries(Object.entries(event.data).reverse()),
    };
    expect((await post(JSON.stringify({ events: [{ ...event, at }, again] }))).answer).toEqual({
      accepted: 1,
      duplicates: 1,
      rejected: [],
    });
  });
});

describe('who may push', () => {
  const body = (source: string) => JSON.stringify({ events: [run({}, { source })] });

  it.each<[string, Record<string, string | null>, number, string]>([
    ['no token', { authorization: null }, 401, 'token_missing'],
    ['a wrong token', { authorization: 'Bearer not-one-of-the-tokens' }, 401, 'token_invalid'],
    ['a token under Basic', { authorization: `Basic ${TOKENS.ci}` }, 401, 'token_invalid'],
    ['a viewer', bearer('viewer'), 403, 'forbidden'],
  ])('%s is refused', async (_name, headers, status, code) => {
    const posted = await post(body('pushed'), headers);
    expect(posted).toMatchObject({ status, error: { code } });
    if (status === 401) expect(posted.headers.get('www-authenticate')).toMatch(/^Bearer realm="fleetlens"/);
  });

  it('an admin may', async () => {
    expect(await post(body('pushed'), bearer('admin'))).toMatchObject({ status: 200, answer: { accepted: 1 } });
  });

  it('a token that is bound to sources pushes for those, and for others nothing', async () => {
    expect(await post(body('mine'), bearer('bound'))).toMatchObject({ status: 200, answer: { accepted: 1 } });
    const own = run({}, { source: 'also-mine' });
    const foreign = run({}, { source: 'pushed' });
    const posted = await post(JSON.stringify({ events: [own, foreign] }), bearer('bound'));
    expect(posted).toMatchObject({
      status: 403,
      error: { code: 'forbidden', message: expect.stringMatching(/mine, also-mine, found source pushed; nothing was/) },
    });
    expect((await readRun(own.id, 'also-mine')).status).toBe(404);
    expect((await readRun(foreign.id)).status).toBe(404);
  });

  it('a body is not read for a stranger', async () => {
    expect(await post('{"broken', { authorization: null })).toMatchObject({ status: 401 });
  });
});

describe('secrets', () => {
  const secrets = {
    anthropic: 'sk-ant-api03-Zq8Rk2mXw5Tn7Vb4Lc9Pd1',
    github: 'ghp_Zq8Rk2mXw5Tn7Vb4Lc9Pd1Fs6Hg3Jy0',
    aws: 'AKIAZQ8RK2MXW5TN7VB4',
    url: 'hunter2-in-a-url',
    password: 'correct-horse-battery',
    named: 'a value that no pattern knows',
  };

  it('reach neither the database nor the log, wherever an agent wrote them', async () => {
    const words = `export KEY=${secrets.anthropic}; git clone https://x:${secrets.github}@github.com/a/b`;
    const events = [
      run({
        prompt: words,
        promptPreview: words.slice(0, 60),
        name: `deploy with ${secrets.aws}`,
        config: { database: `postgres://agent:${secrets.url}@db/fleet`, list: [[words]] },
        metadata: { apiKey: secrets.named, [secrets.anthropic]: 'as a name' },
        error: { message: `password=${secrets.password} was refused` },
        anything: { else: words },
      }),
      run({}, { kind: 'output', data: { runId: 'r', seq: 1, role: 'stdout', text: words } }),
      run(
        {},
        {
          kind: 'output',
          data: { runId: 'r', seq: 2, role: 'tool', text: `AWS_SECRET_ACCESS_KEY=${secrets.password}` },
        },
      ),
      run({}, { kind: 'platformError', data: { errorId: 'e', message: words, component: 'c' } }),
      // Rejected, with the secret in what is wrong with it.
      run({ status: 3, prompt: words }),
      run({ costUsd: words }),
      run({}, { kind: words }),
      run({}, { at: words }),
    ];
    const posted = await post(JSON.stringify({ events }));
    expect(posted).toMatchObject({ status: 200, answer: { accepted: 4 } });
    expect(posted.answer.rejected).toHaveLength(4);
    // A duplicate, a conflict and a refused body are told of, too.
    await post(JSON.stringify({ events: [{ ...events[0], data: { runId: 'other', prompt: words } }] }));
    await post(`{"events": ["${words}"`);

    await withClient(database.connectionString, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
      );
      expect(tables.length).toBeGreaterThan(20);
      for (const { name } of tables) {
        for (const secret of Object.values(secrets)) {
          const { rows } = await client.query(`select t::text from ${name} t where strpos(t::text, $1) > 0`, [secret]);
          expect(rows, `${name} holds ${secret}`).toEqual([]);
        }
      }
      const { rows } = await client.query(
        "select t::text from fleetlens.run t where strpos(t::text, '[REDACTED]') > 0",
      );
      expect(rows).toHaveLength(1);
    });
    for (const secret of [...Object.values(secrets), ...Object.values(TOKENS)])
      expect(exporter.logs()).not.toContain(secret);
    expect(exporter.logs()).toContain('"path":"/api/v1/events"');
  });
});

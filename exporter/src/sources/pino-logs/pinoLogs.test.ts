import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporaryDirectory.ts';
import { pollForTest, warnings } from '../pollForTest.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import type { SourceResult } from '../source.ts';
import { pinoLogs } from './pinoLogs.ts';

const TIME = Date.parse('2026-01-07T14:32:15.000Z');
let sequence = 0;
const errorLine = (message: string, more: object = {}) =>
  `${JSON.stringify({ level: 50, time: TIME + sequence++, pid: 7, hostname: 'h', msg: message, ...more })}\n`;

async function directory(): Promise<string> {
  const made = await temporaryDirectory('logs');
  onTestFinished(() => made.remove());
  return made.path;
}

function follow(path: string, config: object = {}) {
  const { log, lines } = warnings();
  const ledger = new RecordingLedger();
  const open = () => pinoLogs.create('logs', pinoLogs.configSchema.parse({ path, ...config }), log);
  let source = open();
  return {
    ledger,
    lines,
    poll: (results: SourceResult[] = []) => pollForTest(source, ledger, { log, results }),
    restart: () => {
      source = open();
    },
    messages: () => ledger.all('platformError').map(({ message }) => message),
    probe: () => source.probe(AbortSignal.timeout(90_000)),
  };
}

/** What pino itself writes, with the service's settings. */
async function byPino(path: string, write: (log: pino.Logger) => void): Promise<void> {
  const chunks: string[] = [];
  const log = pino(
    { timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: pino.stdSerializers.err } },
    new Writable({
      write(chunk, _encoding, done) {
        chunks.push(String(chunk));
        done();
      },
    }),
  );
  write(log);
  await writeFile(path, chunks.join(''));
}

it('errors that pino writes: the handler, the request, the run', async () => {
  const path = join(await directory(), 'prod.log');
  const error = new TypeError("Cannot read properties of null (reading 'login')");
  error.stack = `${error}
    at Object.get (/app/node_modules/octokit/index.js:1:1)
    at async handleIssueComment (/app/dist/usecases/github/handleIssueComment.js:52:11)
    at async Object.<anonymous> (/app/dist/controllers/webhook.js:9:3)`;
  await byPino(path, (log) => {
    const child = log.child({ requestId: '550e8400-e29b-41d4-a716-446655440000', repo: 'octo/cli', run_id: 'r1' });
    child.info('Processing issue comment');
    child.error({ err: error, url: '/webhook?token=abc', method: 'POST', statusCode: 500, attempt: 2 });
    log.fatal({ handler: 'usecases/github/handlePullRequest.ts' }, 'giving up');
    log.warn('a warning is no error');
    log.error({ tags: { stage: 'deploy' } }, 'Deploy failed');
  });
  const { ledger, poll, lines } = follow(path);
  await poll();
  expect(ledger.all('platformError')).toMatchObject([
    {
      component: 'handleIssueComment',
      message: "TypeError: Cannot read properties of null (reading 'login')",
      level: 'error',
      project: 'octo/cli',
      runId: 'r1',
      requestId: '550e8400-e29b-41d4-a716-446655440000',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      'attributes.path': '/webhook',
      'attributes.method': 'POST',
      'attributes.statusCode': 500,
      'attributes.attempt': 2,
      'attributes.stack': expect.stringContaining('handleIssueComment.js:52'),
    },
    { component: 'handlePullRequest', message: 'giving up', level: 'fatal' },
    { component: 'deploy', message: 'Deploy failed' },
  ]);
  expect(JSON.stringify(ledger.all('platformError'))).not.toContain('token=abc');
  expect(lines).toEqual([]);
  const before = ledger.batches.length;
  await poll();
  expect(ledger.batches).toHaveLength(before);
});

it('the lines of the document: limits, stores, the cache, migrations; of a console and of pino', async () => {
  const path = join(await directory(), 'console.log');
  const requestId = 'q1';
  await writeFile(
    path,
    [
      '[sentry] Sentry initialized with DSN: https://key@sentry.io/1',
      JSON.stringify({ level: 30, time: TIME, msg: 'Service started' }),
      '[redis] Connecting to redis://localhost:6379',
      '\u001b[31m[redis] Connection failed: ECONNREFUSED\u001b[0m',
      '[redis] Connection failed: connect ETIMEDOUT',
      '[redis] Connected successfully',
      '[cache] Cache hit for run-status:550e8400',
      '[cache] Cache hit for run-status:550e8401',
      '[cache] Cache miss for run-status:550e8400',
      '[cache] Evicting stale entries: 3 keys',
      '[rate-limit] IP 192.168.1.1 limit check: 4/5 remaining',
      JSON.stringify({
        level: 40,
        time: TIME + 5,
        requestId,
        msg: '[rate-limit] Repo owner/repo limit exceeded: 0/5 remaining',
      }),
      // The response to the same request, and to one that the global limiter refused.
      JSON.stringify({ level: 30, time: TIME + 6, requestId, res: { statusCode: 429 }, msg: 'request completed' }),
      JSON.stringify({
        level: 30,
        time: TIME + 7,
        reqId: 'q2',
        req: { method: 'POST', url: '/webhook' },
        res: { statusCode: 429 },
        msg: 'request completed',
      }),
      '[db] Running migration: 001_create_runs_table.sql',
      '[db] Migration completed in 234ms',
      JSON.stringify({ level: 50, time: TIME + 9, msg: '[db] canceling statement due to statement timeout' }),
      '{"level":50,"time":1,"msg":"cut of',
      '',
    ].join('\r\n'),
  );
  const { ledger, poll } = follow(path);
  await poll();
  expect(
    ledger
      .all('rateLimit')
      .map(({ layer, project, limited, remaining, limit, at }) => [layer, project, limited, remaining, limit, at]),
  ).toEqual([
    ['ip', undefined, false, 4, 5, expect.any(String)],
    ['repo', 'owner/repo', true, 0, 5, new Date(TIME + 5).toISOString()],
    ['ip', undefined, true, undefined, undefined, new Date(TIME + 7).toISOString()],
  ]);
  const stores = ledger.batches.flatMap(({ records }) => records).filter(({ kind }) => kind === 'store');
  expect(
    stores.map(({ data }) => [data.store, (data.error as { kind?: string } | null | undefined)?.kind ?? data.error]),
  ).toEqual([
    ['redis', 'connection'],
    ['redis', 'timeout'],
    ['redis', null],
    ['postgres', undefined],
    ['postgres', undefined],
    ['postgres', 'timeout'],
    ['cache', undefined],
  ]);
  // Two failures at one moment are two readings.
  expect(new Set(stores.slice(0, 3).map(({ at }) => at)).size).toBe(3);
  // A line is an event, no state.
  expect(stores.every(({ data }) => data.up === undefined)).toBe(true);
  expect(ledger.get('store', 'postgres')).toMatchObject({
    'attributes.lastMigration': '001_create_runs_table.sql',
    'attributes.lastMigrationSeconds': 0.234,
  });
  expect(ledger.get('store', 'cache')).toMatchObject({ hitsTotal: 2, missesTotal: 1, evictionsTotal: 3 });
  expect(ledger.all('platformError').map(({ component, message }) => [component, message])).toEqual([
    ['redis', 'Connection failed: ECONNREFUSED'],
    ['redis', 'Connection failed: connect ETIMEDOUT'],
    ['db', 'canceling statement due to statement timeout'],
  ]);
  expect(JSON.stringify([...ledger.records.values()])).not.toContain('sentry.io');
  await appendFile(path, '[cache] Cache hit for run-status:550e8402\n');
  await poll();
  expect(ledger.get('store', 'cache')).toMatchObject({ hitsTotal: 3, missesTotal: 1, evictionsTotal: 3 });
});

it('a line without a time has that of the last one before it, in later polls and processes too', async () => {
  const path = join(await directory(), 'console.log');
  const { ledger, poll, restart } = follow(path);
  const next = async (text: string) => {
    await appendFile(path, text);
    await poll();
  };
  await next(`${JSON.stringify({ level: 30, time: TIME, msg: 'Service started' })}\n`);
  await next('[db] connection lost\n');
  restart();
  await next('[sandbox] start failed\n[cache] Cache hit for run-status:550e8400\n');
  const at = new Date(TIME).toISOString();
  expect(ledger.all('platformError')).toMatchObject([
    { component: 'db', at },
    { component: 'sandbox', at },
  ]);
  expect(ledger.get('store', 'cache')).toMatchObject({ hitsTotal: 1, at });
  // Rotation by copying empties the log; what follows in it is no older.
  await truncate(path);
  await next('[webhook] delivery failed\n');
  expect(ledger.all('platformError')[2]).toMatchObject({ component: 'webhook', at });
});

it('a last line without its end waits for it', async () => {
  const path = join(await directory(), 'prod.log');
  const line = errorLine('whole');
  await writeFile(path, line.slice(0, 20));
  const { poll, messages, restart } = follow(path);
  await poll();
  expect(messages()).toEqual([]);
  await appendFile(path, line.slice(20, -1));
  await poll();
  expect(messages()).toEqual([]);
  await appendFile(path, '\n');
  restart();
  await poll();
  await poll();
  expect(messages()).toEqual(['whole']);
});

it.each([['the file alone'], ['its directory']])(
  'rotation by renaming loses and repeats nothing (%s)',
  async (what) => {
    const logs = await directory();
    const path = join(logs, 'prod.log');
    const { poll, messages, restart } = follow(what === 'the file alone' ? path : logs);
    await writeFile(path, errorLine('1'));
    await poll();
    // Written after the last look, and then rotated away, twice.
    await appendFile(path, errorLine('2'));
    await rename(path, join(logs, 'prod.log.1'));
    await writeFile(path, errorLine('3'));
    restart();
    await poll();
    await appendFile(join(logs, 'prod.log.1'), errorLine('late'));
    await appendFile(path, errorLine('4'));
    await rename(join(logs, 'prod.log.1'), join(logs, 'prod.log.2'));
    await rename(path, join(logs, 'prod.log.1'));
    await poll();
    // Between the two steps of a rotation there is no file.
    expect(messages().sort()).toEqual(['1', '2', '3', '4', 'late']);
    await writeFile(path, errorLine('5'));
    await rm(join(logs, 'prod.log.2'));
    await poll();
    await poll();
    expect(messages().sort()).toEqual(['1', '2', '3', '4', '5', 'late']);
  },
);

it('rotation by copying: what follows in the emptied file is new, even where it begins as before', async () => {
  const logs = await directory();
  const path = join(logs, 'prod.log');
  const banner = '> gittinkerer@1.0.0 start\n';
  const { poll, messages } = follow(path);
  await writeFile(path, banner + errorLine('1') + errorLine('2'));
  await poll();
  await copyFile(path, join(logs, 'prod.log.1'));
  await truncate(path);
  // The same length and the same place as before.
  await appendFile(path, banner + errorLine('3'));
  await poll();
  await appendFile(path, errorLine('4'));
  await poll();
  expect(messages()).toEqual(['1', '2', '3', '4']);
});

it('an emptied file that has grown beyond the old place is recognised by its beginning', async () => {
  const path = join(await directory(), 'prod.log');
  const { poll, messages } = follow(path);
  await writeFile(path, errorLine('old'));
  await poll();
  await truncate(path);
  await appendFile(path, errorLine('a') + errorLine('b') + errorLine('c'));
  await poll();
  expect(messages()).toEqual(['old', 'a', 'b', 'c']);
});

it('work is bounded: a live poll reads so much and goes on at the next; a first one reads all', async () => {
  const path = join(await directory(), 'prod.log');
  await writeFile(path, Array.from({ length: 5_000 }, (_, i) => errorLine(`first ${i}`)).join(''));
  const { poll, messages, ledger } = follow(path, { max_read: '64KiB', max_line: '4KiB' });
  await poll();
  expect(messages()).toHaveLength(5_000);
  expect(Math.max(...ledger.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(2_000);
  await appendFile(path, Array.from({ length: 3_000 }, (_, i) => errorLine(`then ${i}`)).join(''));
  await poll();
  const afterOne = messages().length;
  // The exporter shows that the source is behind.
  expect(ledger.batches.at(-1)?.readUpTo).toMatch(/^2026-01-07T/);
  expect(afterOne).toBeGreaterThan(5_000);
  expect(afterOne).toBeLessThan(7_000);
  for (let i = 0; i < 10; i++) await poll();
  expect(messages()).toHaveLength(8_000);
  expect(ledger.batches.at(-1)).not.toHaveProperty('readUpTo');
});

it('a poll that breaks off between two pages loses no line', async () => {
  const path = join(await directory(), 'prod.log');
  await writeFile(path, Array.from({ length: 4_500 }, (_, i) => errorLine(`line ${i}`)).join(''));
  const { ledger, poll, restart, messages } = follow(path);
  const record = ledger.recordPulled.bind(ledger);
  let pages = 0;
  ledger.recordPulled = async (batch) => {
    if (++pages === 2) throw new Error('the ledger is gone');
    await record(batch);
  };
  await expect(poll()).rejects.toThrow();
  expect(messages()).toHaveLength(2_000);
  restart();
  await poll();
  expect(messages()).toHaveLength(4_500);
});

it('a line that is too long is passed over, however it is cut into reads', async () => {
  const path = join(await directory(), 'prod.log');
  const before = errorLine('before');
  await writeFile(path, before);
  const { poll, messages, lines } = follow(path, { max_line: '2KiB' });
  await poll();
  const long = errorLine('x'.repeat(9_000));
  await appendFile(path, long.slice(0, 5_000));
  await poll();
  await appendFile(path, long.slice(5_000) + errorLine('after'));
  await poll();
  expect(messages()).toEqual(['before', 'after']);
  expect(lines).toMatchObject([{ file: 'prod.log', offset: before.length, maxBytes: 2_048, tooLong: 1 }]);
  await appendFile(path, errorLine('later'));
  await poll();
  expect(messages()).toEqual(['before', 'after', 'later']);
});

it('follows what a directory holds, and nothing that is no log', async () => {
  const logs = await directory();
  await mkdir(join(logs, 'sub.log'));
  await writeFile(join(logs, 'api.log'), errorLine('api'));
  await writeFile(join(logs, 'worker.json'), errorLine('worker'));
  await writeFile(join(logs, 'notes.md'), errorLine('notes'));
  await writeFile(join(logs, 'old.log.gz'), errorLine('gz'));
  const elsewhere = await directory();
  await writeFile(join(elsewhere, 'secret.log'), errorLine('secret'));
  await symlink(join(elsewhere, 'secret.log'), join(logs, 'link.log'));
  const { poll, messages, probe } = follow(logs);
  await poll();
  expect(messages().sort()).toEqual(['api', 'worker']);
  await writeFile(join(logs, 'new.log'), errorLine('new'));
  await poll();
  expect(messages().sort()).toEqual(['api', 'new', 'worker']);
  expect(await probe()).toMatchObject({ reachable: true, problems: [] });
});

it('from the end: what was there before is left', async () => {
  const path = join(await directory(), 'prod.log');
  await writeFile(path, errorLine('old') + errorLine('half').slice(0, 10));
  const { poll, messages } = follow(path, { from: 'end' });
  await poll();
  await appendFile(path, `${errorLine('half').slice(10)}${errorLine('new')}`);
  await poll();
  expect(messages()).toEqual(['new']);
});

it('from the end: the rest of a line that was begun before is no line of its own', async () => {
  const path = join(await directory(), 'console.log');
  await writeFile(path, `${errorLine('old')}a visitor wrote: `);
  const { poll, messages } = follow(path, { from: 'end' });
  await poll();
  await appendFile(path, '[db] connection lost\n[db] connection lost again\n');
  await poll();
  expect(messages()).toEqual(['connection lost again']);
});

it('a log that waits for the next poll, for another took all that one may read, shows as being behind', async () => {
  const logs = await directory();
  const [first, second] = [join(logs, 'first.log'), join(logs, 'second.log')];
  await writeFile(first, errorLine('1'));
  await writeFile(second, errorLine('2'));
  const { poll, messages, ledger } = follow(logs, { max_read: 200, max_line: '4KiB' });
  await poll();
  const added = ['3', '4', '5'].map((message) => errorLine(message));
  const { time } = JSON.parse(added.at(-1) ?? '') as { time: number };
  await appendFile(first, added.join(''));
  await appendFile(second, errorLine('6'));
  await utimes(first, 1_700_000_000, 1_700_000_000);
  await poll();
  expect(messages()).toEqual(['1', '2', '3', '4', '5']);
  expect(ledger.batches.at(-1)?.readUpTo).toBe(new Date(time).toISOString());
  await poll();
  expect(messages().at(-1)).toBe('6');
  expect(ledger.batches.at(-1)).not.toHaveProperty('readUpTo');
});

it('however often it is looked at, nothing stays open', async () => {
  const logs = await directory();
  await writeFile(join(logs, 'prod.log'), errorLine('first'));
  const { poll, probe } = follow(logs);
  const open = async () => (await readdir('/proc/self/fd')).length;
  const lookAll = async () => {
    for (let i = 0; i < 20; i++) await poll();
    for (let i = 0; i < 20; i++) await probe();
    return await open();
  };
  const before = await open();
  expect(await lookAll()).toBeLessThan(before + 10);
});

it('a cursor of another version has the logs read from their beginning, and that is said', async () => {
  const path = join(await directory(), 'prod.log');
  await writeFile(path, errorLine('first'));
  const { poll, messages, ledger, lines } = follow(path);
  ledger.readCursor = async () => ({ cursor: { v: 2, files: [] }, backfilled: true });
  await poll();
  expect(messages()).toEqual(['first']);
  expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(/another version.*from their beginning/)]);
});

it('a log that is not there yet is no failure where its directory is; else it is one', async () => {
  const logs = await directory();
  const { poll, messages, probe } = follow(join(logs, 'prod.log'));
  expect(await poll()).toEqual(['ok']);
  expect((await probe()).problems).toEqual([expect.stringMatching(/there is no log yet/)]);
  await writeFile(join(logs, 'prod.log'), errorLine('first'));
  await poll();
  expect(messages()).toEqual(['first']);
  const absent = follow(join(logs, 'absent', 'prod.log'));
  const results: SourceResult[] = [];
  const message = expect.stringMatching(/ENOENT/);
  await expect(absent.poll(results)).rejects.toMatchObject({ result: 'other', message, cause: { code: 'ENOENT' } });
  expect(results).toEqual(['other']);
  expect(await absent.probe()).toEqual({ reachable: false, found: [], problems: [message] });
  const below = join(logs, 'prod.log', 'prod.log');
  await expect(follow(below).poll()).rejects.toMatchObject({
    message: `${below}: found ENOTDIR, expected a log or a directory of logs`,
    cause: { code: 'ENOTDIR' },
  });
});

it('the probe finds each log, and where lines are taken; it says which has no times', async () => {
  const logs = await directory();
  const text = errorLine('first');
  await writeFile(join(logs, 'a.log'), text);
  await writeFile(join(logs, 'b.log'), 'Listening on port 3000\n');
  const found = [`a.log: ${text.length} bytes`, 'b.log: 23 bytes'];
  const problems = [expect.stringMatching(/^b.log: none of its first 1 lines is JSON with a time/)];
  expect(await follow(logs).probe()).toEqual({ reachable: true, found, problems });
  const taken = await follow(logs, { webhook_secret: 'a-secret-of-a-shipper' }).probe();
  expect(taken).toEqual({
    reachable: true,
    found: [...found, expect.stringMatching(/^lines are taken at POST/)],
    problems,
  });
});

it('however a log is written and rotated between the looks, each line is read once', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), lines: fc.integer({ min: 1, max: 4 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('part' as const), share: fc.double({ min: 0.1, max: 0.9, noNaN: true }) }),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom({ do: 'poll' as const }, { do: 'restart' as const }, { do: 'rotate' as const }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const made = await temporaryDirectory('logs');
      try {
        const path = join(made.path, 'prod.log');
        const { poll, messages, restart } = follow(path, { max_read: 500, max_line: 300 });
        const written: string[] = [];
        let part = '';
        let rotated = 0;
        for (const each of steps) {
          if (each.do === 'write') {
            for (let i = 0; i < each.lines; i++) {
              const line = part === '' ? errorLine(`m${written.length}`) : part;
              if (part === '') written.push(`m${written.length}`);
              await appendFile(path, line);
              part = '';
            }
          } else if (each.do === 'part' && part === '') {
            const line = errorLine(`m${written.length}`);
            written.push(`m${written.length}`);
            const cut = Math.max(1, Math.floor(line.length * each.share));
            await appendFile(path, line.slice(0, cut));
            part = line.slice(cut);
          } else if (each.do === 'rotate') {
            if (part !== '') await appendFile(path, part);
            part = '';
            // A file that nobody saw under its first name belongs to nobody: it is looked at before it is rotated.
            await appendFile(path, '');
            await poll();
            await rename(path, `${path}.${++rotated}`);
          } else if (each.do === 'restart') restart();
          else await poll();
        }
        if (part !== '') await appendFile(path, part);
        for (let i = 0; i < 40; i++) await poll();
        expect(messages().sort()).toEqual(written.sort());
      } finally {
        await made.remove();
      }
    }),
    { numRuns: 25 },
  );
});

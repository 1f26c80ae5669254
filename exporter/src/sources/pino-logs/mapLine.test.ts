import { describe, expect, it } from 'vitest';
import { forgetOldest, mapLine, type RefusedRequests } from './mapLine.ts';
import { type LogLine, readLine } from './readLine.ts';

const AT = '2026-01-07T14:32:15.000Z';
const LATER = '2026-01-07T15:00:00.000Z';
const CONTEXT = { lineId: 'l1', at: LATER };

function map(said: object | string, more: object = {}) {
  const cache = { hits: 0, misses: 0, evictions: 0 };
  const line = readLine(typeof said === 'string' ? said : JSON.stringify(said)) as LogLine;
  return { cache, records: mapLine(line, { ...CONTEXT, cache, refused: new Map(), ...more }) };
}
const told = (said: object | string, more?: object) => map(said, more).records;

const stack = 'TypeError: boom\n    at handlePush (/app/dist/push.js:9:1)';

describe('an error', () => {
  it('is told with all that its line says', () => {
    const line = {
      ...{ level: 50, time: Date.parse(AT), msg: 'passed over' },
      ...{ err: { type: 'TypeError', name: 'TypeError', message: 'boom', stack, code: 'E1' } },
      ...{ requestId: 'q1', runId: 'r1', repo: 'octo/cli' },
      ...{ url: '/webhook?token=abc', method: 'POST', statusCode: 500, responseTime: 12.5 },
      ...{ req: { remoteAddress: '10.0.0.7' }, name: 'gittinkerer', pid: 7, hostname: 'worker-3', attempt: 2 },
    };
    expect(told(line)).toEqual([
      {
        kind: 'platformError',
        at: AT,
        data: {
          errorId: 'l1',
          component: 'handlePush',
          project: 'octo/cli',
          level: 'error',
          message: 'TypeError: boom',
          fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
          runId: 'r1',
          requestId: 'q1',
          at: AT,
          attributes: {
            attempt: 2,
            path: '/webhook',
            method: 'POST',
            statusCode: 500,
            remoteAddress: '10.0.0.7',
            responseTimeMs: 12.5,
            logger: 'gittinkerer',
            pid: 7,
            hostname: 'worker-3',
            stack,
            errorDetails: { code: 'E1' },
          },
        },
      },
    ]);
    const bare = { errorId: 'l1', level: 'fatal', message: 'gone', at: LATER, attributes: {} };
    expect(told({ level: 60, msg: 'gone' })).toEqual([
      { kind: 'platformError', at: LATER, data: { ...bare, fingerprint: expect.any(String) } },
    ]);
  });

  it('what has a field of its own is no attribute', () => {
    const line = {
      ...{ level: 50, timestamp: AT, v: 1, message: 'passed over', error: { message: 'boom' }, attempt: 2 },
      ...{ reqId: 'q1', run_id: 'r1', project: 'octo/cli', repository: 'octo/cli', tags: { stage: 'deploy' } },
      res: { statusCode: 500 },
    };
    expect(told(line)[0]?.data.attributes).toEqual({ attempt: 2, statusCode: 500 });
  });

  it('an error keeps its group from version to version', () => {
    expect(told({ level: 60, msg: 'gone' })).toMatchObject([{ data: { fingerprint: '12dc23a925937d81' } }]);
  });

  it.each<[object, object]>([
    [{ error: { message: 'boom' } }, { message: 'boom' }],
    [{ err: 'boom', msg: 'failed' }, { message: 'failed' }],
    [{ err: { name: 'Oops', message: 'boom' } }, { message: 'Oops: boom' }],
    [{ err: { type: 'Oops', message: 'Oops happened' } }, { message: 'Oops happened' }],
    [{ run_id: 7 }, { runId: '7' }],
    [{ reqId: 'q2' }, { requestId: 'q2' }],
    [{ req: { id: 3 } }, { requestId: '3' }],
    [{ req: { requestId: 'q4' } }, { requestId: 'q4' }],
    [{ project: 'octo/a' }, { project: 'octo/a' }],
    [{ repository: 'octo/b' }, { project: 'octo/b' }],
    [{ repository: { full_name: 'octo/c' } }, { project: 'octo/c' }],
    [{ req: { url: '/a', method: 'GET' } }, { attributes: { path: '/a', method: 'GET' } }],
    [{ res: { statusCode: 502 }, statusCode: 500 }, { attributes: { statusCode: 502 } }],
    [{ level: 51 }, { level: '51' }],
  ])('%j is read as %j', (fields, expected) => {
    expect(told({ level: 50, msg: 'bad', ...fields })[0]?.data).toMatchObject(expected);
  });

  it('has the fingerprint of its shape: the component, the type, and the message without ids and numbers', () => {
    const of = (msg: string, more: object = {}) => told({ level: 50, msg, ...more })[0]?.data.fingerprint;
    const first = of('run 17 of 550e8400-e29b-41d4-a716-446655440000 failed\nat once');
    expect(of('run 18 of 0123456789abcdef failed\nlater')).toBe(first);
    expect(of('run 18 of 0123456789abcdef ended')).not.toBe(first);
    expect(of('x', { component: 'a' })).not.toBe(of('x', { component: 'b' }));
    expect(of('x', { err: { type: 'A' } })).not.toBe(of('x', { err: { type: 'B' } }));
  });

  it('that is too long is cut between characters', () => {
    const [record] = told({ level: 50, msg: `${'x'.repeat(19_999)}😀`, err: { stack: `${'s'.repeat(7_999)}😀` } });
    expect(record?.data.message).toHaveLength(20_000);
    expect(String(record?.data.message).isWellFormed()).toBe(true);
    const { stack: kept } = Object(record?.data.attributes) as { stack: string };
    expect([kept.length, kept.isWellFormed()]).toEqual([8_000, true]);
  });

  it.each<[object | string, number]>([
    [{ level: 40, msg: 'it failed' }, 0],
    [{ level: 50, msg: '' }, 0],
    [{ level: 50, statusCode: 429, msg: 'Too many requests' }, 0],
    ['it failed', 0],
    ['[worker] it failed', 1],
    ['[worker] it went well', 0],
  ])('%j tells of %i errors', (line, count) => {
    expect(told(line).filter(({ kind }) => kind === 'platformError')).toHaveLength(count);
  });
});

describe('a limit', () => {
  it('of an address and of a repository, as the lines of the limiter tell it', () => {
    const line = (msg: string) => ({ level: 30, time: Date.parse(AT), requestId: 'q1', url: '/webhook', msg });
    const of = { eventId: 'l1', at: AT };
    expect(told(line('[rate-limit] IP 192.168.1.1 limit check: 4/5 remaining'))).toEqual([
      {
        kind: 'rateLimit',
        at: AT,
        data: {
          ...of,
          ...{ layer: 'ip', limited: false, remaining: 4, limit: 5 },
          attributes: { requestId: 'q1', path: '/webhook', ip: '192.168.1.1' },
        },
      },
    ]);
    expect(told(line('[rate-limit] Repo octo/cli limit exceeded: 0/5 remaining'))).toEqual([
      {
        kind: 'rateLimit',
        at: AT,
        data: {
          ...of,
          ...{ layer: 'repo', project: 'octo/cli', limited: true, remaining: 0, limit: 5 },
          attributes: { requestId: 'q1', path: '/webhook' },
        },
      },
    ]);
    expect(told('[rate-limit] initialised')).toEqual([]);
  });

  it('as a response tells it, once for each request', () => {
    const refused: RefusedRequests = new Map();
    const line = { level: 30, time: Date.parse(AT), reqId: 'q2', req: { method: 'POST' }, res: { statusCode: 429 } };
    const expected = [
      {
        kind: 'rateLimit',
        at: AT,
        data: {
          ...{ layer: 'ip', at: AT, eventId: 'l1', limited: true },
          attributes: { requestId: 'q2', method: 'POST', statusCode: 429 },
        },
      },
    ];
    expect(told(line, { refused })).toEqual(expected);
    expect(told(line, { refused })).toEqual(expected);
    expect(told(line, { refused, lineId: 'l2' })).toEqual([]);
    const { reqId: _unknown, ...nameless } = line;
    expect([...told(nameless, { refused }), ...told(nameless, { refused, lineId: 'l2' })]).toHaveLength(2);
  });

  it('remembers so many requests, the latest', () => {
    const refused: RefusedRequests = new Map(Array.from({ length: 10_003 }, (_, n) => [`q${n}`, 'l1']));
    forgetOldest(refused);
    expect([refused.size, refused.has('q2'), refused.has('q3')]).toEqual([10_000, false, true]);
  });
});

describe('a store', () => {
  const store = (said: object | string) => told(said).filter(({ kind }) => kind === 'store');

  it.each<[string, object]>([
    ['[redis] Connected successfully', { store: 'redis', error: null }],
    [
      '[redis] Connection failed: ECONNREFUSED',
      { store: 'redis', error: { kind: 'connection', message: 'Connection failed: ECONNREFUSED' } },
    ],
    ['[redis] command timed out', { store: 'redis', error: { kind: 'timeout', message: 'command timed out' } }],
    ['[db] migration failed', { store: 'postgres', error: { kind: 'other', message: 'migration failed' } }],
    ['[rate-limit] Redis unavailable', { store: 'redis', error: { kind: 'connection', message: 'Redis unavailable' } }],
    ['[db] Running migration: 001.sql', { store: 'postgres', attributes: { lastMigration: '001.sql' } }],
    ['[db] Migration completed in 234ms', { store: 'postgres', attributes: { lastMigrationSeconds: 0.234 } }],
  ])('%s', (line, data) => {
    expect(store(line)).toEqual([{ kind: 'store', at: LATER, data: { at: LATER, ...data } }]);
  });

  it('is told of by a line of pino with its time and request; a failure at a level below production’s is none', () => {
    const line = { level: 50, time: Date.parse(AT), requestId: 'q1', msg: '[db] gone' };
    expect(store(line)).toEqual([
      {
        kind: 'store',
        at: AT,
        data: { store: 'postgres', at: AT, error: { kind: 'other', message: 'gone' }, attributes: { requestId: 'q1' } },
      },
    ]);
    expect(store({ ...line, level: 30, msg: '[redis] connection lost' })).toHaveLength(1);
    expect(store({ ...line, level: 20, msg: '[redis] connection lost' })).toEqual([]);
    expect(store('[db] pool has 3 clients')).toEqual([]);
    expect(store('[redis] Running migration: 001.sql')).toEqual([]);
    expect(store('[rate-limit] unavailable')).toEqual([]);
  });
});

it.each([
  ['[cache] Cache hit for run-status:x', { hits: 1, misses: 0, evictions: 0 }],
  ['[cache] Cache miss for run-status:x', { hits: 0, misses: 1, evictions: 0 }],
  ['[cache] Evicting stale entries: 3 keys', { hits: 0, misses: 0, evictions: 3 }],
  ['[cache] warmed up', { hits: 0, misses: 0, evictions: 0 }],
  ['Cache hit for run-status:x', { hits: 0, misses: 0, evictions: 0 }],
])('%s counts as %j', (line, counted) => {
  const { cache, records } = map(line);
  expect([cache, records]).toEqual([counted, []]);
});

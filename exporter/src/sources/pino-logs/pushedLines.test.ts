import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { WebhookEvent } from '../source.ts';
import { configSchema } from './config.ts';
import { pushedLines } from './pushedLines.ts';

const SECRET = 'secret-of-the-log-shipper';
const TIME = Date.parse('2026-01-07T14:32:15.000Z');
const at = (ms: number) => new Date(TIME + ms).toISOString();

function receiver() {
  const lines = pushedLines(configSchema.parse({ webhook_secret: SECRET }));
  return async (...said: object[]): Promise<readonly WebhookEvent[]> => {
    const body = Buffer.from(said.map((line) => JSON.stringify({ level: 30, time: TIME, ...line })).join('\n'));
    const outcome = await lines?.receive({ body, headers: { authorization: `Bearer ${SECRET}` } });
    if (outcome === undefined || 'refused' in outcome) throw new Error('refused');
    return outcome.events;
  };
}

it('errors of one millisecond keep it; failures of a store are told apart, each store by itself', async () => {
  const events = await receiver()(
    { level: 50, msg: 'first' },
    { level: 50, msg: 'second' },
    { level: 50, msg: '[redis] Connection failed: ECONNREFUSED' },
    { level: 50, msg: '[redis] Connection failed: ETIMEDOUT' },
    { level: 50, msg: '[db] connection timeout' },
  );
  const times = (kind: string, store?: string) =>
    events
      .filter((event) => event.kind === kind && event.data.store === store)
      .map((event) => [event.at, event.data.at]);
  expect(new Set(times('platformError').map(([first]) => first))).toEqual(new Set([at(0)]));
  expect(times('store', 'redis')).toEqual([
    [at(0), at(0)],
    [at(1), at(1)],
  ]);
  expect(times('store', 'postgres')).toEqual([[at(0), at(0)]]);
});

it('a refusal is told by the line that came first, also when that comes again, and not by the response to it', async () => {
  const push = receiver();
  const limited = { level: 40, requestId: 'q1', msg: '[rate-limit] IP 10.0.0.7 limit exceeded: 0/5 remaining' };
  const answered = { requestId: 'q1', res: { statusCode: 429 }, msg: 'request completed' };
  const refusals = async (...said: object[]) => (await push(...said)).filter(({ kind }) => kind === 'rateLimit').length;
  expect([await refusals(limited), await refusals(answered), await refusals(limited)]).toEqual([1, 0, 1]);
  const other = { ...answered, requestId: 'q2' };
  expect([await refusals(other), await refusals(other)]).toEqual([1, 1]);
});

it('failures of a store keep their own times, in whatever order their lines come', async () => {
  const failed = { level: 50, msg: '[redis] Connection failed: ECONNREFUSED' };
  const events = await receiver()({ ...failed, time: TIME + 5 }, failed);
  expect(events.filter(({ kind }) => kind === 'store').map((event) => event.at)).toEqual([at(0), at(5)]);
});

it('lookups of the cache are counted line by line, since lines may come again', async () => {
  const [event, ...others] = await receiver()({ msg: '[cache] Cache hit for run-status:x' });
  expect([event, others]).toEqual([
    {
      ...{ id: expect.stringMatching(/^[0-9a-f]{32}\/0$/), index: 0, kind: 'store', at: at(0) },
      data: {
        ...{ store: 'cache', at: at(0), hitsTotal: 1, missesTotal: 0, evictionsTotal: 0 },
        serverRunId: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    },
    [],
  ]);
});

it('a line that cannot be read is told by its place, and holds up no other', async () => {
  const lines = pushedLines(configSchema.parse({ webhook_secret: SECRET, max_line: 200 }));
  const good = JSON.stringify({ level: 50, time: TIME, msg: 'boom' });
  const long = JSON.stringify({ level: 50, time: TIME, msg: 'x'.repeat(300) });
  const body = Buffer.from(['{', '', long, good].join('\n'));
  expect(await lines?.receive({ body, headers: { authorization: `Bearer ${SECRET}` } })).toEqual({
    events: [expect.objectContaining({ kind: 'platformError', index: 2 })],
    rejected: [
      { index: 0, payload: '{', reason: expect.stringContaining('not valid JSON') },
      { index: 1, payload: long, reason: expect.stringMatching(/found a line of \d+ bytes, expected at most 200/) },
    ],
  });
});

it('who does not know the secret is refused, and counts as one who guesses', async () => {
  const lines = pushedLines(configSchema.parse({ webhook_secret: SECRET }));
  const refused = async (authorization: string | undefined) =>
    await lines?.receive({ body: Buffer.from('{}'), headers: { ...(authorization && { authorization }) } });
  expect(await refused(undefined)).toEqual({ refused: 'secret', reason: expect.stringContaining('found none') });
  for (const sent of ['Bearer another', `Digest ${SECRET}`, `Basic ${Buffer.from('x:another').toString('base64')}`]) {
    expect(await refused(sent)).toEqual({
      refused: 'secret',
      reason: expect.stringContaining('found another one'),
      sent,
    });
  }
  const basic = `Basic ${Buffer.from(`vector:${SECRET}`).toString('base64')}`;
  expect(await refused(basic)).not.toHaveProperty('refused');
});

it('a batch may be packed with gzip, and with nothing else', async () => {
  const lines = pushedLines(configSchema.parse({ webhook_secret: SECRET }));
  const text = Buffer.from(JSON.stringify({ level: 50, time: TIME, msg: 'boom' }));
  const receive = async (body: Buffer, coding: string) =>
    await lines?.receive({ body, headers: { authorization: `Bearer ${SECRET}`, 'content-encoding': coding } });
  for (const coding of ['gzip', 'X-GZIP', 'identity']) {
    const body = coding === 'identity' ? text : gzipSync(text);
    expect(await receive(body, coding), coding).toMatchObject({ events: [{ kind: 'platformError' }], rejected: [] });
  }
  expect(await receive(text, 'br')).toEqual({
    refused: 'malformed',
    reason: 'Content-Encoding: found br, expected gzip or none',
  });
  expect(await receive(text, 'gzip')).toEqual({
    refused: 'malformed',
    reason: expect.stringContaining('cannot be unpacked'),
  });
});

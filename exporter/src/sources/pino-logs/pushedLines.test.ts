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

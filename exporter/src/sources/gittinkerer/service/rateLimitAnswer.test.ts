import { describe, expect, it } from 'vitest';
import { mapRateLimits } from './rateLimitAnswer.ts';

const AT = '2026-01-07T14:32:00.000Z';
const LIMIT = { limit: 5, remaining: 3 };

function mapped(body: Record<string, unknown>) {
  return mapRateLimits({ status: 200, body, headers: new Headers(), latencySeconds: 0 }, AT)?.map(({ data }) => data);
}

describe('limits are found', () => {
  it.each(['global', 'ip'])('under %s', (name) => {
    expect(mapped({ [name]: LIMIT })).toMatchObject([{ layer: 'ip', ...LIMIT }]);
  });

  it.each(['repositories', 'repos', 'perRepo', 'limits'])('of each repository, under %s, by name', (name) => {
    expect(mapped({ [name]: { 'octo/cli': LIMIT } })).toMatchObject([{ layer: 'repo', project: 'octo/cli', ...LIMIT }]);
  });

  it.each(['repo', 'repository', 'project', 'name'])('in a list, with the repository as %s', (name) => {
    expect(mapped({ limits: [{ [name]: 'octo/cli', ...LIMIT }] })).toMatchObject([{ project: 'octo/cli', ...LIMIT }]);
  });

  it.each([
    [{ remaining: 0 }, { remaining: 0, attributes: { exhausted: true } }],
    [{ remainingRequests: 2 }, { remaining: 2 }],
    [
      { max: 7, remaining: 2 },
      { limit: 7, remaining: 2 },
    ],
    [{ allowed: false }, { attributes: { exhausted: true } }],
    [{ limited: true }, { attributes: { exhausted: true } }],
    [{ remaining: 1, count: 4 }, { attributes: { counted: 4 } }],
    [{ remaining: 1, current: 4 }, { attributes: { counted: 4 } }],
    [{ remaining: 1, used: 4 }, { attributes: { counted: 4 } }],
    [{ remaining: 1, window: 'minute' }, { attributes: { window: 'minute' } }],
  ])('as %j', (said, told) => {
    expect(mapped(said)).toMatchObject([{ layer: 'ip', at: AT, limited: false, ...told }]);
  });

  it.each([
    ['resetAt', '2026-01-07T14:33:00Z'],
    ['reset', 1_767_796_380],
    ['reset', 1_767_796_380_000],
    ['retryAfter', 60],
  ])('with their end, as %s %s', (name, value) => {
    expect(mapped({ ...LIMIT, [name]: value })).toMatchObject([{ resetAt: '2026-01-07T14:33:00.000Z' }]);
  });
});

it('an answer without limits gives none', () => {
  expect(mapped({ quota: 'plenty' })).toBeUndefined();
});

it('headers alone tell of the limit as well', () => {
  const headers = new Headers({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '4', 'x-ratelimit-reset': '60' });
  expect(mapRateLimits({ status: 200, body: undefined, headers, latencySeconds: 0 }, AT)).toEqual([
    {
      kind: 'rateLimit',
      at: AT,
      data: {
        layer: 'ip',
        eventId: 'api',
        at: AT,
        limited: false,
        limit: 5,
        remaining: 4,
        resetAt: '2026-01-07T14:33:00.000Z',
        attributes: {},
      },
    },
  ]);
});

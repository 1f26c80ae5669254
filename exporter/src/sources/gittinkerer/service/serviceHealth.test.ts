import { expect, it } from 'vitest';
import { configSchema } from '../config.ts';
import { mapHealth, serviceDown } from './serviceHealth.ts';

const AT = '2026-01-07T14:32:00.000Z';
const { service: CONFIG } = configSchema.parse({ service: { url: 'http://gittinkerer:3000' } });
if (CONFIG === undefined) throw new Error('expected the configuration of a service, found none');
const config = CONFIG;

const BODY = {
  status: 'degraded',
  timestamp: '2026-01-07T14:31:59.000Z',
  uptime: 5,
  version: '1.4.2',
  region: 'eu',
  components: {
    database: { status: 'up', latency: 3, pool: 4 },
    redis: { status: 'down', error: { message: 'connect ECONNREFUSED' } },
    disk: 'ok',
    queue: { status: 'connected' },
  },
};
const answer = (body: Record<string, unknown>, status = 200) => ({
  status,
  body,
  headers: new Headers(),
  latencySeconds: 0.02,
});

it('a service says how it is, and how its stores are', () => {
  const store = { kind: 'store', at: AT };
  expect(mapHealth(answer(BODY, 503), config, new Set(), AT)).toEqual([
    {
      kind: 'service',
      at: AT,
      data: {
        service: 'gittinkerer',
        at: AT,
        up: false,
        rawStatus: 'degraded',
        version: '1.4.2',
        uptimeSeconds: 5,
        latencySeconds: 0.02,
        components: {
          database: { pool: 4, rawStatus: 'up', up: true, latencySeconds: 0.003 },
          redis: { rawStatus: 'down', up: false, error: 'connect ECONNREFUSED' },
          disk: { rawStatus: 'ok', up: true },
          queue: { rawStatus: 'connected', up: true },
        },
        error: { kind: 'other', message: 'redis: connect ECONNREFUSED' },
        attributes: { saidAt: BODY.timestamp, httpStatus: 503, region: 'eu' },
      },
    },
    { ...store, data: { store: 'postgres', at: AT, up: true, latencySeconds: 0.003, error: null } },
    {
      ...store,
      data: { store: 'redis', at: AT, up: false, error: { kind: 'connection', message: 'connect ECONNREFUSED' } },
    },
  ]);
});

it('a service without components that is not well says its word', () => {
  const [service] = mapHealth(answer({ status: 'down' }), config, new Set(), AT) ?? [];
  expect(service?.data).toMatchObject({ up: false, error: { message: 'down (HTTP 200)' } });
  const [well] = mapHealth(answer({ status: 'ok' }), config, new Set(), AT) ?? [];
  expect(well?.data).toMatchObject({ up: true, error: null });
});

it.each([
  ['request timed out', 'timeout'],
  ['disk full', 'other'],
])('a store whose error is %s fails by: %s', (error, kind) => {
  const components = { redis: { status: 'down', error } };
  const [, store] = mapHealth(answer({ status: 'ok', components }), config, new Set(), AT) ?? [];
  expect(store?.data).toMatchObject({ store: 'redis', error: { kind, message: error } });
});

it.each([
  ['no answer within 5 s', 'timeout'],
  ['connect ECONNREFUSED', 'connection'],
])('a service that gave no answer (%s) is down by: %s', (message, kind) => {
  expect(serviceDown(config, message, AT)).toEqual({
    kind: 'service',
    at: AT,
    data: { service: 'gittinkerer', at: AT, up: false, error: { kind, message } },
  });
});

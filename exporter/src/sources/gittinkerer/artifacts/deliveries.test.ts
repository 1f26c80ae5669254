import { expect, it } from 'vitest';
import { mapDelivery, readEntries } from './deliveries.ts';

const TIME = '2026-01-03T14:26:25.000Z';
const FILE = { name: '1.json', index: 0, fileTime: '2026-01-04T00:00:00.000Z' };

const told = (entry: Record<string, unknown>) =>
  mapDelivery(entry, FILE).map(({ kind, at, data }) => ({ kind, at, ...data }));

it.each([
  [{ guid: 'd1' }],
  [{ delivery_id: 'd1' }],
  [{ deliveryId: 'd1' }],
  [{ headers: { 'X-GitHub-Delivery': 'd1' } }],
  [{ request: { headers: { 'x-github-delivery': 'd1' } } }],
  [{ id: 'd1' }],
  [{ guid: '', delivery_id: null, id: 'd1' }],
])('the id of a delivery is read of %j', (entry) => {
  expect(told(entry)).toMatchObject([{ kind: 'adapter', adapter: 'github-webhook', eventId: 'd1', count: 1 }]);
});

it('an id that is a number is one', () => {
  expect(told({ id: 12345678 })).toMatchObject([{ eventId: '12345678' }]);
});

it.each([
  [{ run_id: 'r1', request_id: 'q1', action: 'created' }],
  [{ runId: 'r1', requestId: 'q1', payload: { action: 'created' } }],
])('its run, request and action are read of %j', (entry) => {
  expect(told(entry)).toMatchObject([{ attributes: { runId: 'r1', requestId: 'q1', action: 'created' } }]);
});

it('a delivery without an id is known by its place', () => {
  expect(told({})).toMatchObject([{ eventId: '1.json#0', at: FILE.fileTime, attributes: { file: '1.json' } }]);
});

it.each([
  [{ event: 'push' }],
  [{ event_type: 'push' }],
  [{ eventType: 'push' }],
  [{ headers: { 'X-GitHub-Event': 'push' } }],
])('its event is read of %j', (entry) => {
  expect(told(entry)).toMatchObject([{ attributes: { event: 'push' } }]);
});

it.each(['delivered_at', 'received_at', 'receivedAt', 'timestamp', 'at', 'time'])('its time is read of %s', (name) => {
  expect(told({ [name]: TIME })).toMatchObject([{ at: TIME }]);
});

it.each([
  [{ repository: 'octo/cli' }],
  [{ repo: 'octo/cli' }],
  [{ project: 'octo/cli' }],
  [{ payload: { repository: { full_name: 'octo/cli' } } }],
  [{ request: { payload: { repository: { full_name: 'octo/cli' } } } }],
  [{ body: { repository: { full_name: 'octo/cli' } } }],
])('its repository is read of %j', (entry) => {
  expect(told(entry)).toMatchObject([{ project: 'octo/cli' }]);
});

it.each([
  [{ status_code: 200 }],
  [{ statusCode: 200 }],
  [{ response: { status: 200 } }],
  [{ response: { status_code: 200 } }],
  [{ status: 200 }],
])('its answer is read of %j', (entry) => {
  expect(told(entry)).toMatchObject([{ result: 'ok', attributes: { statusCode: 200 } }]);
});

it.each([
  [200, 'ok'],
  [400, 'schema'],
  [401, 'auth'],
  [403, 'auth'],
  [404, 'other'],
  [422, 'schema'],
  [429, 'rate_limit'],
  [502, 'server'],
])('an answer of %i has the result %s', (status, result) => {
  expect(told({ status })[0]).toMatchObject({ result });
});

it.each([
  ['issue_comment', 'handleIssueComment'],
  ['pull_request', 'handlePullRequest'],
  ['pull_request_review_comment', 'handleIssueComment'],
  ['push', 'push'],
])('an error of the event %s belongs to %s', (event, component) => {
  expect(told({ event, status: 500 })[1]).toMatchObject({ kind: 'platformError', component, message: 'HTTP 500' });
});

it.each([
  [{ error: 'boom' }],
  [{ error: { message: 'boom' } }],
  [{ reason: 'boom' }],
  [{ status: 500, message: 'boom' }],
])('its error is read of %j', (entry) => {
  expect(told(entry)).toMatchObject([{ message: 'boom' }, { kind: 'platformError', message: 'boom' }]);
});

it.each([[{ duration: 0.08 }], [{ duration_ms: 80 }], [{ durationMs: 80 }]])(
  'how long it took is read of %j, in seconds',
  (entry) => {
    expect(told(entry)).toMatchObject([{ latencySeconds: 0.08 }]);
  },
);

it('what was refused by the limiter counts for the repository, or for the address', () => {
  const of = { status: 429, action: 'created' };
  expect(told({ ...of, repo: 'octo/cli' })[1]).toMatchObject({
    kind: 'rateLimit',
    layer: 'repo',
    project: 'octo/cli',
    limited: true,
    attributes: { action: 'created' },
  });
  expect(told(of)[1]).toMatchObject({ layer: 'ip' });
});

it('a delivery that failed is a call and an error, both with all that is said of it', () => {
  const entry = {
    delivery_id: 'd1',
    event: 'issue_comment',
    action: 'created',
    status: 500,
    error: 'boom',
    repo: 'octo/cli',
    timestamp: TIME,
    duration_ms: 80,
    run_id: 'r1',
    request_id: 'q1',
    redelivery: true,
  };
  const attributes = {
    event: 'issue_comment',
    action: 'created',
    statusCode: 500,
    redelivery: true,
    runId: 'r1',
    requestId: 'q1',
    file: '1.json',
  };
  const call = { adapter: 'github-webhook', eventId: 'd1', at: TIME, project: 'octo/cli', count: 1, attributes };
  expect(mapDelivery(entry, FILE)).toEqual([
    { kind: 'adapter', at: TIME, data: { ...call, result: 'server', latencySeconds: 0.08, message: 'boom' } },
    {
      kind: 'platformError',
      at: TIME,
      data: {
        errorId: 'delivery:d1',
        component: 'handleIssueComment',
        project: 'octo/cli',
        level: 'error',
        message: 'boom',
        runId: 'r1',
        requestId: 'q1',
        at: TIME,
        attributes: { ...attributes, deliveryId: 'd1' },
      },
    },
  ]);
  const { error: _error, ...limited } = { ...entry, status: 429 };
  expect(mapDelivery(limited, FILE)[1]).toEqual({
    kind: 'rateLimit',
    at: TIME,
    data: {
      layer: 'repo',
      project: 'octo/cli',
      eventId: 'd1',
      at: TIME,
      limited: true,
      attributes: { ...attributes, statusCode: 429 },
    },
  });
  expect(told({ status: 'processed' })).toMatchObject([{ result: 'ok', attributes: { statusWord: 'processed' } }]);
});

it('a file is one delivery, a list of them, or one a line', () => {
  expect(readEntries('{"id":1}')).toEqual([{ id: 1 }]);
  expect(readEntries('{\n  "id": 1\n}\n')).toEqual([{ id: 1 }]);
  expect(readEntries('[{"id":1},{"id":2},3]')).toEqual([{ id: 1 }, { id: 2 }]);
  expect(readEntries('{"id":1}\noops\n{"id":2}\n')).toEqual([{ id: 1 }, { id: 2 }]);
});

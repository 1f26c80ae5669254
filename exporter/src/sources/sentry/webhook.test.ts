import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { configSchema } from './config.ts';
import { sentryWebhook } from './webhook.ts';

const SECRET = 'client-secret-for-tests';
const TIME = '2026-11-20T10:00:00Z';
const AT = '2026-11-20T10:00:00.000Z';

async function receive(resource: string | undefined, payload: object | string, headers: object = {}) {
  const config = { auth_token: 't', organization: 'acme', projects: ['bot'], webhook_secret: SECRET };
  const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const outcome = await sentryWebhook(configSchema.parse(config))?.receive({
    body,
    headers: {
      'sentry-hook-resource': resource,
      'sentry-hook-signature': createHmac('sha256', SECRET).update(body).digest('hex'),
      ...headers,
    },
  });
  return { outcome, id: `${resource}/${createHash('sha256').update(body).digest('hex')}` };
}

const ISSUE = { id: '9', project: { slug: 'bot' }, firstSeen: '2026-11-19T10:00:00Z', lastSeen: TIME };
const EVENT = {
  event_id: 'e1',
  issue_id: '9',
  datetime: TIME,
  url: 'https://sentry.io/api/0/projects/acme/bot/events/e1/',
};
const GROUP = { fingerprint: '9', project: 'bot', lastSeenAt: AT, firstSeenAt: '2026-11-19T10:00:00.000Z' };

describe('an issue', () => {
  it.each<[string, object, object]>([
    ['created', { culprit: 'run(runner)' }, { component: 'run', kind: 'new' }],
    ['resolved', { culprit: 'run(runner)' }, { component: 'run' }],
    ['unresolved', { culprit: 'run(runner)', substatus: 'regressed' }, { component: 'run', kind: 'regressed' }],
    // Where the culprit tells no component the next poll says what kind it is.
    ['created', { culprit: 'POST /webhook' }, {}],
  ])('that is %s with %j', async (action, changes, fields) => {
    const { outcome, id } = await receive('issue', { action, data: { issue: { ...ISSUE, ...changes } } });
    expect(outcome).toEqual({
      events: [
        { id, kind: 'errorGroup', at: AT, data: { ...GROUP, ...fields, attributes: { ...attributes(changes) } } },
      ],
    });
  });

  const attributes = ({ culprit, substatus }: { culprit?: string; substatus?: string }) => ({
    ...(culprit && { culprit }),
    ...(substatus && { substatus }),
  });

  it('may not say since when', async () => {
    const { firstSeen: _unsaid, ...issue } = ISSUE;
    const { outcome } = await receive('issue', { action: 'created', data: { issue } });
    const { firstSeenAt: _unknown, ...group } = GROUP;
    expect(outcome).toMatchObject({ events: [{ data: { ...group, attributes: {} } }] });
    expect(outcome).not.toHaveProperty('events.0.data.firstSeenAt');
  });
});

it('an error, and the alert of a rule, are errors of the platform', async () => {
  const data = { errorId: 'e1', fingerprint: '9', project: 'bot', at: AT };
  const told = await receive('error', { action: 'created', data: { error: EVENT } });
  expect(told.outcome).toEqual({
    events: [{ id: told.id, kind: 'platformError', at: AT, data: { ...data, attributes: { sentryProject: 'bot' } } }],
  });
  const alert = await receive('event_alert', { data: { event: EVENT, triggered_rule: 'Too many errors' } });
  expect(alert.outcome).toEqual({
    events: [
      {
        id: alert.id,
        kind: 'platformError',
        at: AT,
        data: { ...data, attributes: { sentryProject: 'bot', alertRule: 'Too many errors' } },
      },
    ],
  });
});

it('other resources and other projects say nothing', async () => {
  expect((await receive('comment', {})).outcome).toEqual({ events: [] });
  const elsewhere = { ...EVENT, url: EVENT.url.replace('bot', 'web') };
  expect((await receive('error', { action: 'created', data: { error: elsewhere } })).outcome).toEqual({ events: [] });
  const nowhere = { ...EVENT, url: undefined };
  expect((await receive('error', { action: 'created', data: { error: nowhere } })).outcome).toEqual({ events: [] });
});

describe('what is refused, and why', () => {
  it('no signature, and a wrong one, which counts as wrong credentials', async () => {
    expect((await receive('error', {}, { 'sentry-hook-signature': undefined })).outcome).toEqual({
      refused: 'signature',
      reason: expect.stringContaining('found none'),
    });
    const wrong = '0'.repeat(64);
    expect((await receive('error', {}, { 'sentry-hook-signature': wrong })).outcome).toEqual({
      refused: 'signature',
      reason: expect.stringContaining('found one that does not fit the body'),
      sent: wrong,
    });
  });

  it.each<[string | undefined, object | string, RegExp]>([
    [undefined, {}, /Sentry-Hook-Resource/],
    ['error', '{', /no JSON/],
    ['error', { action: 'created', data: { error: { ...EVENT, datetime: 'soon' } } }, /no time that can be read/],
    ['error', { action: 'created', data: { error: { ...EVENT, event_id: 7 } } }, /^data\.error\.event_id: /],
    ['error', { action: 'created', data: { error: { ...EVENT, issue_id: 7 } } }, /^data\.error\.issue_id: /],
    ['error', { action: 'created', data: { error: { ...EVENT, datetime: 7 } } }, /^data\.error\.datetime: /],
    ['error', { data: { error: EVENT } }, /^action: /],
    ['issue', { action: 'created', data: { issue: { ...ISSUE, id: 9 } } }, /^data\.issue\.id: /],
    ['issue', { action: 'created', data: { issue: { ...ISSUE, lastSeen: 7 } } }, /^data\.issue\.lastSeen: /],
    ['issue', { action: 'created', data: { issue: { ...ISSUE, project: {} } } }, /^data\.issue\.project\.slug: /],
    ['event_alert', { data: { event: {} } }, /^data\.event\.event_id: /],
  ])('%s with %j', async (resource, payload, reason) => {
    expect((await receive(resource, payload)).outcome).toEqual({
      refused: 'malformed',
      reason: expect.stringMatching(reason),
    });
  });
});

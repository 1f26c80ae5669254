import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../exporter/src/sources/sentry/config.ts';
import { sentryWebhook } from '../../../exporter/src/sources/sentry/webhook.ts';
import { correctionsOf, recordsOf } from '../../ledger/ledgerBed.ts';
import { alertPayload, errorPayload, exactly, issuePayload, sentError } from './payloads.ts';
import { ago, SECRET, sentryBed, signatureOf } from './sentryBed.ts';

const GROUPS = 'fleet_error_groups_total';
const ERRORS = 'fleet_errors_total';
describe('Sentry’s webhooks', () => {
  it('an issue that was created is a new group', async () => {
    const bed = await sentryBed();
    const payload = issuePayload('created');
    expect(await bed.deliver('issue', payload)).toEqual(['accepted']);
    const { firstSeen } = payload.data.issue;
    expect(await bed.groups()).toEqual([
      {
        source: 'sentry',
        fingerprint: '1170820242',
        component: 'runner',
        project: 'bot',
        title: 'ReferenceError: blooopy is not defined',
        kind: 'new',
        firstSeenAt: firstSeen.replace('391000', '391'),
        lastSeenAt: firstSeen.replace('391000', '391'),
        count: 1,
        url: 'https://sentry.io/organizations/acme/issues/1170820242/',
        attributes: {
          shortId: 'BOT-9',
          level: 'error',
          status: 'unresolved',
          substatus: 'new',
          culprit: '?(runner)',
          platform: 'javascript',
          userCount: 1,
        },
      },
    ]);
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,runner,new': 1 });
  });

  it('an issue that came back is a regressed one; that it was resolved, archived or assigned counts nothing', async () => {
    const bed = await sentryBed();
    for (const [action, seconds, changes] of [
      ['created', 600, {}],
      ['assigned', 500, {}],
      ['archived', 400, { status: 'ignored', substatus: 'archived_until_escalating' }],
      ['resolved', 300, { status: 'resolved', substatus: null }],
      ['unresolved', 200, { substatus: 'regressed', count: '8' }],
      ['unresolved', 100, { substatus: 'escalating', count: '9' }],
    ] as const) {
      const firstSeen = exactly(ago(600));
      await bed.deliver('issue', issuePayload(action, { firstSeen, lastSeen: exactly(ago(seconds)), ...changes }));
    }
    expect(await bed.groups()).toMatchObject([
      { kind: 'regressed', count: 9, attributes: { substatus: 'escalating' } },
    ]);
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,runner,new': 1, 'sentry,runner,regressed': 1 });
  });

  it('an error, and the one that set off an alert', async () => {
    const bed = await sentryBed();
    const error = sentError({ extra: { requestId: 'req-1', path: '/webhook' } });
    expect(await bed.deliver('error', errorPayload(error))).toEqual(['accepted']);
    expect(await bed.errors()).toEqual([
      {
        source: 'sentry',
        errorId: 'bb78c1407cea4519aa397afc059c793d',
        component: 'production',
        project: 'bot',
        level: 'error',
        message: 'ReferenceError: blooopy is not defined',
        fingerprint: '1170820242',
        runId: 'run-1',
        requestId: 'req-1',
        at: error.datetime.replace('391000', '391'),
        attributes: {
          sentryProject: 'bot',
          culprit: '?(runner)',
          platform: 'javascript',
          location: '/runner',
          tags: { browser: 'Chrome 75' },
        },
      },
    ]);
    expect(JSON.stringify(await bed.errors())).not.toContain('162.21');
    expect(await bed.deliver('event_alert', alertPayload(error))).toEqual(['accepted']);
    expect(await bed.errors()).toMatchObject([{ attributes: { alertRule: 'Very important alert' } }]);
    expect(await bed.counted(ERRORS)).toEqual({ 'sentry,production': 1 });
    expect(await correctionsOf(bed)).toBe(0);
  });

  it('without a level among the tags, the one of the event', async () => {
    const bed = await sentryBed();
    await bed.deliver('error', errorPayload(sentError({ level: 'fatal', tags: [] })));
    expect(await bed.errors()).toMatchObject([{ level: 'fatal', component: 'runner' }]);
  });

  it('delivered again is a duplicate, under whatever Request-ID', async () => {
    const bed = await sentryBed();
    for (const [resource, payload] of [
      ['issue', issuePayload('created')],
      ['error', errorPayload()],
      ['event_alert', alertPayload()],
    ] as const) {
      expect(await bed.deliver(resource, payload)).toEqual(['accepted']);
      const before = await recordsOf(bed);
      expect(await bed.deliver(resource, payload)).toEqual(['duplicate']);
      expect(await bed.deliver(resource, payload, { 'request-id': 'again' })).toEqual(['duplicate']);
      expect(await recordsOf(bed)).toEqual(before);
    }
  });

  it('what is of no interest: other resources, other projects', async () => {
    const bed = await sentryBed();
    for (const resource of ['installation', 'comment', 'metric_alert', 'seer']) {
      expect(await bed.deliver(resource, { action: 'created', data: {} }), resource).toEqual([]);
    }
    expect(await bed.deliver('issue', issuePayload('created', { project: { slug: 'other' } }))).toEqual([]);
    expect(await bed.deliver('error', errorPayload(sentError({}, 'other')))).toEqual([]);
    expect(await bed.deliver('error', errorPayload(sentError({ url: undefined })))).toEqual([]);
    expect(await recordsOf(bed)).toEqual({});
  });

  it('whoever does not know the secret is refused', async () => {
    const bed = await sentryBed();
    const body = JSON.stringify(issuePayload('created'));
    for (const [what, signature] of [
      ['none', undefined],
      ['an empty one', ''],
      ['one of another secret', signatureOf(body, 'another-secret-of-somebody')],
      ['one of another body', signatureOf(`${body} `)],
      ['one that is too short', signatureOf(body).slice(2)],
      ['no hexadecimal', 'x'.repeat(64)],
    ] as const) {
      const headers = {
        'sentry-hook-resource': 'issue',
        ...(signature !== undefined && { 'sentry-hook-signature': signature }),
      };
      expect(await bed.receive(body, headers), what).toMatchObject({
        refused: 'signature',
        reason: expect.stringMatching(/^Sentry-Hook-Signature: found (none|one that does not fit)/),
      });
    }
    const config = configSchema.parse({ auth_token: 't', organization: 'acme', projects: ['bot'] });
    expect(sentryWebhook(config)).toBeUndefined();
  });

  it('a signed request that is no such webhook is told why', async () => {
    const bed = await sentryBed();
    const signed = (body: string, headers: Record<string, string> = { 'sentry-hook-resource': 'error' }) =>
      bed.receive(body, { ...headers, 'sentry-hook-signature': signatureOf(body) });
    expect(await signed('{}', {})).toMatchObject({
      refused: 'malformed',
      reason: expect.stringMatching(/Sentry-Hook-Resource/),
    });
    expect(await signed('{')).toMatchObject({ refused: 'malformed', reason: 'found a body that is no JSON' });
    expect(await signed('{"action":"created","data":{"error":{}}}')).toMatchObject({
      reason: expect.stringMatching(/^data\.error\.event_id: /),
    });
    const undated = JSON.stringify(errorPayload(sentError({ datetime: 'yesterday' })));
    expect(await signed(undated)).toMatchObject({
      refused: 'malformed',
      reason: 'error: found no time that can be read',
    });
    // The header is not signed: a webhook that was overheard cannot be passed off as another.
    expect(await signed(JSON.stringify(issuePayload('created')))).toMatchObject({ refused: 'malformed' });
    expect(SECRET.length).toBeGreaterThan(16);
  });
});

describe('the same error by API and by webhook', () => {
  const culprit = 'handlePush(app)';
  const at = ago(120);

  async function captured() {
    const bed = await sentryBed();
    const tags = [
      { key: 'stage', value: 'production' },
      { key: 'run_id', value: 'run-1' },
    ];
    const { event, issue } = bed.sentry.capture('bot', { at, issue: '77', culprit, tags });
    const sent = sentError({
      event_id: event.eventID,
      issue_id: '77',
      culprit,
      datetime: exactly(at),
      tags: tags.map(({ key, value }) => [key, value]),
    });
    const { lifetime: _, ...told } = issue;
    return {
      bed,
      hooks: [
        ['issue', issuePayload('created', told)],
        ['error', errorPayload(sent)],
        ['event_alert', alertPayload(sent)],
      ] as const,
    };
  }

  it.each(['webhook first', 'API first'])('counts once, %s', async (order) => {
    const { bed, hooks } = await captured();
    const deliver = async () => {
      for (const [resource, payload] of hooks) expect(await bed.deliver(resource, payload)).toEqual(['accepted']);
    };
    if (order === 'API first') await bed.poll();
    await deliver();
    await bed.poll(bed.create());
    await bed.poll(bed.create());
    expect([(await bed.errors()).length, (await bed.groups()).length]).toEqual([1, 1]);
    expect(await bed.counted(ERRORS)).toEqual({ 'sentry,production': 1 });
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,handlePush,new': 1 });
    expect(await correctionsOf(bed)).toBe(0);
  });

  it('a regression that comes by webhook, and then by poll with how often it was, counts once', async () => {
    const bed = await sentryBed();
    const back = { status: 'unresolved', substatus: 'regressed' } as const;
    bed.sentry.capture('bot', { at: ago(300), issue: '79', culprit });
    await bed.poll();
    for (const [seconds, times] of [
      [200, 1],
      [100, 2],
    ] as const) {
      const { issue } = bed.sentry.capture('bot', { at: ago(seconds), issue: '79', culprit }, back);
      const { lifetime: _, ...told } = issue;
      await bed.deliver('issue', issuePayload('unresolved', told));
      await bed.poll();
      expect((await bed.counted(GROUPS))['sentry,handlePush,regressed']).toBe(times);
    }
    expect(await correctionsOf(bed)).toBe(0);
  });

  it('a group without a culprit is counted when its component is known, by the next poll', async () => {
    const bed = await sentryBed();
    const { issue } = bed.sentry.capture('scripts', { at, issue: '78', tags: [{ key: 'stage', value: 'deploy' }] });
    const { lifetime: _, ...told } = issue;
    for (const [action, substatus] of [
      ['created', 'new'],
      ['unresolved', 'regressed'],
    ] as const) {
      await bed.deliver('issue', issuePayload(action, { ...told, substatus }));
    }
    expect(await bed.groups()).toMatchObject([{ fingerprint: '78', title: issue.title }]);
    expect(await bed.counted(GROUPS)).toEqual({});
    Object.assign(issue, { substatus: 'regressed' });
    await bed.poll();
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,deploy,new': 1, 'sentry,deploy,regressed': 1 });
    expect(await correctionsOf(bed)).toBe(0);
  });
});

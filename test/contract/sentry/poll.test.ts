import { listAnOrganization_sIssues, listAProject_sErrorEvents, retrieveAnIssueEvent } from '@sentry/api';
import { describe, expect, it } from 'vitest';
import { correctionsOf } from '../../ledger/ledgerBed.ts';
import { ago, sentryBed } from './sentryBed.ts';

const tag = (key: string, value: string) => ({ key, value });
const GROUPS = 'fleet_error_groups_total';
const ERRORS = 'fleet_errors_total';

it('Sentry’s own client reads the contract server: pages, a period, the first event of an issue', async () => {
  const { sentry } = await sentryBed();
  for (let i = 0; i < 5; i++) sentry.capture('bot', { at: ago(60 - i), issue: '7', tags: [tag('stage', `s${i}`)] });
  sentry.pageSize = 2;
  const by = { baseUrl: sentry.http.url, headers: { authorization: `Bearer ${sentry.token}` } };
  const path = { organization_id_or_slug: 'acme', project_id_or_slug: 'bot' };
  const first = await listAProject_sErrorEvents({ ...by, path });
  const cursor = /rel="next"; results="true"; cursor="([^"]+)"/.exec(first.response?.headers.get('link') ?? '')?.[1];
  const second = await listAProject_sErrorEvents({ ...by, path, query: { cursor: cursor as string } });
  expect([first.data?.length, second.data?.length]).toEqual([2, 2]);
  const issues = await listAnOrganization_sIssues({ ...by, path, query: { query: '', sort: 'date', limit: 100 } });
  expect(issues.data).toMatchObject([{ id: '7', count: '5' }]);
  const oldest = await retrieveAnIssueEvent({ ...by, path: { ...path, issue_id: 7, event_id: 'oldest' } });
  expect(oldest.data?.tags).toEqual([tag('stage', 's0')]);
  const wrong = await listAProject_sErrorEvents({ ...by, path, headers: { authorization: 'Bearer other' } });
  expect([wrong.response?.status, wrong.error]).toEqual([401, { detail: 'Invalid token' }]);
});

describe('what an error becomes', () => {
  it('of a script: its message, and its tags', async () => {
    const bed = await sentryBed();
    const at = ago(60);
    const { event } = bed.sentry.capture('scripts', {
      at,
      issue: '11',
      message: 'Deploy failed',
      title: 'Deploy failed',
      'event.type': 'default',
      location: 'deploy.sh',
      tags: [
        tag('stage', 'production'),
        tag('run_id', 'run-1'),
        tag('repo', 'octo/cli'),
        tag('pr_number', '123'),
        tag('source', 'webhook'),
        tag('level', 'fatal'),
        tag('request_id', 'req-9'),
        tag('environment', 'production'),
        tag('user', 'email:mona@example.com'),
      ],
    });
    expect((await bed.poll()).failure).toBeUndefined();
    expect(await bed.errors()).toEqual([
      {
        source: 'sentry',
        errorId: event.eventID,
        component: 'production',
        project: 'octo/cli',
        level: 'fatal',
        message: 'Deploy failed',
        fingerprint: '11',
        runId: 'run-1',
        requestId: 'req-9',
        at: new Date(at).toISOString(),
        attributes: {
          prNumber: '123',
          origin: 'webhook',
          sentryProject: 'scripts',
          platform: 'node',
          location: 'deploy.sh',
          tags: { environment: 'production' },
        },
      },
    ]);
    expect(await bed.counted(ERRORS)).toEqual({ 'sentry,production': 1 });
  });

  it('of a service: its exception, and the handler that its culprit names', async () => {
    const bed = await sentryBed();
    bed.sentry.capture('bot', {
      at: ago(60),
      issue: '12',
      title: 'TypeError: Cannot read properties of null…',
      message: 'shortened',
      metadata: { type: 'TypeError', value: "Cannot read properties of null (reading 'login')" },
      culprit: 'handleIssueComment(usecases/github/handleIssueComment)',
      tags: [tag('requestId', 'req-10')],
    });
    await bed.poll();
    expect(await bed.errors()).toMatchObject([
      {
        component: 'handleIssueComment',
        project: 'bot',
        message: "TypeError: Cannot read properties of null (reading 'login')",
        requestId: 'req-10',
        attributes: { culprit: 'handleIssueComment(usecases/github/handleIssueComment)' },
      },
    ]);
    expect((await bed.errors())[0]).not.toHaveProperty('level');
  });

  it('its issue: a group that is new', async () => {
    const bed = await sentryBed();
    const [ever, first, last] = [ago(7_200), ago(3_600), ago(60)];
    bed.sentry.capture('bot', { at: first, issue: '12', culprit: 'handlePullRequest(app)' });
    bed.sentry.capture(
      'bot',
      { at: last, issue: '12' },
      {
        userCount: 4,
        // Of the period alone; of all times beside.
        count: '2',
        lifetime: { count: '9', userCount: 5, firstSeen: ever, lastSeen: last },
      },
    );
    await bed.poll();
    expect(await bed.groups()).toEqual([
      {
        source: 'sentry',
        fingerprint: '12',
        component: 'handlePullRequest',
        project: 'bot',
        title: 'TypeError: x is not a function',
        kind: 'new',
        firstSeenAt: new Date(ever).toISOString(),
        lastSeenAt: new Date(last).toISOString(),
        count: 9,
        url: 'https://acme.sentry.io/issues/12/',
        attributes: {
          shortId: 'BOT-12',
          level: 'error',
          status: 'unresolved',
          substatus: 'new',
          priority: 'high',
          culprit: 'handlePullRequest(app)',
          platform: 'node',
          issueType: 'error',
          issueCategory: 'error',
          userCount: 5,
          isUnhandled: true,
        },
      },
    ]);
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,handlePullRequest,new': 1 });
  });

  it('what is read late has the time at which it happened, so that what a webhook says of later counts', async () => {
    const bed = await sentryBed();
    const [at, later] = [ago(120), ago(60)];
    bed.sentry.capture('bot', { at, issue: '12', culprit: 'handlePush(app)' });
    await bed.poll();
    const kept = await bed.query<{ at: Date }>(
      'select at from fleetlens.platform_error union all select at from fleetlens.error_group',
    );
    expect(kept.map((row) => Date.parse(row.at.toISOString()))).toEqual([Date.parse(at), Date.parse(at)]);
    const issue = { ...bed.sentry.issues[0], lastSeen: later, status: 'resolved' };
    expect(await bed.deliver('issue', { action: 'resolved', data: { issue } })).toEqual(['accepted']);
    expect(await bed.groups()).toMatchObject([{ attributes: { status: 'resolved' } }]);
  });

  it('an issue without a culprit has the stage of the error that it began with, asked for once', async () => {
    const bed = await sentryBed();
    bed.sentry.capture('scripts', { at: ago(120), issue: '13', tags: [tag('stage', 'staging')] });
    bed.sentry.capture('scripts', { at: ago(60), issue: '13', tags: [tag('stage', 'production')] });
    await bed.poll();
    bed.sentry.capture('scripts', { at: ago(10), issue: '13', tags: [tag('stage', 'production')] });
    const { asked } = await bed.poll();
    expect(asked.filter(({ path }) => path.endsWith('/oldest/'))).toEqual([]);
    expect(await bed.groups()).toMatchObject([{ component: 'staging', count: 3 }]);
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,staging,new': 1 });
    // An event that is no longer kept tells none.
    bed.sentry.capture('scripts', { at: ago(5), issue: '14' });
    bed.sentry.http.fail(/\/oldest\/$/, { kind: 'status', status: 404, body: { detail: 'Event not found' } });
    expect((await bed.poll()).failure).toBeUndefined();
    expect((await bed.groups())[1]).not.toHaveProperty('component');
  });

  it('a group that regressed is counted as such, and as new once; resolved ones are read as well', async () => {
    const bed = await sentryBed();
    const culprit = 'handlePush(app)';
    bed.sentry.capture('bot', { at: ago(7_200), issue: '15', culprit }, { status: 'resolved', substatus: null });
    await bed.poll();
    expect(await bed.groups()).toMatchObject([{ kind: 'new', attributes: { status: 'resolved' } }]);
    bed.sentry.capture('bot', { at: ago(60), issue: '15', culprit }, { status: 'unresolved', substatus: 'regressed' });
    await bed.poll();
    await bed.poll(bed.create());
    const last = ago(30);
    bed.sentry.capture('bot', { at: last, issue: '15', culprit }, { substatus: 'ongoing' });
    await bed.poll(bed.create());
    expect(await bed.groups()).toMatchObject([
      { kind: 'regressed', lastSeenAt: new Date(last).toISOString(), attributes: { substatus: 'ongoing' } },
    ]);
    expect(await bed.counted(GROUPS)).toEqual({ 'sentry,handlePush,new': 1, 'sentry,handlePush,regressed': 1 });
    expect(await correctionsOf(bed)).toBe(0);
  });

  it('a group that comes back again and again is counted each time, also where polls saw it only the last time', async () => {
    const bed = await sentryBed();
    const culprit = 'handlePush(app)';
    const back = { status: 'unresolved', substatus: 'regressed' } as const;
    const counted = async () => (await bed.counted(GROUPS))['sentry,handlePush,regressed'];
    bed.sentry.capture('bot', { at: ago(600), issue: '15', culprit });
    await bed.poll();
    bed.sentry.capture('bot', { at: ago(500), issue: '15', culprit }, back);
    await bed.poll();
    expect(await counted()).toBe(1);
    expect((await bed.poll()).asked.map(({ path }) => path)).not.toContain('/api/0/organizations/acme/issues/15/');
    for (const seconds of [400, 300]) bed.sentry.capture('bot', { at: ago(seconds), issue: '15', culprit }, back);
    await bed.poll();
    await bed.poll(bed.create());
    expect(await bed.groups()).toMatchObject([{ kind: 'regressed', regressions: 3 }]);
    bed.sentry.capture('bot', { at: ago(200), issue: '15', culprit }, { substatus: 'ongoing' });
    await bed.poll();
    expect(await counted()).toBe(3);
    // Where its page tells no more, it came back at least once.
    bed.sentry.capture('bot', { at: ago(180), issue: '25', culprit });
    bed.sentry.capture('bot', { at: ago(100), issue: '25', culprit }, back);
    bed.sentry.activity.delete('25');
    await bed.poll();
    expect(await counted()).toBe(4);
    bed.sentry.http.fail(/\/issues\/25\/$/, { kind: 'status', status: 404, body: { detail: 'gone' } });
    bed.sentry.capture('bot', { at: ago(50), issue: '25', culprit }, back);
    expect((await bed.poll()).failure).toBeUndefined();
    expect(await counted()).toBe(4);
    expect(await correctionsOf(bed)).toBe(0);
  });

  it('an old group that is heard of again is not new', async () => {
    const bed = await sentryBed({ history: '2d' });
    const old = { firstSeen: ago(10 * 86_400), substatus: 'ongoing' };
    bed.sentry.capture('bot', { at: ago(60), issue: '16', culprit: 'handlePush(app)' }, old);
    await bed.poll();
    expect(await bed.groups()).toMatchObject([{ component: 'handlePush', firstSeenAt: expect.any(String) }]);
    expect(await bed.counted(GROUPS)).toEqual({});
  });
});

it('errors and issues of projects that are not configured are none of this source', async () => {
  const bed = await sentryBed({ projects: ['bot'] });
  bed.sentry.capture('bot', { at: ago(60), issue: '1', culprit: 'a(b)' });
  bed.sentry.capture('scripts', { at: ago(60), issue: '2', culprit: 'c(d)' });
  await bed.poll();
  expect((await bed.errors()).map(({ project }) => project)).toEqual(['bot']);
  expect((await bed.groups()).map(({ fingerprint }) => fingerprint)).toEqual(['1']);
});

describe('reading on', () => {
  it('every page of every list, and only what is newer afterwards', async () => {
    const bed = await sentryBed();
    bed.sentry.pageSize = 3;
    const overlapFrom = Date.parse(ago(3_600 + 10 * 60 + 1));
    for (let i = 0; i < 10; i++) {
      bed.sentry.capture('bot', { at: ago(3_600 + i), issue: String(100 + i), culprit: 'a(b)' });
      bed.sentry.capture('scripts', { at: ago(3_600 + i), issue: '99', culprit: 'a(b)' });
    }
    expect(await bed.poll()).toMatchObject({ failure: undefined, quota: expect.any(Number) });
    expect([(await bed.errors()).length, (await bed.groups()).length]).toEqual([20, 11]);
    const idle = await bed.poll();
    expect([idle.writes, idle.results.every((result) => result === 'ok')]).toEqual([0, true]);
    bed.sentry.capture('bot', { at: ago(5), issue: '100', culprit: 'a(b)' });
    const { asked } = await bed.poll();
    const starts = asked.flatMap(({ query }) => query.get('start') ?? []);
    expect(starts.every((start) => Date.parse(`${start}Z`) >= overlapFrom)).toBe(true);
    expect((await bed.errors()).length).toBe(21);
    expect(await bed.counted(ERRORS)).toEqual({ 'sentry,a': 21 });
  });

  it('an error that was sent late is found within the overlap', async () => {
    const bed = await sentryBed({ overlap: '5m' });
    bed.sentry.capture('bot', { at: ago(3_600), issue: '1', culprit: 'a(b)' });
    await bed.poll();
    bed.sentry.capture('bot', { at: ago(3_840), issue: '1', culprit: 'a(b)' });
    await bed.poll();
    expect((await bed.errors()).length).toBe(2);
  });

  it('where nothing happens nothing is written', async () => {
    const bed = await sentryBed();
    await bed.poll();
    expect((await bed.poll()).writes).toBe(0);
  });

  it('an interrupted read goes on at its page, in another process too, and counts nothing twice', async () => {
    const bed = await sentryBed();
    bed.sentry.pageSize = 2;
    for (let i = 0; i < 7; i++) bed.sentry.capture('bot', { at: ago(3_600 * (i + 1)), issue: '1', culprit: 'a(b)' });
    // The first two pages come, the third is refused for a while.
    let pages = 0;
    const limited = { kind: 'drift', change: (body: unknown) => (++pages > 2 ? 'gone' : body) } as const;
    bed.sentry.http.fail(/bot\/events/, limited, 3);
    expect((await bed.poll()).failure).toMatchObject({ result: 'schema', partial: true });
    expect((await bed.errors()).length).toBe(4);
    bed.sentry.capture('bot', { at: ago(1), issue: '1', culprit: 'a(b)' });
    const { asked } = await bed.poll(bed.create());
    expect(asked.find(({ path }) => path.includes('bot/events'))?.query.get('cursor')).toBe('0:4:0');
    // Then from the newest that was read before it was interrupted.
    const { asked: further } = await bed.poll();
    const start = further.find(({ path }) => path.includes('bot/events'))?.query.get('start');
    expect(Date.parse(`${start}Z`)).toBeGreaterThan(Date.parse(ago(2 * 3_600)));
    expect((await bed.errors()).length).toBe(8);
    expect(await bed.counted(ERRORS)).toEqual({ 'sentry,a': 8 });
  });

  it.each([
    ['in one go', 100],
    ['interrupted', 2],
  ])('errors without a readable time are read once, %s, and what comes later is found', async (_how, pageSize) => {
    const bed = await sentryBed();
    const starts = (asked: Awaited<ReturnType<typeof bed.poll>>['asked']) =>
      asked.filter(({ path }) => path.includes('bot/events')).map(({ query }) => `${query.get('start')}Z`);
    bed.sentry.pageSize = pageSize;
    for (let i = 0; i < 4; i++) bed.sentry.capture('bot', { at: ago(3_600 * (i + 2)), issue: '1', culprit: 'a(b)' });
    await bed.poll();
    // From now on it writes times in another way.
    const untimed = (body: unknown) => (body as object[]).map((event) => ({ ...event, dateCreated: 'today' }));
    for (let i = 0; i < 4; i++) bed.sentry.capture('bot', { at: ago(3_000 + i), issue: '1', culprit: 'a(b)' });
    let pages = 0;
    const change = (body: unknown) => (pageSize === 2 && ++pages > 1 ? 'gone' : untimed(body));
    bed.sentry.http.fail(/bot\/events/, { kind: 'drift', change }, pageSize === 2 ? 2 : 1);
    const { failure } = await bed.poll();
    expect(failure === undefined).toBe(pageSize === 100);
    bed.sentry.http.heal();
    bed.sentry.http.fail(/bot\/events/, { kind: 'drift', change: untimed }, 99);
    await bed.poll();
    expect((await bed.errors()).length).toBe(8);
    const [start] = starts((await bed.poll()).asked);
    expect(Date.parse(start ?? '')).toBeGreaterThan(Date.parse(ago(1_200)));
    bed.sentry.capture('bot', { at: ago(60), issue: '1', culprit: 'a(b)' });
    await bed.poll();
    expect((await bed.errors()).length).toBe(9);
  });

  it('while a list is empty, or nothing new comes to it, what comes late is found however late it is', async () => {
    const bed = await sentryBed();
    for (const late of [7_200, 3_600]) {
      await bed.poll();
      await bed.poll();
      bed.sentry.capture('bot', { at: ago(late), issue: '1', culprit: 'a(b)' });
    }
    await bed.poll();
    expect(await bed.counted(ERRORS)).toEqual({ 'sentry,a': 2 });
  });

  it('a time ahead of this clock does not hide what comes after it', async () => {
    const bed = await sentryBed();
    bed.sentry.capture('bot', { at: ago(60), issue: '1', culprit: 'a(b)' });
    bed.sentry.http.fail(/bot\/events/, {
      kind: 'drift',
      change: (body) => (body as object[]).map((event) => ({ ...event, dateCreated: ago(-3_600) })),
    });
    await bed.poll();
    const { event } = bed.sentry.capture('bot', { at: ago(1), issue: '1', culprit: 'a(b)' });
    expect((await bed.poll()).failure).toBeUndefined();
    expect((await bed.errors()).map(({ errorId }) => errorId)).toContain(event.eventID);
  });
});

describe('one list that fails holds up no other', () => {
  it.each([
    [
      'a refusal',
      { kind: 'status', status: 403, body: { detail: 'You do not have permission' } },
      'auth',
      /scope project:read/,
    ],
    [
      'a project that is gone',
      { kind: 'status', status: 404, body: { detail: 'The requested resource does not exist' } },
      'other',
      /correct organization and projects/,
    ],
    [
      'a moved one',
      { kind: 'status', status: 302, body: { detail: { message: 'Project slug was renamed' } } },
      'other',
      /renamed; the organization or project has another slug/,
    ],
    [
      'a 500',
      { kind: 'status', status: 500, body: { detail: 'Internal Error' } },
      'server',
      /answered 500: Internal Error/,
    ],
    ['a proxy', { kind: 'status', status: 502, body: '<html>' }, 'server', /answered 502$/],
    ['JSON that is cut', { kind: 'truncated' }, 'schema', /expected complete JSON/],
    ['another shape', { kind: 'drift', change: () => ({ detail: 'x' }) }, 'schema', /another shape/],
  ] as const)('%s', async (_what, fault, result, message) => {
    const bed = await sentryBed();
    bed.sentry.capture('bot', { at: ago(60), issue: '1', culprit: 'a(b)' });
    bed.sentry.capture('scripts', { at: ago(60), issue: '2', culprit: 'c(d)' });
    bed.sentry.http.fail(/bot\/events/, fault);
    const { failure, results } = await bed.poll();
    expect(failure).toMatchObject({ result, partial: true, message: expect.stringMatching(message) });
    expect(failure?.cause).toMatchObject({ result });
    expect(results.filter((each) => each !== 'ok')).toEqual([result]);
    expect([(await bed.errors()).map(({ component }) => component), (await bed.groups()).length]).toEqual([['c'], 2]);
    expect((await bed.poll()).failure).toBeUndefined();
    expect((await bed.errors()).length).toBe(2);
  });

  it('an item that lost its id is kept aside, the others are read', async () => {
    const bed = await sentryBed();
    bed.sentry.capture('bot', { at: ago(60), issue: '1', culprit: 'a(b)' });
    bed.sentry.capture('bot', { at: ago(61), issue: '1', culprit: 'a(b)' });
    bed.sentry.http.fail(/bot\/events/, {
      kind: 'drift',
      change: (body) =>
        (body as object[]).map((event, index) => (index === 0 ? { ...event, eventID: undefined } : event)),
    });
    expect((await bed.poll()).failure).toBeUndefined();
    expect((await bed.errors()).length).toBe(1);
    expect(await bed.query('select source, kind from fleetlens.dead_letter')).toEqual([
      { source: 'sentry', kind: 'platformError' },
    ]);
  });
});

describe('what fails for every list ends the poll', () => {
  it.each([
    ['a revoked token', { kind: 'status', status: 401, body: { detail: 'Invalid token' } }, 'auth', undefined],
    ['a broken connection', { kind: 'reset' }, 'network', undefined],
    [
      'a limit that says how long',
      { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
      'rate_limit',
      7_000,
    ],
    [
      'a limit that says until when',
      { kind: 'status', status: 429, headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() } },
      'rate_limit',
      600_000,
    ],
    [
      'a limit with a window',
      { kind: 'status', status: 429, headers: { 'x-sentry-rate-limit-reset': '1' } },
      'rate_limit',
      1_000,
    ],
    [
      'a limit that says nothing',
      { kind: 'status', status: 429, headers: { 'x-sentry-rate-limit-reset': '' } },
      'rate_limit',
      10_000,
    ],
  ] as const)('%s', async (_what, fault, result, retryAfterMs) => {
    const bed = await sentryBed();
    bed.sentry.http.fail(/./, fault, 99);
    const { failure, asked, results } = await bed.poll();
    expect(failure).toMatchObject({ result, partial: false, retryAfterMs });
    expect([asked.length, results]).toEqual([1, [result]]);
    bed.sentry.http.heal();
    expect((await bed.poll()).failure).toBeUndefined();
  });

  it('a list that is silent ends with the time-out; a slow one is waited for', async () => {
    const bed = await sentryBed();
    bed.sentry.capture('bot', { at: ago(60), issue: '1', culprit: 'a(b)' });
    bed.sentry.http.fail(/events/, { kind: 'silent' });
    expect((await bed.poll(bed.create(), 300)).failure).toMatchObject({ result: 'network' });
    bed.sentry.http.fail(/events/, { kind: 'slow', pauseMs: 50 });
    expect((await bed.poll()).failure).toBeUndefined();
    expect((await bed.errors()).length).toBe(1);
  });

  it('a server whose next page is the same page does not keep the poll for ever', async () => {
    const bed = await sentryBed();
    bed.sentry.pageSize = 1;
    for (let i = 0; i < 3; i++) bed.sentry.capture('bot', { at: ago(60 + i), issue: '1', culprit: 'a(b)' });
    bed.sentry.stuck = true;
    expect((await bed.poll()).failure).toMatchObject({
      result: 'schema',
      message: expect.stringMatching(/cursor 0:1:0 again/),
    });
  });
});

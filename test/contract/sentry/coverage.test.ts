import { expect, it } from 'vitest';
import { coverage } from '../../../exporter/src/sources/sentry/coverage.ts';
import { readShown, walkCoverage } from '../walkCoverage.ts';
import { ago, sentryBed } from './sentryBed.ts';

const FIRST = ago(7_200);
const LAST = ago(60);
const CULPRIT = 'handlePush(app)';
const instant = (at: string) => new Date(at).toISOString();

/** What Sentry says, by the field of its documents. */
const SAID: Readonly<Record<string, unknown>> = {
  'tags.stage': 'production',
  'tags.run_id': 'run-1',
  'tags.repo': 'octo/cli',
  'tags.pr_number': '123',
  'tags.source': 'webhook',
  message: 'Deploy failed',
  level: 'fatal',
  timestamp: instant(LAST),
  requestId: 'req-9',
  'new issues': 'new',
  eventID: 'e'.repeat(32),
  groupID: '12',
  'the project': 'bot',
  platform: 'node',
  location: 'deploy.sh',
  'culprit of an event': CULPRIT,
  'other tags': { environment: 'production' },
  id: '12',
  culprit: 'handlePush',
  'project.slug': 'bot',
  title: 'Deploy failed',
  'substatus regressed': 'regressed',
  'activity set_regression (of one issue, by polls)': 1,
  firstSeen: instant(FIRST),
  lastSeen: instant(LAST),
  count: 2,
  permalink: 'https://acme.sentry.io/issues/12/',
  shortId: 'BOT-12',
  'level of an issue': 'error',
  status: 'unresolved',
  substatus: 'regressed',
  priority: 'high',
  'culprit, as written': CULPRIT,
  'platform of an issue': 'node',
  issueType: 'error',
  issueCategory: 'error',
  userCount: 3,
  isUnhandled: true,
  triggered_rule: 'Very important alert',
};

it('every field comes out of the API, and out of /metrics where the table says so', async () => {
  const bed = await sentryBed();
  const tags = Object.entries({
    stage: 'production',
    run_id: 'run-1',
    repo: 'octo/cli',
    pr_number: '123',
    source: 'webhook',
    level: 'fatal',
    request_id: 'req-9',
    environment: 'production',
  }).map(([key, value]) => ({ key, value }));
  const said = { title: 'Deploy failed', message: 'Deploy failed', culprit: CULPRIT, location: 'deploy.sh', tags };
  bed.sentry.capture('bot', { ...said, at: FIRST, issue: '12' });
  const { event } = bed.sentry.capture(
    'bot',
    { ...said, at: LAST, issue: '12', eventID: 'e'.repeat(32) },
    { substatus: 'regressed', userCount: 3 },
  );
  bed.sentry.capture('bot', { ...said, at: ago(30), issue: '13' });
  expect((await bed.poll()).failure).toBeUndefined();
  const alerted = {
    event_id: event.eventID,
    issue_id: '12',
    datetime: LAST,
    url: `https://sentry.io/api/0/projects/acme/bot/events/${event.eventID}/`,
  };
  await bed.deliver('event_alert', {
    action: 'triggered',
    data: { event: alerted, triggered_rule: 'Very important alert' },
  });
  expect(Object.keys(SAID).sort()).toEqual(coverage.map(({ field }) => field).sort());
  walkCoverage(await readShown(bed), coverage, { expected: ({ field }) => SAID[field] });
});

import { expect, it } from 'vitest';
import { readIssue } from './mapIssue.ts';

const RAW = {
  id: 1170820242,
  project: { id: '1', slug: 'bot' },
  title: 'ReferenceError: blooopy is not defined',
  culprit: 'run(runner)',
  firstSeen: '2026-11-19T10:00:00Z',
  lastSeen: '2026-11-20T10:00:00Z',
  count: '12',
  userCount: 3,
  permalink: 'https://sentry.io/organizations/acme/issues/1170820242/',
  shortId: 'BOT-9',
  level: 'error',
  status: 'unresolved',
  substatus: 'ongoing',
  priority: 'high',
  platform: 'javascript',
  issueType: 'error',
  issueCategory: 'error',
  isUnhandled: false,
};
const ISSUE = {
  id: '1170820242',
  project: 'bot',
  firstSeenAt: '2026-11-19T10:00:00.000Z',
  lastSeenAt: '2026-11-20T10:00:00.000Z',
  component: 'run',
  isRegressed: false,
  data: {
    fingerprint: '1170820242',
    project: 'bot',
    title: RAW.title,
    lastSeenAt: '2026-11-20T10:00:00.000Z',
    count: 12,
    url: RAW.permalink,
    attributes: {
      shortId: 'BOT-9',
      level: 'error',
      status: 'unresolved',
      substatus: 'ongoing',
      priority: 'high',
      culprit: 'run(runner)',
      platform: 'javascript',
      issueType: 'error',
      issueCategory: 'error',
      userCount: 3,
      isUnhandled: false,
    },
  },
};

it('an issue is a group of errors, with all that Sentry says of it', () => {
  expect(readIssue(RAW)).toEqual(ISSUE);
});

it('what is counted within a period is not what is counted of all times', () => {
  const lifetime = { firstSeen: RAW.firstSeen, lastSeen: RAW.lastSeen, count: '12', userCount: 3 };
  const period = { firstSeen: '2026-11-20T09:00:00Z', lastSeen: '2026-11-20T09:30:00Z', count: '2', userCount: 1 };
  expect(readIssue({ ...RAW, ...period, lifetime })).toEqual(ISSUE);
});

it('an issue that came back is regressed; a webhook has its page by another name', () => {
  const { permalink: web_url, ...raw } = RAW;
  expect(readIssue({ ...raw, permalink: null, web_url, substatus: 'regressed' })).toMatchObject({
    isRegressed: true,
    data: { url: web_url },
  });
});

it('what is not known is absent', () => {
  expect(readIssue({ project: 'bot', lifetime: null, isUnhandled: 'no' })).toEqual({
    id: undefined,
    project: undefined,
    firstSeenAt: undefined,
    lastSeenAt: undefined,
    component: undefined,
    isRegressed: false,
    data: { attributes: {} },
  });
});

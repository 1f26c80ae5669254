import { describe, expect, it } from 'vitest';
import { readListedEvent, readSentEvent, stageOf } from './mapEvent.ts';

const TIME = '2026-11-20T10:00:00Z';
const AT = '2026-11-20T10:00:00.000Z';
const TAGS = {
  stage: 'handleIssueComment',
  run_id: 'run-1',
  repo: 'octo/cli',
  pr_number: '17',
  source: 'webhook',
  level: 'fatal',
  request_id: 'q-7',
  requestId: 'q-8',
  user: 'id:4',
  browser: 'curl',
};
const SAID = {
  culprit: 'review(app/tasks)',
  platform: 'python',
  location: 'app/tasks.py',
  level: 'error',
  metadata: { type: 'ValueError', value: 'no such flag' },
  message: 'a message',
  title: 'a title',
};
const DATA = {
  errorId: 'e1',
  component: 'handleIssueComment',
  project: 'octo/cli',
  level: 'fatal',
  message: 'ValueError: no such flag',
  fingerprint: 'g1',
  runId: 'run-1',
  requestId: 'q-7',
  at: AT,
  attributes: {
    prNumber: '17',
    origin: 'webhook',
    sentryProject: 'bot',
    culprit: SAID.culprit,
    platform: 'python',
    location: 'app/tasks.py',
    tags: { browser: 'curl' },
  },
};

it('an event of the list is an error of its project, with all that it says', () => {
  const tags = Object.entries(TAGS).map(([key, value]) => ({ key, value }));
  expect(readListedEvent({ ...SAID, eventID: 'e1', groupID: 'g1', dateCreated: TIME, tags }, 'bot')).toEqual({
    errorId: 'e1',
    at: AT,
    project: 'bot',
    data: DATA,
  });
});

it('an event of a webhook says the same in other words', () => {
  const url = 'https://sentry.io/api/0/projects/acme/bot/events/e1/';
  const raw = { ...SAID, event_id: 'e1', issue_id: 'g1', datetime: TIME, url, tags: Object.entries(TAGS) };
  expect(readSentEvent(raw)).toEqual({ errorId: 'e1', at: AT, project: 'bot', data: DATA });
});

it('what is not known is absent', () => {
  const nothing = { errorId: undefined, at: undefined, project: undefined, data: { attributes: {} } };
  expect(readSentEvent({})).toEqual(nothing);
  expect(readSentEvent({ url: 'https://sentry.io/acme/bot/', extra: 'none', metadata: 'none', tags: 'none' })).toEqual(
    nothing,
  );
});

describe('a field that may stand in several places', () => {
  const read = (raw: object) => readListedEvent({ ...raw }, 'bot').data;

  it.each([
    [{ culprit: 'review(app/tasks)' }, { component: 'review' }],
    [{ level: 'warning' }, { level: 'warning' }],
    [{ tags: [{ key: 'requestId', value: 'q-8' }] }, { requestId: 'q-8' }],
    [{ extra: { requestId: 'q-9' } }, { requestId: 'q-9' }],
    [{ metadata: { type: 'ValueError' }, message: 'a message', title: 'a title' }, { message: 'a message' }],
    [{ metadata: { value: 'no such flag' }, title: 'a title' }, { message: 'a title' }],
    [{ message: '', title: 'a title' }, { message: 'a title' }],
    [{}, { project: 'bot' }],
  ])('%j is read as %j', (raw, fields) => {
    expect(read(raw)).toMatchObject(fields);
  });
});

it.each([
  [[['stage', 'runner']], 'runner'],
  [[{ key: 'stage', value: 'runner' }], 'runner'],
  [[['stage', 'runner', 'too much']], undefined],
  [[['stage', 7], 'stage', null], undefined],
  [[['stage', 'x'.repeat(1_000)]], undefined],
  [undefined, undefined],
])('the tags %j name the stage %s', (tags, stage) => {
  expect(stageOf(tags)).toBe(stage);
});

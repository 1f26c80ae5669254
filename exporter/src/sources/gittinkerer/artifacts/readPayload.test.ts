import { expect, it } from 'vitest';
import { readPayload } from './readPayload.ts';

it('a comment leads to where it was made, with what it says', () => {
  const url = 'https://github.com/octo/cli/issues/3#issuecomment-1';
  const comment = { html_url: url, body: 'Please rename it.' };
  const issue = { number: 3, title: 'Rename the flag' };
  expect(readPayload({ issue, comment })).toMatchObject({
    workflow: 'handleIssueComment',
    origin: 'issue',
    name: 'Rename the flag',
    sourceUrl: url,
    metadata: { number: 3, comment: { body: 'Please rename it.', url } },
  });
});

const PULL = {
  number: 18,
  title: 'Rename the flag',
  html_url: 'https://github.com/octo/cli/pull/18',
  user: { login: 'mona' },
  head: { ref: 'topic', sha: 'c0ffee1' },
  base: { ref: 'main' },
};

it('a webhook of a pull request says all of it', () => {
  const repository = { full_name: 'octo/cli', html_url: 'https://github.com/octo/cli' };
  const payload = {
    action: 'opened',
    pull_request: PULL,
    repository,
    sender: { login: 'hubot' },
    installation: { id: 4242 },
    payload_source: 'github',
    web_conversation_id: 'c-5',
  };
  expect(readPayload(payload)).toEqual({
    project: 'octo/cli',
    workflow: 'handlePullRequest',
    name: PULL.title,
    origin: 'pr',
    pullRequest: { url: PULL.html_url, number: 18 },
    sourceUrl: PULL.html_url,
    metadata: {
      action: 'opened',
      number: 18,
      payloadSource: 'github',
      sender: 'hubot',
      author: 'mona',
      head: 'topic',
      headSha: 'c0ffee1',
      base: 'main',
      installationId: 4242,
      conversationId: 'c-5',
    },
  });
  const issue = { number: 17, html_url: 'https://github.com/octo/cli/issues/17', pull_request: {} };
  expect(readPayload({ issue }).pullRequest).toEqual({ url: issue.html_url, number: 17 });
  const page = { html_url: 'https://github.com/octo/cli/pull/17' };
  expect(readPayload({ issue: { ...issue, pull_request: page } }).pullRequest).toEqual({
    url: page.html_url,
    number: 17,
  });
  expect(readPayload({ repository }).sourceUrl).toBe(repository.html_url);
});

it.each([
  [{ pull_request: PULL }, { origin: 'pr', workflow: 'handlePullRequest' }],
  [{ issue: { pull_request: {} } }, { origin: 'pr', workflow: 'handlePullRequest' }],
  [{ issue: {} }, { origin: 'issue', workflow: undefined }],
  [{ conversation_id: 'c-5' }, { origin: 'web', workflow: undefined, metadata: { conversationId: 'c-5' } }],
  [{ source: 'web' }, { origin: 'web', metadata: { payloadSource: 'web' } }],
  [{ action: 'ping' }, { origin: undefined, workflow: undefined, pullRequest: undefined }],
  [{ repo: 'octo/cli' }, { project: 'octo/cli' }],
  [{ repository: 'octo/cli' }, { project: 'octo/cli' }],
  [{ number: 7 }, { metadata: { number: 7 } }],
  [{ pr_number: '7' }, { metadata: { number: 7 } }],
  [{ number: -1 }, { metadata: undefined }],
  [{ number: null }, { metadata: undefined }],
])('%j is read as %j', (payload, facts) => {
  expect(readPayload(payload)).toMatchObject(facts);
});

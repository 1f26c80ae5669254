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

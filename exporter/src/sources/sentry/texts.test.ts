import { describe, expect, it } from 'vitest';
import { componentOf } from './componentOf.ts';
import { configSchema } from './config.ts';
import { nextPage } from './nextPage.ts';

it.each<[unknown, string | undefined]>([
  ['handleIssueComment(usecases/github/handleIssueComment)', 'handleIssueComment'],
  ['Object.handlePush(app:dist/handlers/push)', 'handlePush'],
  ['?(runner)', 'runner'],
  ['?(/app/dist/webhook.js)', 'webhook'],
  ['<anonymous>(dist/server.mjs)', 'server'],
  ['Object.anonymous(usecases/run.ts)', 'run'],
  ['app.tasks.review in run_review', 'run_review'],
  ['app/tasks.py in <module>', 'tasks'],
  ['Runs::Create', 'Create'],
  ['handlePullRequest', 'handlePullRequest'],
  ['POST /webhook', undefined],
  ['(', undefined],
  ['', undefined],
  [null, undefined],
])('the culprit %s names the component %s', (culprit, component) => {
  expect(componentOf(culprit)).toBe(component);
});

describe('the Link header', () => {
  const link = (rel: string, results: boolean, cursor: string) =>
    `<https://sentry.io/api/0/x/?query=a,b&cursor=${cursor}>; rel="${rel}"; results="${results}"; cursor="${cursor}"`;

  it.each([
    [`${link('previous', false, '0:0:1')}, ${link('next', true, '0:100:0')}`, '0:100:0'],
    [`${link('previous', true, '0:0:1')}, ${link('next', false, '0:200:0')}`, undefined],
    [link('previous', true, '0:0:1'), undefined],
    ['', undefined],
    [null, undefined],
  ])('%s', (header, cursor) => {
    expect(nextPage(header)).toBe(cursor);
  });
});

it('the configuration wants slugs, a token that a header can carry, and a secret worth its name', () => {
  const options = { auth_token: 'sntrys_x', organization: 'acme', projects: ['bot'] };
  expect(configSchema.parse({ ...options, base_url: 'https://de.sentry.io/' })).toEqual({
    ...options,
    base_url: 'https://de.sentry.io',
    history: 14 * 86_400_000,
    overlap: 600_000,
  });
  expect(configSchema.parse(options).base_url).toBe('https://sentry.io');
  for (const wrong of [
    { organization: 'Acme Inc' },
    { projects: [] },
    { projects: ['a/b'] },
    { auth_token: 'two words' },
    { webhook_secret: 'short' },
    { base_url: 'sentry.io' },
  ]) {
    expect(configSchema.safeParse({ ...options, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
  }
});

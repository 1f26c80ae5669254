import { describe, expect, it } from 'vitest';
import { configSchema, withWebUrl } from './config.ts';
import { keyOf, pageOf, refOf } from './pullRequestRef.ts';

const GITHUB = 'https://github.com';
const refOfUrl = (url: string, webUrl = GITHUB) => refOf({ pullRequest: { url }, repository: undefined }, webUrl);

describe('which pull request a run means', () => {
  it.each([
    'https://github.com/acme/app/pull/7',
    'https://github.com/acme/app/pull/7/',
    'http://github.com/acme/app/pull/7/files?w=1#diff',
  ])('%s', (url) => {
    expect(refOfUrl(url)).toEqual({ owner: 'acme', repo: 'app', number: 7 });
  });
  it.each([
    'https://gitlab.com/acme/app/pull/7',
    'https://github.com.evil.example/acme/app/pull/7',
    'https://github.com/acme/app/issues/7',
    'https://github.com/acme/app/pull/0',
    'https://github.com/acme/app/pull/7x',
    'https://github.com/acme/app/pull/99999999999',
    'https://github.com/../app/pull/7',
    'https://github.com/acme/..%2f..%2fuser/pull/7',
    'acme/app#7',
    '',
  ])('not %j', (url) => expect(refOfUrl(url)).toBeUndefined());

  it('by its number where the repository of its project is known', () => {
    const numbered = (repository: string | undefined) => refOf({ pullRequest: { number: 7 }, repository }, GITHUB);
    expect(numbered('https://github.com/acme/app.git')).toEqual({ owner: 'acme', repo: 'app', number: 7 });
    expect(numbered('https://gitlab.com/acme/app')).toBeUndefined();
    expect(numbered(undefined)).toBeUndefined();
  });

  it('on a server of one’s own, also below a path', () => {
    expect(refOfUrl('https://git.acme.example/scm/a/b/pull/3', 'https://git.acme.example/scm')).toEqual({
      owner: 'a',
      repo: 'b',
      number: 3,
    });
    expect(refOfUrl('https://github.com/a/b/pull/3', 'https://git.acme.example')).toBeUndefined();
  });

  it('names have no case', () => {
    const ref = { owner: 'Acme', repo: 'App', number: 7 };
    expect([keyOf(ref), pageOf(ref, GITHUB)]).toEqual(['acme/app#7', 'https://github.com/acme/app/pull/7']);
  });
});

it.each([
  [{}, 'https://github.com'],
  [{ base_url: 'https://git.acme.example/api/v3/' }, 'https://git.acme.example'],
  [{ base_url: 'https://api.acme.ghe.com' }, 'https://acme.ghe.com'],
  [{ base_url: 'http://127.0.0.1:8080', web_url: 'https://github.com/' }, 'https://github.com'],
])('pages of %j are at %s', (options, expected) => {
  const config = configSchema.parse({ api_key: 'token', runs_of: ['agents'], ...options });
  expect(withWebUrl(config).web_url).toBe(expected);
});

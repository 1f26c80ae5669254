import { expect, it } from 'vitest';
import { ago, sentryBed } from './sentryBed.ts';

const signal = () => AbortSignal.timeout(90_000);

it('tells what it can read, the quota, and how webhooks come', async () => {
  const bed = await sentryBed();
  bed.sentry.pageSize = 1;
  for (let i = 0; i < 2; i++) {
    bed.sentry.capture('bot', {
      at: ago(60),
      issue: String(i),
      tags: [
        { key: 'stage', value: 'production' },
        { key: 'run_id', value: 'r1' },
      ],
    });
  }
  expect(await bed.source.probe(signal())).toEqual({
    reachable: true,
    found: [
      'project bot: more than 1 errors in a day',
      'project scripts: 0 errors in a day',
      'acme: more than 1 issues with errors in a day',
      expect.stringMatching(/^\d+ calls left in the window of the rate limit$/),
      expect.stringMatching(/^webhooks: POST .*issue and error/),
    ],
    problems: [],
  });
  const silent = bed.create({ webhook_secret: undefined });
  expect((await silent.probe(signal())).found.at(-1)).toMatch(/no webhook_secret: errors are seen by polls alone/);
});

it('tells which tags are missing', async () => {
  const bed = await sentryBed();
  bed.sentry.capture('bot', { at: ago(60), issue: '1' });
  expect((await bed.source.probe(signal())).problems).toEqual([
    'project bot: no error has the tag stage, so they are shown without a component; set it where they are captured',
    'project bot: no error has the tag run_id, so they are tied to no run; set it where they are captured',
  ]);
});

it('tells which scope is missing, and which project is not there', async () => {
  const bed = await sentryBed();
  bed.sentry.scopes = new Set(['project:read']);
  const source = bed.create({ projects: ['bot', 'nobody'] });
  const { reachable, problems } = await source.probe(signal());
  expect([reachable, problems]).toEqual([
    true,
    [
      expect.stringMatching(/^project nobody: Sentry answered 404: .*; correct organization and projects, or base_url/),
      expect.stringMatching(/^issues: Sentry answered 403: .*; the token needs the scope event:read/),
    ],
  ]);
  bed.sentry.scopes = new Set(['event:read']);
  expect((await source.probe(signal())).problems).toEqual([
    expect.stringMatching(/^project bot: .*scope project:read/),
    expect.stringMatching(/^project nobody: .*scope project:read/),
  ]);
});

it('tells a revoked token, and a server that is not there', async () => {
  const bed = await sentryBed();
  bed.sentry.token = 'another';
  expect(await bed.source.probe(signal())).toMatchObject({
    reachable: true,
    problems: [expect.stringMatching(/401: Invalid token.*auth_token/)],
  });
  const nowhere = bed.create({ base_url: 'http://127.0.0.1:9' });
  expect(await nowhere.probe(signal())).toMatchObject({
    reachable: false,
    problems: [expect.stringMatching(/no whole answer of .*check base_url/)],
  });
});

import { expect, it } from 'vitest';
import { githubBed } from './githubBed.ts';

const signal = () => AbortSignal.timeout(90_000);

it('tells the quota, the repositories and that webhooks are not set up', async () => {
  const bed = await githubBed({ repositories: ['acme/app'] });
  bed.github.open(1);
  const report = await bed.source.probe(signal());
  expect(report).toMatchObject({ reachable: true, problems: [] });
  expect(report.found.join('\n')).toMatch(
    /of 5000 calls left[\s\S]*of 5000 points left[\s\S]*acme\/app: public[\s\S]*no webhook_secret/,
  );
});

it('tells what the token may not read, with the right to grant', async () => {
  const bed = await githubBed({ repositories: ['acme/app', 'acme/other'] });
  bed.github.open(1);
  bed.github.fail(/check-runs/, {
    kind: 'answer',
    status: 403,
    message: 'Resource not accessible by personal access token',
  });
  const { problems } = await bed.source.probe(signal());
  expect(problems).toEqual([
    expect.stringMatching(/check runs cannot be read.*"Checks: read"/),
    expect.stringMatching(/acme\/other is not there for this token/),
  ]);
});

it('tells a revoked token, and a server that is not there', async () => {
  const bed = await githubBed();
  bed.github.token = 'another';
  expect(await bed.source.probe(signal())).toMatchObject({
    reachable: true,
    problems: [expect.stringMatching(/401.*api_key/)],
  });
  const nowhere = bed.create({ base_url: 'http://127.0.0.1:9' });
  expect(await nowhere.probe(signal())).toMatchObject({
    reachable: false,
    problems: [expect.stringMatching(/no answer/)],
  });
});

import { expect, it } from 'vitest';
import { coverage } from '../../../exporter/src/sources/github/coverage.ts';
import { readShown, walkCoverage } from '../walkCoverage.ts';
import { githubBed, pageUrl } from './githubBed.ts';

const SHA = 'd'.repeat(40);

/** What GitHub says of a pull request with every field set, by the field of the document. */
const SAID: Readonly<Record<string, unknown>> = {
  'ciChecks.status': 'failing',
  'ciChecks.checks[].name': 'build',
  'ciChecks.checks[].status': 'completed',
  'ciChecks.checks[].url': 'https://github.com/acme/app/actions/runs/900/job/11',
  'ciChecks.checkedAt': expect.stringMatching(/^\d{4}-.*Z$/),
  prStatus: 'merged',
  'pull.html_url': pageUrl(7),
  'pull.number': 7,
  'pull.draft': true,
  'pull.created_at': '2026-11-20T10:00:00.000Z',
  'pull.closed_at': '2026-11-20T11:00:01Z',
  'pull.merged_at': '2026-11-20T11:00:00.000Z',
  'pull.head.sha': SHA,
  'check_run.id': 11,
  'check_run.conclusion': 'success',
  'check_run.check_suite.id': 77,
  'check_run.app.slug': 'octoapp',
  'check_run.started_at': '2026-11-20T10:01:00Z',
  'check_run.completed_at': '2026-11-20T10:02:00Z',
  'status.context': 'ci/old',
  'status.state': 'failure',
  'status.target_url': 'https://ci/1',
  'status.updated_at': '2026-11-20T10:03:00Z',
};

it.each(['GraphQL', 'REST'] as const)('every field comes out of the ledger, read by %s', async (way) => {
  const bed = await githubBed();
  await bed.runs(7, 8);
  const pull = bed.github.open(7, { headSha: SHA, draft: true });
  // One that stays open: a gauge counts no others.
  const blocked = bed.github.open(8);
  if (way === 'REST') await bed.poll();
  Object.assign(pull, {
    checks: [
      {
        id: 11,
        name: 'build',
        status: 'completed',
        conclusion: 'success',
        suiteId: 77,
        workflowRun: 900,
        startedAt: '2026-11-20T10:01:00Z',
        completedAt: '2026-11-20T10:02:00Z',
      },
    ],
    statuses: [{ context: 'ci/old', state: 'failure', url: 'https://ci/1', updatedAt: '2026-11-20T10:03:00Z' }],
  });
  Object.assign(blocked, { mergeableState: 'blocked', statuses: pull.statuses });
  bed.github.merge(pull, '2026-11-20T11:00:00Z');
  pull.closedAt = '2026-11-20T11:00:01Z';
  const { asked, failure } = await bed.poll();
  expect([failure, asked.some(({ method }) => method === 'POST')]).toEqual([undefined, way === 'GraphQL']);
  const run = await bed.run(7);
  expect(Object.keys(SAID).sort()).toEqual(coverage.map(({ field }) => field).sort());
  walkCoverage(await readShown(bed), coverage, {
    expected: ({ field }) => SAID[field],
    isFrom: (_row, { runId }) => runId === 'run-7',
  });
  // Nothing is written that the table does not name.
  const paths = (value: object, at: string): string[] =>
    Object.entries(value).flatMap(([name, inner]) =>
      Array.isArray(inner) ? inner.flatMap((item) => paths(item, `${at}.${name}[]`)) : [`${at}.${name}`],
    );
  const written = [...paths(run.pullRequest, 'run.pullRequest'), ...paths(run.ci ?? {}, 'run.ci')];
  expect([...new Set(written)].filter((path) => !coverage.some(({ record }) => record === path))).toEqual([]);
});

import { describe, expect, it } from 'vitest';
import { checkRun, combinedStatusAnswer, pullAnswer, pullRequestNode } from './answers.ts';
import { ciPart, ofCheckRun, ofNode, ofPull, ofStatus } from './mapPullRequest.ts';

const SHA = 'd'.repeat(40);
const REPOSITORY = 'https://github.com/acme/app';
const at = (minute: number) => `2026-11-20T10:0${minute}:00Z`;

const PULL = {
  number: 7,
  html_url: `${REPOSITORY}/pull/7`,
  state: 'closed',
  draft: true,
  created_at: at(0),
  updated_at: at(9),
  closed_at: at(9),
  merged_at: at(8),
  mergeable_state: 'clean',
  head: { sha: SHA },
};
const TOLD = {
  url: `${REPOSITORY}/pull/7`,
  number: 7,
  status: 'merged',
  draft: true,
  createdAt: at(0),
  closedAt: at(9),
  mergedAt: at(8),
};
const BUILD = {
  name: 'build',
  status: 'completed',
  conclusion: 'success',
  url: `${REPOSITORY}/actions/runs/900/job/11`,
  id: 11,
  suiteId: 77,
  app: 'octoapp',
  startedAt: at(1),
  completedAt: at(2),
};
const OLD = { name: 'ci/old', status: 'completed', conclusion: 'failure', url: 'https://ci/1', completedAt: at(3) };
const RUN = {
  id: 11,
  name: 'build',
  head_sha: SHA,
  status: 'completed',
  conclusion: 'success',
  html_url: `${BUILD.url}?pr=7`,
  started_at: at(1),
  completed_at: at(2),
  check_suite: { id: 77 },
  app: { slug: 'octoapp' },
};
const STATUS = { context: 'ci/old', state: 'failure', target_url: 'https://ci/1', updated_at: at(3) };

const NODE = {
  number: 7,
  url: `${REPOSITORY}/pull/7`,
  state: 'MERGED',
  isDraft: true,
  createdAt: at(0),
  closedAt: at(9),
  mergedAt: at(8),
  mergeStateStatus: 'UNKNOWN',
  headRefOid: SHA,
};
const CHECK_NODE = {
  __typename: 'CheckRun',
  databaseId: 11,
  name: 'build',
  status: 'COMPLETED',
  conclusion: 'SUCCESS',
  startedAt: at(1),
  completedAt: at(2),
  checkSuite: { databaseId: 77, app: { slug: 'octoapp' }, workflowRun: { databaseId: 900 } },
};
const STATUS_NODE = {
  __typename: 'StatusContext',
  context: 'ci/old',
  state: 'FAILURE',
  targetUrl: 'https://ci/1',
  createdAt: at(3),
};

function ofGraphql(nodes: readonly object[], more: object = {}, hasNextPage = false) {
  const statusCheckRollup = { contexts: { pageInfo: { hasNextPage }, nodes } };
  const commits = { nodes: [{ commit: { oid: SHA, statusCheckRollup } }] };
  return ofNode(pullRequestNode.parse({ ...NODE, commits, ...more }), REPOSITORY);
}

describe('a pull request, its checks and its old statuses are the same', () => {
  const ci = { headSha: SHA, status: 'failing', checks: [BUILD, OLD] };

  it('by REST', () => {
    const { statuses } = combinedStatusAnswer.parse({ statuses: [STATUS] });
    const told = ciPart(SHA, [...statuses.map(ofStatus), ofCheckRun(checkRun.parse(RUN))]);
    expect(told).toEqual(ci);
    expect(ofPull(pullAnswer.parse(PULL), told)).toEqual(TOLD);
  });

  it('by GraphQL', () => {
    expect(ofGraphql([STATUS_NODE, CHECK_NODE])).toEqual({ pullRequest: TOLD, ci });
  });
});

describe('an open pull request is', () => {
  const open = { state: 'open', closed_at: null, merged_at: null };
  const checks = (conclusion: string) => ciPart(SHA, [ofStatus({ ...STATUS, state: conclusion })]);
  it.each([
    ['clean', undefined, 'created'],
    ['blocked', checks('failure'), 'blocked_on_ci'],
    ['blocked', checks('pending'), 'blocked_on_ci'],
    ['blocked', checks('success'), 'created'],
    ['blocked', undefined, undefined],
    ['unknown', undefined, undefined],
    [undefined, undefined, undefined],
  ])('where it is %s', (mergeable_state, ci, status) => {
    expect(ofPull(pullAnswer.parse({ ...PULL, ...open, mergeable_state }), ci)).toEqual({
      url: TOLD.url,
      number: 7,
      draft: true,
      createdAt: at(0),
      ...(status === undefined ? {} : { status }),
    });
  });

  it('closed where it was closed without a merge', () => {
    expect(ofPull(pullAnswer.parse({ ...PULL, merged_at: null }), undefined)).toMatchObject({ status: 'closed' });
    expect(ofGraphql([], { state: 'CLOSED', mergedAt: null }).pullRequest).toMatchObject({ status: 'closed' });
  });

  it('blocked on what GraphQL says of its checks, where it says all of them', () => {
    const blocked = { state: 'OPEN', closedAt: null, mergedAt: null, mergeStateStatus: 'BLOCKED' };
    expect(ofGraphql([STATUS_NODE], blocked).pullRequest).toMatchObject({ status: 'blocked_on_ci' });
    expect(ofGraphql([STATUS_NODE], blocked, true)).not.toHaveProperty('ci');
    expect(ofGraphql([STATUS_NODE], blocked, true).pullRequest).not.toHaveProperty('status');
  });
});

describe('a check', () => {
  it('that only began says no more', () => {
    const bare = { id: 11, name: 'build', head_sha: SHA, status: 'queued', conclusion: null };
    expect(ofCheckRun(checkRun.parse(bare))).toEqual({ id: 11, name: 'build', status: 'queued' });
    expect(ofCheckRun(checkRun.parse({ ...bare, details_url: 'https://ci/2' }))).toMatchObject({ url: 'https://ci/2' });
    const none = { databaseId: null, conclusion: null, startedAt: null, completedAt: null, checkSuite: null };
    const { ci } = ofGraphql([{ ...CHECK_NODE, status: 'QUEUED', ...none }]);
    expect(ci).toEqual({ headSha: SHA, status: 'pending', checks: [{ name: 'build', status: 'queued' }] });
    expect(ofStatus({ ...STATUS, state: 'pending', target_url: null })).toEqual({ name: 'ci/old', status: 'pending' });
  });

  it('of no workflow has a page of its own', () => {
    const checkSuite = { databaseId: 77, app: null, workflowRun: null };
    const { ci } = ofGraphql([{ ...CHECK_NODE, checkSuite }]);
    expect(ci?.checks).toMatchObject([{ url: `${REPOSITORY}/runs/11`, suiteId: 77 }]);
  });
});

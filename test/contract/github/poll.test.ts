import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { verifyLedger } from '../../../exporter/src/ledger/verify/verifyLedger.ts';
import { event, rollupsOf, totalOf } from '../../ledger/ledgerBed.ts';
import { AGENTS, githubBed, pageUrl } from './githubBed.ts';
import type { CheckState } from './githubServer.ts';

const BUILD: CheckState = {
  id: 11,
  name: 'build',
  status: 'completed',
  conclusion: 'success',
  workflowRun: 900,
  startedAt: '2026-11-20T10:01:00Z',
  completedAt: '2026-11-20T10:02:00Z',
};
const LINT: CheckState = {
  id: 12,
  name: 'lint',
  status: 'in_progress',
  conclusion: null,
  startedAt: '2026-11-20T10:01:00Z',
};
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

describe('what GitHub knows of a pull request', () => {
  it('comes to its run: state, status of all checks, and each check', async () => {
    const bed = await githubBed();
    await bed.runs(7);
    bed.github.open(7, {
      mergeableState: 'blocked',
      checks: [BUILD, LINT],
      statuses: [{ context: 'ci/old', state: 'failure', url: 'https://ci/1', updatedAt: '2026-11-20T10:03:00Z' }],
    });
    for (const way of ['GraphQL', 'REST'] as const) {
      const { asked, failure, results } = await bed.poll();
      expect(failure).toBeUndefined();
      expect(results.every((result) => result === 'ok')).toBe(true);
      expect(asked.map(({ method }) => method)).toEqual(way === 'GraphQL' ? ['POST'] : ['GET', 'GET', 'GET']);
      const run = await bed.run(7);
      expect(run.pullRequest, way).toMatchObject({
        url: pageUrl(7),
        number: 7,
        status: 'blocked_on_ci',
        createdAt: '2026-11-20T10:00:00.000Z',
        draft: false,
      });
      expect(run.ci, way).toEqual({
        status: 'failing',
        headSha: expect.stringMatching(/^[0-9a-f]{40}$/),
        checkedAt: expect.stringMatching(/Z$/),
        checks: [
          {
            id: 11,
            name: 'build',
            status: 'completed',
            conclusion: 'success',
            url: 'https://github.com/acme/app/actions/runs/900/job/11',
            suiteId: 5,
            app: 'octoapp',
            startedAt: '2026-11-20T10:01:00Z',
            completedAt: '2026-11-20T10:02:00Z',
          },
          {
            name: 'ci/old',
            status: 'completed',
            conclusion: 'failure',
            url: 'https://ci/1',
            completedAt: '2026-11-20T10:03:00Z',
          },
          {
            id: 12,
            name: 'lint',
            status: 'in_progress',
            url: 'https://github.com/acme/app/runs/12',
            suiteId: 5,
            app: 'octoapp',
            startedAt: '2026-11-20T10:01:00Z',
          },
        ],
      });
    }
    expect(await totalOf(bed, 'fleet_ci_checks_finished_total')).toBe(2);
    expect(await totalOf(bed, 'fleet_pull_requests_blocked_on_ci')).toBe(1);
    expect((await verifyLedger(bed.ledger.pool)).differences).toEqual([]);
  });

  it('is merged when it has a time of its merge, and closed when it was closed without', async () => {
    const bed = await githubBed();
    await bed.runs(1, 2);
    const [merged, closed] = [bed.github.open(1), bed.github.open(2)];
    await bed.poll();
    bed.github.merge(merged, '2026-11-20T11:00:00Z');
    Object.assign(closed, { state: 'closed', closedAt: '2026-11-20T11:05:00Z' });
    await bed.poll();
    expect((await bed.run(1)).pullRequest).toMatchObject({ status: 'merged', mergedAt: '2026-11-20T11:00:00.000Z' });
    expect((await bed.run(2)).pullRequest).toMatchObject({ status: 'closed', closedAt: '2026-11-20T11:05:00Z' });
    expect(await rollupsOf(bed)).toMatchObject({
      'fleet_pull_requests_total{agents,acme,merged}': expect.stringContaining('value 1 '),
      'fleet_pull_request_merge_seconds{agents,acme}': expect.stringContaining('value 3600 count 1'),
    });
    // Nobody asks for them any more.
    expect((await bed.poll()).asked).toEqual([]);
  });

  it('a merge that its platform takes back with an old row is told again', async () => {
    const bed = await githubBed();
    await bed.runs(1);
    bed.github.merge(bed.github.open(1), '2026-11-20T11:00:00Z');
    await bed.poll();
    await bed.ledger.recordPushed([
      event(
        'later',
        'run',
        new Date(Date.now() + 1_000).toISOString(),
        { runId: 'run-1', costUsd: 1, pullRequest: { url: pageUrl(1), status: 'created' } },
        AGENTS,
      ),
    ]);
    expect((await bed.run(1)).pullRequest.status).toBe('created');
    // GitHub's clock has whole seconds.
    await sleep(2_100);
    await bed.poll();
    expect((await bed.run(1)).pullRequest.status).toBe('merged');
    expect(await rollupsOf(bed)).toMatchObject({
      'fleet_pull_requests_total{agents,acme,merged}': expect.stringContaining('value 1 '),
    });
  });

  it('is blocked on CI while branch protection waits for a check, and not when it waits for a review', async () => {
    const bed = await githubBed();
    await bed.runs(1);
    const pull = bed.github.open(1, { mergeableState: 'clean', checks: [BUILD] });
    await bed.poll();
    const states = [
      { mergeableState: 'blocked', checks: [LINT], status: 'blocked_on_ci' },
      { mergeableState: 'unknown', checks: [LINT, BUILD], status: 'blocked_on_ci' },
      { mergeableState: 'blocked', checks: [BUILD], status: 'created' },
      { mergeableState: 'unstable', checks: [{ ...BUILD, conclusion: 'failure' }], status: 'created' },
    ];
    for (const { mergeableState, checks, status } of states) {
      Object.assign(pull, { mergeableState, checks });
      await bed.poll();
      expect((await bed.run(1)).pullRequest.status, `${mergeableState}, ${checks.length}`).toBe(status);
    }
  });

  it('a check that runs again is another one, whichever way it was read', async () => {
    const bed = await githubBed();
    await bed.runs(7);
    const pull = bed.github.open(7, { checks: [{ ...BUILD, conclusion: 'failure' }] });
    await bed.poll();
    await bed.poll();
    expect(await totalOf(bed, 'fleet_ci_checks_finished_total')).toBe(1);
    pull.checks = [{ ...BUILD, id: 21 }];
    await bed.poll();
    expect((await bed.run(7)).ci).toMatchObject({ status: 'passing', checks: [{ id: 21 }] });
    expect(await totalOf(bed, 'fleet_ci_checks_finished_total')).toBe(2);
  });

  it('reads every page of the checks, and sees a change on the last one', async () => {
    const bed = await githubBed();
    await bed.runs(7);
    const checks = times(230, (i) => ({ ...BUILD, id: i + 1, name: `check ${i}` }));
    bed.github.open(7, { checks });
    await bed.poll();
    expect((await bed.run(7)).ci?.checks).toHaveLength(230);
    const { asked } = await bed.poll();
    expect(asked.filter(({ path }) => path.endsWith('check-runs')).map(({ query }) => query.get('page'))).toEqual([
      '1',
      '2',
      '3',
    ]);
    const idle = await bed.poll();
    expect(idle.asked.map(({ status }) => status)).toEqual([304, 304, 304, 304, 304]);
    Object.assign(checks[229] as object, { conclusion: 'failure' });
    await bed.poll();
    expect((await bed.run(7)).ci).toMatchObject({ status: 'failing' });
  });
});

describe('requests', () => {
  it('a poll with nothing new asks for each open pull request, is answered 304, costs nothing and writes nothing', async () => {
    const bed = await githubBed();
    await bed.runs(1, 2, 3);
    for (const number of [1, 2, 3]) bed.github.open(number, { checks: [BUILD] });
    await bed.poll();
    await bed.poll();
    const before = bed.github.remaining.core;
    const { asked, writes, quota, results } = await bed.poll();
    expect(asked).toHaveLength(9);
    expect(asked.every(({ status }) => status === 304)).toBe(true);
    expect(results).toEqual(times(9, () => 'ok'));
    expect([bed.github.remaining.core, writes, quota]).toEqual([
      before,
      0,
      Math.min(before, bed.github.remaining.graphql),
    ]);
    // A new process goes on with the ETags of the last one.
    const again = await bed.poll(bed.create());
    expect([again.asked.filter(({ status }) => status !== 304), again.writes]).toEqual([[], 0]);
  });

  it('what changed is read, with what belongs to it', async () => {
    const bed = await githubBed();
    await bed.runs(1, 2);
    const pull = bed.github.open(1, { checks: [LINT] });
    bed.github.open(2, { checks: [BUILD] });
    await bed.poll();
    await bed.poll();
    pull.checks = [{ ...LINT, status: 'completed', conclusion: 'failure' }];
    const { asked, writes } = await bed.poll();
    expect(
      asked
        .filter(({ status }) => status === 200)
        .map(({ path }) =>
          path
            .split('/')
            .slice(4)
            .join('/')
            .replace(/[0-9a-f]{40}/, 'sha'),
        ),
    ).toEqual(['commits/sha/check-runs', 'pulls/1', 'commits/sha/check-runs', 'commits/sha/status']);
    expect(writes).toBe(1);
    expect((await bed.run(1)).ci).toMatchObject({ status: 'failing' });
  });

  it('the time of the last look is renewed although nothing changed', async () => {
    const bed = await githubBed({ renew_checked_at: '1ms' });
    await bed.runs(1);
    bed.github.open(1, { checks: [BUILD] });
    await bed.poll();
    await bed.poll();
    const before = (await bed.run(1)).ci;
    const { asked } = await bed.poll();
    expect(asked.every(({ status }) => status === 304)).toBe(true);
    const after = (await bed.run(1)).ci;
    expect(String(after?.checkedAt) > String(before?.checkedAt)).toBe(true);
    expect({ ...after, checkedAt: 0 }).toEqual({ ...before, checkedAt: 0 });
  });

  it('where the platform wrote over what GitHub had said, GitHub is asked in earnest', async () => {
    const bed = await githubBed();
    await bed.runs(1);
    bed.github.open(1, { checks: [BUILD] });
    await bed.poll();
    await bed.poll();
    await bed.ledger.recordPushed([
      event('own', 'run', new Date(Date.now() - 60_000).toISOString(), { runId: 'run-1', costUsd: 1 }, AGENTS),
    ]);
    expect((await bed.poll()).asked.every(({ status }) => status === 304)).toBe(true);
    await bed.query(`update fleetlens.run set doc = jsonb_set(doc, '{ci}', '{"status":"pending","checks":[]}')`);
    const { asked } = await bed.poll();
    expect(asked.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await bed.run(1)).ci).toMatchObject({ status: 'passing', checks: [{ name: 'build' }] });
  });

  it('a backfill of 120 old pull requests takes three queries; those that are still open are followed', async () => {
    const bed = await githubBed({ max_followed: 5 });
    await bed.runs(...times(120, (i) => i + 1));
    for (let number = 1; number <= 120; number++) {
      const pull = bed.github.open(number, { checks: [BUILD] });
      if (number > 12) bed.github.merge(pull, '2026-11-20T11:00:00Z');
    }
    const { asked } = await bed.poll();
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual(times(3, () => 'POST /graphql'));
    expect(await rollupsOf(bed)).toMatchObject({
      'fleet_pull_requests_total{agents,acme,merged}': expect.stringContaining('value 108 '),
    });
    // Five by ETags, the others by one query.
    const next = await bed.poll();
    expect(next.asked.filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(next.asked.filter(({ method }) => method === 'GET')).toHaveLength(15);
    const [{ size }] = (await bed.query<{ size: number }>(
      `select length(cursor::text) as size from fleetlens.source_state where source = 'github'`,
    )) as [{ size: number }];
    expect(size).toBeLessThan(5 * 600);
  });

  it('one pull request of two runs is asked for once and told to both', async () => {
    const bed = await githubBed();
    await bed.runs(1);
    await bed.ledger.recordPushed([
      event(
        'second',
        'run',
        new Date(Date.now() - 200_000).toISOString(),
        { runId: 'run-2', status: 'running', pullRequest: { url: `${pageUrl(1)}/files`, status: 'created' } },
        AGENTS,
      ),
      event(
        'third',
        'run',
        new Date(Date.now() - 200_000).toISOString(),
        { runId: 'run-3', status: 'running', project: 'named', pullRequest: { number: 1, status: 'created' } },
        AGENTS,
      ),
      event(
        'project',
        'project',
        new Date(Date.now() - 200_000).toISOString(),
        { project: 'named', repository: 'https://github.com/acme/app.git' },
        AGENTS,
      ),
      event(
        'elsewhere',
        'run',
        new Date(Date.now() - 200_000).toISOString(),
        {
          runId: 'run-4',
          status: 'running',
          pullRequest: { url: 'https://gitlab.com/acme/app/pull/1', status: 'created' },
        },
        AGENTS,
      ),
    ]);
    bed.github.open(1, { checks: [BUILD] });
    await bed.poll();
    expect((await bed.run(3)).pullRequest.url).toBe(pageUrl(1));
    const { asked } = await bed.poll();
    expect(asked).toHaveLength(3);
    for (const number of [1, 2, 3]) expect((await bed.run(number)).ci).toMatchObject({ status: 'passing' });
    expect((await bed.run(4)).ci).toBeUndefined();
  });

  it('only the configured repositories are asked about', async () => {
    const bed = await githubBed({ repositories: ['acme/other'] });
    await bed.runs(1);
    bed.github.open(1);
    expect((await bed.poll()).asked).toEqual([]);
  });
});

import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import type { Listed } from '../../api/FleetApi';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

serveFleet();

const ADDRESS = 'run?source=codecourier&id=run%2F1';
const RUN: Listed<'run'> = {
  source: 'codecourier',
  runId: 'run/1',
  project: 'acme/storefront',
  workflow: 'fix-issue',
  name: 'Fix the rounding of discounts',
  status: 'failed',
  rawStatus: 'FAILED',
  createdAt: '2026-11-20T13:00:00.000Z',
  startedAt: '2026-11-20T13:00:12.000Z',
  finishedAt: '2026-11-20T13:09:12.000Z',
  costUsd: 1.84,
  error: { surface: 'step', category: 'git_push', message: 'remote rejected: non-fast-forward', stepId: 'push' },
  pullRequest: { number: 7, url: 'https://github.com/acme/storefront/pull/7', status: 'blocked_on_ci' },
  ci: { status: 'failing', checks: [{ name: 'Unit Tests', status: 'completed', conclusion: 'failure' }] },
};
const STEPS: Listed<'step'>[] = [
  step('plan', { index: 0, iteration: 1, role: 'designer', status: 'succeeded', from: 12, to: 72 }),
  step('check', {
    index: 1,
    iteration: 1,
    role: 'checker',
    status: 'succeeded',
    from: 72,
    to: 102,
    verdict: { passed: false, feedback: 'The tax is rounded twice.' },
  }),
  step('push', {
    index: 2,
    iteration: 2,
    role: 'optimizer',
    status: 'failed',
    from: 500,
    to: 552,
    error: { message: 'remote rejected: non-fast-forward' },
  }),
];

function step(
  stepId: string,
  { from, to, ...rest }: Partial<Listed<'step'>> & { from?: number; to?: number },
): Listed<'step'> {
  const at = (seconds: number) => new Date(Date.parse('2026-11-20T13:00:00.000Z') + seconds * 1000).toISOString();
  return {
    source: 'codecourier',
    runId: 'run/1',
    stepId,
    ...(from === undefined ? {} : { startedAt: at(from) }),
    ...(to === undefined ? {} : { finishedAt: at(to) }),
    ...rest,
  };
}

const runUrl = (rest = '') => readUrl(`/api/v1/runs/codecourier/run%2F1${rest}`);

function serveRun(run: Partial<Listed<'run'>> = {}, steps = STEPS) {
  server.use(
    http.get(runUrl(), () => HttpResponse.json({ ...RUN, ...run })),
    http.get(runUrl('/steps'), () => HttpResponse.json({ data: steps, nextCursor: null })),
  );
}

const lines = () => screen.findByRole('tree', { name: 'Steps in order of execution' });
const line = async (name: RegExp) => within(await lines()).findByRole('treeitem', { name });

it('says first what failed and where, in the words of the error, and opens that step', async () => {
  serveRun();
  const { address } = openPage(ADDRESS);
  const header = await screen.findByRole('region', { name: 'Run at a glance' });
  expect(within(header).getByText('remote rejected: non-fast-forward')).toBeVisible();
  expect(await within(header).findByRole('button', { name: 'optimizer · push · iteration 2' })).toBeVisible();
  expect(within(header).getByText(/Check that the GitHub token has write access/)).toBeVisible();
  expect(within(header).getByText('$1.84')).toBeVisible();
  expect(within(header).getByText('Blocked on CI')).toBeVisible();
  expect(within(header).getByText(/Unit Tests/)).toBeVisible();
  const failing = await line(/push, Failed/);
  expect(failing).toHaveAttribute('aria-selected', 'true');
  expect(failing).toHaveAttribute('aria-expanded', 'true');
  expect(within(failing).getByText('remote rejected: non-fast-forward')).toBeVisible();
  expect(address()).toBe(`/a/fleetlens-fleet-app/${ADDRESS}`);
});

it('lists steps in order of execution below their iterations, with the wait before them and what checkers said', async () => {
  serveRun({}, [...STEPS].reverse());
  openPage(ADDRESS);
  const items = within(await lines()).getAllByRole('treeitem');
  expect(items.map((item) => item.getAttribute('aria-label'))).toEqual([
    'Waited in the queue, 12 s',
    'Iteration 1, Succeeded, 1 min 30 s',
    'designer, plan, Succeeded, 1 min',
    'checker, check, Rejected, Succeeded, 30 s',
    'Iteration 2, Failed, 52 s',
    'optimizer, push, Failed, 52 s',
  ]);
  expect(screen.getByText('The tax is rounded twice.')).toBeVisible();
});

it('is walked through by keys, and its address says which step', async () => {
  serveRun();
  const { user, address } = openPage(ADDRESS);
  await line(/push, Failed/);
  const tree = await lines();
  tree.focus();
  await user.keyboard('{ArrowUp}{ArrowUp}');
  await waitFor(() => expect(address()).toContain('step=check'));
  expect(await line(/check, Rejected/)).toHaveAttribute('aria-expanded', 'false');
  await user.keyboard('{ArrowRight}');
  expect(await line(/check, Rejected/)).toHaveAttribute('aria-expanded', 'true');
  await user.keyboard('{ArrowLeft}{ArrowLeft}');
  expect(await line(/Iteration 1/)).toHaveAttribute('aria-selected', 'true');
  await user.keyboard('{ArrowLeft}');
  expect(within(tree).queryByRole('treeitem', { name: /designer, plan/ })).toBeNull();
});

it('opens a run that retention removed as such, with the date', async () => {
  const error = {
    code: 'pruned',
    message: 'run run/1 was removed by retention',
    requestId: 'q1',
    prunedAt: '2026-10-01T04:00:00.000Z',
  };
  server.use(
    http.get(runUrl(), () => HttpResponse.json({ error }, { status: 410 })),
    http.get(runUrl('/steps'), () => HttpResponse.json({ error }, { status: 410 })),
  );
  openPage(ADDRESS);
  expect(await screen.findByText(/Retention removed this run on 2026-10-01/)).toBeVisible();
  expect(screen.getByRole('heading', { name: 'run/1' })).toBeVisible();
});

import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import type { AnsweredRun, Listed } from '../../api/FleetApi';
import { ACKNOWLEDGED } from '../../testing/answers';
import { ACT_URL, allow, openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

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

const nothing = () => HttpResponse.json({ data: [], nextCursor: null });

/** The exporter, with this run; `parts` are its answers for `include=spent` and the like. */
function serveRun(run: Partial<AnsweredRun> = {}, steps = STEPS, parts: Partial<AnsweredRun> = {}) {
  server.use(
    http.get(runUrl(), ({ request }) => {
      const include = new URL(request.url).searchParams.get('include') ?? '';
      return HttpResponse.json({ ...RUN, ...run, ...(include === 'spent' ? parts : {}) });
    }),
    http.get(runUrl('/steps'), () => HttpResponse.json({ data: steps, nextCursor: null })),
  );
}

beforeEach(() =>
  server.use(
    http.get(runUrl('/step-baselines'), () => HttpResponse.json({ runs: 0, data: [] })),
    http.get(runUrl('/output'), () => HttpResponse.json({ data: [], nextCursor: null, position: '1' })),
    http.get(readUrl('/api/v1/sandboxes'), nothing),
    http.get(readUrl('/api/v1/sandboxes/:source/:id'), () => refusal(404, 'not_found', 'found no sandbox')),
    http.get(readUrl('/api/v1/changes'), () => HttpResponse.json({ position: '1', more: false, events: [] })),
  ),
);

function refusal(status: number, code: string, message: string) {
  return HttpResponse.json({ error: { code, message, requestId: 'q1' } }, { status });
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
  const failing = await line(/optimizer push/);
  expect(failing).toHaveAttribute('aria-selected', 'true');
  expect(failing).toHaveAttribute('aria-expanded', 'true');
  expect(within(failing).getByText('remote rejected: non-fast-forward')).toBeVisible();
  expect(address()).toBe(`/a/fleetlens-fleet-app/${ADDRESS}`);
});

it('lists steps in order of execution below their iterations, with the wait before them and what checkers said', async () => {
  serveRun({}, [...STEPS].reverse());
  openPage(ADDRESS);
  const items = within(await lines()).getAllByRole('treeitem');
  const names = [
    /Waited in the queue.*12 s/,
    /Succeeded.*Iteration 1.*2 steps.*1 min 30 s/,
    /Succeeded.*designer plan.*1 min/,
    /Succeeded.*checker check.*Rejected.*30 s/,
    /Failed.*Iteration 2.*1 step.*52 s/,
    /Failed.*optimizer push.*52 s/,
  ];
  expect(items).toHaveLength(names.length);
  for (const [i, name] of names.entries()) expect(items[i]).toHaveAccessibleName(expect.stringMatching(name));
  expect(screen.getByText('The tax is rounded twice.')).toBeVisible();
});

it('is walked through by keys, and its address says which step', async () => {
  serveRun();
  const { user, address } = openPage(ADDRESS);
  await line(/optimizer push/);
  const tree = await lines();
  tree.focus();
  await user.keyboard('{ArrowUp}{ArrowUp}');
  await waitFor(() => expect(address()).toContain('step=check'));
  expect(await line(/checker check/)).toHaveAttribute('aria-expanded', 'false');
  await user.keyboard('{ArrowRight}');
  expect(await line(/checker check/)).toHaveAttribute('aria-expanded', 'true');
  await user.keyboard('{ArrowLeft}{ArrowLeft}');
  expect(await line(/Iteration 1/)).toHaveAttribute('aria-selected', 'true');
  await user.keyboard('{ArrowLeft}');
  expect(within(tree).queryByRole('treeitem', { name: /designer plan/ })).toBeNull();
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
    http.get(runUrl('/steps'), () => refusal(404, 'not_found', 'found no run')),
  );
  openPage(ADDRESS);
  expect(await screen.findByText(/Retention removed this run on 2026-10-01/)).toBeVisible();
  expect(screen.getByRole('heading', { name: 'run/1' })).toBeVisible();
});

it('is not confused by what has no steps, and shows what is unknown as such', async () => {
  serveRun({ costUsd: undefined, error: undefined, createdAt: undefined, startedAt: undefined, ci: undefined }, []);
  openPage(ADDRESS);
  const header = await screen.findByRole('region', { name: 'Run at a glance' });
  expect(within(header).getByText('Cost').parentElement).toHaveTextContent('Cost–');
  expect(within(header).getByText('CI').parentElement).toHaveTextContent('CI–');
  expect(await screen.findByText('The source has recorded no steps of this run')).toBeVisible();
});

it('goes on with the header where the steps cannot be had, and asks again on demand', async () => {
  serveRun();
  let isReachable = false;
  server.use(
    http.get(runUrl('/steps'), () =>
      isReachable ? HttpResponse.json({ data: STEPS, nextCursor: null }) : refusal(400, 'invalid', 'no such cursor'),
    ),
  );
  const { user } = openPage(ADDRESS);
  expect(await screen.findByText('no such cursor')).toBeVisible();
  expect(screen.getByText('remote rejected: non-fast-forward')).toBeVisible();
  isReachable = true;
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await line(/optimizer push/)).toBeVisible();
});

it('shows every page of steps, and the failing one that is on the last', async () => {
  serveRun();
  server.use(
    http.get(runUrl('/steps'), ({ request }) =>
      new URL(request.url).searchParams.get('cursor') === 'next'
        ? HttpResponse.json({ data: STEPS.slice(2), nextCursor: null })
        : HttpResponse.json({ data: STEPS.slice(0, 2), nextCursor: 'next' }),
    ),
  );
  openPage(ADDRESS);
  expect(await line(/optimizer push/)).toHaveAttribute('aria-selected', 'true');
  expect(await line(/designer plan/)).toBeVisible();
});

it('says that the role does not reach so far', async () => {
  server.use(
    http.get(runUrl(), () => refusal(403, 'forbidden', 'found role none, expected viewer')),
    http.get(runUrl('/steps'), () => refusal(403, 'forbidden', 'found role none, expected viewer')),
    http.get(runUrl('/step-baselines'), () => refusal(403, 'forbidden', 'found role none, expected viewer')),
  );
  openPage(ADDRESS);
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
});

it('acknowledges a failure with a note, and shows who did', async () => {
  serveRun();
  const asked: unknown[] = [];
  server.use(
    http.post(ACT_URL, async ({ request }) => {
      asked.push(await request.json());
      serveRun({
        acknowledgedAt: '2026-11-20T14:00:00.000Z',
        acknowledgedBy: 'ann',
        acknowledgedNote: 'Branch protection; rerun is under way.',
      });
      return HttpResponse.json(ACKNOWLEDGED);
    }),
  );
  const { user } = openPage(ADDRESS);
  await user.click(await screen.findByRole('button', { name: 'Acknowledge with a note' }));
  const submit = screen.getByRole('button', { name: 'Acknowledge' });
  expect(submit).toBeDisabled();
  await user.type(screen.getByLabelText('What whoever comes next should know'), 'Rerun.');
  await user.click(submit);
  expect(await screen.findByText(/Acknowledged by ann/)).toBeVisible();
  expect(screen.getByText('Branch protection; rerun is under way.')).toBeVisible();
  expect(asked).toEqual([{ action: 'acknowledge_run', source: 'codecourier', runId: 'run/1', note: 'Rerun.' }]);
});

it('offers no acknowledgement to who may not', async () => {
  serveRun();
  server.use(allow('read_notification'));
  openPage(ADDRESS);
  expect(await screen.findByText('Nobody has acknowledged this failure.')).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Acknowledge with a note' })).toBeNull();
});

it('shows why an acknowledgement was refused, and keeps the note', async () => {
  serveRun();
  server.use(http.post(ACT_URL, () => refusal(403, 'forbidden', 'found role viewer, expected operator')));
  const { user } = openPage(ADDRESS);
  await user.click(await screen.findByRole('button', { name: 'Acknowledge with a note' }));
  const note = screen.getByLabelText('What whoever comes next should know');
  await user.type(note, 'Rerun.');
  await user.click(screen.getByRole('button', { name: 'Acknowledge' }));
  expect(await screen.findByText('found role viewer, expected operator')).toBeVisible();
  expect(note).toHaveValue('Rerun.');
});

it('opens the section that the address names, and tells what CI, quality, usage and configuration say', async () => {
  serveRun(
    {
      ci: {
        status: 'failing',
        checkedAt: '2026-11-20T13:10:00.000Z',
        checks: [
          { name: 'Build', status: 'completed', conclusion: 'success', url: 'https://github.com/acme/1' },
          { name: 'Unit Tests', status: 'completed', conclusion: 'failure', url: 'javascript:alert(1)' },
        ],
      },
      quality: {
        correctness: 82,
        testCoverage: 40,
        composite: 61.5,
        threshold: 70,
        thresholdMet: false,
        weights: { correctness: 3, testCoverage: 1 },
        baseline: 80,
        belowBaseline: true,
        belowBaselineBy: 18.5,
      },
      prompt: 'Fix <b>it</b>',
      referenceImages: ['https://images.example/a.png', 'javascript:alert(1)'],
      config: { template: 'node-24' },
    },
    STEPS,
    { spent: [{ stepId: 'check', model: 'claude-haiku', records: 1, costUsd: 0.5, inputTokens: 4000 }] },
  );
  const { user, address } = openPage(`${ADDRESS}&section=quality`);
  expect(await screen.findByText('Misses the threshold of 70')).toBeVisible();
  expect(screen.getByText(/18.5 below the baseline of the workflow, 80/)).toBeVisible();
  expect(screen.getByRole('row', { name: /Correctness 82 75 %/ })).toBeVisible();
  expect(screen.getByRole('row', { name: /Type safety – –/ })).toBeVisible();

  await user.click(screen.getByRole('tab', { name: /CI checks/ }));
  expect(address()).toContain('section=ci');
  const [first, second] = within(screen.getByRole('tabpanel')).getAllByRole('listitem');
  expect(first).toHaveTextContent('failureUnit Tests');
  expect(within(first as HTMLElement).queryByRole('link')).toBeNull();
  expect(within(second as HTMLElement).getByRole('link', { name: /Build/ })).toHaveAttribute(
    'href',
    'https://github.com/acme/1',
  );

  await user.click(screen.getByRole('tab', { name: 'Usage' }));
  expect(await screen.findByRole('row', { name: /checker claude-haiku|check claude-haiku/ })).toHaveTextContent(
    '$0.50',
  );
  expect(screen.getByRole('row', { name: /The run itself/ })).toHaveTextContent('$1.84');

  await user.click(screen.getByRole('tab', { name: 'Configuration' }));
  expect(screen.getByText('Fix <b>it</b>')).toBeVisible();
  expect(screen.queryByRole('img', { name: /Reference image/ })).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Load from images.example' }));
  expect(screen.getByRole('img', { name: 'Reference image 1' })).toHaveAttribute('src', 'https://images.example/a.png');
  expect(screen.queryByRole('link', { name: 'javascript:alert(1)' })).toBeNull();
});

it('shows changes as text, with what was added and removed', async () => {
  const text =
    'diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1,2 +1,2 @@\n--- <script>old</script>\n+const b = 2;\n same\n';
  serveRun({ artifacts: [{ name: 'agent-run/diff.patch', bytes: 2048 }], diff: text });
  openPage(`${ADDRESS}&section=artifacts`);
  const diff = await screen.findByRole('region', { name: 'Changes' });
  expect(within(diff).getByRole('deletion')).toHaveTextContent('--- <script>old</script>');
  expect(within(diff).getByRole('insertion')).toHaveTextContent('+const b = 2;');
  expect(screen.getByText('2.0 KiB')).toBeVisible();
});

it('tells where the job of a run waits, and links to where else the run is', async () => {
  serveRun({
    status: 'queued',
    error: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    ci: undefined,
    pullRequest: undefined,
    chainId: 'chain 1',
    sprintIndex: 1,
    chain: { source: 'codecourier', chainId: 'chain 1', name: 'Discounts & <b>more</b>', sprintCount: 3 },
    triggerRunId: 'run_x',
    job: {
      source: 'trigger',
      queue: 'agents',
      jobId: 'run_x',
      queuePosition: 4,
      tries: 2,
      attributes: { costUsd: 0.02 },
    },
    links: {
      source: 'https://codecourier.example/run',
      trigger: 'https://cloud.trigger.example/x',
      trace: 'javascript:alert(1)',
    },
  });
  openPage(ADDRESS);
  expect(await screen.findByText('Place in the queue')).toBeVisible();
  expect(screen.getByText('Place in the queue').parentElement).toHaveTextContent('4');
  expect(screen.getByRole('link', { name: 'Sprint 2 of 3 in Discounts & <b>more</b>' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/chain?source=codecourier&id=chain+1',
  );
  expect(screen.getByRole('link', { name: /Trigger.dev/ })).toHaveAttribute('href', 'https://cloud.trigger.example/x');
  expect(screen.queryByRole('link', { name: /Trace/ })).toBeNull();
});

it('has the links of the app’s configuration that it has the fields for', async () => {
  serveRun({ project: 'acme/web?x=1', commitSha: undefined });
  const links = [
    { name: 'Errors', url: 'https://sentry.example/issues/?query={runId}&project={project}' },
    { name: 'Commit', url: 'https://git.example/{commitSha}' },
    { name: 'Script', url: 'javascript:alert({runId})' },
    { name: 'Secret', url: 'https://x.example/{token}' },
  ];
  openPage(ADDRESS, { links });
  expect(await screen.findByRole('link', { name: /Errors/ })).toHaveAttribute(
    'href',
    'https://sentry.example/issues/?query=run%2F1&project=acme%2Fweb%3Fx%3D1',
  );
  for (const name of [/^Commit/, /^Script/, /^Secret/]) expect(screen.queryByRole('link', { name })).toBeNull();
});

it('marks a step that took longer than 95 % of its kind did', async () => {
  serveRun();
  server.use(
    http.get(runUrl('/step-baselines'), () =>
      HttpResponse.json({ runs: 9, data: [{ role: 'designer', count: 9, p50Seconds: 20, p95Seconds: 30 }] }),
    ),
  );
  const { user } = openPage(ADDRESS);
  const plan = await line(/designer plan/);
  expect(await within(plan).findByLabelText('Slower than 95 % (30 s)')).toBeVisible();
  await user.click(within(plan).getByText('plan'));
  expect(await within(plan).findByText('20 s, 30 s of 9')).toBeVisible();
});

it('zooms, and its address says so', async () => {
  serveRun();
  const { user, address } = openPage(`${ADDRESS}&step=plan`);
  await line(/designer plan/);
  await user.click(screen.getByRole('button', { name: 'Zoom to step' }));
  await waitFor(() => expect(address()).toMatch(/zoom=\d+-\d+/));
  await user.click(screen.getByRole('button', { name: 'Fit' }));
  await waitFor(() => expect(address()).not.toContain('zoom='));
});

it('follows a run that goes on, step by step', async () => {
  const running = STEPS.slice(0, 2);
  serveRun({ status: 'running', error: undefined, finishedAt: undefined }, running);
  const { user, address } = openPage(ADDRESS);
  await user.click(await screen.findByRole('button', { name: 'Follow' }));
  expect(await line(/checker check/)).toHaveAttribute('aria-selected', 'true');
  expect(address()).toContain('follow=true');
  await user.click(within(await line(/designer plan/)).getByText('plan'));
  await waitFor(() => expect(address()).toMatch(/step=plan/));
  expect(address()).not.toContain('follow');
});

it('takes the last step that failed for the cause where the error names none', async () => {
  const [plan, , push] = STEPS as [Listed<'step'>, Listed<'step'>, Listed<'step'>];
  const early = { ...plan, status: 'failed', error: { message: 'a first try' } } as const;
  serveRun({ error: undefined }, [early, push]);
  openPage(ADDRESS);
  expect(await screen.findByRole('button', { name: 'optimizer · push · iteration 2' })).toBeVisible();
  expect(await line(/optimizer push/)).toHaveAttribute('aria-selected', 'true');
});

it('keeps showing what it knows when it cannot be read again, and says how old that is', async () => {
  serveRun();
  server.use(
    http.post(ACT_URL, () => {
      server.use(http.get(runUrl(), () => refusal(400, 'invalid', 'the exporter is being upgraded')));
      return HttpResponse.json(ACKNOWLEDGED);
    }),
  );
  const { user } = openPage(ADDRESS);
  await user.click(await screen.findByRole('button', { name: 'Acknowledge with a note' }));
  await user.type(screen.getByLabelText('What whoever comes next should know'), 'Rerun.');
  await user.click(screen.getByRole('button', { name: 'Acknowledge' }));
  expect(await screen.findByText(/Shown as of .*the exporter is being upgraded/)).toBeVisible();
  expect(screen.getByRole('button', { name: 'optimizer · push · iteration 2' })).toBeVisible();
});

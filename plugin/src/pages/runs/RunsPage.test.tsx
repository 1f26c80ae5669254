import type { Page } from '@contract/api.ts';
import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import type { Listed } from '../../api/FleetApi';
import { figuresOf } from '../../testing/answers';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';
import { runsToCsv } from './runCsv';

serveFleet();

type Run = Listed<'run'>;
const RUNS = readUrl('/api/v1/runs');
const run = (runId: string, fields: Partial<Run> = {}): Run => ({
  source: 'crucible',
  runId,
  status: 'succeeded',
  createdAt: '2026-11-21T10:00:00.000Z',
  ...fields,
});
const page = (data: readonly Run[], nextCursor: string | null = null) =>
  HttpResponse.json<Page<Run>>({ data, nextCursor });

/** Answers lists of runs; `asked` are their queries, the latest last. */
function serveRuns(answer: (query: URLSearchParams) => Response) {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(readUrl('/api/v1/runs/counts'), () => HttpResponse.json({ total: 1234, byStatus: { failed: 7 } })),
    http.get(RUNS, ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      return answer(query);
    }),
  );
  return asked;
}

const rowOf = async (name: string) => (await screen.findByRole('rowheader', { name: new RegExp(name) })).closest('tr');

it('lists what tells a good run from a bad one', async () => {
  serveRuns(() =>
    page([
      run('r/1', {
        name: 'Fix the parser',
        status: 'failed',
        origin: 'merge_agent',
        project: 'acme/web',
        promptPreview: 'Make it parse <b>all</b>',
        startedAt: '2026-11-21T10:00:00.000Z',
        finishedAt: '2026-11-21T10:03:20.000Z',
        pullRequest: { status: 'blocked_on_ci', number: 12, url: 'https://github.com/acme/web/pull/12' },
        ci: { status: 'failing' },
        quality: { composite: 61.5, baseline: 80, belowBaseline: true, belowBaselineBy: 18.5 },
        costUsd: 1.25,
      }),
      run('r2', { name: 'Quiet one', usageMissing: true }),
    ]),
  );
  openPage('runs');
  const link = await screen.findByRole('link', { name: 'Fix the parser' });
  expect(link).toHaveAttribute('href', '/a/fleetlens-fleet-app/run?source=crucible&id=r%2F1');
  const row = within((await rowOf('Fix the parser')) as HTMLElement);
  for (const text of ['Failed', 'Merge agent', '3 min 20 s', 'Failing', '$1.25', 'Make it parse <b>all</b>'])
    expect(row.getByText(text)).toBeVisible();
  expect(row.getByText(/Blocked on CI/)).toBeVisible();
  expect(row.getByRole('link', { name: '#12' })).toHaveAttribute('href', 'https://github.com/acme/web/pull/12');
  expect(row.getByText('61.5 (18.5 below baseline)')).toBeVisible();
  const quiet = within((await rowOf('Quiet one')) as HTMLElement);
  expect(quiet.getByText('No usage figures')).toBeVisible();
  expect(quiet.queryByText(/\$0/)).toBeNull();
  expect(quiet.getAllByText('–').length).toBeGreaterThanOrEqual(4);
});

it('opens a link with the filters that it names, and asks the exporter for them', async () => {
  const asked = serveRuns(() => page([]));
  const { user, address } = openPage(
    'runs?ds=fleet&status=failed&status=timed_out&project=a%2Fb&pr_status=failed&ci_status=failing&error_category=timeout' +
      '&unattended=true&below_baseline=true&score_max=70&cost_min=2&q=oops&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z&sort=cost&order=asc',
  );
  expect(await screen.findByText('No run fits these filters')).toBeVisible();
  const query = asked[0] as URLSearchParams;
  expect(query.getAll('status')).toEqual(['failed', 'timed_out']);
  expect(Object.fromEntries(query)).toMatchObject({
    project: 'a/b',
    pr_status: 'failed',
    ci_status: 'failing',
    error_category: 'timeout',
    unattended: 'true',
    below_baseline: 'true',
    score_max: '70',
    cost_min: '2',
    q: 'oops',
    since: '2026-11-20T00:00:00.000Z',
    until: '2026-11-21T00:00:00.000Z',
    sort: 'cost',
    order: 'asc',
  });
  await user.click(screen.getAllByRole('button', { name: 'Clear filters' })[0] as HTMLElement);
  await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/runs?ds=fleet'));
  expect(await screen.findByText('No run has been recorded yet')).toBeVisible();
});

it('filters by what is clicked and typed', async () => {
  const asked = serveRuns(() => page([run('r1', { name: 'One' })]));
  const { user, address } = openPage('runs?cursor=c5');
  await user.click(await screen.findByRole('button', { name: /^Timed out/ }));
  await user.click(screen.getByRole('button', { name: 'Blocked on CI' }));
  await user.type(screen.getByRole('textbox', { name: /Words in id/ }), '100%');
  await waitFor(() =>
    expect(address()).toBe('/a/fleetlens-fleet-app/runs?status=timed_out&pr_status=blocked_on_ci&q=100%25'),
  );
  await waitFor(() => expect(asked.at(-1)?.get('q')).toBe('100%'));
  expect(asked.at(-1)?.get('cursor')).toBeNull();
});

it('counts what the filters leave, by status', async () => {
  serveRuns(() => page([run('r1', { name: 'One' })]));
  openPage('runs');
  expect(await screen.findByText('1,234 runs')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Failed 7' })).toBeVisible();
  expect(screen.getByRole('button', { name: 'Running 0' })).toBeVisible();
});

it('offers the projects and workflows that the exporter knows', async () => {
  serveRuns(() => page([]));
  const figures = (query: URLSearchParams) => figuresOf([{ [query.get('by') ?? '']: 'acme/web' }]);
  server.use(
    http.get(readUrl('/api/v1/analytics/runs'), ({ request }) =>
      HttpResponse.json(figures(new URL(request.url).searchParams)),
    ),
    http.get(readUrl('/api/v1/projects'), () =>
      HttpResponse.json({ data: [{ source: 's', project: 'acme/idle' }], nextCursor: null }),
    ),
  );
  const { user, address } = openPage('runs');
  await user.click(await screen.findByRole('button', { name: 'More filters' }));
  await user.click(screen.getByRole('combobox', { name: 'Project' }));
  expect(await screen.findByRole('option', { name: 'acme/idle' })).toBeVisible();
  await user.click(screen.getByRole('option', { name: 'acme/web' }));
  await waitFor(() => expect(address()).toContain('project=acme%2Fweb'));
});

it('sorts by a column, and goes through pages and back', async () => {
  const asked = serveRuns((query) => {
    const cursor = query.get('cursor');
    if (cursor === null) return page([run('r1', { name: 'First' })], 'two');
    return cursor === 'two' ? page([run('r2', { name: 'Second' })], 'three') : page([run('r3', { name: 'Third' })]);
  });
  const { user, address } = openPage('runs');
  await user.click(await screen.findByRole('button', { name: 'Cost' }));
  await waitFor(() => expect(asked.at(-1)?.get('sort')).toBe('cost'));
  expect(await screen.findByRole('columnheader', { name: 'Cost' })).toHaveAttribute('aria-sort', 'descending');
  await user.click(screen.getByRole('button', { name: 'Next 50' }));
  expect(await screen.findByRole('link', { name: 'Second' })).toBeVisible();
  expect(address()).toBe('/a/fleetlens-fleet-app/runs?sort=cost&order=desc&cursor=two');
  await user.click(screen.getByRole('button', { name: 'Next 50' }));
  expect(await screen.findByRole('link', { name: 'Third' })).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Next 50' })).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Previous' }));
  expect(await screen.findByRole('link', { name: 'Second' })).toBeVisible();
  await user.click(screen.getByRole('button', { name: 'Previous' }));
  expect(await screen.findByRole('link', { name: 'First' })).toBeVisible();
});

describe('while runs go on', () => {
  // Only what repeats: what waits for an answer goes by the clock.
  beforeEach(() =>
    jest.useFakeTimers({
      advanceTimers: true,
      doNotFake: [
        'setTimeout',
        'clearTimeout',
        'setImmediate',
        'clearImmediate',
        'nextTick',
        'queueMicrotask',
        'Date',
        'performance',
        'hrtime',
      ],
    }),
  );
  afterEach(() => jest.useRealTimers());

  it('keeps the rows in place, shows how they change, and offers what came', async () => {
    let answer = [run('r2', { name: 'Two', status: 'running' }), run('r1', { name: 'One' })];
    // More is asked for than is shown: an older run is no news.
    const older = run('r0', { name: 'Older' });
    serveRuns((query) => (query.get('limit') === '50' ? page(answer, 'two') : page([...answer, older], 'three')));
    const { user } = openPage('runs');
    expect(await screen.findByRole('link', { name: 'Two' })).toBeVisible();
    answer = [
      run('r4', { name: 'Four' }),
      run('r3', { name: 'Three' }),
      run('r2', { name: 'Two', status: 'failed' }),
      run('r1', { name: 'One' }),
    ];
    jest.advanceTimersByTime(31_000);
    const news = await screen.findByRole('button', { name: '2 new runs' });
    expect(screen.getAllByRole('rowheader').map((cell) => cell.querySelector('a')?.textContent)).toEqual([
      'Two',
      'One',
    ]);
    expect(within((await rowOf('Two')) as HTMLElement).getByText('Failed')).toBeVisible();
    await user.click(news);
    expect(await screen.findByRole('link', { name: 'Four' })).toBeVisible();
    await waitFor(() => expect(screen.queryByRole('button', { name: /new run/ })).toBeNull());
  });

  it('tells how a run ended that the filters do not fit any more', async () => {
    let answer = [run('r1', { name: 'One', status: 'running' })];
    serveRuns(() => page(answer));
    server.use(
      http.get(readUrl('/api/v1/runs/crucible/r1'), () =>
        HttpResponse.json(run('r1', { name: 'One', status: 'timed_out' })),
      ),
    );
    openPage('runs?status=running');
    expect(await screen.findByRole('link', { name: 'One' })).toBeVisible();
    answer = [];
    jest.advanceTimersByTime(31_000);
    await waitFor(async () => expect(within((await rowOf('One')) as HTMLElement).getByText('Timed out')).toBeVisible());
  });

  it('says how old the list is once the exporter does not answer', async () => {
    let isUp = true;
    const error = { code: 'unavailable', message: 'found no ledger', requestId: 'q1' };
    serveRuns(() => (isUp ? page([run('r1', { name: 'One' })]) : HttpResponse.json({ error }, { status: 503 })));
    openPage('runs');
    expect(await screen.findByRole('link', { name: 'One' })).toBeVisible();
    isUp = false;
    jest.advanceTimersByTime(31_000);
    expect(await screen.findByText(/Shown as of .*found no ledger/)).toBeVisible();
    expect(screen.getByRole('link', { name: 'One' })).toBeVisible();
  });
});

it('says that the role does not reach so far', async () => {
  const error = { code: 'forbidden', message: 'found role none, expected viewer', requestId: 'q1' };
  serveRuns(() => HttpResponse.json({ error }, { status: 403 }));
  openPage('runs');
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
  expect(screen.getByText('found role none, expected viewer')).toBeVisible();
});

it('keeps a view under a name', async () => {
  window.localStorage.clear();
  serveRuns(() => page([run('r1', { name: 'One' })]));
  const { user } = openPage('runs?status=failed&project=a%26b&cursor=x&ds=fleet');
  await user.click(await screen.findByRole('button', { name: 'Views' }));
  await user.type(await screen.findByRole('textbox', { name: 'Name of the view' }), 'Red');
  await user.click(screen.getByRole('button', { name: 'Save' }));
  expect(await screen.findByRole('link', { name: 'Red' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/runs?status=failed&project=a%26b&ds=fleet',
  );
  await user.click(screen.getByRole('button', { name: 'Remove view Red' }));
  expect(await screen.findByText(/None yet/)).toBeVisible();
});

describe('the file for spreadsheets', () => {
  const files: Blob[] = [];
  beforeEach(() => {
    files.length = 0;
    URL.createObjectURL = (file: Blob) => {
      files.push(file);
      return 'blob:x';
    };
    URL.revokeObjectURL = () => undefined;
    jest.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
  });
  afterEach(() => jest.restoreAllMocks());

  it('holds every page of the list', async () => {
    serveRuns((query) =>
      query.get('cursor') === null ? page([run('r1', { name: 'One' })], 'two') : page([run('r2')]),
    );
    const { user } = openPage('runs?status=failed');
    await user.click(await screen.findByRole('button', { name: 'CSV' }));
    await waitFor(() => expect(files).toHaveLength(1));
    const lines = (await (files[0] as Blob).text()).split('\r\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^"crucible","r1","One"/);
    expect(lines[2]).toMatch(/^"crucible","r2",,/);
  });

  it('says why there is none', async () => {
    const error = { code: 'unavailable', message: 'found no ledger', requestId: 'q1' };
    serveRuns((query) =>
      query.get('limit') === '500' ? HttpResponse.json({ error }, { status: 503 }) : page([run('r1', { name: 'One' })]),
    );
    const { user } = openPage('runs');
    await user.click(await screen.findByRole('button', { name: 'CSV' }));
    expect(await screen.findByText('No file: found no ledger')).toBeVisible();
    expect(files).toHaveLength(0);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '  =1', '\r\n=1'])('takes %j for text', (name) => {
    expect(runsToCsv([run('r1', { name })])).toContain(`"'${name}"`);
  });

  it('quotes what would end a cell', () => {
    expect(runsToCsv([run('r1', { name: 'a,"b"\nc' })])).toContain('"a,""b""\nc"');
  });
});

import type { FiguresAnswer, FiguresOfGroup, TimeseriesAnswer } from '@contract/analytics.ts';
import type { AttentionAnswer, AttentionItem, SourceState, SourcesAnswer } from '@contract/overview.ts';
import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';
import { bucketOf, compareFigure } from './windowFigures';

serveFleet();

const SCOPE = { from: '2026-11-20T10:00:00.000Z', to: '2026-11-21T10:00:00.000Z', asOf: '2026-11-21T10:00:00.000Z' };
const FIGURES: FiguresOfGroup = {
  runs: 40,
  succeeded: 30,
  failed: 8,
  timedOut: 2,
  cancelled: 0,
  successRate: 0.75,
  costUsd: 12,
  runsWithCost: 40,
  costOfFailuresUsd: 3,
  evaluatedRuns: 0,
  firstPass: { byVerdict: { passed: 0, of: 0 }, byOutcome: { passed: 0, of: 0 } },
  pullRequests: 5,
  mergedPullRequests: 4,
  spentUsd: 12.5,
};
const SOURCE: SourceState = {
  source: 'crucible',
  type: 'int-crucible',
  way: 'pull',
  backfilled: true,
  catchingUp: false,
  deadLetters: 0,
  stale: false,
};

interface Served {
  readonly attention?: readonly AttentionItem[];
  readonly sources?: readonly SourceState[];
  readonly now?: FiguresOfGroup | undefined;
  readonly before?: FiguresOfGroup | undefined;
  readonly pending?: readonly object[];
}

/** @returns the queries that were asked, by route. */
function serve({ attention = [], sources = [SOURCE], now, before, pending = [] }: Served) {
  const asked = new Map<string, URLSearchParams[]>();
  const route = (path: string, answer: (query: URLSearchParams) => object) =>
    http.get(readUrl(path), ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.set(path, [...(asked.get(path) ?? []), query]);
      return HttpResponse.json(answer(query));
    });
  const ends = new Set<string>();
  server.use(
    route(
      '/api/v1/attention',
      (): AttentionAnswer => ({
        from: SCOPE.from,
        to: SCOPE.to,
        data: [...attention],
      }),
    ),
    route('/api/v1/sources', (): SourcesAnswer => ({ data: [...sources] })),
    route('/api/v1/approvals', () => ({ data: pending, nextCursor: null })),
    route('/api/v1/rate-limits', () => ({
      data: [
        {
          source: 'crucible',
          project: 'a',
          layer: 'repo',
          at: SCOPE.to,
          limited: false,
          limit: 5000,
          remaining: 4200,
        },
        { source: 'crucible', project: 'a', layer: 'repo', at: SCOPE.from, limited: true, limit: 5000, remaining: 0 },
      ],
      nextCursor: null,
    })),
    route('/api/v1/analytics/runs', (query): FiguresAnswer => {
      // The window before ends where this one begins.
      ends.add(query.get('from') ?? '');
      const figures = ends.has(query.get('to') ?? '') ? before : now;
      return { ...SCOPE, groups: 1, data: figures === undefined ? [] : [figures] };
    }),
    route(
      '/api/v1/analytics/timeseries',
      (): TimeseriesAnswer => ({
        ...SCOPE,
        bucket: 'hour',
        timeZone: 'UTC',
        groups: 1,
        data: now === undefined ? [] : [{ points: [{ ...now, from: SCOPE.from, to: SCOPE.to }] }],
      }),
    ),
  );
  return asked;
}

it('says first what is wrong, with a link to the place that shows it', async () => {
  serve({
    attention: [
      { kind: 'budget_exceeded', severity: 'critical', subject: 'acme/web', now: 22, limit: 20 },
      {
        kind: 'failures_unattended',
        severity: 'warning',
        count: 7,
        since: '2026-11-21T09:00:00.000Z',
        runs: [{ source: 'crucible', runId: 'r/1', title: 'Fix <the> parser', since: '2026-11-21T09:00:00.000Z' }],
      },
      { kind: 'failure_rate_rose', severity: 'warning', project: 'acme/web', now: 0.3, before: 0.05 },
      { kind: 'approvals_overdue', severity: 'warning', count: 1 },
      { kind: 'blocked_on_ci', severity: 'ticket', count: 2 },
    ],
  });
  openPage('fleet?project=acme%2Fapi&from=now-6h');
  const region = within(await screen.findByRole('region', { name: 'Needs attention now' }));
  expect(await region.findByRole('link', { name: 'Over budget: acme/web' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/budgets',
  );
  expect(region.getByText('$22.00 of $20.00 spent')).toBeVisible();
  expect(region.getByText('Critical')).toBeVisible();
  expect(region.getByRole('link', { name: '7 failed runs that nobody has looked at' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/runs?project=acme%2Fapi&unattended=true&sort=finished_at&order=asc',
  );
  expect(region.getByRole('link', { name: 'Fix <the> parser' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=crucible&id=r%2F1',
  );
  expect(region.getByRole('link', { name: 'and 6 more' })).toBeVisible();
  expect(region.getByRole('link', { name: 'More runs fail than before (acme/web)' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/runs?project=acme%2Fweb&from=now-6h&to=now&status=failed&status=timed_out',
  );
  expect(region.getByText('30 % in the last 6 h, 5.0 % in the 6 h before')).toBeVisible();
  expect(region.queryByText(/All is well/)).toBeNull();
});

it('names its pickers for who does not see what they say', async () => {
  serve({});
  openPage('fleet');
  expect(await screen.findByRole('combobox', { name: 'Project' })).toHaveAttribute('placeholder', 'All projects');
  expect(screen.getByRole('combobox', { name: 'Source' })).toHaveAttribute('placeholder', 'All sources');
});

it('says that nothing was recorded yet, where there is no source but the exporter itself', async () => {
  serve({ sources: [{ ...SOURCE, source: 'fleetlens', way: 'push' }] });
  openPage('fleet');
  expect(await screen.findByText(/Nothing has been recorded yet/)).toBeVisible();
  expect(screen.queryByText(/All is well/)).toBeNull();
});

it('does not say that nothing was recorded to who may see no source', async () => {
  serve({ sources: [] });
  openPage('fleet');
  expect(await screen.findByText(/No source is configured/)).toBeVisible();
  expect(await screen.findByText(/All is well/)).toBeVisible();
  expect(screen.queryByText(/Nothing has been recorded yet/)).toBeNull();
});

it('says that all is well, and when it looked', async () => {
  serve({});
  openPage('fleet');
  expect(await screen.findByText(/All is well\. Last look: \d{4}-/)).toBeVisible();
  expect(await screen.findByText(/No run ended in this window/)).toBeVisible();
});

it('tells who is waited for', async () => {
  serve({ pending: [{ source: 's', approvalId: 'a1', requestedAt: '2026-11-21T09:00:00.000Z' }] });
  openPage('fleet');
  const region = within(await screen.findByRole('region', { name: 'Needs attention now' }));
  expect(await region.findByRole('link', { name: /approval/ })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/approvals?state=pending',
  );
});

it('compares the window with the one before it; what is unknown is not 0', async () => {
  const asked = serve({ now: FIGURES, before: { ...FIGURES, successRate: 0.9, spentUsd: 5 } });
  openPage('fleet?from=2026-11-20T10:00:00Z&to=2026-11-21T10:00:00Z&source=crucible');
  const region = within(await screen.findByRole('region', { name: 'Figures of the window' }));
  expect((await region.findAllByText('75 %'))[0]).toBeVisible();
  expect(region.getByText('Worse: −15 points (before: 90 %)')).toBeVisible();
  expect(region.getByText('+150 % (before: $5.00)')).toBeVisible();
  expect(region.getByRole('heading', { name: 'Queue wait p95' }).parentElement).toHaveTextContent('before: –');
  expect(region.getByRole('table', { name: 'Runs by outcome' })).toHaveTextContent('30');
  const windows = asked.get('/api/v1/analytics/runs')?.map((query) => [query.get('from'), query.get('to')]);
  expect(windows).toContainEqual(['2026-11-20T10:00:00.000Z', '2026-11-21T10:00:00.000Z']);
  expect(windows).toContainEqual(['2026-11-19T10:00:00.000Z', '2026-11-20T10:00:00.000Z']);
  expect(asked.get('/api/v1/analytics/runs')?.[0]?.get('source')).toBe('crucible');
});

it('says which sources can be believed', async () => {
  serve({
    sources: [
      SOURCE,
      { ...SOURCE, source: 'late', stale: true, polling: { status: 'down', detail: 'found 401, expected 200' } },
      { ...SOURCE, source: 'new', catchingUp: true, progress: { done: 120, total: 900 }, deadLetters: 3 },
    ],
  });
  openPage('fleet');
  const table = within(await screen.findByRole('region', { name: 'State of each source' }));
  const rows = table.getAllByRole('row').map(({ textContent }) => textContent);
  expect(rows[1]).toMatch(/late.*Stale.*found 401, expected 200/);
  expect(rows[2]).toMatch(/crucible.*Up to date/);
  await waitFor(() => expect(table.getByText('4,200 of 5,000 left')).toBeVisible());
  expect(rows[3]).toMatch(/new.*Catching up.*120 of 900.*3 records/);
});

it('shows the other parts where one cannot be had', async () => {
  serve({ now: FIGURES });
  const error = { code: 'not_ready', message: 'found facts that are not ready', requestId: 'q1' };
  server.use(
    http.get(readUrl('/api/v1/attention'), () =>
      HttpResponse.json({ error: { ...error, code: 'forbidden' } }, { status: 403 }),
    ),
  );
  openPage('fleet');
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
  expect((await screen.findAllByText('75 %'))[0]).toBeVisible();
  expect(screen.queryByText(/All is well/)).toBeNull();
});

it.each([
  [10, 5, 'up', 'better'],
  [10, 5, 'down', 'worse'],
  [5, 10, 'down', 'better'],
  [108, 100, 'up', 'same'],
  [1, 0, 'down', 'worse'],
  [10, 5, undefined, 'neutral'],
  [undefined, 5, 'up', 'neutral'],
] as const)('judges %s after %s where %s is good: %s', (now, before, better, judgement) => {
  expect(compareFigure(now, before, better).judgement).toBe(judgement);
});

it('judges a share by its points', () => {
  expect(compareFigure(0.93, 0.98, 'up', 0.02).judgement).toBe('worse');
  expect(compareFigure(0.97, 0.98, 'up', 0.02).judgement).toBe('same');
});

it.each([
  ['2026-11-20T00:00:00Z', 'hour'],
  ['2026-10-20T00:00:00Z', 'day'],
  ['2026-01-01T00:00:00Z', 'week'],
])('has a readable number of points from %s on', (from, bucket) => {
  expect(bucketOf({ from, to: '2026-11-21T00:00:00Z' })).toBe(bucket);
});

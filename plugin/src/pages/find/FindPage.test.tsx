import type { FindAnswer, Found } from '@contract/find.ts';
import { screen, waitFor } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

serveFleet();

const found = (id: string, fields: Partial<Found> = {}): Found => ({
  type: 'run',
  source: 'crucible',
  id,
  foundBy: 'id',
  path: ['runs', 'crucible', id],
  status: 'failed',
  createdAt: '2026-11-21T10:00:00.000Z',
  ...fields,
});
const serveFound = (...data: Found[]) =>
  server.use(http.get(readUrl('/api/v1/find'), () => HttpResponse.json<FindAnswer>({ data })));

/** Answers lists; `asked` are the queries. */
function serveList(path: string, data: readonly object[]) {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(readUrl(path), ({ request }) => {
      asked.push(new URL(request.url).searchParams);
      return HttpResponse.json({ data, nextCursor: null });
    }),
  );
  return asked;
}
/** The run's own page asks for more than these tests are about. */
const ignoreRunPage = () =>
  server.use(
    http.get(/\/read\/api\/v1\/(runs|chains)\/.*/, () =>
      HttpResponse.json({ error: { code: 'not_found', message: 'gone', requestId: 'q1' } }, { status: 404 }),
    ),
  );

it('opens the one run that an id is of', async () => {
  ignoreRunPage();
  serveFound(found('r/1', { foundBy: 'job' }), found('r/12', { foundBy: 'beginningOfId' }));
  const { address } = openPage('find?q=run_trigger_77&ds=fleet');
  await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/run?source=crucible&id=r%2F1&ds=fleet'));
});

it('lists what a text may mean', async () => {
  serveFound(
    found('r1', { title: 'Fix it', foundBy: 'pullRequest', project: 'acme/web' }),
    found('r2', { foundBy: 'pullRequest', prunedAt: '2026-11-01T00:00:00.000Z' }),
    found('c1', { type: 'chain', title: 'Fix all', foundBy: 'beginningOfName' }),
  );
  openPage('find?q=%2312');
  expect(await screen.findByRole('link', { name: 'Fix it' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=crucible&id=r1',
  );
  expect(screen.getByText('Run · crucible · acme/web · r1')).toBeVisible();
  expect(screen.getByText(/Removed by retention/)).toBeVisible();
  expect(screen.getByRole('link', { name: 'Fix all' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/chain?source=crucible&id=c1',
  );
});

it('does not take a beginning for the thing itself', async () => {
  serveFound(found('run_100', { foundBy: 'beginningOfId' }));
  const { address } = openPage('find?q=run_1');
  expect(await screen.findByRole('link', { name: 'run_100' })).toBeVisible();
  expect(address()).toBe('/a/fleetlens-fleet-app/find?q=run_1');
});

it('finds what is typed', async () => {
  serveFound();
  const { user, address } = openPage('find');
  await user.type(await screen.findByRole('textbox'), 'a&b#<i>1{Enter}');
  await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/find?q=a%26b%23%3Ci%3E1'));
  expect(await screen.findByText('Nothing is called a&b#<i>1, or nothing that you may see')).toBeVisible();
});

it('says that the exporter cannot be asked', async () => {
  const error = { code: 'forbidden', message: 'found role none, expected viewer', requestId: 'q1' };
  server.use(http.get(readUrl('/api/v1/find'), () => HttpResponse.json({ error }, { status: 403 })));
  openPage('find?q=r1');
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
});

describe('from an alert', () => {
  it('opens the oldest run of a status; labels that the alert does not have do not filter', async () => {
    ignoreRunPage();
    const asked = serveList('/api/v1/runs', [{ source: 's', runId: 'old' }]);
    const { address } = openPage('find?oldest=running&source=s&project=&workflow=');
    await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/run?source=s&id=old'));
    expect(Object.fromEntries(asked[0] as URLSearchParams)).toEqual({
      source: 's',
      status: 'running',
      sort: 'started_at',
      order: 'asc',
      limit: '1',
    });
  });

  it('means a failure that nobody has looked at', async () => {
    const asked = serveList('/api/v1/runs', []);
    openPage('find?oldest=failed&project=acme%2Fweb');
    expect(await screen.findByText('Nothing is in this state any more: failed')).toBeVisible();
    expect(asked[0]?.get('unattended')).toBe('true');
    expect(screen.getByRole('link', { name: 'Open the list' })).toHaveAttribute(
      'href',
      '/a/fleetlens-fleet-app/runs?project=acme%2Fweb&status=failed&unattended=true&sort=finished_at&order=asc',
    );
  });

  it('opens the oldest failure that nobody has looked at, a time-out as well', async () => {
    ignoreRunPage();
    const asked = serveList('/api/v1/runs', [{ source: 's', runId: 'late', status: 'timed_out' }]);
    const { address } = openPage('find?oldest=unattended&source=s&project=acme%2Fweb&workflow=');
    await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/run?source=s&id=late'));
    expect(Object.fromEntries(asked[0] as URLSearchParams)).toEqual({
      source: 's',
      project: 'acme/web',
      unattended: 'true',
      sort: 'finished_at',
      order: 'asc',
      limit: '1',
    });
  });

  it('opens the pull request that has been blocked for longest', async () => {
    ignoreRunPage();
    serveList('/api/v1/runs', [
      {
        source: 's',
        runId: 'a',
        createdAt: '2026-11-01T00:00:00.000Z',
        pullRequest: { blockedSince: '2026-11-20T00:00:00.000Z' },
      },
      {
        source: 's',
        runId: 'b',
        createdAt: '2026-11-02T00:00:00.000Z',
        pullRequest: { blockedSince: '2026-11-10T00:00:00.000Z' },
      },
    ]);
    const { address } = openPage('find?oldest=blocked_on_ci');
    await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/run?source=s&id=b'));
  });

  it('opens the run of the approval that has been asked for longest', async () => {
    ignoreRunPage();
    const asked = serveList('/api/v1/approvals', [{ source: 's', approvalId: 'p', runId: 'r9' }]);
    const { address } = openPage('find?oldest=approval&workflow=w');
    await waitFor(() => expect(address()).toBe('/a/fleetlens-fleet-app/run?source=s&id=r9'));
    expect(Object.fromEntries(asked[0] as URLSearchParams)).toMatchObject({
      state: 'pending',
      order: 'oldest',
      workflow: 'w',
    });
  });

  it('says which states there are', async () => {
    openPage('find?oldest=%3Cimg%3E');
    expect(await screen.findByText(/Found <img>, expected one of queued, running/)).toBeVisible();
  });
});

import type { Page } from '@contract/api.ts';
import type { ChangesAnswer } from '@contract/live.ts';
import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import type { Listed } from '../../api/FleetApi';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

serveFleet();

type Sandbox = Listed<'sandbox'>;
const sandbox = (sandboxId: string, fields: Partial<Sandbox> = {}): Sandbox => ({
  source: 'cc',
  sandboxId,
  status: 'running',
  origin: 'web',
  createdAt: '2026-11-21T10:00:00.000Z',
  ...fields,
});

function serveSandboxes(answer: (query: URLSearchParams) => Page<Sandbox>) {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(readUrl('/api/v1/sandboxes'), ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      return HttpResponse.json(answer(query));
    }),
  );
  return asked;
}

const rowOf = async (id: string) =>
  within((await screen.findByRole('rowheader', { name: new RegExp(id) })).closest('tr') as HTMLElement);

it('lists those that neither a workflow nor an issue session created, with what each is', async () => {
  const asked = serveSandboxes(() => ({
    data: [
      sandbox('sbx&1', {
        status: 'error',
        project: 'acme/web',
        template: 'node-22',
        cpuCount: 2,
        memoryBytes: 4 * 2 ** 30,
        memoryUsedBytes: 2 ** 30,
        cpuUsedRatio: 0.5,
        runId: 'r1',
        startedAt: '2026-11-21T10:00:00.000Z',
        endedAt: '2026-11-21T10:01:30.000Z',
        error: { message: 'E2B: <template> not found' },
        pullRequest: { status: 'failed', number: 3, url: 'https://github.com/acme/web/pull/3', error: 'no access' },
      }),
      sandbox('quiet', { status: 'killed' }),
    ],
    nextCursor: null,
  }));
  openPage('sandboxes');
  const row = await rowOf('sbx&1');
  expect(row.getByRole('link', { name: 'sbx&1' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/sandbox?source=cc&id=sbx%261',
  );
  for (const text of [
    'Error',
    '1 min 30 s',
    'node-22 · 2 CPU · 4.0 GiB',
    '50 % / 1.0 GiB',
    'E2B: <template> not found',
    'no access',
  ])
    expect(row.getByText(text)).toBeVisible();
  expect(row.getByText(/PR failed/)).toBeVisible();
  const quiet = await rowOf('quiet');
  expect(quiet.getByText('– / –')).toBeVisible();
  expect(asked[0]?.get('state')).toBe('standalone');
});

it('opens a link with its filters, and filters by what is clicked', async () => {
  const asked = serveSandboxes((query) => ({
    data: query.get('cursor') === 'c2' ? [sandbox('second')] : [sandbox('first')],
    nextCursor: query.get('cursor') === 'c2' ? null : 'c2',
  }));
  const { user, address } = openPage('sandboxes?ds=fleet&origin=issue&status=error&project=a%2Fb');
  await rowOf('first');
  expect(Object.fromEntries(asked[0] as URLSearchParams)).toMatchObject({
    state: 'issue',
    status: 'error',
    project: 'a/b',
  });
  await user.click(screen.getByRole('button', { name: /^Next/ }));
  await rowOf('second');
  expect(address()).toContain('cursor=c2');
  await user.click(screen.getByRole('button', { name: 'Paused' }));
  await waitFor(() => expect(asked.at(-1)?.getAll('status')).toEqual(['error', 'paused']));
  await user.click(screen.getByRole('radio', { name: 'All' }));
  await waitFor(() => expect(asked.at(-1)?.get('state')).toBeNull());
  expect(address()).toBe(
    '/a/fleetlens-fleet-app/sandboxes?ds=fleet&project=a%2Fb&status=error&status=paused&origin=all',
  );
});

it('changes rows in place, and offers new ones rather than shift what is read', async () => {
  let rows = [sandbox('one'), sandbox('two')];
  serveSandboxes(() => ({ data: rows, nextCursor: null }));
  let events: ChangesAnswer['events'] = [];
  const change = (id: string, record: Sandbox): ChangesAnswer['events'][number] => ({
    id,
    event: 'record',
    data: {
      topics: ['sandboxes'],
      kind: 'sandbox',
      source: 'cc',
      key: { sandboxId: record.sandboxId },
      at: '2026-11-21T10:00:00.000Z',
      record,
    },
  });
  server.use(
    http.get(readUrl('/api/v1/changes'), () =>
      HttpResponse.json<ChangesAnswer>({ position: '9', more: false, events: events.splice(0) }),
    ),
  );
  const { user } = openPage('sandboxes');
  await rowOf('two');
  events = [
    change('5.0', sandbox('two', { status: 'paused' })),
    change('5.1', sandbox('three')),
    change('5.2', sandbox('of a workflow', { origin: 'workflow' })),
  ];
  const offer = await screen.findByRole('button', { name: /1 new/ });
  expect((await rowOf('two')).getByText('Paused')).toBeVisible();
  expect(screen.queryByText('three')).toBeNull();
  rows = [sandbox('three'), ...rows];
  await user.click(offer);
  await rowOf('three');
  expect(screen.queryByRole('button', { name: /1 new/ })).toBeNull();
});

it('says that there is none, and that others may be there', async () => {
  serveSandboxes((query) => ({ data: query.has('state') ? [] : [sandbox('of a workflow')], nextCursor: null }));
  const { user } = openPage('sandboxes');
  expect(await screen.findByText('No sandbox of this kind has been recorded')).toBeVisible();
  await user.click(screen.getByRole('button', { name: 'Show all sandboxes' }));
  await rowOf('of a workflow');
});

import type { Page } from '@contract/api.ts';
import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import type { Listed } from '../../api/FleetApi';
import { ACKNOWLEDGED } from '../../testing/answers';
import { ACT_URL, allow, openPage, readUrl, serveFleet, server } from '../../testing/renderPage';
import type { Approval } from './approvalState';

serveFleet();

type Run = Listed<'run'>;
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

const approval = (approvalId: string, fields: Partial<Approval> = {}): Approval => ({
  source: 'cc',
  approvalId,
  runId: `run of ${approvalId}`,
  ...fields,
});
const FAILED: Run = {
  source: 'cc',
  runId: 'r&1',
  name: 'Fix the tax',
  status: 'failed',
  project: 'acme/web',
  workflow: 'fix-issue',
  finishedAt: ago(7_200),
  error: { message: 'remote <rejected>' },
};

/** @returns the queries that were asked of each list. */
function serve({
  approvals = () => [],
  runs = () => [],
}: {
  approvals?: (query: URLSearchParams) => readonly Approval[];
  runs?: () => readonly Run[];
}) {
  const asked = { approvals: [] as URLSearchParams[], runs: [] as URLSearchParams[] };
  server.use(
    http.get(readUrl('/api/v1/approvals'), ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.approvals.push(query);
      return HttpResponse.json<Page<Approval>>({ data: [...approvals(query)], nextCursor: null });
    }),
    http.get(readUrl('/api/v1/runs'), ({ request }) => {
      asked.runs.push(new URL(request.url).searchParams);
      return HttpResponse.json<Page<Run>>({ data: [...runs()], nextCursor: null });
    }),
  );
  return asked;
}

const refusal = (status: number, code: string, message: string) =>
  HttpResponse.json({ error: { code, message, requestId: 'q1' } }, { status });
const rows = async () =>
  within(await screen.findByRole('table'))
    .getAllByRole('row')
    .slice(1);

it('shows what waits against what was agreed, overdue first', async () => {
  const asked = serve({
    approvals: () => [
      approval('old', { ageSeconds: 9_000, slaSeconds: 86_400, overdue: false, requestedAt: ago(9_000) }),
      approval('no-sla', { ageSeconds: 8_000, requestedAt: ago(8_000) }),
      approval('late', {
        ageSeconds: 7_200,
        slaSeconds: 3_600,
        overdue: true,
        requestedAt: ago(7_200),
        policy: 'two <eyes>',
        project: 'acme/web',
      }),
      approval('soon', { ageSeconds: 3_300, slaSeconds: 3_600, overdue: false, requestedAt: ago(3_300) }),
    ],
  });
  openPage('approvals?project=acme%2Fweb');
  const [late, old, noSla, soon] = (await rows()).map((row) => within(row));
  for (const text of ['Overdue', 'two <eyes>', '2 h 00 min', '1 h 00 min', '200 %', 'acme/web'])
    expect(late?.getByText(text)).toBeVisible();
  expect(late?.getByRole('link', { name: 'run of late' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=cc&id=run+of+late',
  );
  expect(old?.getByText('Waiting')).toBeVisible();
  // No SLA: neither one nor a share of it, and no project or workflow is known.
  expect(noSla?.getAllByText('–')).toHaveLength(4);
  expect(soon?.getByText('Due soon')).toBeVisible();
  expect(Object.fromEntries(asked.approvals[0] as URLSearchParams)).toMatchObject({
    state: 'pending',
    order: 'oldest',
    project: 'acme/web',
  });
  expect(Object.fromEntries(asked.runs[0] as URLSearchParams)).toMatchObject({
    unattended: 'true',
    project: 'acme/web',
    sort: 'finished_at',
    order: 'asc',
  });
});

it('shows what was decided on demand, by whom, and its address says so', async () => {
  const asked = serve({
    approvals: (query) =>
      query.get('state') === 'decided'
        ? [
            approval('done', {
              decision: 'rejected',
              actor: 'ann',
              requestedAt: ago(7_200),
              decidedAt: ago(3_600),
              slaSeconds: 1_800,
            }),
            approval('gone', { decision: 'expired' }),
          ]
        : [],
  });
  const { user, address } = openPage('approvals?ds=fleet&source=cc');
  expect(await screen.findByText('No approval waits for anybody')).toBeVisible();
  await user.click(screen.getByRole('radio', { name: 'Decided' }));
  expect(await screen.findByText('Rejected')).toBeVisible();
  const [done] = (await rows()).map((row) => within(row));
  expect(done?.getByText('ann')).toBeVisible();
  expect(done?.getByText('1 h 00 min of 30 min')).toBeVisible();
  expect(screen.getByText('Expired')).toBeVisible();
  expect(address()).toBe('/a/fleetlens-fleet-app/approvals?ds=fleet&source=cc&state=decided');
  expect(asked.approvals.at(-1)?.get('order')).toBe('newest');
});

it('acknowledges a failure with a note; it waits no more then', async () => {
  let failed = [FAILED];
  serve({ runs: () => failed });
  const asked: unknown[] = [];
  server.use(
    http.post(ACT_URL, async ({ request }) => {
      asked.push(await request.json());
      failed = [];
      return HttpResponse.json(ACKNOWLEDGED);
    }),
  );
  const { user } = openPage('approvals');
  expect(await screen.findByRole('link', { name: 'Fix the tax' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=cc&id=r%261',
  );
  expect(screen.getByText('remote <rejected>')).toBeVisible();
  expect(screen.getByText('2 hours ago')).toBeVisible();
  await user.click(await screen.findByRole('button', { name: 'Acknowledge with a note' }));
  await user.type(screen.getByLabelText('What whoever comes next should know'), 'Rerun.');
  await user.click(screen.getByRole('button', { name: 'Acknowledge' }));
  expect(await screen.findByText('Somebody has looked at every failure')).toBeVisible();
  expect(screen.getByText('Fix the tax is acknowledged.')).toBeVisible();
  expect(asked).toEqual([{ action: 'acknowledge_run', source: 'cc', runId: 'r&1', note: 'Rerun.' }]);
});

it('shows why an acknowledgement was refused, and keeps the note', async () => {
  serve({ runs: () => [FAILED] });
  server.use(http.post(ACT_URL, () => refusal(409, 'already_acknowledged', 'found that bob acknowledged it')));
  const { user } = openPage('approvals');
  await user.click(await screen.findByRole('button', { name: 'Acknowledge with a note' }));
  const note = screen.getByLabelText('What whoever comes next should know');
  await user.type(note, 'Rerun.');
  await user.click(screen.getByRole('button', { name: 'Acknowledge' }));
  expect(await screen.findByText('found that bob acknowledged it')).toBeVisible();
  expect(note).toHaveValue('Rerun.');
});

it('offers no acknowledgement to who may not', async () => {
  serve({ runs: () => [FAILED] });
  let told = false;
  server.use(allow('read_notification'));
  server.events.on('response:mocked', ({ request }) => {
    told ||= request.url.endsWith('/api/v1/me');
  });
  openPage('approvals');
  expect(await screen.findByRole('link', { name: 'Fix the tax' })).toBeVisible();
  await waitFor(() => expect(told).toBe(true));
  expect(screen.queryByRole('button', { name: 'Acknowledge with a note' })).toBeNull();
});

it('shows each part on its own, whatever becomes of the other', async () => {
  serve({ runs: () => [FAILED] });
  server.use(http.get(readUrl('/api/v1/approvals'), () => refusal(403, 'forbidden', 'found role none')));
  openPage('approvals?state=overdue');
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
  expect(await screen.findByRole('link', { name: 'Fix the tax' })).toBeVisible();
});

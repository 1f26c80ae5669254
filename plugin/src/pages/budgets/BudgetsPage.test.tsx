import type { ActionAnswer } from '@contract/actions.ts';
import type { BudgetAnswer, BudgetsAnswer } from '@contract/budgets.ts';
import type { ChangesAnswer } from '@contract/live.ts';
import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { ACT_URL, allow, openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

serveFleet();

const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

const REPO: BudgetAnswer = {
  budget: 'per_repo_daily_usd',
  scope: 'repo_daily',
  subject: 'acme/web',
  limitUsd: 200,
  configuredUsd: 200,
  spentUsd: 203.11,
  windowStart: inHours(-12),
  windowEnd: inHours(12),
  paused: true,
  pausedSince: inHours(-2),
  usdPerHour: 21.4,
};
const WORKSPACE: BudgetAnswer = {
  budget: 'workspace_monthly_usd',
  scope: 'workspace_monthly',
  subject: 'workspace',
  limitUsd: 5000,
  configuredUsd: 4000,
  raisedUsd: 5000,
  spentUsd: 4200,
  windowStart: inHours(-500),
  windowEnd: inHours(200),
  paused: false,
  usdPerHour: 160,
  exhaustedAt: inHours(5),
  acknowledgedAt: inHours(-30),
  acknowledgedBy: 'root',
  acknowledgedReason: 'Release week.',
};
const PERSONA: BudgetAnswer = {
  budget: 'per_persona_run_usd',
  scope: 'persona_run',
  subject: 'reviewer',
  limitUsd: 25,
  configuredUsd: 25,
  spentUsd: 3,
  run: { source: 'cc', runId: 'run&1' },
  paused: false,
};

function serveBudgets(answer: Partial<BudgetsAnswer> | (() => Partial<BudgetsAnswer>)) {
  server.use(
    http.get(readUrl('/api/v1/budgets'), () => {
      const given = typeof answer === 'function' ? answer() : answer;
      return HttpResponse.json<BudgetsAnswer>({ data: [], timeZone: 'UTC', advisory: false, ...given });
    }),
  );
}

const refusal = (status: number, code: string, message: string) =>
  HttpResponse.json({ error: { code, message, requestId: 'q1' } }, { status });
const card = async (name: string) => within(await screen.findByRole('listitem', { name }));

it('shows first what is paused, then what soon will be, with figures and words', async () => {
  serveBudgets({ data: [PERSONA, WORKSPACE, REPO], advisory: true, contact: '#platform-admins' });
  openPage('budgets');
  const repo = await card('acme/web, each day');
  expect(screen.getAllByRole('listitem').map((item) => within(item).getByRole('heading').textContent)).toEqual([
    'acme/web, each day',
    'Everything, each month',
    'reviewer, each run',
  ]);
  expect(repo.getByText('$203.11 of $200.00 spent · 102 %')).toBeVisible();
  expect(repo.getByText('Paused')).toBeVisible();
  expect(repo.getByText(/until an admin acknowledges/)).toHaveTextContent('2 hours ago');
  expect(repo.getByText('$21.40 an hour')).toBeVisible();
  const workspace = await card('Everything, each month');
  expect(workspace.getByText('Near the limit')).toBeVisible();
  expect(workspace.getByText('in 5 hours')).toBeVisible();
  expect(workspace.getByText('$5,000.00, raised from $4,000.00')).toBeVisible();
  expect(workspace.getByText('Release week.')).toBeVisible();
  const persona = await card('reviewer, each run');
  expect(persona.getByRole('link', { name: 'run&1' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=cc&id=run%261',
  );
  expect(persona.getAllByText('–')).toHaveLength(2);
  expect(screen.getByText('Pauses are advisory')).toBeVisible();
  expect(screen.getByText(/#platform-admins/)).toBeVisible();
});

it('resumes with a reason and a raised limit, and shows who did', async () => {
  const asked: unknown[] = [];
  serveBudgets(() =>
    asked.length === 0
      ? { data: [REPO] }
      : {
          data: [
            {
              ...REPO,
              paused: false,
              limitUsd: 300,
              raisedUsd: 300,
              acknowledgedAt: inHours(0),
              acknowledgedBy: 'ann',
              acknowledgedReason: 'Release day.',
            },
          ],
        },
  );
  server.use(
    http.post(ACT_URL, async ({ request }) => {
      asked.push(await request.json());
      return HttpResponse.json<ActionAnswer<'acknowledge_budget'>>({
        budget: {
          budget: 'per_repo_daily_usd',
          scope: 'repo_daily',
          subject: 'acme/web',
          acknowledgedBy: 'ann',
          pausedSince: inHours(-2),
          acknowledgedAt: inHours(0),
          spentUsd: 22,
        },
      });
    }),
  );
  const { user } = openPage('budgets');
  await user.click(await screen.findByRole('button', { name: 'Acknowledge and resume' }));
  const submit = screen.getByRole('button', { name: 'Resume' });
  expect(submit).toBeDisabled();
  await user.type(screen.getByLabelText('Why sessions may start again'), 'Release day.');
  const limit = screen.getByLabelText(/Raise the limit/);
  await user.type(limit, '20');
  expect(screen.getByText('More than what is spent, $203.11')).toBeVisible();
  expect(submit).toBeDisabled();
  await user.clear(limit);
  await user.type(limit, '300');
  await user.click(submit);
  expect(await screen.findByText(/Last acknowledged by ann/)).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Resume' })).toBeNull();
  expect(asked).toEqual([
    {
      action: 'acknowledge_budget',
      budget: 'per_repo_daily_usd',
      subject: 'acme/web',
      reason: 'Release day.',
      raiseToUsd: 300,
    },
  ]);
});

it('offers no acknowledgement to who may not', async () => {
  serveBudgets({ data: [REPO] });
  server.use(allow('acknowledge_run'));
  openPage('budgets');
  expect(await screen.findByText('$203.11 of $200.00 spent · 102 %')).toBeVisible();
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Acknowledge and resume' })).toBeNull());
});

it('shows why an acknowledgement was refused, and keeps what was written', async () => {
  serveBudgets({ data: [REPO] });
  server.use(http.post(ACT_URL, () => refusal(409, 'not_paused', 'found that it is not paused')));
  const { user } = openPage('budgets');
  await user.click(await screen.findByRole('button', { name: 'Acknowledge and resume' }));
  const reason = screen.getByLabelText('Why sessions may start again');
  await user.type(reason, 'Go on.');
  await user.click(screen.getByRole('button', { name: 'Resume' }));
  expect(await screen.findByText('found that it is not paused')).toBeVisible();
  expect(screen.getByText('Nothing was changed: it is not as it was')).toBeVisible();
  expect(reason).toHaveValue('Go on.');
});

it('says what to configure where there are no budgets, and what is no budget yet', async () => {
  server.use(
    http.get(readUrl('/api/v1/budgets'), () => HttpResponse.json<BudgetsAnswer>({ data: [], advisory: true })),
  );
  const none = openPage('budgets');
  expect(await screen.findByText('No budgets are configured')).toBeVisible();
  expect(screen.getByText(/per_repo_daily_usd: 200/)).toBeVisible();
  none.unmount();
  serveBudgets({ data: [] });
  openPage('budgets');
  expect(await screen.findByText('Nothing has been spent of any budget yet')).toBeVisible();
});

it('says that the role does not reach so far', async () => {
  server.use(http.get(readUrl('/api/v1/budgets'), () => refusal(403, 'forbidden', 'found role none')));
  openPage('budgets');
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
});

it('keeps the chosen states in the address', async () => {
  serveBudgets({ data: [REPO, PERSONA] });
  const { user, address } = openPage('budgets?ds=fleet&state=within');
  await card('reviewer, each run');
  expect(screen.getAllByRole('listitem')).toHaveLength(1);
  await user.click(screen.getByRole('button', { name: 'Paused (1)' }));
  await card('acme/web, each day');
  expect(address()).toBe('/a/fleetlens-fleet-app/budgets?ds=fleet&state=within&state=paused');
});

it('is live: a pause is seen when it happens', async () => {
  let isPaused = false;
  serveBudgets(() => ({ data: [{ ...REPO, paused: isPaused, spentUsd: isPaused ? 203.11 : 20 }] }));
  let events: ChangesAnswer['events'] = [];
  server.use(
    http.get(readUrl('/api/v1/changes'), () =>
      HttpResponse.json<ChangesAnswer>({ position: '9', more: false, events: events.splice(0) }),
    ),
  );
  openPage('budgets');
  await screen.findByText('Within the limit');
  isPaused = true;
  events = [{ id: '5.0', event: 'list', data: { topics: ['budgets'], at: inHours(0) } }];
  expect(await screen.findByText('Paused')).toBeVisible();
});

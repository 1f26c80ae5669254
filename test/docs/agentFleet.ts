import type { PushedEvent } from '../support/pushEvents.ts';

const MINUTE_MS = 60_000;
const SOURCE = 'platform';
const STOREFRONT = { project: 'acme/storefront', workflow: 'fix-issue', persona: 'coder' };
const PAYMENTS = { project: 'acme/payments', workflow: 'nightly-deps', persona: 'updater' };

/** The small fleet that docs/for-agents.md asks about. */
export function agentFleet(nowMs: number): PushedEvent[] {
  const events: PushedEvent[] = [];
  const ago = (hours: number) => new Date(nowMs - hours * 60 * MINUTE_MS).toISOString();
  const push = (kind: string, id: string, at: string, data: Record<string, unknown>) =>
    events.push({ id: `${kind} ${id}`, source: SOURCE, kind, at, data });
  const run = (runId: string, hours: number, minutes: number, data: Record<string, unknown>) => {
    const startedAt = new Date(nowMs - hours * 60 * MINUTE_MS - minutes * MINUTE_MS).toISOString();
    const finishedAt = data.status === 'running' ? undefined : ago(hours);
    push('run', runId, finishedAt ?? startedAt, { runId, createdAt: startedAt, startedAt, finishedAt, ...data });
    const { project, persona, costUsd } = data;
    if (finishedAt !== undefined)
      push('usage', runId, finishedAt, { usageId: runId, runId, project, persona, costUsd, service: 'anthropic' });
  };
  const failed = (message: string) => ({ status: 'failed', error: { surface: 'run', message } });

  run('run_101', 20, 10, { ...STOREFRONT, status: 'succeeded', costUsd: 1.2 });
  run('run_102', 18, 10, { ...STOREFRONT, status: 'succeeded', costUsd: 1 });
  run('run_103', 15, 10, { ...STOREFRONT, ...failed('deadline exceeded'), costUsd: 0.8 });
  run('run_104', 12, 10, { ...STOREFRONT, status: 'succeeded', costUsd: 1.1 });
  run('run_105', 8, 10, { ...STOREFRONT, status: 'succeeded', costUsd: 9.6 });
  run('run_106', 2, 10, { ...STOREFRONT, ...failed('git push was rejected: non-fast-forward'), costUsd: 1.86 });
  run('run_107', 0, 10, { ...STOREFRONT, status: 'running' });
  run('run_201', 21, 5, { ...PAYMENTS, status: 'succeeded', costUsd: 0.4 });
  run('run_202', 14, 5, { ...PAYMENTS, status: 'succeeded', costUsd: 0.5 });
  run('run_203', 6, 5, { ...PAYMENTS, status: 'succeeded', costUsd: 0.45 });
  run('run_204', 3, 30, { ...PAYMENTS, status: 'running' });
  // Spent now, so that the day's budget is used up at whatever time of the day.
  push('usage', 'run_107', ago(0), { usageId: 'run_107', runId: 'run_107', project: STOREFRONT.project, costUsd: 25 });

  for (const [seq, text] of [
    'git push origin fix/discounts',
    '! [rejected] fix/discounts -> fix/discounts (non-fast-forward)',
    'git push was rejected: non-fast-forward',
  ].entries()) {
    push('output', `run_106 ${seq}`, ago(2), { runId: 'run_106', stepId: 'push', seq, role: 'stderr', text });
  }
  const approval = { project: PAYMENTS.project, workflow: 'deploy' };
  push('approval', '1', ago(5.5), { ...approval, approvalId: 'approval_1', requestedAt: ago(5.5), slaSeconds: 3_600 });
  push('approval', '2', ago(0.2), { ...approval, approvalId: 'approval_2', requestedAt: ago(0.2), slaSeconds: 14_400 });
  push('chain', '1', ago(22), {
    chainId: 'chain_1',
    project: PAYMENTS.project,
    status: 'succeeded',
    createdAt: ago(23),
    finishedAt: ago(22),
  });
  push('chain', '2', ago(2), {
    chainId: 'chain_2',
    project: STOREFRONT.project,
    status: 'failed',
    createdAt: ago(9),
    finishedAt: ago(2),
    sprintCount: 3,
    failedSprintIndex: 1,
    sprints: [
      { index: 0, name: 'Rounding', runId: 'run_105', status: 'succeeded' },
      { index: 1, name: 'Vouchers', runId: 'run_106', status: 'failed' },
      { index: 2, name: 'Report', status: 'queued' },
    ],
  });
  return events;
}

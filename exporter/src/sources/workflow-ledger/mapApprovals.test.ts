import { describe, expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import { configSchema } from './config.ts';
import { deriveApproval, mapApprovals } from './mapApprovals.ts';
import { LEDGER_STATUSES, mapWorkflowRun } from './mapWorkflowRun.ts';

const CONFIG = configSchema.parse({ database_url: 'postgres://ledger' });
const RUN = mapWorkflowRun(
  { id: 'r1', status: 'SUSPENDED' },
  [],
  {},
  CONFIG,
  new StatusWords(LEDGER_STATUSES, warnings().log),
);

it.each([
  ['APPROVED', 'approved'],
  ['granted', 'approved'],
  ['REJECTED', 'rejected'],
  ['denied', 'rejected'],
  ['cancelled', 'rejected'],
  ['EXPIRED', 'expired'],
  ['timed_out', 'expired'],
])('the decision %s is %s', (word, decision) => {
  const decided_at = '2026-11-20T10:00:00Z';
  const [approval] = mapApprovals(RUN, [{ id: 'a1', decision: word, decided_at }], CONFIG, new Date());
  expect(approval?.data).toMatchObject({ decision, decidedAt: '2026-11-20T10:00:00.000Z' });
});

it('an approval names its run, who may decide by which policy, and until when it is in time', () => {
  const words = new StatusWords(LEDGER_STATUSES, warnings().log);
  const row = { id: 'r1', status: 'SUSPENDED', project: 'acme', workflow_name: 'deploy' };
  const run = mapWorkflowRun(row, [], {}, CONFIG, words);
  const [requested_at, expires_at] = ['2026-11-20T10:00:00Z', '2036-11-20T10:00:00Z'];
  const request = { id: 'a1', requested_at, expires_at, approver: 'ann', policy: 'four-eyes', decision: 'escalated' };
  expect(mapApprovals(run, [request], { ...CONFIG, approval_sla_by_workflow: { deploy: 60_000 } }, new Date())).toEqual(
    [
      {
        kind: 'approval',
        data: {
          approvalId: 'a1',
          project: 'acme',
          workflow: 'deploy',
          runId: 'r1',
          requestedAt: '2026-11-20T10:00:00.000Z',
          actor: 'ann',
          policy: 'four-eyes',
          slaSeconds: 60,
          attributes: { expiresAt: '2036-11-20T10:00:00.000Z', decision: 'escalated' },
        },
      },
    ],
  );
});

it('an approval that nobody decided in time expired when its time was over', () => {
  const [approval] = mapApprovals(RUN, [{ id: 'a1', expires_at: '2026-11-20T10:00:00Z' }], CONFIG, new Date());
  expect(approval?.data).toMatchObject({ decision: 'expired', decidedAt: '2026-11-20T10:00:00.000Z' });
});

describe('without a table of approvals', () => {
  const at = (minute: number) => `2026-11-20T10:0${minute}:00.000Z`;
  const run = (status: string, ...tasks: Record<string, string>[]) => {
    const row = { id: 'r1', status, workflow_name: 'deploy', finished_at: at(9) };
    return mapWorkflowRun(row, tasks, {}, CONFIG, new StatusWords(LEDGER_STATUSES, warnings().log));
  };
  const gate = { id: 't1', status: 'SUCCEEDED', started_at: at(1), finished_at: at(2) };

  it.each([
    ['RUNNING', [{ id: 't2', status: 'RUNNING', started_at: at(5) }], 'approved', at(5)],
    ['SUCCEEDED', [], 'approved', at(9)],
    ['FAILED', [], 'rejected', at(9)],
    ['CANCELLED', [], 'rejected', at(9)],
  ])('a suspended run that is then %s was decided', (status, next, decision, decidedAt) => {
    const suspended = new Map<string, string>();
    const asked = { approvalId: `r1@${at(2)}`, workflow: 'deploy', runId: 'r1', requestedAt: at(2) };
    const told = (...of: Parameters<typeof run>) =>
      deriveApproval(run(...of), suspended, CONFIG, new Date()).map(({ data }) => data);
    expect(told('SUSPENDED', gate)).toMatchObject([asked]);
    // However long it waits, it is one approval.
    expect(told('SUSPENDED', gate, { ...gate, id: 't9', finished_at: at(4) })).toMatchObject([asked]);
    expect(told(status, gate, ...next)).toMatchObject([{ ...asked, decision, decidedAt }]);
    expect(told(status, gate, ...next)).toEqual([]);
  });

  it('is decided no earlier than it was asked for, whatever the clock of the end says', () => {
    const suspended = new Map([['r1', '2026-11-20T11:00:00.000Z']]);
    const [decided] = deriveApproval(run('CANCELLED', gate), suspended, CONFIG, new Date());
    expect(decided?.data).toMatchObject({ decidedAt: '2026-11-20T11:00:00.000Z', decision: 'rejected' });
  });
});

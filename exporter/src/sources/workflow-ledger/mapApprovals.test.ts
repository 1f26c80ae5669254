import { expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import { configSchema } from './config.ts';
import { mapApprovals } from './mapApprovals.ts';
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

it('an approval that nobody decided in time expired when its time was over', () => {
  const [approval] = mapApprovals(RUN, [{ id: 'a1', expires_at: '2026-11-20T10:00:00Z' }], CONFIG, new Date());
  expect(approval?.data).toMatchObject({ decision: 'expired', decidedAt: '2026-11-20T10:00:00.000Z' });
});

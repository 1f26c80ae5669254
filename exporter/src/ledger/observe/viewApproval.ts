import { type Fact, label, type Part, type RecordView, secondsBetween, unixSeconds, type View } from './recordView.ts';

export const viewApproval: View<'approval'> = (approval, context): RecordView => {
  const scope = [approval.source, label(approval.project), label(approval.workflow)];
  const facts: Fact[] = [];
  const parts: Part[] = [];
  if (approval.decision === undefined && approval.decidedAt === undefined) {
    const since = approval.requestedAt ?? context.stampOf('approvalId');
    parts.push({ family: 'fleet_approvals_pending', labels: scope, value: 1 });
    if (since !== undefined) {
      parts.push({
        family: 'fleet_approval_oldest_pending_timestamp_seconds',
        labels: scope,
        value: unixSeconds(since),
      });
    }
    if (approval.slaSeconds !== undefined) {
      parts.push({ family: 'fleet_approval_sla_seconds', labels: scope, value: approval.slaSeconds });
    }
  } else {
    const wait = secondsBetween(approval.requestedAt, approval.decidedAt);
    if (wait !== undefined)
      facts.push({ family: 'fleet_approval_wait_seconds', key: 'wait', labels: scope, value: wait });
  }
  return { facts, parts, births: [{ family: 'fleet_approvals_pending', labels: scope }] };
};

import type { Listed } from '../../api/FleetApi';

/** With what the exporter adds at the moment of its answer. */
export type Approval = Listed<'approval'> & {
  /** Since it was asked for; of a pending one. */
  readonly ageSeconds?: number;
  /** Pending for longer than its SLA. */
  readonly overdue?: boolean;
};

export const APPROVAL_STATES = ['pending', 'overdue', 'decided'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];

export const approvalKey = ({ source, approvalId }: Approval) => `${source}/${approvalId}`;

/** @returns the part of its SLA that a pending approval has waited; undefined without one. */
export function shareOfSla({ ageSeconds, slaSeconds }: Approval): number | undefined {
  return ageSeconds === undefined || slaSeconds === undefined || slaSeconds <= 0 ? undefined : ageSeconds / slaSeconds;
}

/** @returns the same approvals: overdue ones first, those that waited longest before the others. */
export function byUrgency(approvals: readonly Approval[]): Approval[] {
  return [...approvals].sort(
    (a, b) => Number(b.overdue ?? false) - Number(a.overdue ?? false) || (b.ageSeconds ?? 0) - (a.ageSeconds ?? 0),
  );
}

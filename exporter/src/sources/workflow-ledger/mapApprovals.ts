import { defined, type TextRow, utcInstant } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { WorkflowLedgerConfig } from './config.ts';
import type { MappedRun } from './mapWorkflowRun.ts';

const DECISIONS: readonly { decision: 'approved' | 'rejected' | 'expired'; words: RegExp }[] = [
  { decision: 'approved', words: /^(approved?|granted|accepted|allowed|yes)$/i },
  { decision: 'rejected', words: /^(rejected?|denied|declined|refused|cancell?ed|no)$/i },
  { decision: 'expired', words: /^(expired?|timed_?out|lapsed)$/i },
];

type Sla = Pick<WorkflowLedgerConfig, 'approval_sla' | 'approval_sla_by_workflow'>;

/** Approval requests of a run as the platform's own table has them. */
export function mapApprovals(run: MappedRun, rows: readonly TextRow[], config: Sla, now: Date): PulledRecord[] {
  return rows.map((row) => {
    const decidedAt = utcInstant(row.decided_at);
    const expiresAt = utcInstant(row.expires_at);
    const word = DECISIONS.find(({ words }) => words.test(row.decision ?? ''))?.decision;
    const lapsed =
      word === undefined &&
      decidedAt === undefined &&
      expiresAt !== undefined &&
      Date.parse(expiresAt) <= now.getTime();
    const decision = lapsed ? 'expired' : word;
    return approval(run, config, {
      approvalId: row.id ?? '',
      requestedAt: utcInstant(row.requested_at),
      decidedAt: decidedAt ?? (decision === 'expired' ? expiresAt : undefined),
      decision,
      actor: row.approver || undefined,
      policy: row.policy || undefined,
      attributes: defined({ expiresAt, decision: word === undefined ? row.decision || undefined : undefined }),
    });
  });
}

/**
 * Where there is no table of approvals: a suspended run is one, asked for when the run's last step ended. What the run did next
 * tells the decision.
 * @param suspended runs seen suspended -> since when; kept up to date here.
 */
export function deriveApproval(run: MappedRun, suspended: Map<string, string>, config: Sla, now: Date): PulledRecord[] {
  if (run.status === 'waiting') {
    const lastStep = run.steps.findLast((step) => step.finishedAt !== undefined || step.startedAt !== undefined);
    const requestedAt = suspended.get(run.runId) ?? lastStep?.finishedAt ?? lastStep?.startedAt ?? now.toISOString();
    suspended.set(run.runId, requestedAt);
    return [approval(run, config, { approvalId: `${run.runId}@${requestedAt}`, requestedAt })];
  }
  const requestedAt = suspended.get(run.runId);
  if (requestedAt === undefined || run.status === undefined || run.status === 'unknown') return [];
  suspended.delete(run.runId);
  const next = run.steps.find((step) => step.startedAt !== undefined && step.startedAt > requestedAt);
  const decided = next?.startedAt ?? run.finishedAt ?? now.toISOString();
  return [
    approval(run, config, {
      approvalId: `${run.runId}@${requestedAt}`,
      requestedAt,
      decidedAt: [requestedAt, decided].sort().at(-1),
      decision: run.status === 'cancelled' || run.status === 'failed' ? 'rejected' : 'approved',
    }),
  ];
}

function approval(run: MappedRun, config: Sla, data: Readonly<Record<string, unknown>>): PulledRecord {
  const slaMs =
    (run.workflow === undefined ? undefined : config.approval_sla_by_workflow[run.workflow]) ?? config.approval_sla;
  return {
    kind: 'approval',
    data: defined({
      ...data,
      project: run.project,
      workflow: run.workflow,
      runId: run.runId,
      slaSeconds: slaMs / 1000,
    }),
  };
}

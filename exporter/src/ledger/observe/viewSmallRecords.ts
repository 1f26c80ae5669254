import { isClosedAuditAction } from './auditAction.ts';
import { label, type Part, type RecordView, unixSeconds, type View } from './recordView.ts';

// Records that one fact or a few gauges describe.

export const viewErrorGroup: View<'errorGroup'> = (group, _context) => ({
  facts: seenAs(group).map((key) => ({
    family: 'fleet_error_groups_total',
    key,
    labels: [group.source, label(group.component), group.kind ?? ''],
    passing: true,
    field: 'kind',
  })),
  parts: [],
});

/** Once as new; once as regressed, and once more each time that it is known to have come back again. */
function seenAs({ kind, regressions = 1 }: Parameters<View<'errorGroup'>>[0]): string[] {
  if (kind !== 'regressed') return kind === undefined ? [] : [kind];
  const times = Math.max(1, regressions);
  return Array.from({ length: times }, (_, i) => (i === 0 ? kind : `${kind} ${i + 1}`));
}

export const viewNotification: View<'notification'> = (notification, _context) => ({
  facts:
    notification.type === undefined
      ? []
      : [
          {
            family: 'fleet_notifications_total',
            key: 'sent',
            labels: [notification.source, label(notification.project), notification.type],
          },
        ],
  parts: [],
});

export const viewAudit: View<'audit'> = (audit, _context) => ({
  facts:
    audit.action === undefined
      ? []
      : [
          {
            family: 'fleet_audit_events_total',
            key: 'audited',
            labels: [audit.source, isClosedAuditAction(audit.action) ? audit.action : 'other'],
          },
        ],
  parts: [],
});

export const viewAdapter: View<'adapter'> = (adapter, _context) => ({
  facts: [
    {
      family: 'fleet_adapter_requests_total',
      key: 'called',
      labels: [adapter.source, label(adapter.adapter), label(adapter.result)],
      value: adapter.count ?? 1,
    },
  ],
  parts: [],
});

export const viewRateLimit: View<'rateLimit'> = (limit, _context) => ({
  facts:
    limit.limited === true
      ? [
          {
            family: 'fleet_rate_limited_total',
            key: 'limited',
            labels: [limit.source, label(limit.layer), label(limit.project)],
            value: limit.count ?? 1,
          },
        ]
      : [],
  parts: [],
});

export const viewPlatformError: View<'platformError'> = (error, _context) => ({
  facts: [{ family: 'fleet_errors_total', key: 'logged', labels: [error.source, label(error.component)] }],
  parts: [],
});

export const viewProject: View<'project'> = (project, _context): RecordView => {
  const labels = [project.source, label(project.project)];
  const parts: Part[] = [];
  if (project.workflows !== undefined)
    parts.push({ family: 'fleet_project_workflows', labels, value: project.workflows });
  if (project.members !== undefined) parts.push({ family: 'fleet_project_members', labels, value: project.members });
  if (project.pendingInvitations !== undefined) {
    parts.push({ family: 'fleet_project_pending_invitations', labels, value: project.pendingInvitations });
  }
  return { facts: [], parts };
};

export const viewPersona: View<'persona'> = (persona, _context): RecordView => ({
  facts: [],
  parts:
    persona.lastUsedAt === undefined || persona.archivedAt !== undefined
      ? []
      : [
          {
            family: 'fleet_persona_last_used_timestamp_seconds',
            labels: [persona.source, label(persona.project), label(persona.persona)],
            value: unixSeconds(persona.lastUsedAt),
          },
        ],
});

export const viewWorkflow: View<'workflow'> = (workflow, _context): RecordView => ({
  facts: [],
  parts:
    workflow.approvalSlaSeconds === undefined || workflow.archivedAt !== undefined
      ? []
      : [
          {
            family: 'fleet_approval_sla_seconds',
            labels: [workflow.source, label(workflow.project), label(workflow.workflow)],
            value: workflow.approvalSlaSeconds,
          },
        ],
});

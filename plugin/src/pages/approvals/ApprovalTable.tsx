import { t } from '@grafana/i18n';
import { links } from '../../app/links';
import { type FigureColumn, FigureTable } from '../../components/FigureTable';
import { Mark } from '../../components/Mark';
import { PageLink } from '../../components/PageLink';
import { TimeAgo } from '../../components/TimeAgo';
import { formatDuration, formatShare, secondsBetween, UNKNOWN } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { type Approval, approvalKey, shareOfSla } from './approvalState';

/** From here on the end of the SLA is near. */
const NEAR = 0.8;

interface Props {
  readonly approvals: readonly Approval[];
  readonly isDecided: boolean;
}

/** Approvals: of pending ones how long they wait against what was agreed, of decided ones who decided what. */
export function ApprovalTable({ approvals, isDecided }: Props) {
  return (
    <FigureTable
      caption={isDecided ? t('approvals.decided', 'Decided approvals') : t('approvals.waiting', 'Approvals that wait')}
      rows={approvals}
      columns={isDecided ? [...decided(), ...common()] : [state(), ...pending(), ...common()]}
      keyOf={approvalKey}
    />
  );
}

function common(): FigureColumn<Approval>[] {
  return [
    {
      id: 'run',
      header: t('approvals.column.run', 'Run'),
      sortBy: ({ runId }) => runId,
      cell: ({ source, runId }) =>
        runId === undefined ? UNKNOWN : <PageLink to={links.run(source, runId)}>{runId}</PageLink>,
    },
    {
      id: 'policy',
      header: t('approvals.column.policy', 'Policy'),
      sortBy: ({ policy }) => policy,
      cell: ({ policy, approvalId }) => policy ?? approvalId,
    },
    {
      id: 'project',
      header: t('approvals.column.project', 'Project'),
      sortBy: ({ project }) => project,
      cell: ({ project }) => project ?? UNKNOWN,
    },
    {
      id: 'workflow',
      header: t('approvals.column.workflow', 'Workflow'),
      sortBy: ({ workflow }) => workflow,
      cell: ({ workflow }) => workflow ?? UNKNOWN,
    },
    {
      id: 'source',
      header: t('approvals.column.source', 'Source'),
      sortBy: ({ source }) => source,
      cell: ({ source }) => source,
    },
    {
      id: 'requested',
      header: t('approvals.column.requested', 'Asked for'),
      sortBy: ({ requestedAt }) => requestedAt,
      cell: ({ requestedAt }) => <TimeAgo at={requestedAt} />,
    },
  ];
}

function state(): FigureColumn<Approval> {
  return {
    id: 'state',
    header: t('approvals.column.state', 'State'),
    cell: (approval) => <PendingState approval={approval} />,
  };
}

function PendingState({ approval }: { approval: Approval }) {
  const share = shareOfSla(approval);
  if (approval.overdue === true) {
    return (
      <Mark tone="error" icon="exclamation-circle">
        {t('approvals.overdue', 'Overdue')}
      </Mark>
    );
  }
  if (share !== undefined && share >= NEAR) {
    return (
      <Mark tone="warning" icon="exclamation-triangle">
        {t('approvals.soon', 'Due soon')}
      </Mark>
    );
  }
  return (
    <Mark tone="info" icon="clock-nine">
      {t('approvals.pending', 'Waiting')}
    </Mark>
  );
}

function pending(): FigureColumn<Approval>[] {
  return [
    {
      id: 'age',
      header: t('approvals.column.age', 'Waits for'),
      isFigure: true,
      sortBy: ({ ageSeconds }) => ageSeconds,
      cell: ({ ageSeconds }) => formatDuration(ageSeconds),
    },
    {
      id: 'sla',
      header: t('approvals.column.sla', 'Agreed (SLA)'),
      isFigure: true,
      sortBy: ({ slaSeconds }) => slaSeconds,
      cell: ({ slaSeconds }) => formatDuration(slaSeconds),
    },
    {
      id: 'share',
      header: t('approvals.column.share', 'Of the SLA'),
      isFigure: true,
      sortBy: shareOfSla,
      cell: (approval) => formatShare(shareOfSla(approval)),
    },
  ];
}

function decided(): FigureColumn<Approval>[] {
  const took = ({ requestedAt, decidedAt }: Approval) =>
    decidedAt === undefined ? undefined : secondsBetween(requestedAt, decidedAt);
  return [
    {
      id: 'decision',
      header: t('approvals.column.decision', 'Decision'),
      sortBy: ({ decision }) => decision,
      cell: ({ decision }) => <Decision decision={decision} />,
    },
    {
      id: 'actor',
      header: t('approvals.column.actor', 'By'),
      sortBy: ({ actor }) => actor,
      cell: ({ actor }) => actor ?? UNKNOWN,
    },
    {
      id: 'decided',
      header: t('approvals.column.decided', 'Decided'),
      sortBy: ({ decidedAt }) => decidedAt,
      cell: ({ decidedAt }) => <TimeAgo at={decidedAt} />,
    },
    {
      id: 'took',
      header: t('approvals.column.took', 'Waited'),
      isFigure: true,
      sortBy: took,
      cell: (approval) => {
        const { slaSeconds } = approval;
        const seconds = took(approval);
        if (slaSeconds === undefined) return formatDuration(seconds);
        return t('approvals.took-of', '{{took}} of {{sla}}', {
          took: formatDuration(seconds),
          sla: formatDuration(slaSeconds),
          ...VERBATIM,
        });
      },
    },
  ];
}

function Decision({ decision }: { decision: Approval['decision'] }) {
  switch (decision) {
    case 'approved':
      return (
        <Mark tone="success" icon="check-circle">
          {t('approvals.approved', 'Approved')}
        </Mark>
      );
    case 'rejected':
      return (
        <Mark tone="error" icon="times-circle">
          {t('approvals.rejected', 'Rejected')}
        </Mark>
      );
    case 'expired':
      return (
        <Mark tone="warning" icon="history">
          {t('approvals.expired', 'Expired')}
        </Mark>
      );
    case undefined:
      return UNKNOWN;
  }
}

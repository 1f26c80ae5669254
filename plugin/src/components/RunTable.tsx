import { isOpen } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { Listed } from '../api/FleetApi';
import { links } from '../app/links';
import { formatDuration, formatUsd, secondsBetween, UNKNOWN } from '../format/formatValues';
import { CiBadge } from './CiBadge';
import { Mark } from './Mark';
import { PageLink } from './PageLink';
import { PullRequestBadge } from './PullRequestBadge';
import { type RecordColumn, RecordTable, type Sorting } from './RecordTable';
import { ScoreBadge } from './ScoreBadge';
import { StatusBadge } from './StatusBadge';
import { TimeAgo } from './TimeAgo';

type Run = Listed<'run'>;
type RunSortKey = 'created_at' | 'duration' | 'score' | 'cost';

interface Props {
  readonly runs: readonly Run[];
  /** Absent: headers do not sort. */
  readonly sorting?: Sorting<RunSortKey>;
  /** What these runs are: the table's name for screen readers. */
  readonly caption: string;
  /** Another page is on its way. */
  readonly isBusy?: boolean;
}

/** Runs with what tells a good one from a bad one; what is blocked on CI stands out. */
export function RunTable({ runs, ...table }: Props) {
  return (
    <RecordTable
      {...table}
      records={runs}
      columns={runColumns()}
      keyOf={({ source, runId }) => `${source}/${runId}`}
      markOf={(run) => (isBlocked(run) ? 'warning' : undefined)}
    />
  );
}

function isBlocked(run: Run): boolean {
  return run.pullRequest?.status === 'blocked_on_ci';
}

function runColumns(): readonly RecordColumn<Run, RunSortKey>[] {
  return [
    {
      id: 'status',
      header: t('runs.column.status', 'Status'),
      inHead: true,
      cell: ({ status, rawStatus }) => <StatusBadge status={status} rawStatus={rawStatus} />,
    },
    { id: 'name', header: t('runs.column.name', 'Run'), isName: true, cell: (run) => <RunName run={run} /> },
    { id: 'origin', header: t('runs.column.origin', 'Origin'), cell: ({ origin }) => originLabel(origin) },
    {
      id: 'created',
      header: t('runs.column.created', 'Created'),
      sort: 'created_at',
      inHead: true,
      cell: ({ createdAt }) => <TimeAgo at={createdAt} />,
    },
    {
      id: 'duration',
      header: t('runs.column.duration', 'Duration'),
      sort: 'duration',
      isNumber: true,
      cell: (run) => formatDuration(durationOf(run)),
    },
    {
      id: 'pull-request',
      header: t('runs.column.pull-request', 'Pull request'),
      cell: ({ pullRequest }) => <PullRequestBadge pullRequest={pullRequest} />,
    },
    { id: 'ci', header: t('runs.column.ci', 'CI'), cell: ({ ci }) => <CiBadge status={ci?.status} /> },
    {
      id: 'score',
      header: t('runs.column.score', 'Score'),
      sort: 'score',
      cell: ({ quality }) => <ScoreBadge quality={quality} />,
    },
    {
      id: 'cost',
      header: t('runs.column.cost', 'Cost'),
      sort: 'cost',
      isNumber: true,
      cell: (run) => <RunCost run={run} />,
    },
  ];
}

/** @returns seconds from its start to its end, or to now while it goes on. */
function durationOf({ startedAt, finishedAt, status }: Run): number | undefined {
  return finishedAt === undefined && !isOpen(status) ? undefined : secondsBetween(startedAt, finishedAt);
}

function RunName({ run }: { run: Run }) {
  const styles = useStyles2(getStyles);
  const { source, runId, name, project, workflow, promptPreview, usageMissing } = run;
  const where = [source, project, workflow].filter((part) => part !== undefined).join(' · ');
  return (
    <div className={styles.run}>
      <PageLink to={links.run(source, runId)}>{name ?? runId}</PageLink>
      <div className={styles.secondary}>{where}</div>
      {promptPreview !== undefined && <div className={styles.prompt}>{promptPreview}</div>}
      {usageMissing === true && (
        <div className={styles.secondary}>
          <Mark tone="warning" icon="exclamation-circle">
            <Trans i18nKey="runs.usage-missing">No usage figures</Trans>
          </Mark>
        </div>
      )}
    </div>
  );
}

function RunCost({ run: { costUsd, usageMissing } }: { run: Run }) {
  if (usageMissing !== true) return <>{formatUsd(costUsd)}</>;
  return (
    <Mark
      tone="warning"
      icon="exclamation-circle"
      hint={t('runs.usage-missing-hint', 'The platform recorded no usage of this run')}
    >
      {formatUsd(costUsd)}
    </Mark>
  );
}

type Origin = NonNullable<Run['origin']>;
/** Where runs come from. */
const ORIGIN_LABELS: Readonly<Record<Origin, () => string>> = {
  workflow: () => t('origin.workflow', 'Workflow'),
  sprint: () => t('origin.sprint', 'Sprint'),
  sandbox: () => t('origin.sandbox', 'Sandbox'),
  merge_agent: () => t('origin.merge-agent', 'Merge agent'),
  issue: () => t('origin.issue', 'Issue'),
  pr: () => t('origin.pull-request', 'Pull request'),
  web: () => t('origin.web', 'Web'),
  other: () => t('origin.other', 'Other'),
};
export const ORIGINS = Object.keys(ORIGIN_LABELS) as readonly Origin[];

export function originLabel(origin: Run['origin']): string {
  return origin === undefined ? UNKNOWN : ORIGIN_LABELS[origin]();
}

const getStyles = (theme: GrafanaTheme2) => ({
  run: css({ display: 'grid', gap: theme.spacing(0.25), minWidth: 0, overflowWrap: 'anywhere' }),
  secondary: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  prompt: css({
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    display: '-webkit-box',
    WebkitBoxOrient: 'vertical',
    WebkitLineClamp: 2,
    overflow: 'hidden',
    whiteSpace: 'pre-line',
  }),
});

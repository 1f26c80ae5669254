import { isOpen } from '@contract/status.ts';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Icon, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import type { Listed } from '../api/FleetApi';
import { links } from '../app/links';
import { formatDuration, formatUsd, secondsBetween, UNKNOWN } from '../format/formatValues';
import { CiBadge } from './CiBadge';
import { Mark } from './Mark';
import { PageLink } from './PageLink';
import { PullRequestBadge } from './PullRequestBadge';
import { ScoreBadge } from './ScoreBadge';
import { StatusBadge } from './StatusBadge';
import { TimeAgo } from './TimeAgo';
import { useWidth } from './useWidth';

type Run = Listed<'run'>;
type RunSortKey = 'created_at' | 'duration' | 'score' | 'cost';

interface RunSorting {
  readonly by: string;
  readonly order: 'asc' | 'desc';
  onChange(by: RunSortKey, order: 'asc' | 'desc'): void;
}

interface Props {
  readonly runs: readonly Run[];
  /** Absent: headers do not sort. */
  readonly sorting?: RunSorting;
  /** What these runs are: the table's name for screen readers. */
  readonly caption: string;
  /** Another page is on its way. */
  readonly isBusy?: boolean;
}

/** Narrower than this, each run is a card. */
const TABLE_FROM = 860;

interface Column {
  readonly id: string;
  readonly header: string;
  readonly sort?: RunSortKey;
  readonly isNumber?: boolean;
  readonly cell: (run: Run) => ReactNode;
}

/** Runs with what tells a good one from a bad one; what is blocked on CI stands out. */
export function RunTable({ runs, sorting, caption, isBusy = false }: Props) {
  const styles = useStyles2(getStyles);
  const [ref, width] = useWidth<HTMLDivElement>();
  const columns = runColumns();
  return (
    <div ref={ref} className={cx(styles.frame, isBusy && styles.busy)} aria-busy={isBusy}>
      {width === 0 ? null : width < TABLE_FROM ? (
        <ul className={styles.cards} aria-label={caption}>
          {runs.map((run) => (
            <li key={`${run.source}/${run.runId}`} className={cx(styles.card, isBlocked(run) && styles.blocked)}>
              <div className={styles.cardHead}>
                <StatusBadge status={run.status} rawStatus={run.rawStatus} />
                <TimeAgo at={run.createdAt} />
              </div>
              <RunName run={run} />
              <dl className={styles.facts}>
                {columns
                  .filter(({ id }) => !['status', 'name', 'created'].includes(id))
                  .map(({ id, header, cell }) => (
                    <div key={id}>
                      <dt>{header}</dt>
                      <dd>{cell(run)}</dd>
                    </div>
                  ))}
              </dl>
            </li>
          ))}
        </ul>
      ) : (
        <table className={styles.table}>
          <caption className={styles.caption}>{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ id, header, sort, isNumber }) => (
                <th
                  key={id}
                  scope="col"
                  className={cx(isNumber && styles.number)}
                  aria-sort={
                    sort !== undefined && sorting?.by === sort
                      ? sorting.order === 'asc'
                        ? 'ascending'
                        : 'descending'
                      : undefined
                  }
                >
                  {sort === undefined || sorting === undefined ? (
                    header
                  ) : (
                    <SortButton sort={sort} header={header} sorting={sorting} />
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr key={`${run.source}/${run.runId}`} className={cx(isBlocked(run) && styles.blocked)}>
                {columns.map(({ id, cell, isNumber }) =>
                  id === 'name' ? (
                    <th key={id} scope="row" className={styles.name}>
                      {cell(run)}
                    </th>
                  ) : (
                    <td key={id} className={cx(isNumber && styles.number)}>
                      {cell(run)}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function SortButton({ sort, header, sorting }: { sort: RunSortKey; header: string; sorting: RunSorting }) {
  const styles = useStyles2(getStyles);
  const isSorted = sorting.by === sort;
  return (
    <button
      type="button"
      className={styles.sort}
      onClick={() => sorting.onChange(sort, isSorted && sorting.order === 'desc' ? 'asc' : 'desc')}
    >
      {header}
      {isSorted && <Icon name={sorting.order === 'asc' ? 'arrow-up' : 'arrow-down'} size="sm" aria-hidden />}
    </button>
  );
}

function isBlocked(run: Run): boolean {
  return run.pullRequest?.status === 'blocked_on_ci';
}

function runColumns(): readonly Column[] {
  return [
    {
      id: 'status',
      header: t('runs.column.status', 'Status'),
      cell: ({ status, rawStatus }) => <StatusBadge status={status} rawStatus={rawStatus} />,
    },
    { id: 'name', header: t('runs.column.name', 'Run'), cell: (run) => <RunName run={run} /> },
    { id: 'origin', header: t('runs.column.origin', 'Origin'), cell: ({ origin }) => originLabel(origin) },
    {
      id: 'created',
      header: t('runs.column.created', 'Created'),
      sort: 'created_at',
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
  frame: css({ minWidth: 0, overflowX: 'auto' }),
  busy: css({ opacity: 0.6 }),
  caption: css({ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clipPath: 'inset(50%)' }),
  table: css({
    width: '100%',
    'th, td': {
      padding: theme.spacing(1),
      textAlign: 'left',
      verticalAlign: 'top',
      fontWeight: theme.typography.fontWeightRegular,
      borderBottom: `1px solid ${theme.colors.border.weak}`,
    },
    'thead th': {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      whiteSpace: 'nowrap',
      verticalAlign: 'bottom',
    },
    'tbody tr:hover': { background: theme.colors.emphasize(theme.colors.background.primary, 0.03) },
  }),
  number: css({ '&&': { textAlign: 'right' }, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }),
  name: css({ width: '32%', minWidth: 220 }),
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
  sort: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    padding: 0,
    font: 'inherit',
    border: 'none',
    background: 'none',
    color: 'inherit',
    '&:hover': { color: theme.colors.text.primary },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 2 },
  }),
  blocked: css({
    boxShadow: `inset 3px 0 0 ${theme.colors.warning.main}`,
    background: theme.colors.warning.transparent,
  }),
  cards: css({ listStyle: 'none', margin: 0, padding: 0, display: 'grid', gap: theme.spacing(1) }),
  card: css({
    display: 'grid',
    gap: theme.spacing(1),
    padding: theme.spacing(1.5),
    minWidth: 0,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  cardHead: css({
    display: 'flex',
    flexWrap: 'wrap',
    justifyContent: 'space-between',
    gap: theme.spacing(1),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  facts: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(120px, 1fr))',
    gap: theme.spacing(1),
    margin: 0,
    dt: {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      fontWeight: theme.typography.fontWeightRegular,
    },
    dd: { margin: 0 },
  }),
});

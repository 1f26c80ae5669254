import { SANDBOX_OPEN_STATUSES } from '@contract/status.ts';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import type { Listed } from '../../api/FleetApi';
import { links } from '../../app/links';
import { Mark } from '../../components/Mark';
import { PageLink } from '../../components/PageLink';
import { PullRequestBadge } from '../../components/PullRequestBadge';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeAgo } from '../../components/TimeAgo';
import { useWidth } from '../../components/useWidth';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  secondsBetween,
  UNKNOWN,
} from '../../format/formatValues';

export type Sandbox = Listed<'sandbox'>;
export const sandboxKey = ({ source, sandboxId }: Sandbox) => `${source}/${sandboxId}`;

/** @returns seconds; undefined of one that is gone since nobody knows when. */
export function lifeOf({ status, startedAt, createdAt, endedAt }: Sandbox): number | undefined {
  if (endedAt === undefined && !SANDBOX_OPEN_STATUSES.some((open) => open === status)) return undefined;
  return secondsBetween(startedAt ?? createdAt, endedAt);
}

interface Props {
  readonly sandboxes: readonly Sandbox[];
  readonly caption: string;
  /** Keys of those that changed a moment ago. */
  readonly changed: ReadonlySet<string>;
  readonly isBusy: boolean;
}

/** Narrower than this, each sandbox is a card. */
const TABLE_FROM = 860;

/** Sandboxes: their status, configuration, age, pull request, error and resources. */
export function SandboxTable({ sandboxes, caption, changed, isBusy }: Props) {
  const styles = useStyles2(getStyles);
  const [ref, width] = useWidth<HTMLDivElement>();
  const columns = sandboxColumns();
  return (
    <div ref={ref} className={cx(isBusy && styles.busy)} aria-busy={isBusy}>
      {width === 0 ? null : width < TABLE_FROM ? (
        <ul className={styles.cards} aria-label={caption}>
          {sandboxes.map((sandbox) => (
            <li
              key={sandboxKey(sandbox)}
              className={cx(styles.card, changed.has(sandboxKey(sandbox)) && styles.changed)}
            >
              {columns.map(({ id, header, cell }) =>
                id === 'status' || id === 'name' ? (
                  <div key={id}>{cell(sandbox)}</div>
                ) : (
                  <div key={id} className={styles.fact}>
                    <span className={styles.muted}>{header}</span> {cell(sandbox)}
                  </div>
                ),
              )}
            </li>
          ))}
        </ul>
      ) : (
        <table className={styles.table}>
          <caption className={styles.caption}>{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ id, header }) => (
                <th key={id} scope="col">
                  {header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sandboxes.map((sandbox) => (
              <tr key={sandboxKey(sandbox)} className={cx(changed.has(sandboxKey(sandbox)) && styles.changed)}>
                {columns.map(({ id, cell }) =>
                  id === 'name' ? (
                    <th key={id} scope="row" className={styles.name}>
                      {cell(sandbox)}
                    </th>
                  ) : (
                    <td key={id}>{cell(sandbox)}</td>
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

interface Column {
  readonly id: string;
  readonly header: string;
  readonly cell: (sandbox: Sandbox) => ReactNode;
}

function sandboxColumns(): readonly Column[] {
  return [
    {
      id: 'status',
      header: t('sandboxes.column.status', 'Status'),
      cell: ({ status, rawStatus }) => <StatusBadge status={status} rawStatus={rawStatus} />,
    },
    {
      id: 'name',
      header: t('sandboxes.column.sandbox', 'Sandbox'),
      cell: (sandbox) => <SandboxName {...{ sandbox }} />,
    },
    {
      id: 'configuration',
      header: t('sandboxes.column.configuration', 'Configuration'),
      cell: (sandbox) => configurationOf(sandbox),
    },
    {
      id: 'created',
      header: t('sandboxes.column.created', 'Created'),
      cell: ({ createdAt }) => <TimeAgo at={createdAt} />,
    },
    {
      id: 'lived',
      header: t('sandboxes.column.lived', 'Lived'),
      cell: (sandbox) => formatDuration(lifeOf(sandbox)),
    },
    {
      id: 'used',
      header: t('sandboxes.column.used', 'CPU / memory used'),
      cell: ({ cpuUsedRatio, memoryUsedBytes }) => `${formatShare(cpuUsedRatio)} / ${formatBytes(memoryUsedBytes)}`,
    },
    {
      id: 'pull-request',
      header: t('sandboxes.column.pull-request', 'Pull request'),
      cell: ({ pullRequest }) => <PullRequestBadge pullRequest={pullRequest} />,
    },
  ];
}

/** Its template, its size, and what its own configuration says of tool and model. */
function configurationOf({ template, cpuCount, memoryBytes, diskBytes, config = {} }: Sandbox): string {
  const size = [
    cpuCount === undefined ? undefined : t('sandboxes.cpus', '{{cpus}} CPU', { cpus: formatCount(cpuCount) }),
    memoryBytes === undefined ? undefined : formatBytes(memoryBytes),
    diskBytes === undefined ? undefined : t('sandboxes.disk', '{{size}} disk', { size: formatBytes(diskBytes) }),
  ];
  const named = ['tool', 'toolId', 'model', 'modelId'].map((name) => config[name]);
  const words = [template, ...named, ...size].filter((part) => typeof part === 'string' && part !== '');
  return words.length === 0 ? UNKNOWN : [...new Set(words)].join(' · ');
}

function SandboxName({ sandbox }: { sandbox: Sandbox }) {
  const styles = useStyles2(getStyles);
  const { source, sandboxId, project, origin, runId, error, pullRequest, learningExtractionError } = sandbox;
  const where = [source, project, origin].filter((part) => part !== undefined).join(' · ');
  const errors = [error?.message, pullRequest?.error, learningExtractionError].filter(
    (message) => message !== undefined,
  );
  return (
    <div className={styles.sandbox}>
      <PageLink to={links.sandbox(source, sandboxId)}>{sandboxId}</PageLink>
      <div className={styles.muted}>{where}</div>
      {runId !== undefined && (
        <div className={styles.muted}>
          {t('sandboxes.run', 'Run')} <PageLink to={links.run(source, runId)}>{runId}</PageLink>
        </div>
      )}
      {errors.map((message) => (
        <div key={message} className={styles.error}>
          <Mark tone="error" icon="exclamation-circle" hint={message}>
            {message}
          </Mark>
        </div>
      ))}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  busy: css({ opacity: 0.6 }),
  table: css({
    width: '100%',
    'th, td': {
      padding: theme.spacing(1),
      textAlign: 'left',
      verticalAlign: 'top',
      borderBottom: `1px solid ${theme.colors.border.weak}`,
    },
    'thead th': { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
  }),
  caption: css({ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clipPath: 'inset(50%)' }),
  name: css({ fontWeight: theme.typography.fontWeightRegular, maxWidth: 480 }),
  changed: css({ background: theme.colors.action.selected }),
  cards: css({ listStyle: 'none', margin: 0, display: 'grid', gap: theme.spacing(1) }),
  card: css({
    display: 'grid',
    gap: theme.spacing(0.5),
    padding: theme.spacing(1.5),
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    minWidth: 0,
  }),
  fact: css({ overflowWrap: 'anywhere' }),
  sandbox: css({ display: 'grid', gap: theme.spacing(0.25), minWidth: 0, overflowWrap: 'anywhere' }),
  muted: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  error: css({
    color: theme.colors.error.text,
    fontSize: theme.typography.bodySmall.fontSize,
    display: '-webkit-box',
    WebkitLineClamp: 3,
    WebkitBoxOrient: 'vertical',
    overflow: 'hidden',
  }),
});

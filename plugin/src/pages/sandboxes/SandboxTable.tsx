import { SANDBOX_OPEN_STATUSES } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';
import { links } from '../../app/links';
import { Mark } from '../../components/Mark';
import { PageLink } from '../../components/PageLink';
import { PullRequestBadge } from '../../components/PullRequestBadge';
import { type RecordColumn, RecordTable } from '../../components/RecordTable';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeAgo } from '../../components/TimeAgo';
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

/** Sandboxes: their status, configuration, age, pull request, error and resources. */
export function SandboxTable({ sandboxes, changed, ...table }: Props) {
  return (
    <RecordTable
      {...table}
      records={sandboxes}
      columns={sandboxColumns()}
      keyOf={sandboxKey}
      markOf={(sandbox) => (changed.has(sandboxKey(sandbox)) ? 'changed' : undefined)}
    />
  );
}

function sandboxColumns(): readonly RecordColumn<Sandbox>[] {
  return [
    {
      id: 'status',
      header: t('sandboxes.column.status', 'Status'),
      inHead: true,
      cell: ({ status, rawStatus }) => <StatusBadge status={status} rawStatus={rawStatus} />,
    },
    {
      id: 'name',
      header: t('sandboxes.column.sandbox', 'Sandbox'),
      isName: true,
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
      inHead: true,
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

import { SANDBOX_OPEN_STATUSES } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';
import { links } from '../../app/links';
import { formatBytes, formatCount, formatDuration, formatShare, secondsBetween } from '../../format/formatValues';
import { PageLink } from '../PageLink';
import { StatusBadge } from '../StatusBadge';
import { Facts } from './Facts';
import { VerbatimText } from './VerbatimText';

/** The sandboxes that a run worked in. */
export function RunSandboxes({ sandboxes }: { sandboxes: readonly Listed<'sandbox'>[] }) {
  const styles = useStyles2(getStyles);
  return (
    <ul className={styles.list}>
      {sandboxes.map((sandbox) => (
        <li key={`${sandbox.source}/${sandbox.sandboxId}`} className={styles.sandbox}>
          <span className={styles.line}>
            <StatusBadge status={sandbox.status} rawStatus={sandbox.rawStatus} />
            <PageLink to={links.sandbox(sandbox.source, sandbox.sandboxId)}>{sandbox.sandboxId}</PageLink>
            <span className={styles.muted}>{sandbox.source}</span>
          </span>
          {sandbox.error?.message !== undefined && (
            <VerbatimText text={sandbox.error.message} label={t('run.sandbox.error', 'Error of the sandbox')} />
          )}
          {sandbox.learningExtractionError !== undefined && (
            <VerbatimText
              text={sandbox.learningExtractionError}
              label={t('run.sandbox.learning', 'Error of the learning extraction')}
            />
          )}
          <Facts
            entries={[
              [t('run.sandbox.template', 'Template'), sandbox.template],
              [t('run.sandbox.lived', 'Lived'), formatDuration(lifeOf(sandbox))],
              [
                t('run.sandbox.cpu', 'CPUs (used)'),
                `${formatCount(sandbox.cpuCount)} (${formatShare(sandbox.cpuUsedRatio)})`,
              ],
              [
                t('run.sandbox.memory', 'Memory (used)'),
                `${formatBytes(sandbox.memoryBytes)} (${formatBytes(sandbox.memoryUsedBytes)})`,
              ],
              [t('run.sandbox.disk', 'Disk'), formatBytes(sandbox.diskBytes)],
            ]}
          />
        </li>
      ))}
    </ul>
  );
}

/** @returns seconds; undefined of one that is gone since nobody knows when. */
function lifeOf({ status, startedAt, createdAt, endedAt }: Listed<'sandbox'>): number | undefined {
  if (endedAt === undefined && !SANDBOX_OPEN_STATUSES.some((open) => open === status)) return undefined;
  return secondsBetween(startedAt ?? createdAt, endedAt);
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({ listStyle: 'none', margin: 0, display: 'grid', gap: theme.spacing(2) }),
  sandbox: css({ display: 'grid', gap: theme.spacing(1), gridTemplateColumns: 'minmax(0, 1fr)' }),
  line: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0, 2), overflowWrap: 'anywhere' }),
  muted: css({ color: theme.colors.text.secondary }),
});

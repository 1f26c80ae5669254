import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Alert, useStyles2 } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';
import { links } from '../../app/links';
import { formatDuration, formatUsd, secondsBetween, UNKNOWN } from '../../format/formatValues';
import { PageLink } from '../PageLink';
import { Facts } from '../run/Facts';
import { Moment } from '../run/Moment';
import { StatusBadge } from '../StatusBadge';
import { TimeAgo } from '../TimeAgo';
import type { ChainSprints } from './chainSprints';

interface Props {
  readonly chain: Listed<'chain'>;
  readonly layout: ChainSprints;
  readonly nowMs: number;
}

/** A chain at a glance: how far it is, what failed or stalled, and what resuming would do. */
export function ChainOverview({ chain, layout, nowMs }: Props) {
  const styles = useStyles2(getStyles);
  const { done, total, failed, stalledSince, longest, waitSeconds, costUsd } = layout;
  const duration = secondsBetween(chain.createdAt, chain.finishedAt, nowMs);
  return (
    <section className={styles.overview} aria-label={t('chain.overview', 'Chain at a glance')}>
      <div className={styles.line}>
        <StatusBadge status={chain.status} rawStatus={chain.rawStatus} />
        <strong>
          {total === 0
            ? t('chain.no-sprints', 'No sprint is known yet')
            : t('chain.progress', '{{done}} of {{total}} sprints completed', { done, total })}
        </strong>
      </div>
      {failed !== undefined && (
        <Alert severity="error" title={t('chain.failed', 'Sprint {{number}} failed', { number: failed.index + 1 })}>
          {failed.run?.error?.message !== undefined && <pre className={styles.message}>{failed.run.error.message}</pre>}
          <p>
            {failed.runId !== undefined && (
              <PageLink to={links.run(chain.source, failed.runId)}>
                <Trans i18nKey="chain.open-failed">Open the run that failed</Trans>
              </PageLink>
            )}
          </p>
          <p>
            {t('chain.resume', 'resumeFromSprint {{index}} would run sprints {{from}} to {{total}}', {
              index: failed.index,
              from: failed.index + 1,
              total,
            })}
            {failed.index > 0 && t('chain.resume-keeps', ' and keep the {{count}} before', { count: failed.index })}.
          </p>
        </Alert>
      )}
      {stalledSince !== undefined && (
        <Alert severity="warning" title={t('chain.stalled', 'The next sprint has not begun')}>
          <Trans i18nKey="chain.stalled-since">Nothing of this chain has run since</Trans> <TimeAgo at={stalledSince} />
          .
        </Alert>
      )}
      <Facts
        entries={[
          [t('chain.project', 'Project'), chain.project],
          [t('chain.workflow', 'Workflow'), chain.workflow],
          [t('chain.source', 'Source'), chain.source],
          [t('chain.created', 'Created'), <Moment key="created" at={chain.createdAt} />],
          [t('chain.finished', 'Finished'), <Moment key="finished" at={chain.finishedAt} />],
          [t('chain.duration', 'Duration'), formatDuration(duration)],
          [t('chain.waiting', 'Waiting between sprints'), formatDuration(waitSeconds)],
          [
            t('chain.longest', 'Longest sprint'),
            longest === undefined ? UNKNOWN : `${longest.index + 1}: ${formatDuration(longest.seconds)}`,
          ],
          [t('chain.cost', 'Cost'), formatUsd(costUsd)],
          [
            t('chain.resumed', 'Resumed from sprint'),
            chain.resumeFromSprint === undefined ? null : String(chain.resumeFromSprint + 1),
          ],
        ]}
      />
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  overview: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(2), marginBottom: theme.spacing(3) }),
  line: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(2), fontSize: theme.typography.h5.fontSize }),
  message: css({ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }),
});

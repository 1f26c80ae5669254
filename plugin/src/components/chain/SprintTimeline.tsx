import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { links } from '../../app/links';
import { formatDuration, formatUsd, UNKNOWN } from '../../format/formatValues';
import { statusColor } from '../../status/statusStyle';
import { Mark } from '../Mark';
import { PageLink } from '../PageLink';
import { Moment } from '../run/Moment';
import { SafeLink } from '../SafeLink';
import { ScoreBadge } from '../ScoreBadge';
import { StatusBadge } from '../StatusBadge';
import { useWidth } from '../useWidth';
import type { ChainSprints, Sprint } from './chainSprints';

interface Props {
  readonly source: string;
  readonly layout: ChainSprints;
}

/** Narrower than this, the bars stand below what they are of. */
const TABLE_FROM = 900;

/** Every sprint, those to come too: its place in the chain's time, pull request, cost and score. */
export function SprintTimeline({ source, layout }: Props) {
  const styles = useStyles2(getStyles);
  const [ref, width] = useWidth<HTMLDivElement>();
  const isNarrow = width > 0 && width < TABLE_FROM;
  const labels = {
    duration: t('chain.column.duration', 'Duration'),
    pullRequest: t('chain.column.pull-request', 'Pull request'),
    score: t('chain.column.score', 'Score'),
    cost: t('chain.column.cost', 'Cost'),
  };
  return (
    <div ref={ref}>
      <table className={cx(styles.table, isNarrow && styles.narrow)} aria-label={t('chain.sprints', 'Sprints')}>
        <thead>
          <tr>
            <th scope="col">{t('chain.column.sprint', 'Sprint')}</th>
            <th scope="col">{t('chain.column.status', 'Status')}</th>
            <th scope="col" className={styles.wide}>
              {t('chain.column.time', 'When')}
            </th>
            <th scope="col">{labels.duration}</th>
            <th scope="col">{labels.pullRequest}</th>
            <th scope="col">{labels.score}</th>
            <th scope="col">{labels.cost}</th>
          </tr>
        </thead>
        <tbody>
          {layout.sprints.map((sprint) => (
            <tr key={sprint.index} className={cx(sprint.isFailed && styles.failed)}>
              <th scope="row">
                <SprintName source={source} sprint={sprint} />
              </th>
              <td>
                <StatusBadge status={sprint.status} rawStatus={sprint.run?.rawStatus} />
                {sprint.isRedone && !sprint.isFailed && (
                  <div>
                    <Mark tone="neutral" icon="repeat">
                      {t('chain.redone', 'run on resuming')}
                    </Mark>
                  </div>
                )}
              </td>
              <td>
                <Bar sprint={sprint} layout={layout} />
                {sprint.startedAt === undefined ? (
                  UNKNOWN
                ) : (
                  <span className={styles.times}>
                    <Moment at={sprint.startedAt} /> {t('chain.to', 'to')} <Moment at={sprint.finishedAt} />
                  </span>
                )}
              </td>
              <td data-label={labels.duration}>
                {formatDuration(sprint.seconds)}
                {sprint === layout.longest && layout.sprints.length > 1 && (
                  <div>
                    <Mark tone="info" icon="clock-nine">
                      {t('chain.is-longest', 'longest')}
                    </Mark>
                  </div>
                )}
              </td>
              <td data-label={labels.pullRequest}>
                {sprint.pullRequestUrl === undefined ? (
                  t('chain.pr-pending', 'pending')
                ) : (
                  <SafeLink href={sprint.pullRequestUrl}>{nameOfPullRequest(sprint.pullRequestUrl)}</SafeLink>
                )}
              </td>
              <td data-label={labels.score}>
                <ScoreBadge quality={sprint.run?.quality} />
              </td>
              <td data-label={labels.cost}>{formatUsd(sprint.run?.costUsd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SprintName({ source, sprint: { index, name, runId } }: { source: string; sprint: Sprint }) {
  const text = name ?? t('chain.sprint', 'Sprint {{number}}', { number: index + 1 });
  return runId === undefined ? text : <PageLink to={links.run(source, runId)}>{text}</PageLink>;
}

/** Where the sprint stands in the time of the chain; what is before it within the gap to the one before is its wait. */
function Bar({ sprint, layout }: { sprint: Sprint; layout: ChainSprints }) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const { startMs: from, endMs: to } = layout;
  if (sprint.startMs === undefined || sprint.endMs === undefined || from === undefined || to === undefined) return null;
  const span = Math.max(1, to - from);
  const place = (ms: number) => `${((ms - from) / span) * 100}%`;
  const width = `max(3px, ${((sprint.endMs - sprint.startMs) / span) * 100}%)`;
  return (
    <div className={styles.track} aria-hidden>
      <div
        className={styles.bar}
        style={{ left: place(sprint.startMs), width, background: statusColor(theme, sprint.status) }}
      />
    </div>
  );
}

function nameOfPullRequest(url: string): string {
  const number = /\/pull\/(\d+)/.exec(url)?.[1];
  return number === undefined ? 'PR' : `#${number}`;
}

const getStyles = (theme: GrafanaTheme2) => ({
  table: css({
    width: '100%',
    'th, td': { padding: theme.spacing(1), textAlign: 'left', verticalAlign: 'top', fontWeight: 'normal' },
    'thead th': { color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize },
    tr: { borderBottom: `1px solid ${theme.colors.border.weak}` },
    td: { fontVariantNumeric: 'tabular-nums' },
  }),
  narrow: css({
    '&, tbody, tr, th, td': { display: 'block' },
    thead: { display: 'none' },
    'th, td': { padding: theme.spacing(0.5, 0) },
    tr: { padding: theme.spacing(1) },
    // Its heads are out of sight.
    'td[data-label]::before': { content: "attr(data-label) ': '", color: theme.colors.text.secondary },
  }),
  wide: css({ width: '35%' }),
  // No tint below: links have to stay readable.
  failed: css({ boxShadow: `inset 3px 0 ${theme.colors.error.main}` }),
  track: css({
    position: 'relative',
    height: theme.spacing(1.5),
    background: theme.colors.background.secondary,
    borderRadius: theme.shape.radius.default,
  }),
  bar: css({ position: 'absolute', top: 0, bottom: 0, borderRadius: theme.shape.radius.default }),
  times: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});

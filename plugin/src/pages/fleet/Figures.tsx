import type { FiguresOfGroup } from '@contract/analytics.ts';
import { css } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2, getTimeZone } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Icon, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import type { PageTime } from '../../app/usePageTime';
import { Mark } from '../../components/Mark';
import { QueryState } from '../../components/QueryState';
import { TrendChart } from '../../components/TrendChart';
import { formatCount, formatDuration, formatScore, formatShare, formatUsd } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { STATUS_STYLES } from '../../status/statusStyles';
import { compareFigure, type Direction, readFigures, type WindowFigures } from './windowFigures';

const LOOK_MS = 60_000;

interface Props {
  readonly time: PageTime;
  readonly sources: readonly string[];
  readonly projects: readonly string[];
}

/** What ended in the window, beside the window of the same length before it. */
export function Figures({ time, sources, projects }: Props) {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const scope = { source: sources, project: projects };
  const timeZone = zoneName();
  const query = useQuery({
    queryKey: [uid, 'figures', time, scope, timeZone],
    queryFn: ({ signal }) => readFigures(api, time, scope, timeZone, signal),
    refetchInterval: LOOK_MS,
    placeholderData: keepPreviousData,
  });
  return (
    <section aria-label={t('fleet.figures', 'Figures of the window')}>
      <h2 className={styles.heading}>
        <Trans i18nKey="fleet.figures">Figures of the window</Trans>
      </h2>
      <QueryState
        query={query}
        isEmpty={({ now, before }) => now === undefined && before === undefined}
        empty={
          <p className={styles.muted}>
            <Trans i18nKey="fleet.no-figures">No run ended in this window, nor in the one before it.</Trans>
          </p>
        }
      >
        {(figures) => (
          <>
            <p className={styles.muted}>
              {t('fleet.compared', '{{from}} to {{to}}, compared with the same length before', {
                from: dateTimeFormat(figures.window.from),
                to: dateTimeFormat(figures.window.to),
                ...VERBATIM,
              })}
            </p>
            <div className={styles.tiles}>
              {tiles().map((tile) => (
                <FigureTile key={tile.id} {...tile} figures={figures} />
              ))}
            </div>
            <div className={styles.charts}>
              <div className={styles.tile}>
                <TrendChart
                  title={t('fleet.chart.outcomes', 'Runs by outcome')}
                  isTitled
                  kind="bar"
                  format={formatCount}
                  series={outcomes(figures)}
                />
              </div>
              <div className={styles.tile}>
                <TrendChart
                  title={t('fleet.chart.spent', 'Spent')}
                  isTitled
                  kind="area"
                  format={formatUsd}
                  series={[
                    {
                      label: t('fleet.chart.spent', 'Spent'),
                      points: figures.points.map(({ from, spentUsd }) => ({ at: from, value: spentUsd })),
                    },
                  ]}
                />
              </div>
            </div>
          </>
        )}
      </QueryState>
    </section>
  );
}

const OUTCOMES = [
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['timed_out', 'timedOut'],
  ['cancelled', 'cancelled'],
] as const;

function outcomes({ points }: WindowFigures) {
  return OUTCOMES.map(([status, field]) => ({
    label: STATUS_STYLES[status].label,
    color: STATUS_STYLES[status].color,
    points: points.map((point) => ({ at: point.from, value: point[field] })),
  }));
}

interface Tile {
  readonly id: string;
  readonly label: string;
  readonly of: (figures: Omit<FiguresOfGroup, 'source'>) => number | undefined;
  readonly format: (value: number | undefined) => string;
  /** Which way is good. */
  readonly better: Direction;
  /** Of a share: what is more than chance. */
  readonly leastDifference?: number;
}

function tiles(): readonly Tile[] {
  return [
    {
      id: 'runs',
      label: t('fleet.figure.runs', 'Runs ended'),
      of: ({ runs }) => runs,
      format: formatCount,
      better: undefined,
    },
    {
      id: 'success',
      label: t('fleet.figure.success', 'Success rate'),
      of: ({ successRate }) => successRate,
      format: formatShare,
      better: 'up',
      leastDifference: 0.02,
    },
    {
      id: 'failures',
      label: t('fleet.figure.failures', 'Failed or timed out'),
      of: ({ failed, timedOut }) => failed + timedOut,
      format: formatCount,
      better: 'down',
    },
    {
      id: 'spent',
      label: t('fleet.figure.spent', 'Spent'),
      of: ({ spentUsd }) => spentUsd,
      format: formatUsd,
      better: undefined,
    },
    {
      id: 'cost-per-success',
      label: t('fleet.figure.cost-per-success', 'Cost per success'),
      of: ({ costPerSuccessfulRunUsd }) => costPerSuccessfulRunUsd,
      format: formatUsd,
      better: 'down',
    },
    {
      id: 'queue-wait',
      label: t('fleet.figure.queue-wait', 'Queue wait p95'),
      of: ({ queueWaitSeconds }) => queueWaitSeconds?.p95,
      format: formatDuration,
      better: 'down',
    },
    {
      id: 'duration',
      label: t('fleet.figure.duration', 'Mean duration'),
      of: ({ averageDurationSeconds }) => averageDurationSeconds,
      format: formatDuration,
      better: 'down',
    },
    {
      id: 'quality',
      label: t('fleet.figure.quality', 'Mean score'),
      of: ({ averageQuality }) => averageQuality,
      format: formatScore,
      better: 'up',
    },
    {
      id: 'merged',
      label: t('fleet.figure.merged', 'Merged pull requests'),
      of: ({ mergedPullRequests }) => mergedPullRequests,
      format: formatCount,
      better: 'up',
    },
  ];
}

function FigureTile({ label, of, format, better, leastDifference, figures }: Tile & { figures: WindowFigures }) {
  const styles = useStyles2(getStyles);
  const { now, before, points } = figures;
  const [value, former] = [now && of(now), before && of(before)];
  return (
    <div className={styles.tile}>
      <h3 className={styles.label}>{label}</h3>
      <div className={styles.value}>{format(value)}</div>
      <ChangeNote now={value} before={former} {...{ format, better, leastDifference }} />
      <TrendChart
        title={label}
        height={36}
        format={format}
        series={[{ label, points: points.map((point) => ({ at: point.from, value: of(point) })) }]}
      />
    </div>
  );
}

function ChangeNote({
  now,
  before,
  format,
  better,
  leastDifference,
}: {
  now: number | undefined;
  before: number | undefined;
} & Pick<Tile, 'format' | 'better' | 'leastDifference'>) {
  const styles = useStyles2(getStyles);
  const { ratio, difference, judgement } = compareFigure(now, before, better, leastDifference);
  if (difference === undefined || judgement === 'same')
    return (
      <div className={styles.change}>
        {difference === undefined
          ? t('fleet.before', 'before: {{before}}', { before: format(before) })
          : t('fleet.same', 'as before ({{before}})', { before: format(before) })}
      </div>
    );
  const sign = difference > 0 ? '+' : '−';
  const points = Math.round(Math.abs(difference) * 100);
  const relative =
    leastDifference !== undefined
      ? `${sign}${t('fleet.points', '{{count}} points', { count: points })} `
      : ratio === undefined
        ? ''
        : `${sign}${formatShare(Math.abs(ratio))} `;
  const note = t('fleet.change', '{{relative}}(before: {{before}})', { relative, before: format(before) });
  if (judgement === 'neutral')
    return (
      <div className={styles.change}>
        <Icon name={difference > 0 ? 'arrow-up' : 'arrow-down'} size="sm" aria-hidden /> {note}
      </div>
    );
  return (
    <div className={styles.change}>
      <Mark tone={judgement === 'better' ? 'success' : 'warning'} icon={difference > 0 ? 'arrow-up' : 'arrow-down'}>
        {judgement === 'better' ? t('fleet.better', 'Better:') : t('fleet.worse', 'Worse:')} {note}
      </Mark>
    </div>
  );
}

/** @returns the name of the reader's time zone, in which days begin. */
function zoneName(): string {
  const zone = getTimeZone();
  if (zone === 'utc') return 'UTC';
  return zone === 'browser' || zone === '' ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
}

const getStyles = (theme: GrafanaTheme2) => ({
  heading: css({ ...theme.typography.h4, margin: theme.spacing(0, 0, 0.5) }),
  muted: css({
    margin: theme.spacing(0, 0, 1),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  tiles: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(150px, 1fr))',
    gap: theme.spacing(1),
  }),
  charts: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 420px), 1fr))',
    gap: theme.spacing(1),
    marginTop: theme.spacing(1),
  }),
  tile: css({
    display: 'grid',
    alignContent: 'start',
    gap: theme.spacing(0.5),
    minWidth: 0,
    padding: theme.spacing(1.5),
    background: theme.colors.background.secondary,
    borderRadius: theme.shape.radius.default,
  }),
  label: css({
    margin: 0,
    color: theme.colors.text.secondary,
    ...theme.typography.bodySmall,
    fontWeight: theme.typography.fontWeightRegular,
  }),
  value: css({ fontSize: theme.typography.h3.fontSize, lineHeight: 1.2, fontVariantNumeric: 'tabular-nums' }),
  change: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});

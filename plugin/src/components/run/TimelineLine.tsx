import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Icon, useStyles2, useTheme2 } from '@grafana/ui';
import { memo } from 'react';
import { formatDuration } from '../../format/formatValues';
import { statusColor } from '../../status/statusStyle';
import { type AnyStatus, STATUS_STYLES } from '../../status/statusStyles';
import { StepDetail } from './StepDetail';
import type { StepBaseline } from './stepBaseline';
import { LINE_COLUMNS } from './timelineLayout';
import { durationOf, type GroupRow, type TimelineRow } from './timelineRows';
import type { TimeScale, Window } from './timeScale';
import { VerdictBadge } from './VerdictBadge';

interface Props {
  readonly id: string;
  /** Among the lines that are shown: from 1. */
  readonly position: number;
  readonly count: number;
  readonly row: TimelineRow;
  readonly scale: TimeScale;
  readonly window: Window;
  readonly nowMs: number;
  readonly baseline: StepBaseline | undefined;
  readonly isActive: boolean;
  readonly isFailing: boolean;
  readonly isOpen: boolean;
  readonly onChoose: (row: TimelineRow) => void;
  readonly onToggle: (id: string, open: boolean) => void;
  readonly onShowOutput: ((stepId: string) => void) | undefined;
}

/** One line: what it is, when it was, how long it took; below it, on demand, all that is known of the step. */
export const TimelineLine = memo(function TimelineLine(props: Props) {
  const { id, position, count, row, scale, window, nowMs, baseline, isActive, isFailing, isOpen, onChoose, onToggle } =
    props;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const status = statusOf(row);
  const seconds = secondsOf(row, nowMs);
  const isSlow = baseline !== undefined && seconds !== undefined && seconds > baseline.p95Seconds;
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={row.level}
      aria-posinset={position}
      aria-setsize={count}
      aria-selected={isActive}
      aria-expanded={row.kind === 'wait' ? undefined : isOpen}
      tabIndex={-1}
      className={cx(styles.line, isActive && styles.active, isFailing && styles.failing)}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the tree around it takes the keys */}
      <div
        className={styles.columns}
        role="presentation"
        onClick={() => {
          onChoose(row);
          if (row.kind !== 'wait' && (isActive || !isOpen)) onToggle(row.id, !isOpen);
        }}
      >
        <div className={cx(styles.label, row.level === 2 && styles.below)}>
          {row.kind === 'wait' ? (
            <Icon name="hourglass" className={styles.muted} aria-hidden />
          ) : (
            <span className={styles.mark} aria-hidden>
              {isOpen ? '▾' : '▸'}
            </span>
          )}
          {status !== undefined && (
            <Icon
              name={STATUS_STYLES[status].icon}
              style={{ color: statusColor(theme, status) }}
              className={styles.icon}
              title={STATUS_STYLES[status].label}
              aria-label={STATUS_STYLES[status].label}
            />
          )}
          <Label row={row} />
        </div>
        <div className={styles.track}>
          <Track row={row} scale={scale} window={window} status={status} baseline={baseline} />
        </div>
        <div className={styles.duration}>
          {isSlow && (
            <Icon
              name="stopwatch"
              className={styles.slow}
              title={t('run.timeline.slow', 'Slower than 95 % ({{p95}})', { p95: formatDuration(baseline.p95Seconds) })}
              aria-label={t('run.timeline.slow', 'Slower than 95 % ({{p95}})', {
                p95: formatDuration(baseline.p95Seconds),
              })}
            />
          )}
          {formatDuration(seconds)}
        </div>
      </div>
      {isOpen && row.kind === 'step' && (
        <div className={styles.detail}>
          <StepDetail step={row.step} seconds={seconds} baseline={baseline} onShowOutput={props.onShowOutput} />
        </div>
      )}
    </div>
  );
});

function waitLabel(beforeAttempt: number | undefined): string {
  return beforeAttempt === undefined
    ? t('run.timeline.queue-wait', 'Waited in the queue')
    : t('run.timeline.retry-wait', 'Waited for attempt {{attempt}}', { attempt: beforeAttempt });
}

function Label({ row }: { row: TimelineRow }) {
  const styles = useStyles2(getStyles);
  if (row.kind === 'wait') return <span className={styles.muted}>{waitLabel(row.beforeAttempt)}</span>;
  if (row.kind === 'group') {
    return (
      <>
        <strong className={styles.text}>{groupLabel(row)}</strong>
        <span className={styles.muted}>
          {row.steps.length === 1
            ? t('run.timeline.one-step', '1 step')
            : t('run.timeline.steps', '{{number}} steps', { number: row.steps.length })}
        </span>
      </>
    );
  }
  const { step } = row;
  const name = step.name ?? step.stepId;
  return (
    <>
      <span className={styles.text} title={name}>
        {step.role !== undefined && step.role !== name && <strong>{step.role} </strong>}
        {name}
      </span>
      {step.verdict?.passed !== undefined && <VerdictBadge passed={step.verdict.passed} />}
      {row.level === 1 && step.iteration !== undefined && (
        <span className={styles.extra}>{t('run.timeline.iteration', 'iteration {{n}}', { n: step.iteration })}</span>
      )}
      <span className={styles.extra} title={[step.tool, step.model].filter(Boolean).join(' · ')}>
        {[step.verb, step.tool, step.model].filter(Boolean).join(' · ')}
      </span>
      {step.verdict?.passed === false && step.verdict.feedback !== undefined && (
        <span className={styles.feedback}>{step.verdict.feedback.slice(0, 200)}</span>
      )}
    </>
  );
}

function groupLabel({ attempt, iteration }: GroupRow): string {
  if (attempt === undefined) return t('run.timeline.group-iteration', 'Iteration {{iteration}}', { iteration });
  if (iteration === undefined) return t('run.timeline.group-attempt', 'Attempt {{attempt}}', { attempt });
  return t('run.timeline.group-both', 'Attempt {{attempt}}, iteration {{iteration}}', { attempt, iteration });
}

/** Of a group: what went wrong in it, else what still goes on, else how its last step ended. */
function statusOf(row: TimelineRow): AnyStatus | undefined {
  if (row.kind === 'wait') return undefined;
  if (row.kind === 'step') return row.step.status ?? 'unknown';
  const statuses = new Set(row.steps.map(({ status }) => status));
  for (const status of ['failed', 'timed_out', 'running', 'waiting'] as const) if (statuses.has(status)) return status;
  return row.steps.at(-1)?.status ?? 'unknown';
}

function secondsOf(row: TimelineRow, nowMs: number): number | undefined {
  if (row.kind === 'step') return durationOf(row.step, nowMs);
  if (row.startMs === undefined || row.endMs === undefined) return undefined;
  return Math.max(0, row.endMs - row.startMs) / 1000;
}

function Track({
  row,
  scale,
  window,
  status,
  baseline,
}: {
  row: TimelineRow;
  scale: TimeScale;
  window: Window;
  status: AnyStatus | undefined;
  baseline: StepBaseline | undefined;
}) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const { startMs, endMs } = row;
  if (startMs === undefined) return null;
  const shareOf = (ms: number) => ((scale.placeOf(ms) - window.from) / (window.to - window.from)) * 100;
  const [from, to] = [shareOf(startMs), shareOf(endMs ?? startMs)];
  const [left, right] = [Math.max(0, from), Math.min(100, to)];
  const usual =
    baseline === undefined
      ? []
      : ([
          ['p50', baseline.p50Seconds],
          ['p95', baseline.p95Seconds],
        ] as const);
  return (
    <>
      {left <= right && from <= 100 && to >= 0 && (
        <span
          className={cx(styles.bar, row.kind === 'wait' && styles.wait, row.kind === 'group' && styles.group)}
          style={{
            left: `min(${left}%, 100% - 3px)`,
            width: `max(3px, ${right - left}%)`,
            ...(row.kind === 'wait' || status === undefined ? {} : { backgroundColor: statusColor(theme, status) }),
          }}
        />
      )}
      {usual.map(([name, seconds]) => {
        const at = shareOf(startMs + seconds * 1000);
        return (
          at >= 0 &&
          at <= 100 && (
            <span
              key={name}
              className={cx(styles.usual, name === 'p95' && styles.usualMost)}
              style={{ left: `${at}%` }}
              title={`${name} ${formatDuration(seconds)}`}
            />
          )
        );
      })}
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  line: css({
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    borderLeft: '3px solid transparent',
    outline: 'none',
  }),
  active: css({ background: theme.colors.action.selected, borderLeftColor: theme.colors.primary.border }),
  failing: css({ borderLeftColor: theme.colors.error.border }),
  columns: css({
    ...LINE_COLUMNS(theme),
    minHeight: 35,
    padding: theme.spacing(0.5, 1),
    cursor: 'pointer',
    '&:hover': { background: theme.colors.action.hover },
  }),
  label: css({
    gridArea: 'label',
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    columnGap: theme.spacing(0.75),
    minWidth: 0,
  }),
  below: css({ paddingLeft: theme.spacing(2) }),
  icon: css({ flexShrink: 0 }),
  text: css({ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', maxWidth: '100%' }),
  /** A character costs a long list less than an icon does. */
  mark: css({ color: theme.colors.text.secondary, flexShrink: 0, width: '1em', textAlign: 'center' }),
  muted: css({ color: theme.colors.text.secondary, flexShrink: 0 }),
  extra: css({
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    maxWidth: '100%',
  }),
  feedback: css({
    flexBasis: '100%',
    fontSize: theme.typography.bodySmall.fontSize,
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    paddingLeft: theme.spacing(2.5),
  }),
  track: css({
    gridArea: 'track',
    position: 'relative',
    height: 14,
    [theme.breakpoints.down('md')]: { marginTop: theme.spacing(0.5) },
  }),
  bar: css({ position: 'absolute', top: 1, height: 12, borderRadius: theme.shape.radius.default }),
  group: css({ top: 5, height: 4, opacity: 0.7 }),
  wait: css({
    border: `1px dashed ${theme.colors.border.strong}`,
    backgroundImage: `repeating-linear-gradient(45deg, ${theme.colors.border.strong} 0 2px, transparent 2px 6px)`,
  }),
  usual: css({
    position: 'absolute',
    top: -2,
    bottom: -2,
    width: 0,
    borderLeft: `1px dashed ${theme.colors.text.primary}`,
    pointerEvents: 'none',
  }),
  usualMost: css({ borderLeftStyle: 'solid' }),
  duration: css({
    gridArea: 'duration',
    display: 'flex',
    justifyContent: 'flex-end',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    whiteSpace: 'nowrap',
    fontVariantNumeric: 'tabular-nums',
  }),
  slow: css({ color: theme.colors.warning.text }),
  detail: css({
    padding: theme.spacing(1, 1, 2, 4),
    [theme.breakpoints.down('md')]: { paddingLeft: theme.spacing(1) },
  }),
});

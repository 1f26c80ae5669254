import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import { type PointerEvent, useRef, useState } from 'react';
import { formatDuration } from '../../format/formatValues';
import { TRACK_INSET } from './timelineLayout';
import type { TimeScale, Window } from './timeScale';

interface Props {
  readonly scale: TimeScale;
  readonly window: Window;
  readonly onWindow: (window: Window) => void;
}

const TICKS = [0, 0.25, 0.5, 0.75, 1];
const LEAST_DRAG = 0.01;

/** Time since the beginning, and where it is cut. A stretch that is dragged over is zoomed to; the buttons and keys do the same. */
export function TimelineAxis({ scale, window, onWindow }: Props) {
  const styles = useStyles2(getStyles);
  const track = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const width = window.to - window.from;
  const shareAt = ({ clientX }: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    return box === undefined || box.width === 0 ? 0 : Math.min(1, Math.max(0, (clientX - box.left) / box.width));
  };
  const onUp = () => {
    if (drag !== undefined && Math.abs(drag.to - drag.from) > LEAST_DRAG) {
      const [left, right] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      onWindow({ from: window.from + left * width, to: window.from + right * width });
    }
    setDrag(undefined);
  };
  return (
    <div className={styles.axis} aria-hidden>
      <div
        ref={track}
        className={styles.track}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture?.(event.pointerId);
          setDrag({ from: shareAt(event), to: shareAt(event) });
        }}
        onPointerMove={(event) => drag !== undefined && setDrag({ ...drag, to: shareAt(event) })}
        onPointerUp={onUp}
        onPointerCancel={() => setDrag(undefined)}
        title={t('run.timeline.drag', 'Drag to zoom')}
      >
        {TICKS.map((share) => (
          <span
            key={share}
            className={cx(styles.tick, share % 0.5 !== 0 && styles.minor)}
            style={{ left: `${share * 100}%`, transform: `translateX(${-share * 100}%)` }}
          >
            {offsetLabel((scale.timeAt(window.from + share * width) - scale.startMs) / 1000)}
          </span>
        ))}
        {scale.cuts.slice(0, 50).map(({ startMs, endMs }) => {
          const at = ((scale.placeOf(startMs) + scale.placeOf(endMs)) / 2 - window.from) / width;
          return (
            at >= 0 &&
            at <= 1 && (
              <span
                key={startMs}
                className={styles.cut}
                style={{ left: `${at * 100}%` }}
                title={t('run.timeline.cut', '{{length}} without work', {
                  length: formatDuration((endMs - startMs) / 1000),
                })}
              >
                {'//'}
              </span>
            )
          );
        })}
        {drag !== undefined && (
          <span
            className={styles.drag}
            style={{
              left: `${Math.min(drag.from, drag.to) * 100}%`,
              width: `${Math.abs(drag.to - drag.from) * 100}%`,
            }}
          />
        )}
      </div>
    </div>
  );
}

const offsetLabel = (seconds: number) => (seconds === 0 ? '0' : formatDuration(seconds));

const getStyles = (theme: GrafanaTheme2) => ({
  axis: css({
    ...TRACK_INSET(theme),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    fontVariantNumeric: 'tabular-nums',
  }),
  track: css({
    position: 'relative',
    height: 34,
    cursor: 'col-resize',
    touchAction: 'pan-y',
    userSelect: 'none',
  }),
  tick: css({ position: 'absolute', top: 0, whiteSpace: 'nowrap', pointerEvents: 'none' }),
  minor: css({ [theme.breakpoints.down('md')]: { display: 'none' } }),
  cut: css({
    position: 'absolute',
    bottom: 0,
    transform: 'translateX(-50%)',
    fontWeight: theme.typography.fontWeightBold,
  }),
  drag: css({
    position: 'absolute',
    top: 0,
    bottom: 0,
    background: theme.colors.primary.transparent,
    borderLeft: `1px solid ${theme.colors.primary.border}`,
    borderRight: `1px solid ${theme.colors.primary.border}`,
  }),
});

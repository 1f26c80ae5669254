import { css } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { type KeyboardEvent, useMemo, useState } from 'react';
import {
  decimalStep,
  knownStretches,
  nearestIndex,
  type StepOf,
  type TrendGrid,
  type TrendSeries,
  trendGrid,
  valueTicks,
} from './trendScale';
import { useWidth } from './useWidth';
import { VisuallyHidden } from './VisuallyHidden';

interface Props {
  /** What it shows: its accessible name, and the caption of its table. */
  readonly title: string;
  /** Whether it is written above the drawing: where no heading says it. */
  readonly isTitled?: boolean;
  readonly series: readonly TrendSeries[];
  /** Writes a value with its unit: one of `formatValues`. */
  readonly format: (value: number | undefined) => string;
  /** Which values are round. Default: in the decimal system. */
  readonly stepOf?: StepOf;
  /** Bars and areas of several series stand on each other; lines do not. */
  readonly kind?: 'line' | 'bar' | 'area';
  /** Of the drawing, in pixels; below {@link AXES_FROM} it is a sparkline: no axes and no legend. */
  readonly height?: number;
  /** Writes a time. Default: date and time in the reader's zone. */
  readonly formatTime?: (ms: number) => string;
  /** Horizontal lines to compare with: a limit, a baseline. */
  readonly references?: readonly { readonly label: string; readonly value: number }[];
}

const AXES_FROM = 80;
const AXIS_LEFT = 56;
const AXIS_BELOW = 20;
const EDGE = 4;
/** Series are told apart without their colours, too. */
const DASHES = [undefined, '6 3', '2 3', '8 3 2 3'];

/** The course of figures over time: by pointer, by arrow keys, and as a table for screen readers. Unknown values are gaps. */
export function TrendChart({
  title,
  isTitled = false,
  series,
  format,
  stepOf = decimalStep,
  kind = 'line',
  height = 160,
  formatTime = dateTimeFormat,
  references = [],
}: Props) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const [ref, width] = useWidth<HTMLDivElement>();
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const grid = useMemo(() => trendGrid(series, kind !== 'line'), [series, kind]);
  const { times } = grid;
  const hasAxes = height >= AXES_FROM;
  const colors = series.map(({ color }, index) =>
    theme.visualization.getColorByName(
      color ?? theme.visualization.palette[index % theme.visualization.palette.length] ?? 'blue',
    ),
  );
  const place = layOut(grid, kind, references, width, height, hasAxes, stepOf);
  const index = chosen === undefined || chosen >= times.length ? undefined : chosen;
  const saying = (at: number) =>
    `${formatTime(times[at] ?? 0)}: ${series.map(({ label }, nth) => `${label} ${format(grid.marks[nth]?.[at]?.value)}`).join(', ')}`;

  const onKeyDown = (event: KeyboardEvent) => {
    const last = times.length - 1;
    const next = {
      ArrowLeft: Math.max(0, (index ?? last + 1) - 1),
      ArrowRight: Math.min(last, (index ?? last) + 1),
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === 'Escape') setChosen(undefined);
    if (next === undefined || last < 0) return;
    event.preventDefault();
    setChosen(next);
  };

  const heading = isTitled && <h3 className={styles.title}>{title}</h3>;
  if (times.length === 0)
    return (
      <figure className={styles.figure}>
        {heading}
        <div className={styles.nothing} style={{ height }}>
          {t('chart.nothing', 'No figures in this time')}
        </div>
      </figure>
    );
  return (
    <figure className={styles.figure}>
      {heading}
      <div
        ref={ref}
        className={styles.drawing}
        style={{ height }}
        role="slider"
        tabIndex={0}
        aria-label={title}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={times.length - 1}
        aria-valuenow={index ?? times.length - 1}
        aria-valuetext={saying(index ?? times.length - 1)}
        onKeyDown={onKeyDown}
        onBlur={() => setChosen(undefined)}
        onPointerLeave={() => setChosen(undefined)}
        onPointerMove={({ clientX, currentTarget }) =>
          setChosen(nearestIndex(place.xs, clientX - currentTarget.getBoundingClientRect().left))
        }
      >
        {width > 0 && (
          <svg width={width} height={height} aria-hidden className={styles.svg}>
            {hasAxes &&
              place.ticks.map((tick) => (
                <g key={tick}>
                  <line
                    x1={place.left}
                    x2={width}
                    y1={place.y(tick)}
                    y2={place.y(tick)}
                    stroke={theme.colors.border.weak}
                  />
                  <text x={place.left - 6} y={place.y(tick)} className={styles.tick} textAnchor="end" dy="0.32em">
                    {format(tick)}
                  </text>
                </g>
              ))}
            {hasAxes &&
              place.timeTicks.map((at) => (
                <text
                  key={at}
                  x={place.xs[at]}
                  y={height - 5}
                  className={styles.tick}
                  textAnchor={at === 0 ? 'start' : at === times.length - 1 ? 'end' : 'middle'}
                >
                  {shortTime(times[at] ?? 0, times)}
                </text>
              ))}
            {grid.marks.map((marks, nth) => (
              <g key={series[nth]?.label} fill={colors[nth]} stroke={colors[nth]}>
                {kind === 'bar'
                  ? marks.map(
                      (mark, at) =>
                        mark !== undefined && (
                          <rect
                            key={times[at]}
                            x={(place.xs[at] ?? 0) - place.barWidth / 2}
                            width={place.barWidth}
                            y={place.y(mark.top)}
                            height={Math.max(mark.value === 0 ? 0 : 1, place.y(mark.base) - place.y(mark.top))}
                            stroke="none"
                          />
                        ),
                    )
                  : knownStretches(marks).map((stretch) => {
                      const tops = stretch.map((at) => `${place.xs[at]},${place.y(marks[at]?.top ?? 0)}`);
                      const bases = stretch.map((at) => `${place.xs[at]},${place.y(marks[at]?.base ?? 0)}`).reverse();
                      return (
                        <g key={stretch[0]}>
                          {kind === 'area' && (
                            <polygon points={[...tops, ...bases].join(' ')} fillOpacity={0.25} stroke="none" />
                          )}
                          {tops.length === 1 ? (
                            <circle
                              cx={place.xs[stretch[0] ?? 0]}
                              cy={place.y(marks[stretch[0] ?? 0]?.top ?? 0)}
                              r={2}
                            />
                          ) : (
                            <polyline
                              points={tops.join(' ')}
                              fill="none"
                              strokeWidth={1.5}
                              strokeDasharray={DASHES[nth % DASHES.length]}
                            />
                          )}
                        </g>
                      );
                    })}
              </g>
            ))}
            {references.map(({ label, value }) => (
              <g key={label}>
                <line
                  x1={place.left}
                  x2={width}
                  y1={place.y(value)}
                  y2={place.y(value)}
                  stroke={theme.colors.text.secondary}
                  strokeDasharray="4 4"
                />
                {hasAxes && (
                  <text x={width} y={place.y(value) - 4} className={styles.tick} textAnchor="end">
                    {label} {format(value)}
                  </text>
                )}
              </g>
            ))}
            {index !== undefined && (
              <line
                x1={place.xs[index]}
                x2={place.xs[index]}
                y1={0}
                y2={place.bottom}
                stroke={theme.colors.border.strong}
              />
            )}
          </svg>
        )}
        {index !== undefined && (
          <div
            className={styles.tooltip}
            aria-hidden
            style={
              (place.xs[index] ?? 0) > width / 2
                ? { right: width - (place.xs[index] ?? 0) + 8 }
                : { left: (place.xs[index] ?? 0) + 8 }
            }
          >
            <div>{formatTime(times[index] ?? 0)}</div>
            {series.map(({ label }, nth) => (
              <div key={label} className={styles.entry}>
                <Swatch color={colors[nth]} dash={kind === 'bar' ? undefined : DASHES[nth % DASHES.length]} />
                {label} <strong>{format(grid.marks[nth]?.[index]?.value)}</strong>
              </div>
            ))}
          </div>
        )}
      </div>
      {hasAxes && series.length > 1 && (
        <div className={styles.legend} aria-hidden>
          {series.map(({ label }, nth) => (
            <span key={label} className={styles.entry}>
              <Swatch color={colors[nth]} dash={kind === 'bar' ? undefined : DASHES[nth % DASHES.length]} />
              {label}
            </span>
          ))}
        </div>
      )}
      <VisuallyHidden>
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">{t('chart.time', 'Time')}</th>
              {series.map(({ label }) => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times.map((time, at) => (
              <tr key={time}>
                <th scope="row">{formatTime(time)}</th>
                {series.map(({ label }, nth) => (
                  <td key={label}>{format(grid.marks[nth]?.[at]?.value)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </figure>
  );
}

function Swatch({ color, dash }: { color: string | undefined; dash: string | undefined }) {
  return (
    <svg width={16} height={8} aria-hidden>
      <line x1={0} x2={16} y1={4} y2={4} stroke={color} strokeWidth={3} strokeDasharray={dash} />
    </svg>
  );
}

/** Where everything is drawn, in pixels. */
function layOut(
  { times, marks }: TrendGrid,
  kind: NonNullable<Props['kind']>,
  references: NonNullable<Props['references']>,
  width: number,
  height: number,
  hasAxes: boolean,
  stepOf: StepOf,
) {
  const tops = marks.flat().flatMap((mark) => (mark === undefined ? [] : [mark.top]));
  const values = [...tops, ...references.map(({ value }) => value)];
  const ticks = valueTicks(Math.min(...values, 0), Math.max(...values, 0), height > 220 ? 5 : 3, stepOf);
  const [low, high] = hasAxes
    ? [ticks[0] ?? 0, ticks.at(-1) ?? 1]
    : [Math.min(...values, 0), Math.max(...values, 0) || 1];
  const left = hasAxes ? AXIS_LEFT : 0;
  const bottom = height - (hasAxes ? AXIS_BELOW : 1);
  const y = (value: number) => EDGE + (1 - (value - low) / (high - low)) * (bottom - EDGE);
  const room = Math.max(1, width - left - (kind === 'bar' ? 0 : EDGE));
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const xs = times.map((time, index) => {
    if (kind === 'bar') return left + ((index + 0.5) * room) / times.length;
    return last === first ? left + room / 2 : left + ((time - first) / (last - first)) * room;
  });
  const barWidth = Math.max(1, (room / Math.max(1, times.length)) * 0.8);
  return { ticks, y, xs, left, bottom, barWidth, timeTicks: spread(xs) };
}

/** Times are written so far apart that they do not touch, however unevenly they lie. */
const TICK_ROOM = 110;
function spread(xs: readonly number[]): number[] {
  const ticks: number[] = [];
  xs.forEach((x, index) => {
    if (x - (xs[ticks.at(-1) ?? -1] ?? Number.NEGATIVE_INFINITY) >= TICK_ROOM) ticks.push(index);
  });
  return ticks;
}

const DAY_MS = 86_400_000;
/** Of an axis: as much of a time as tells its neighbours apart. */
function shortTime(ms: number, times: readonly number[]): string {
  const range = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return dateTimeFormat(ms, {
    format: range > 3 * DAY_MS ? 'MM-DD' : range > DAY_MS ? 'MM-DD HH:mm' : 'HH:mm',
  });
}

const getStyles = (theme: GrafanaTheme2) => ({
  figure: css({ margin: 0, position: 'relative', minWidth: 0 }),
  title: css({
    margin: theme.spacing(1, 0),
    fontSize: theme.typography.bodySmall.fontSize,
    fontWeight: theme.typography.fontWeightRegular,
    color: theme.colors.text.secondary,
  }),
  drawing: css({
    position: 'relative',
    width: '100%',
    borderRadius: theme.shape.radius.default,
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 2 },
  }),
  svg: css({ display: 'block', position: 'absolute', inset: 0, overflow: 'visible' }),
  tick: css({
    fill: theme.colors.text.secondary,
    stroke: 'none',
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  nothing: css({
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  tooltip: css({
    display: 'grid',
    position: 'absolute',
    top: 0,
    zIndex: theme.zIndex.tooltip,
    pointerEvents: 'none',
    padding: theme.spacing(0.5, 1),
    background: theme.colors.background.elevated,
    border: `1px solid ${theme.colors.border.medium}`,
    borderRadius: theme.shape.radius.default,
    boxShadow: theme.shadows.z2,
    fontSize: theme.typography.bodySmall.fontSize,
    whiteSpace: 'nowrap',
  }),
  entry: css({ display: 'inline-flex', alignItems: 'center', gap: theme.spacing(0.5) }),
  legend: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(0.5, 2),
    paddingTop: theme.spacing(0.5),
    fontSize: theme.typography.bodySmall.fontSize,
    color: theme.colors.text.secondary,
  }),
});

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, IconButton, useStyles2 } from '@grafana/ui';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Listed } from '../../api/FleetApi';
import { formatCount, formatDuration } from '../../format/formatValues';
import type { Step } from './orderSteps';
import type { StepBaseline } from './stepBaseline';
import { TimelineAxis } from './TimelineAxis';
import { TimelineLine } from './TimelineLine';
import { busyIntervals, rowIdOf, type TimelineRow, timelineRows, timeShares } from './timelineRows';
import { formatZoom, parseZoom, timeScale, type Window, zoomed } from './timeScale';

interface Props {
  readonly run: Listed<'run'>;
  /** In the order of execution. */
  readonly steps: readonly Step[];
  readonly nowMs: number;
  /** How long a step usually takes; undefined where that is not known. */
  readonly baselineOf: (step: Step) => StepBaseline | undefined;
  readonly selected: string | undefined;
  /** The step that the run failed in: open from the beginning. */
  readonly failing: string | undefined;
  readonly onSelect: (stepId: string) => void;
  /** As {@link formatZoom} spells it. */
  readonly zoom: string | undefined;
  readonly onZoom: (zoom: string | undefined) => void;
  /** The newest step is selected as the run goes on. Absent: the run is over. */
  readonly following?: boolean | undefined;
  readonly onFollow?: ((following: boolean) => void) | undefined;
  /** More steps are being fetched. */
  readonly isLoading?: boolean | undefined;
  /** Brings the output of the selected step into view. */
  readonly onShowOutput?: ((stepId: string) => void) | undefined;
}

const LINE_HEIGHT = 36;
/** Of one that shows what a checker objected to. */
const FEEDBACK_LINE_HEIGHT = 50;
const ZOOM_STEP = 0.5;
/** So many lines before the selected one are seen, too. */
const LINES_BEFORE = 2;
const SETTLING_MS = 1_000;

/** The steps of a run as they followed each other, each with its time, its verdict and what it says. Any number of them. */
export function Timeline(props: Props) {
  const { run, steps, nowMs, selected, failing, onSelect, zoom, onZoom, following, onFollow } = props;
  const styles = useStyles2(getStyles);
  const rows = useMemo(() => timelineRows(run, steps, nowMs), [run, steps, nowMs]);
  const busy = useMemo(() => busyIntervals(rows), [rows]);
  const scale = useMemo(() => timeScale(busy, wholeOf(rows, nowMs)), [busy, rows, nowMs]);
  const window = useMemo(() => parseZoom(scale, zoom), [scale, zoom]);
  const shares = useMemo(() => timeShares(rows), [rows]);
  const setWindow = (next: Window) => onZoom(formatZoom(scale, next));

  const [initial] = useState(selected);
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isOpen = useCallback(
    (row: TimelineRow) =>
      toggled.get(row.id) ??
      (row.kind === 'group' ||
        (failing !== undefined && row.id === rowIdOf(failing)) ||
        (initial !== undefined && row.id === rowIdOf(initial))),
    [toggled, failing, initial],
  );
  const toggle = useCallback((id: string, open: boolean) => setToggled((before) => new Map(before).set(id, open)), []);
  const shown = useMemo(() => {
    const closed = new Set(rows.filter((row) => row.kind === 'group' && !isOpen(row)).map(({ id }) => id));
    if (closed.size === 0) return rows;
    return rows.filter((row) => row.kind !== 'step' || row.parent === undefined || !closed.has(row.parent));
  }, [rows, isOpen]);

  // A group and a wait are places for the keyboard only; a step that is selected is part of the page's address.
  const [place, setPlace] = useState<string>();
  // Another step was selected, here or elsewhere on the page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever it changes
  useEffect(() => setPlace(undefined), [selected]);
  const activeId = place ?? (selected === undefined ? undefined : rowIdOf(selected));
  const activeIndex = useMemo(() => shown.findIndex(({ id }) => id === activeId), [shown, activeId]);
  const active = shown[activeIndex];

  const scroller = useRef<HTMLDivElement>(null);
  const listId = useId();
  const virtualizer = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (hasFeedback(shown[index]) ? FEEDBACK_LINE_HEIGHT : LINE_HEIGHT),
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: 5,
  });
  // What is selected comes into view, below a few lines of what came before; also where it opens, and so moves, a moment later.
  const bringing = useRef<{ id: string; untilMs: number; isFirst?: boolean }>(undefined);
  const totalSize = virtualizer.getTotalSize();
  const lines = virtualizer.getVirtualItems();
  // biome-ignore lint/correctness/useExhaustiveDependencies: as the lines get their sizes
  useEffect(() => {
    if (activeIndex < 0 || activeId === undefined) return;
    const isFirst = bringing.current === undefined;
    if (bringing.current?.id !== activeId) bringing.current = { id: activeId, untilMs: Date.now() + SETTLING_MS };
    else if (Date.now() > bringing.current.untilMs) return;
    const [start = 0] = virtualizer.getOffsetForIndex(activeIndex, 'start') ?? [];
    const { scrollTop, clientHeight } = scroller.current ?? { scrollTop: 0, clientHeight: 0 };
    const isInView = start >= scrollTop && start + LINE_HEIGHT <= scrollTop + clientHeight;
    if (isFirst || bringing.current.isFirst || !isInView) {
      bringing.current.isFirst ||= isFirst;
      virtualizer.scrollToOffset(Math.max(0, start - LINES_BEFORE * LINE_HEIGHT));
    }
  }, [activeId, activeIndex, totalSize]);

  const choose = useCallback(
    (row: TimelineRow) => {
      scroller.current?.focus({ preventScroll: true });
      if (row.kind !== 'step') return setPlace(row.id);
      setPlace(undefined);
      onSelect(row.step.stepId);
    },
    [onSelect],
  );
  const zoomToActive = () => {
    if (active?.startMs === undefined) return;
    const [from, to] = [scale.placeOf(active.startMs), scale.placeOf(active.endMs ?? active.startMs)];
    const margin = Math.max(0.002, (to - from) * 0.1);
    setWindow({ from: Math.max(0, from - margin), to: Math.min(1, to + margin) });
  };
  const move = (to: number) => {
    const row = shown[Math.min(shown.length - 1, Math.max(0, to))];
    if (row !== undefined) choose(row);
  };
  const goToParent = () => {
    const parent = active?.kind === 'step' ? shown.findIndex(({ id }) => id === active.parent) : -1;
    if (parent >= 0) move(parent);
  };
  const isFoldable = active !== undefined && active.kind !== 'wait';
  /** @returns false of a key that the list does not know. */
  const press = (key: string): boolean => {
    switch (key) {
      case 'ArrowDown':
      case 'j':
        move(activeIndex + 1);
        return true;
      case 'ArrowUp':
      case 'k':
        move(activeIndex - 1);
        return true;
      case 'Home':
        move(0);
        return true;
      case 'End':
        move(shown.length - 1);
        return true;
      case 'ArrowRight':
        if (isFoldable && !isOpen(active)) toggle(active.id, true);
        else if (active?.kind === 'group') move(activeIndex + 1);
        return true;
      case 'ArrowLeft':
        if (isFoldable && isOpen(active)) toggle(active.id, false);
        else goToParent();
        return true;
      case 'p':
        goToParent();
        return true;
      case 'Enter':
      case ' ':
        if (isFoldable) toggle(active.id, !isOpen(active));
        return true;
      case 'f':
        onFollow?.(following !== true);
        return true;
      case 'o':
        if (active?.kind === 'step') props.onShowOutput?.(active.step.stepId);
        return true;
      case '+':
        setWindow(zoomed(window, ZOOM_STEP));
        return true;
      case '-':
        setWindow(zoomed(window, 1 / ZOOM_STEP));
        return true;
      case '0':
        onZoom(undefined);
        return true;
      case 'z':
        zoomToActive();
        return true;
      default:
        return false;
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const isChord = event.ctrlKey || event.metaKey || event.altKey;
    if (event.target === event.currentTarget && !isChord && press(event.key)) event.preventDefault();
  };
  const isZoomed = window.from > 0 || window.to < 1;
  const pan = (share: number) => {
    const width = window.to - window.from;
    const from = Math.min(1 - width, Math.max(0, window.from + share * width));
    setWindow({ from, to: from + width });
  };
  const failingIndex = failing === undefined ? -1 : shown.findIndex(({ id }) => id === rowIdOf(failing));

  return (
    <div className={styles.timeline}>
      <div className={styles.tools}>
        <div className={styles.shares}>
          <Share name={t('run.timeline.queued', 'Queue wait')} seconds={shares.queued} />
          <Share name={t('run.timeline.work', 'Work')} seconds={shares.working} />
          {props.isLoading === true && (
            <span role="status" className={styles.muted}>
              {t('run.timeline.loading', 'Loading: {{steps}} steps so far', { steps: formatCount(steps.length) })}
            </span>
          )}
          <Share name={t('run.timeline.idle', 'Between steps')} seconds={shares.idle} />
          {rows.some((row) => row.kind === 'wait' && row.beforeAttempt !== undefined) && (
            <Share name={t('run.timeline.retry', 'Waited for retries')} seconds={shares.retrying} />
          )}
        </div>
        <div className={styles.buttons}>
          {failingIndex >= 0 && active?.id !== shown[failingIndex]?.id && (
            <Button size="sm" variant="secondary" icon="exclamation-circle" onClick={() => move(failingIndex)}>
              <Trans i18nKey="run.timeline.failing">Failing step</Trans>
            </Button>
          )}
          {onFollow !== undefined && (
            <Button
              size="sm"
              variant={following === true ? 'primary' : 'secondary'}
              icon="arrow-down"
              aria-pressed={following === true}
              onClick={() => onFollow(following !== true)}
            >
              <Trans i18nKey="run.timeline.follow">Follow</Trans>
            </Button>
          )}
          {isZoomed && (
            <>
              <IconButton
                name="angle-left"
                aria-label={t('run.timeline.earlier', 'Earlier')}
                onClick={() => pan(-0.5)}
              />
              <IconButton name="angle-right" aria-label={t('run.timeline.later', 'Later')} onClick={() => pan(0.5)} />
            </>
          )}
          <IconButton
            name="search-plus"
            aria-label={t('run.timeline.zoom-in', 'Zoom in')}
            onClick={() => setWindow(zoomed(window, ZOOM_STEP))}
          />
          <IconButton
            name="search-minus"
            aria-label={t('run.timeline.zoom-out', 'Zoom out')}
            disabled={!isZoomed}
            onClick={() => setWindow(zoomed(window, 1 / ZOOM_STEP))}
          />
          <Button
            size="sm"
            fill="text"
            variant="secondary"
            disabled={active?.startMs === undefined}
            onClick={zoomToActive}
          >
            <Trans i18nKey="run.timeline.zoom-step">Zoom to step</Trans>
          </Button>
          <Button size="sm" fill="text" variant="secondary" disabled={!isZoomed} onClick={() => onZoom(undefined)}>
            <Trans i18nKey="run.timeline.fit">Fit</Trans>
          </Button>
        </div>
      </div>
      <TimelineAxis scale={scale} window={window} onWindow={setWindow} />
      <div
        ref={scroller}
        className={styles.scroller}
        role="tree"
        aria-label={t('run.timeline.label', 'Steps in order of execution')}
        aria-activedescendant={
          lines.some(({ index }) => index === activeIndex) ? `${listId}-${activeIndex}` : undefined
        }
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div role="presentation" style={{ height: totalSize, position: 'relative' }}>
          {lines.map(({ index, key, start }) => {
            const row = shown[index];
            return (
              row !== undefined && (
                <div
                  key={key}
                  ref={virtualizer.measureElement}
                  data-index={index}
                  role="presentation"
                  className={styles.item}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <TimelineLine
                    id={`${listId}-${index}`}
                    position={index + 1}
                    count={shown.length}
                    row={row}
                    scale={scale}
                    window={window}
                    nowMs={nowMs}
                    baseline={row.kind === 'step' ? props.baselineOf(row.step) : undefined}
                    isActive={index === activeIndex}
                    isFailing={index === failingIndex}
                    isOpen={isOpen(row)}
                    onChoose={choose}
                    onToggle={toggle}
                    onShowOutput={props.onShowOutput}
                  />
                </div>
              )
            );
          })}
        </div>
      </div>
      <p className={styles.hint}>
        <Trans i18nKey="run.timeline.keys">
          Keys in the list: ↑ ↓ step, → expand, ← collapse or parent, O output, F follow, + − zoom, Z zoom to step, 0
          fit
        </Trans>
      </p>
    </div>
  );
}

function hasFeedback(row: TimelineRow | undefined): boolean {
  return row?.kind === 'step' && row.step.verdict?.passed === false && row.step.verdict.feedback !== undefined;
}

function Share({ name, seconds }: { name: string; seconds: number | undefined }) {
  const styles = useStyles2(getStyles);
  return (
    <span>
      <span className={styles.muted}>{name}</span> {formatDuration(seconds)}
    </span>
  );
}

/** From the creation of a run to its last sign. */
function wholeOf(rows: readonly TimelineRow[], nowMs: number) {
  let [startMs, endMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    if (row.startMs !== undefined) startMs = Math.min(startMs, row.startMs);
    if (row.endMs !== undefined) endMs = Math.max(endMs, row.endMs);
  }
  return startMs <= endMs ? { startMs, endMs } : { startMs: nowMs, endMs: nowMs };
}

const getStyles = (theme: GrafanaTheme2) => ({
  timeline: css({ display: 'flex', flexDirection: 'column', minWidth: 0 }),
  tools: css({
    display: 'flex',
    flexWrap: 'wrap',
    justifyContent: 'space-between',
    alignItems: 'center',
    gap: theme.spacing(1, 2),
    marginBottom: theme.spacing(1),
  }),
  shares: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(0, 2),
    fontVariantNumeric: 'tabular-nums',
  }),
  buttons: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1) }),
  muted: css({ color: theme.colors.text.secondary }),
  scroller: css({
    maxHeight: 'min(60vh, 640px)',
    overflow: 'auto',
    overflowAnchor: 'none',
    position: 'relative',
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 1 },
  }),
  item: css({ position: 'absolute', top: 0, left: 0, width: '100%' }),
  hint: css({
    margin: theme.spacing(0.5, 0, 0),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    [theme.breakpoints.down('md')]: { display: 'none' },
  }),
});

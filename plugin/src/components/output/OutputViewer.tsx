import type { OutputPage } from '@contract/api.ts';
import { formatPlace, type OutputPlace, parsePlace, placeOf } from '@contract/outputPlace.ts';
import { topicOf } from '@contract/topics.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, LoadingPlaceholder, useStyles2, useTheme2 } from '@grafana/ui';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { type Listed, runPath } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import type { LiveEvent } from '../../live/liveMessages';
import { useLive } from '../../live/useLive';
import { Failure } from '../QueryState';
import { OutputRow } from './OutputRow';
import { type AskOutput, OutputStore } from './OutputStore';
import { OutputToolbar, stepLabel } from './OutputToolbar';
import { lineKey, type OutputLine } from './outputBuffer';
import { OutputColors } from './outputLook';
import { isSamePlace, useOutputSearch } from './useOutputSearch';

export interface OutputViewerProps {
  readonly source: string;
  /** Whose output: that of a run or of a sandbox, one of the two. */
  readonly runId?: string | undefined;
  readonly sandboxId?: string | undefined;
  /** Only the output of this step. */
  readonly stepId?: string | undefined;
  /** For their names, and to jump to one. */
  readonly steps?: readonly Listed<'step'>[] | undefined;
  /** Something may still be printed: it is followed. */
  readonly live: boolean;
  /** The line that is linked to (parameter `line` of the page's URL), as `onSelectLine` told it. */
  readonly selectedLine?: string | undefined;
  readonly onSelectLine?: ((line: string | undefined) => void) | undefined;
  /** Shows where this step begins, whenever it changes. */
  readonly atStep?: string | undefined;
  /** What is searched for (parameter `q` of the page's URL). */
  readonly search?: string | undefined;
  readonly onSearch?: ((text: string | undefined) => void) | undefined;
  /** CSS height. Default: most of the window. */
  readonly height?: string | undefined;
}

/** Closer to an edge of what is loaded than this, pixels, more is fetched. */
const EDGE = 1_500;
/** As far from the end counts as at the end. */
const NEAR_END = 24;
const LINE_HEIGHT = 20;
/** What scrolls so soon after a wheel, a finger or a key was moved is scrolled by hand. */
const BY_HAND_MS = 400;

/** What a run or a sandbox printed: any number of lines, live while it goes on. */
export function OutputViewer(props: OutputViewerProps) {
  const { source, runId, sandboxId, stepId } = props;
  // Another output is another viewer: nothing of the one before stays.
  return <Viewer key={JSON.stringify([source, runId, sandboxId, stepId])} {...props} />;
}

function Viewer(props: OutputViewerProps) {
  const { source, runId, sandboxId, stepId, steps = [], live, selectedLine, onSelectLine, atStep, height } = props;
  const styles = useStyles2(getStyles);
  const theme = useTheme2();
  const colors = useMemo(() => new OutputColors(theme), [theme]);
  const { api } = useFleetApi();
  const path = runId === undefined ? sandboxPath(source, sandboxId ?? '') : runPath(source, runId);
  const ask = useCallback<AskOutput>(
    (parameters, signal) => api.get<OutputPage>(`${path}/output`, parameters, { signal }),
    [api, path],
  );
  const store = useMemo(() => new OutputStore(ask, stepId), [ask, stepId]);
  const state = useSyncExternalStore(store.subscribe, store.getState);
  const { buffer, loading, failure, isOpen, behind, position } = state;
  const { lines } = buffer;
  const selected = useMemo(() => (selectedLine === undefined ? undefined : parsePlace(selectedLine)), [selectedLine]);
  const [isFollowing, setFollowing] = useState(selected === undefined && atStep === undefined);

  const [words, setWords] = useState(props.search ?? '');
  useEffect(() => setWords(props.search ?? ''), [props.search]);
  const search = useOutputSearch(
    useCallback((parameters, signal) => ask({ step: stepId, ...parameters }, signal), [ask, stepId]),
    [path, stepId],
    words,
  );

  // Live: from the first page on, without a gap.
  const topic =
    runId === undefined ? topicOf('sandbox-output', source, sandboxId ?? '') : topicOf('output', source, runId);
  const take = (event: LiveEvent) => {
    if (event.event === 'missed') store.missed();
    else if (event.event === 'output') store.takeLive(event.data.lines as OutputLine[]);
  };
  useLive([topic], take, { from: position, enabled: live && position !== undefined });
  // What was printed last may come after the news that it ended.
  const wasLive = useRef(live);
  useEffect(() => {
    if (wasLive.current && !live) store.missed();
    wasLive.current = live;
  }, [live, store]);

  const element = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => element.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: useCallback((index: number) => (lines[index] === undefined ? index : lineKey(lines[index])), [lines]),
    overscan: 15,
    anchorTo: 'end',
    followOnAppend: isFollowing && buffer.atEnd,
    scrollEndThreshold: NEAR_END,
  });

  /** Where to scroll to as soon as its line is there. */
  const target = useRef<OutputPlace | 'end' | undefined>(undefined);
  const show = useCallback(
    async (place: OutputPlace | undefined) => {
      setFollowing(place === undefined);
      target.current = place ?? 'end';
      const { buffer: now, isOpen: hasLines } = store.getState();
      const isThere = hasLines && (place === undefined ? now.atEnd : store.has(place));
      if (!isThere) await store.open(place);
      // Scrolls in the effect below, after the lines are drawn.
      setShown((count) => count + 1);
    },
    [store],
  );
  const [shown, setShown] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: after the lines, and when somebody asks for a place
  useEffect(() => {
    const at = target.current;
    if (at === undefined || lines.length === 0 || loading === 'anew') return;
    target.current = undefined;
    if (at === 'end') virtualizer.scrollToEnd();
    else virtualizer.scrollToIndex(Math.min(store.indexOf(at), lines.length - 1), { align: 'center' });
  }, [lines, loading, shown]);

  // What the address says: a line, a step, else the end. Later changes of it, too.
  const selectedKey = selected && formatPlace(selected);
  const opened = useRef<string | undefined>(undefined);
  useEffect(() => {
    const wanted = `${selectedKey ?? ''} ${atStep ?? ''}`;
    if (opened.current === wanted) return;
    const isFirst = opened.current === undefined;
    opened.current = wanted;
    if (selected !== undefined) {
      void show(selected);
      return;
    }
    if (atStep === undefined) {
      if (isFirst) void show(undefined);
      return;
    }
    void store.openStep(atStep).then((place) => {
      if (opened.current === wanted) return show(place);
    });
  }, [selected, selectedKey, atStep, store, show]);
  useEffect(() => () => store.close(), [store]);
  useEffect(() => {
    if (search.place !== undefined) void show(search.place);
  }, [search.place, show]);

  // A window that lost its end while somebody follows is opened anew there.
  useEffect(() => {
    if (isFollowing && isOpen && !buffer.atEnd && loading === undefined && failure === undefined) void show(undefined);
  }, [isFollowing, isOpen, buffer.atEnd, loading, failure, show]);

  // Whoever follows stays at the end, however the lines or the window grow, until they scroll away by hand.
  const handAt = useRef(0);
  const isByHand = () => Date.now() - handAt.current < BY_HAND_MS;
  const noteHand = () => {
    handAt.current = Date.now();
  };
  const viewHeight = virtualizer.scrollRect?.height;
  // biome-ignore lint/correctness/useExhaustiveDependencies: after the lines, and when the window has another size
  useEffect(() => {
    if (isFollowing && isOpen && buffer.atEnd && lines.length > 0 && !isByHand()) virtualizer.scrollToEnd();
  }, [lines, viewHeight, isFollowing]);

  const lastTop = useRef(0);
  const onScroll = () => {
    const scroller = element.current;
    if (scroller === null) return;
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const fromEnd = scrollHeight - clientHeight - scrollTop;
    if (target.current === undefined && isOpen) {
      if (fromEnd <= NEAR_END) {
        if (buffer.atEnd && live) setFollowing(true);
      } else if (scrollTop < lastTop.current - 1 && fromEnd > 2 * NEAR_END && isByHand()) setFollowing(false);
    }
    lastTop.current = scrollTop;
    if (scrollTop < EDGE) void store.loadEarlier();
    else if (fromEnd < EDGE) void store.loadLater();
  };

  // What is far from where somebody reads is dropped, so that a day of output fits.
  useEffect(() => {
    const first = virtualizer.range?.startIndex ?? 0;
    store.trim(isFollowing ? lines.length - 1 : Math.min(first + 20, lines.length - 1));
  }, [lines, isFollowing, store, virtualizer]);

  const select = useMemo(
    () =>
      onSelectLine === undefined
        ? undefined
        : (line: OutputLine) => {
            const place = formatPlace(placeOf(line));
            opened.current = `${place} ${atStep ?? ''}`;
            setFollowing(false);
            onSelectLine(place);
          },
    [onSelectLine, atStep],
  );
  const labels = useMemo(() => new Map(steps.map((step) => [step.stepId, stepLabel(step)])), [steps]);
  const headingAt = (index: number) => {
    const step = lines[index]?.stepId;
    if (step === undefined || (index > 0 && lines[index - 1]?.stepId === step)) return undefined;
    return stepId === undefined ? (labels.get(step) ?? step) : undefined;
  };

  return (
    <section className={styles.viewer} aria-label={t('output.title', 'Output')}>
      <OutputToolbar
        search={search}
        onSearch={(text) => {
          setWords(text);
          props.onSearch?.(text === '' ? undefined : text);
        }}
        steps={stepId === undefined ? steps : []}
        onStep={(step) => void store.openStep(step).then((place) => place && show(place))}
        live={live}
        textUrl={api.url(`${path}/output/download`, { format: 'text', step: stepId })}
        recordsUrl={api.url(`${path}/output/download`, { format: 'ndjson', step: stepId })}
      />
      <div className={styles.frame} style={{ height: height ?? 'max(320px, calc(100vh - 320px))' }}>
        <div
          ref={element}
          className={styles.scroller}
          onScroll={onScroll}
          onWheel={noteHand}
          onTouchMove={noteHand}
          onKeyDown={noteHand}
          // The scroll bar is held as long as it is moved.
          onPointerMove={({ buttons }) => buttons !== 0 && noteHand()}
          onPointerDown={noteHand}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
          tabIndex={0}
          role="log"
          // Each line would be read out; how many there are is told instead.
          aria-live="off"
          aria-busy={loading !== undefined}
          aria-label={t('output.lines', 'Lines')}
          data-testid="output-scroller"
        >
          {isOpen && lines.length === 0 && (
            <p className={styles.note}>
              {live ? t('output.nothing-yet', 'Nothing was printed yet.') : t('output.nothing', 'Nothing was printed.')}
            </p>
          )}
          <div className={styles.all} style={{ height: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map(({ index, key, start }) => {
              const line = lines[index];
              if (line === undefined) return null;
              return (
                <div
                  key={key}
                  ref={virtualizer.measureElement}
                  data-index={index}
                  className={styles.item}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <OutputRow
                    line={line}
                    heading={headingAt(index)}
                    colors={colors}
                    search={words}
                    isSelected={isSamePlace(selected, placeOf(line))}
                    isMatch={isSamePlace(search.place, placeOf(line))}
                    onSelect={select}
                  />
                </div>
              );
            })}
          </div>
        </div>
        {!isOpen && loading !== undefined && (
          <div className={styles.over}>
            <LoadingPlaceholder text={t('state.loading', 'Loading…')} />
          </div>
        )}
        {isOpen && loading === 'earlier' && (
          <div className={styles.top} role="status">
            <Trans i18nKey="output.earlier">Loading earlier lines…</Trans>
          </div>
        )}
        {isOpen && !isFollowing && (live || !buffer.atEnd) && (
          <div className={styles.bottom}>
            <Button
              size="sm"
              variant="secondary"
              icon="arrow-down"
              onClick={() => void show(undefined)}
              data-testid="output-follow"
            >
              {followLabel(live, behind)}
            </Button>
          </div>
        )}
      </div>
      {failure !== undefined && (
        <Failure
          error={failure.error}
          onRetry={() => {
            if (failure.of === 'earlier') void store.loadEarlier();
            else if (failure.of === 'later') void store.loadLater(true);
            else void show(selected);
          }}
        />
      )}
      <Summary isFollowing={isFollowing && live} count={lines.length} />
    </section>
  );
}

function followLabel(live: boolean, behind: number): string {
  if (!live) return t('output.to-end', 'To the end');
  return behind === 0
    ? t('output.follow', 'Follow')
    : t('output.follow-new', 'Follow ({{behind}} new)', { behind: behind.toLocaleString('en-US') });
}

/** How often who does not see it is told how it goes on. */
const SUMMARY_MS = 10_000;

/** Tells screen readers now and then that something was printed, rather than every line. */
function Summary({ isFollowing, count }: { isFollowing: boolean; count: number }) {
  const styles = useStyles2(getStyles);
  const [told, setTold] = useState('');
  const latest = useRef(count);
  latest.current = count;
  useEffect(() => {
    if (!isFollowing) {
      setTold('');
      return;
    }
    let before = latest.current;
    const timer = setInterval(() => {
      const fresh = latest.current - before;
      before = latest.current;
      if (fresh > 0) setTold(t('output.summary', '{{fresh}} new lines', { fresh }));
    }, SUMMARY_MS);
    return () => clearInterval(timer);
  }, [isFollowing]);
  return (
    <div className={styles.hidden} aria-live="polite">
      {told}
    </div>
  );
}

function sandboxPath(source: string, id: string): string {
  return `/api/v1/sandboxes/${encodeURIComponent(source)}/${encodeURIComponent(id)}`;
}

const getStyles = (theme: GrafanaTheme2) => ({
  viewer: css({ containerType: 'inline-size', containerName: 'output', minWidth: 0 }),
  frame: css({
    position: 'relative',
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    background: theme.colors.background.canvas,
    overflow: 'hidden',
  }),
  scroller: css({
    height: '100%',
    overflowY: 'auto',
    overflowX: 'hidden',
    // The virtual list keeps its place by itself.
    overflowAnchor: 'none',
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
    lineHeight: 1.5,
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.border}`, outlineOffset: -2 },
  }),
  all: css({ position: 'relative', width: '100%' }),
  item: css({ position: 'absolute', top: 0, left: 0, width: '100%' }),
  note: css({ padding: theme.spacing(2), color: theme.colors.text.secondary, fontFamily: theme.typography.fontFamily }),
  over: css({ position: 'absolute', inset: 0, display: 'grid', placeContent: 'center' }),
  top: css({
    position: 'absolute',
    top: theme.spacing(1),
    left: '50%',
    transform: 'translateX(-50%)',
    padding: theme.spacing(0.5, 1),
    borderRadius: theme.shape.radius.default,
    background: theme.colors.background.elevated ?? theme.colors.background.secondary,
    boxShadow: theme.shadows.z1,
  }),
  bottom: css({ position: 'absolute', bottom: theme.spacing(1), right: theme.spacing(3) }),
  hidden: css({
    position: 'absolute',
    width: 1,
    height: 1,
    overflow: 'hidden',
    clipPath: 'inset(50%)',
    whiteSpace: 'nowrap',
  }),
});

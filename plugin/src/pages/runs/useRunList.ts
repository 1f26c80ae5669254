import type { Page } from '@contract/api.ts';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useNavigationType } from 'react-router-dom';
import type { FleetApi, Listed, Parameters } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { useLive } from '../../live/useLive';
import { type RunFilters, toApiParameters } from './runFilters';

export const PAGE_SIZE = 50;
/** More than are shown, so that what new runs push out is still read. */
const POLLED = 150;
/** Runs that are not shown are looked for so often at most, … */
const LOOK_MS = 5_000;
/** … and so often at least, whatever the stream tells. */
const POLL_MS = 30_000;
/** Runs that are read one by one, since the list does not hold them any more. */
const MOST_REREAD = 25;

type Run = Listed<'run'>;

interface Update {
  /** The runs that are shown, as they are now. */
  readonly byKey: ReadonlyMap<string, Run>;
  /** How many runs a new look would show besides. */
  readonly news: number;
  /** There are more than that. */
  readonly isMore: boolean;
}

export const keyOf = ({ source, runId }: Run) => `${source}/${runId}`;

/**
 * A page of runs that stays as it was opened: which runs it shows and in which order changes only when the reader asks for it
 * (`showNews`). What is shown of each run is kept up to date.
 */
export function useRunList(filters: RunFilters, cursor: string | undefined) {
  const { api, uid } = useFleetApi();
  const cameBack = useNavigationType() === 'POP';
  const ask = (limit: number): Parameters => ({ ...toApiParameters(filters), cursor, limit });
  const opened = useQuery({
    queryKey: [uid, 'runs', 'opened', filters, cursor],
    queryFn: ({ signal }) => api.runs(ask(PAGE_SIZE), { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    // Who comes back to the list finds it as it was left.
    refetchOnMount: cameBack ? false : 'always',
    refetchOnReconnect: false,
    placeholderData: keepPreviousData,
  });
  const { data: page, dataUpdatedAt: openedAt, isPlaceholderData, refetch } = opened;
  const updateKey = [uid, 'runs', 'update', filters, cursor, openedAt];
  const update = useQuery({
    queryKey: updateKey,
    queryFn: ({ signal }) => readUpdate(api, page as Page<Run>, ask(POLLED), signal),
    enabled: page !== undefined && !isPlaceholderData,
    initialData: { byKey: new Map(), news: 0, isMore: false } as Update,
    initialDataUpdatedAt: openedAt,
    staleTime: LOOK_MS,
    refetchInterval: POLL_MS,
    retry: false,
  });
  const { news, isMore, byKey } = update.data;
  const client = useQueryClient();
  const look = useAtMostEvery(LOOK_MS, () => void client.invalidateQueries({ queryKey: updateKey }));
  useLive(['runs'], (event) => {
    const run =
      event.event === 'record' && event.data.kind === 'run' ? (event.data.record as Run | undefined) : undefined;
    if (run === undefined || page?.data.some((shown) => keyOf(shown) === keyOf(run)) !== true) return look();
    client.setQueryData<Update>(updateKey, (old) => old && { ...old, byKey: new Map(old.byKey).set(keyOf(run), run) });
  });
  const isEmpty = page?.data.length === 0;
  // Nothing can jump where nothing is.
  useEffect(() => {
    if (isEmpty && news > 0) void refetch();
  }, [isEmpty, news, refetch]);
  return {
    query: {
      data: page && { data: page.data.map((run) => byKey.get(keyOf(run)) ?? run), nextCursor: page.nextCursor },
      isPending: opened.isPending,
      error: opened.error ?? update.error,
      dataUpdatedAt: Math.max(openedAt, update.dataUpdatedAt),
      refetch: (opened.error === null ? update.refetch : refetch) as typeof refetch,
    },
    /** The page that was asked for is still on its way; the one before it is shown. */
    isChanging: isPlaceholderData,
    news: cursor === undefined ? news : 0,
    isMore,
    showNews: () => void refetch(),
  };
}

/** @returns what calls the action: at once, then as often as it is called but with a pause between. */
function useAtMostEvery(pauseMs: number, action: () => void): () => void {
  const latest = useRef(action);
  const calledAt = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    if (timer.current !== undefined) return;
    const wait = Math.max(0, calledAt.current + pauseMs - Date.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      calledAt.current = Date.now();
      latest.current();
    }, wait);
  };
}

async function readUpdate(
  api: FleetApi,
  page: Page<Run>,
  parameters: Parameters,
  signal: AbortSignal,
): Promise<Update> {
  const { data, nextCursor } = await api.runs(parameters, { signal });
  const shown = new Set(page.data.map(keyOf));
  const byKey = new Map(data.filter((run) => shown.has(keyOf(run))).map((run) => [keyOf(run), run]));
  // What sorts after the last shown run is on later pages, where there are some.
  const end = page.nextCursor === null ? data.length : data.findLastIndex((run) => shown.has(keyOf(run)));
  const isBeyond = end === -1;
  const news = (isBeyond ? data : data.slice(0, end)).filter((run) => !shown.has(keyOf(run))).length;
  const left = page.data.filter((run) => !byKey.has(keyOf(run))).slice(0, MOST_REREAD);
  const reread = await Promise.allSettled(left.map(({ source, runId }) => api.run(source, runId, [], { signal })));
  for (const result of reread) if (result.status === 'fulfilled') byKey.set(keyOf(result.value), result.value);
  return { byKey, news, isMore: isBeyond && nextCursor !== null };
}

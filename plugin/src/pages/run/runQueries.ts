import type { Page } from '@contract/api.ts';
import { isOpen } from '@contract/status.ts';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { runPath } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { orderSteps, type Step } from '../../components/run/orderSteps';

/** A run that goes on changes all the time; what became of its pull request, CI and cost comes after its end. */
const OPEN_POLL_MS = 5_000;
const CLOSED_POLL_MS = 60_000;
/** Of a run with very many steps only now and then. */
const MANY_PAGES = 4;

export function useRun(source: string, id: string) {
  const { api, uid } = useFleetApi();
  return useQuery({
    queryKey: [uid, 'run', source, id],
    queryFn: ({ signal }) => api.run(source, id, ['job'], { signal }),
    refetchInterval: ({ state }) =>
      state.data === undefined ? false : isOpen(state.data.status) ? OPEN_POLL_MS : CLOSED_POLL_MS,
  });
}

/** All steps of a run, in the order of execution; page after page, so that the first ones are seen at once. */
export function useSteps(source: string, id: string, isRunOpen: boolean) {
  const { api, uid } = useFleetApi();
  const query = useInfiniteQuery({
    queryKey: [uid, 'run', source, id, 'steps'],
    queryFn: ({ pageParam, signal }) =>
      api.get<Page<Step>>(`${runPath(source, id)}/steps`, { cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    refetchInterval: ({ state }) =>
      isRunOpen && state.data !== undefined
        ? state.data.pages.length > MANY_PAGES
          ? CLOSED_POLL_MS
          : OPEN_POLL_MS
        : false,
    placeholderData: keepPreviousData,
  });
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const pages = query.data?.pages;
  const steps = useMemo(() => orderSteps(pages?.flatMap(({ data }) => data) ?? []), [pages]);
  return { query, steps };
}

import type { Page } from '@contract/api.ts';
import { isOpen } from '@contract/status.ts';
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { ApiFailure } from '../../api/ApiFailure';
import { type Listed, runPath } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { orderSteps, type Step } from '../../components/run/orderSteps';

/** A run that goes on changes all the time; what became of its pull request, CI and cost comes after its end. */
const OPEN_POLL_MS = 5_000;
const CLOSED_POLL_MS = 60_000;
/** Of a run with very many steps only now and then. */
const MANY_PAGES = 4;
/** The most records that a page of the API holds. */
const PAGE = 500;

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

/** More than the table would be read. */
const MOST_USAGE_PAGES = 10;

export function useUsage(source: string, id: string) {
  const { api, uid } = useFleetApi();
  return useQuery({
    queryKey: [uid, 'run', source, id, 'usage'],
    queryFn: async ({ signal }) => {
      const usage: Listed<'usage'>[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MOST_USAGE_PAGES; page++) {
        const { data, nextCursor } = await api.list<'usage'>(
          'usage',
          { source, run_id: id, limit: PAGE, cursor },
          { signal },
        );
        usage.push(...data);
        if (nextCursor === null) return { usage, isWhole: true };
        cursor = nextCursor;
      }
      return { usage, isWhole: false };
    },
  });
}

/** The sandboxes of a run: those that its source tells of, and what the platform of the sandboxes knows of them. */
export function useSandboxes(source: string, id: string, sandboxId: string | undefined) {
  const { api, uid } = useFleetApi();
  return useQuery({
    queryKey: [uid, 'run', source, id, 'sandboxes', sandboxId ?? ''],
    queryFn: async ({ signal }) => {
      const { data } = await api.list<'sandbox'>('sandboxes', { run_id: id, limit: PAGE }, { signal });
      // Another source may have a run of this id.
      const found = data.filter((sandbox) => sandbox.source === source || sandbox.countedBy === source);
      if (sandboxId === undefined || found.some((sandbox) => sandbox.sandboxId === sandboxId)) return found;
      const path = `/api/v1/sandboxes/${encodeURIComponent(source)}/${encodeURIComponent(sandboxId)}`;
      const named = await api.get<Listed<'sandbox'>>(path, {}, { signal }).catch((error: unknown) => {
        if (error instanceof ApiFailure && error.kind === 'not_found') return undefined;
        throw error;
      });
      return named === undefined ? found : [...found, named];
    },
  });
}

/** Says that a person has seen the failure; the run is read again then. */
export function useAcknowledge(source: string, id: string) {
  const { api, uid } = useFleetApi();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (note: string) => api.act('acknowledge_run', { source, runId: id, note }),
    onSettled: () => client.invalidateQueries({ queryKey: [uid, 'run', source, id], exact: true }),
  });
}

import type { Page } from '@contract/api.ts';
import type { StepBaselinesAnswer } from '@contract/overview.ts';
import { topicOf } from '@contract/topics.ts';
import {
  type InfiniteData,
  type QueryKey,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import { ApiFailure } from '../../api/ApiFailure';
import { type Listed, runPath } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { orderSteps, type Step } from '../../components/run/orderSteps';
import type { StepBaseline } from '../../components/run/stepBaseline';
import { useLive } from '../../live/useLive';

/** The live stream tells what changes; a place in a queue changes by others, and what is told nowhere is found again by asking. */
const POLL_MS = 60_000;
/** The most records that a page of the API holds. */
const PAGE = 500;
/** The first steps are soon there; the rest of a long run comes in few answers. */
const FIRST_STEPS = 500;
const MORE_STEPS = 5_000;
/** Changes of a moment are read together. */
const GATHER_MS = 1_000;

export function useRun(source: string, id: string) {
  const { api, uid } = useFleetApi();
  return useQuery({
    queryKey: [uid, 'run', source, id],
    queryFn: ({ signal }) => api.run(source, id, ['job', 'chain', 'approvals'], { signal }),
    refetchInterval: POLL_MS,
  });
}

/** All steps of a run, in the order of execution; page after page, so that the first ones are seen at once. */
export function useSteps(source: string, id: string) {
  const { api, uid } = useFleetApi();
  const query = useInfiniteQuery({
    queryKey: [uid, 'run', source, id, 'steps'],
    queryFn: ({ pageParam, signal }) =>
      api.get<Page<Step>>(
        `${runPath(source, id)}/steps`,
        pageParam === undefined ? { limit: FIRST_STEPS } : { limit: MORE_STEPS, cursor: pageParam },
        { signal },
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
  });
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const pages = query.data?.pages;
  const steps = useMemo(() => orderSteps(pages?.flatMap(({ data }) => data) ?? []), [pages]);
  return { query, steps };
}

/** Keeps the queries of a run live: steps as they are told, everything else by reading it again. */
export function useRunLive(source: string, id: string): void {
  const { uid } = useFleetApi();
  const client = useQueryClient();
  const stale = useRef(new Map<string, QueryKey>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const readAgain = (key: QueryKey) => {
    stale.current.set(JSON.stringify(key), key);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const keys = [...stale.current.values()];
      stale.current.clear();
      for (const queryKey of keys)
        void client.invalidateQueries({ queryKey, exact: queryKey.length === RUN_KEY_LENGTH });
    }, GATHER_MS);
  };
  const runKey = [uid, 'run', source, id];
  useLive([topicOf('run', source, id)], (event) => {
    if (event.event !== 'record') {
      readAgain(runKey);
      readAgain([...runKey, 'steps']);
      return;
    }
    const { kind, record } = event.data;
    if (kind === 'step' && record?.stepId !== undefined) {
      client.setQueryData<InfiniteData<Page<Step>>>(
        [...runKey, 'steps'],
        (old) => old && withStep(old, record as Step),
      );
    } else if (kind === 'step') readAgain([...runKey, 'steps']);
    else if (kind === 'usage') readAgain([...runKey, 'usage']);
    else if (kind === 'sandbox') readAgain([...runKey, 'sandboxes']);
    else readAgain(runKey);
  });
}
/** A longer key is that of a part of the run. */
const RUN_KEY_LENGTH = 4;

/** @returns the pages with a step in its place; a new one at the end of the last page, once all pages are there. */
function withStep(old: InfiniteData<Page<Step>>, step: Step): InfiniteData<Page<Step>> {
  const { pages } = old;
  const at = pages.findIndex(({ data }) => data.some(({ stepId }) => stepId === step.stepId));
  if (at < 0 && pages.at(-1)?.nextCursor !== null) return old;
  const place = at < 0 ? pages.length - 1 : at;
  return {
    ...old,
    pages: pages.map((page, i) => {
      if (i !== place) return page;
      const data =
        at < 0 ? [...page.data, step] : page.data.map((known) => (known.stepId === step.stepId ? step : known));
      return { ...page, data };
    }),
  };
}

/** What a run used, by step, service and model. */
export function useSpent(source: string, id: string) {
  const { api, uid } = useFleetApi();
  return useQuery({
    queryKey: [uid, 'run', source, id, 'usage'],
    queryFn: async ({ signal }) => (await api.run(source, id, ['spent'], { signal })).spent ?? [],
  });
}

/** @returns how long a step usually takes, as the last successful runs of the workflow tell. */
export function useStepBaselines(source: string, id: string): (step: Step) => StepBaseline | undefined {
  const { api, uid } = useFleetApi();
  const { data } = useQuery({
    queryKey: [uid, 'run', source, id, 'step-baselines'],
    queryFn: ({ signal }) => api.get<StepBaselinesAnswer>(`${runPath(source, id)}/step-baselines`, {}, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return useMemo(() => {
    const known = new Map(data?.data.map((baseline) => [kindOf(baseline), baseline]));
    return (step) => known.get(kindOf(step));
  }, [data]);
}

/** Steps of one role and name are of a kind. */
function kindOf({ role, name }: Pick<Step, 'role' | 'name'>): string {
  return JSON.stringify([role ?? null, name ?? null]);
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

import type { RunCountsAnswer } from '@contract/api.ts';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { type RunFilters, toApiParameters } from './runFilters';

const LOOK_MS = 30_000;

/** @returns how many runs fit the filters, and by status how many would; undefined while that is not known. */
export function useRunCounts(filters: RunFilters): RunCountsAnswer | undefined {
  const { api, uid } = useFleetApi();
  const { sort: _sort, order: _order, ...counted } = filters;
  const { data, isError } = useQuery({
    queryKey: [uid, 'runs', 'counts', counted],
    queryFn: ({ signal }) =>
      api.get<RunCountsAnswer>(
        '/api/v1/runs/counts',
        { ...toApiParameters(filters), sort: undefined, order: undefined },
        { signal },
      ),
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_MS,
  });
  return isError ? undefined : data;
}

import type { AnalyticsDimension } from '@contract/dimensions.ts';
import type { ComboboxOption } from '@grafana/ui';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useFleetApi } from '../api/FleetApiContext';
import { valuesOf } from '../api/valuesOf';

const KEPT_MS = 300_000;

/** @returns what a picker offers for what was typed. */
export function useFilterValues(dimension: AnalyticsDimension) {
  const { api, uid } = useFleetApi();
  const client = useQueryClient();
  return useCallback(
    async (typed: string): Promise<ComboboxOption[]> => {
      const values = await client.fetchQuery({
        queryKey: [uid, 'filter-values', dimension],
        queryFn: () => valuesOf(api, dimension),
        staleTime: KEPT_MS,
      });
      const words = typed.trim().toLowerCase();
      return values.filter((value) => value.toLowerCase().includes(words)).map((value) => ({ label: value, value }));
    },
    [api, client, uid, dimension],
  );
}

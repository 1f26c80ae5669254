import type { FiguresAnswer } from '@contract/analytics.ts';
import type { RecordListName } from '@contract/api.ts';
import type { AnalyticsDimension } from '@contract/dimensions.ts';
import type { Kind } from '@contract/records.ts';
import type { ComboboxOption } from '@grafana/ui';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { FleetApi } from '../api/FleetApi';
import { useFleetApi } from '../api/FleetApiContext';

const DAYS = 90;
const KEPT_MS = 300_000;
/** Lists that name what has not run lately. */
const LISTS: Readonly<Partial<Record<AnalyticsDimension, readonly [RecordListName, Kind]>>> = {
  project: ['projects', 'project'],
  workflow: ['workflows', 'workflow'],
  persona: ['personas', 'persona'],
};

/** @returns what a picker offers for what was typed: what ran in the last {@link DAYS} days, and what the platforms list. */
export function useFilterValues(dimension: AnalyticsDimension) {
  const { api, uid } = useFleetApi();
  const client = useQueryClient();
  return useCallback(
    async (typed: string): Promise<ComboboxOption[]> => {
      const values = await client.fetchQuery({
        queryKey: [uid, 'filter-values', dimension],
        queryFn: () => readValues(api, dimension),
        staleTime: KEPT_MS,
      });
      const words = typed.trim().toLowerCase();
      return values.filter((value) => value.toLowerCase().includes(words)).map((value) => ({ label: value, value }));
    },
    [api, client, uid, dimension],
  );
}

async function readValues(api: FleetApi, dimension: AnalyticsDimension): Promise<string[]> {
  const from = new Date(Date.now() - DAYS * 86_400_000).toISOString();
  const ran = api
    .get<FiguresAnswer>('/api/v1/analytics/runs', { by: dimension, from, limit: 1_000 })
    .then(({ data }) => data.map((group) => group[dimension]));
  const [name, kind] = LISTS[dimension] ?? [];
  const listed =
    name === undefined || kind === undefined
      ? Promise.resolve([])
      : api
          .list(name, { limit: 500 })
          .then(({ data }) => data.map((record) => (record as Record<string, unknown>)[kind]));
  const answers = await Promise.allSettled([ran, listed]);
  const values = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  return [...new Set(values.filter((value) => typeof value === 'string'))].sort((a, b) => a.localeCompare(b));
}

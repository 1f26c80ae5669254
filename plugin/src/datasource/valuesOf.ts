import type { FiguresAnswer, FiguresOfGroup } from '@contract/analytics.ts';
import type { SourcesAnswer } from '@contract/overview.ts';
import { STATUSES } from '@contract/status.ts';
import type { FleetApi } from '../api/FleetApi';
import type { FilterName, FleetQuery } from './types';

const MOST_VALUES = 1_000;

/** @returns the values that a filter can have, those of the last 30 days' runs with the given other filters. */
export async function valuesOf(
  api: FleetApi,
  name: FilterName,
  filters: FleetQuery['filters'] = {},
): Promise<readonly string[]> {
  if (name === 'status') return STATUSES;
  if (name === 'source') {
    const { data } = await api.get<SourcesAnswer>('/api/v1/sources');
    return data.map(({ source }) => source).sort();
  }
  const { status: _status, [name]: _own, ...others } = filters;
  const answer = await api.get<FiguresAnswer>('/api/v1/analytics/runs', { ...others, by: name, limit: MOST_VALUES });
  const values = answer.data.map((group: FiguresOfGroup) => group[name]);
  return values.filter((value): value is string => value !== undefined).sort();
}

import type { FiguresAnswer, SpendAnswer, TimeseriesAnswer } from '@contract/analytics.ts';
import type { AnalyticsDimension } from '@contract/dimensions.ts';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../api/FleetApiContext';
import { windowOf } from './usePageTime';
import type { Scope } from './useScope';

const REFRESH_MS = 60_000;
const HOUR_MS = 3_600_000;

interface Answers {
  readonly runs: FiguresAnswer;
  readonly spend: SpendAnswer;
  readonly timeseries: TimeseriesAnswer;
}

/** Figures of the runs that ended in the scope's window, by some dimensions; over time in buckets that suit the window. */
export function useAnalytics<Name extends keyof Answers>(name: Name, scope: Scope, by: readonly AnalyticsDimension[]) {
  const { api, uid } = useFleetApi();
  const { time, filters } = scope;
  return useQuery({
    queryKey: [uid, 'analytics', name, time, filters, by],
    queryFn: ({ signal }) => {
      const window = windowOf(time);
      const hours = (Date.parse(window.to) - Date.parse(window.from)) / HOUR_MS;
      const bucket = hours <= 48 ? 'hour' : hours <= 24 * 120 ? 'day' : 'week';
      const asked = { ...filters, ...window, by: by.join(',') || undefined };
      return api.get<Answers[Name]>(`/api/v1/analytics/${name}`, name === 'timeseries' ? { ...asked, bucket } : asked, {
        signal,
      });
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

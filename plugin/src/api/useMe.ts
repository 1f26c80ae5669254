import type { ActionName } from '@contract/actions.ts';
import type { MeAnswer } from '@contract/me.ts';
import { useQuery } from '@tanstack/react-query';
import { useFleetApi } from './FleetApiContext';

/** For so long a role that was changed in Grafana may show as before; the exporter decides by the new one at once. */
const STALE_MS = 60_000;

/**
 * Who asks, as the exporter sees them.
 * @returns `can`: whether they may perform an action; what they may not do is not offered. While that is not known it is false, and where the
 *   exporter does not tell it true: it refuses by itself.
 */
export function useMe() {
  const { api, uid } = useFleetApi();
  const { data: me, error } = useQuery({
    queryKey: [uid, 'me'],
    queryFn: ({ signal }) => api.get<MeAnswer>('/api/v1/me', {}, { signal }),
    staleTime: STALE_MS,
  });
  const can = (action: ActionName): boolean => me?.actions.includes(action) ?? error !== null;
  return { me, can } as const;
}

import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { useFleetApi } from '../api/FleetApiContext';
import { hubOf } from './hubOf';
import type { LiveEvent, LiveStatus } from './liveMessages';

interface LiveOptions {
  /** What is behind already: the `position` of the page of output that is shown. */
  readonly from?: string | undefined;
  /** Default true. */
  readonly enabled?: boolean;
}

/**
 * Tells what changes of some topics (`topicOf` of the contract spells them). The listener may be a new one with every render. A list that was fetched before
 * hears `missed` once, when the stream begins.
 */
export function useLive(
  topics: readonly string[],
  listener: (event: LiveEvent) => void,
  { from, enabled = true }: LiveOptions = {},
): void {
  const { api } = useFleetApi();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  const joined = topics.join(',');
  useEffect(() => {
    if (!enabled || joined === '') return;
    return hubOf(api).subscribe(joined.split(','), (event) => latest.current(event), from);
  }, [api, joined, from, enabled]);
}

/** Whether what is shown is live. */
export function useLiveStatus(): LiveStatus {
  const { api } = useFleetApi();
  const hub = hubOf(api);
  return useSyncExternalStore(
    useCallback((changed) => hub.onStatus(changed), [hub]),
    () => hub.status,
  );
}

/** So often at most are answers fetched again for changes. */
const REFETCH_MS = 2_000;

/** Fetches answers again when something of the topics changes: for what is not a list of records itself (a count, a chart). */
export function useLiveRefetch(topics: readonly string[], queryKey: QueryKey, { enabled = true } = {}): void {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const fetchedAt = useRef(0);
  const key = useRef(queryKey);
  useEffect(() => {
    key.current = queryKey;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  useLive(
    topics,
    () => {
      if (timer.current !== undefined) return;
      timer.current = setTimeout(
        () => {
          timer.current = undefined;
          fetchedAt.current = Date.now();
          void client.invalidateQueries({ queryKey: key.current });
        },
        Math.max(0, fetchedAt.current + REFETCH_MS - Date.now()),
      );
    },
    { enabled },
  );
}

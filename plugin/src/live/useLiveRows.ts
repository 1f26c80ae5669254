import type { Page } from '@contract/api.ts';
import type { RecordChange } from '@contract/live.ts';
import type { Kind } from '@contract/records.ts';
import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Listed } from '../api/FleetApi';
import type { LiveEvent } from './liveMessages';
import { useLive } from './useLive';

/** For so long a row that changed is marked. */
const MARKED_MS = 4_000;

interface LiveRowsOptions<K extends Kind> {
  /** Such as `['runs']`. */
  readonly topics: readonly string[];
  readonly kind: K;
  /** Of a query whose answer is a page of such records: `{data, nextCursor}`. */
  readonly queryKey: QueryKey;
  readonly keyOf: (record: Listed<K>) => string;
  /** Whether a record that the page does not have belongs to what is listed. Default: all do. */
  readonly belongs?: (record: Listed<K>) => boolean;
  readonly enabled?: boolean;
}

export interface LiveRows {
  /** Records that came and would shift the page; `many`: more than were told one by one. */
  readonly pending: number | 'many';
  /** Fetches the page anew, with them. */
  readonly apply: () => void;
  /** Rows that changed a moment ago. */
  readonly changed: ReadonlySet<string>;
}

/** Keeps a page of a list live: rows are patched in place, and what would shift them waits for who reads. */
export function useLiveRows<K extends Kind>(options: LiveRowsOptions<K>): LiveRows {
  const client = useQueryClient();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [waiting, setWaiting] = useState<ReadonlySet<string> | 'many'>(NONE);
  const [changed, setChanged] = useState<ReadonlySet<string>>(NONE);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  const name = JSON.stringify(options.queryKey);
  // Another page: nothing waits for it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name is what it depends on
  useEffect(() => {
    setWaiting(NONE);
    setChanged(NONE);
  }, [name]);
  useEffect(() => {
    const all = timers.current;
    return () => {
      for (const timer of all) clearTimeout(timer);
    };
  }, []);

  const refetch = useCallback(() => {
    setWaiting(NONE);
    void client.invalidateQueries({ queryKey: latest.current.queryKey, exact: true });
  }, [client]);

  const mark = (key: string) => {
    setChanged((keys) => new Set(keys).add(key));
    const timer = setTimeout(() => {
      timers.current.delete(timer);
      setChanged((keys) => without(keys, key));
    }, MARKED_MS);
    timers.current.add(timer);
  };

  const take = (event: LiveEvent) => {
    const { queryKey, kind, keyOf, belongs } = latest.current;
    if (event.event === 'missed') return refetch();
    if (event.event === 'list') return setWaiting('many');
    if (event.event !== 'record' || event.data.kind !== kind) return;
    const { record } = event.data as Extract<RecordChange, { kind: K }>;
    // A long one is read at its own route: the list as a whole is.
    if (record === undefined) return setWaiting('many');
    const row = record as unknown as Listed<K>;
    const key = keyOf(row);
    const page = client.getQueryData<Page<Listed<K>>>(queryKey);
    if (page?.data.some((one) => keyOf(one) === key) === true) {
      client.setQueryData<Page<Listed<K>>>(queryKey, (old) =>
        old === undefined ? old : { ...old, data: old.data.map((one) => (keyOf(one) === key ? row : one)) },
      );
      mark(key);
    } else if (belongs?.(row) !== false) setWaiting((keys) => (keys === 'many' ? keys : new Set(keys).add(key)));
  };
  useLive(options.topics, take, { enabled: options.enabled ?? true });

  return { pending: waiting === 'many' ? 'many' : waiting.size, apply: refetch, changed };
}

const NONE: ReadonlySet<string> = new Set();

function without(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const rest = new Set(keys);
  rest.delete(key);
  return rest;
}

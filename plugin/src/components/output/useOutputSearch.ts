import { formatPlace, type OutputPlace, placeOf } from '@contract/outputPlace.ts';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useFleetApi } from '../../api/FleetApiContext';
import type { AskOutput } from './OutputStore';

/** Matches that are listed; who has more needs other words. */
const MOST_MATCHES = 500;

export interface OutputSearch {
  readonly words: string;
  /** Undefined: not known yet. */
  readonly count: number | undefined;
  /** There are more than are listed. */
  readonly hasMore: boolean;
  /** Which of them is looked at, from 0. */
  readonly index: number | undefined;
  readonly place: OutputPlace | undefined;
  readonly error: Error | null;
  next(): void;
  previous(): void;
}

/**
 * Finds words in all that was printed, not in what is loaded alone.
 * @param scope what the answer depends on besides the words
 */
export function useOutputSearch(ask: AskOutput, scope: readonly unknown[], words: string): OutputSearch {
  const { uid } = useFleetApi();
  const query = useQuery({
    queryKey: [uid, 'output-search', ...scope, words],
    queryFn: async ({ signal }) => {
      const page = await ask({ q: words, limit: MOST_MATCHES }, signal);
      return { places: page.data.map(placeOf), hasMore: page.nextCursor !== null };
    },
    enabled: words !== '',
  });
  const [index, setIndex] = useState<number | undefined>(undefined);
  const { data } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words begin anew
  useEffect(() => setIndex(undefined), [words]);
  const count = data?.places.length;
  return useMemo(() => {
    const step = (by: number, first: number) => () => {
      if (count === undefined || count === 0) return;
      setIndex((at) => (at === undefined ? first : (at + by + count) % count));
    };
    return {
      words,
      count,
      hasMore: data?.hasMore === true,
      index: index !== undefined && count !== undefined && index < count ? index : undefined,
      place: index === undefined ? undefined : data?.places[index],
      error: query.error,
      next: step(1, 0),
      previous: step(-1, (count ?? 1) - 1),
    };
  }, [words, data, count, index, query.error]);
}

export function isSamePlace(a: OutputPlace | undefined, b: OutputPlace | undefined): boolean {
  return a !== undefined && b !== undefined && formatPlace(a) === formatPlace(b);
}

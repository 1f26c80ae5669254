import type { AnalyticsDimension } from '@contract/dimensions.ts';
import { useMemo } from 'react';
import { usePageParameters } from './usePageParameters';
import { type PageTime, usePageTime } from './usePageTime';

/** What a page of figures is about, as its address says: the window and the chosen values of each dimension. */
export function useScope(
  dimensions: readonly AnalyticsDimension[],
  fallback: PageTime = { from: 'now-30d', to: 'now' },
) {
  const [parameters, change] = usePageParameters();
  const { time, range, change: changeTime } = usePageTime(fallback);
  const filters = useMemo(
    () => Object.fromEntries(dimensions.map((name) => [name, parameters.getAll(name)])) as Filters,
    [parameters, dimensions],
  );
  return { parameters, change, time, range, changeTime, filters, dimensions } as const;
}

type Filters = Readonly<Partial<Record<AnalyticsDimension, string[]>>>;
export type Scope = ReturnType<typeof useScope>;

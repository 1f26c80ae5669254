import { useMemo } from 'react';
import type { Listed } from '../../api/FleetApi';
import { ChainOverview } from './ChainOverview';
import { chainSprints } from './chainSprints';
import { SprintTimeline } from './SprintTimeline';

interface Props {
  readonly chain: Listed<'chain'>;
  readonly runs: readonly Listed<'run'>[];
  readonly nowMs: number;
  /** Status, failure and figures above the sprints; default true. */
  readonly showOverview?: boolean;
}

/** One chain, for its page and the panel. */
export function ChainDetail({ chain, runs, nowMs, showOverview = true }: Props) {
  const layout = useMemo(() => chainSprints(chain, runs, nowMs), [chain, runs, nowMs]);
  return (
    <>
      {showOverview && <ChainOverview chain={chain} layout={layout} nowMs={nowMs} />}
      <SprintTimeline source={chain.source} layout={layout} />
    </>
  );
}

import { DEMO_SOURCES, simulateFleet } from '../../exporter/src/demo/index.ts';
import type { FleetEvent } from '../../exporter/src/demo/story.ts';

const MINUTE_MS = 60_000;
const [SOURCE = ''] = DEMO_SOURCES;
const PROJECT = 'acme/rare';

/** What the demo fleet did until now, in order, with what it did not in every such span and tests look at. */
export function demoHistory({ from, to }: { readonly from: Date; readonly to: Date }): readonly FleetEvent[] {
  const events = [...simulateFleet({ seed: 'fleetlens', from, to }), ...rareRecords(to)];
  return events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/**
 * A chain that failed and an approval that waits: the fleet has none for days. The chain and its runs are old, so that whoever asks
 * for the newest gets the fleet's own where there is one.
 */
function rareRecords(now: Date): FleetEvent[] {
  const ago = (minutes: number) => new Date(now.getTime() - minutes * MINUTE_MS).toISOString();
  const old = (minutes: number) => ago(47 * 60 + minutes);
  const error = { message: 'error TS2322: Type string is not assignable to type number' };
  const sprints = [
    { index: 0, runId: 'rare-1', status: 'succeeded', startedAt: old(50), finishedAt: old(40) },
    { index: 1, runId: 'rare-2', status: 'failed', startedAt: old(39), finishedAt: old(30) },
  ];
  const chain = {
    chainId: 'rare',
    project: PROJECT,
    name: 'Plan of two sprints',
    status: 'failed',
    sprintCount: 3,
    currentSprintIndex: 1,
    failedSprintIndex: 1,
    sprints,
    createdAt: old(51),
    finishedAt: old(30),
  };
  const runs = sprints.map(({ index, ...of }) => ({
    ...of,
    project: PROJECT,
    createdAt: of.startedAt,
    chainId: chain.chainId,
    sprintIndex: index,
    ...(of.status === 'failed' && { error }),
  }));
  const approval = { approvalId: 'rare', project: PROJECT, runId: 'rare-2', requestedAt: ago(20) };
  return [
    { id: 'rare-chain', source: SOURCE, kind: 'chain', at: chain.finishedAt, data: chain },
    ...runs.map((run) => ({
      id: run.runId,
      source: SOURCE,
      kind: 'run' as const,
      at: run.finishedAt,
      data: run,
    })),
    { id: 'rare-approval', source: SOURCE, kind: 'approval', at: approval.requestedAt, data: approval },
  ];
}

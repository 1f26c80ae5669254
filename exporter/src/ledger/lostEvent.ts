import { isOpen } from '../contract/status.ts';
import type { EventToRecord } from './recordEvents.ts';
import type { WorkingRecord } from './workingSet.ts';

/**
 * The event that says that an open run went silent: a millisecond after its last one, so that any later event revives it,
 * and the same whichever replica finds it.
 * @returns undefined where the run is not open.
 */
export function lostEvent(run: WorkingRecord): EventToRecord | undefined {
  if (run.state === undefined || !isOpen(run.state.doc.status as string | undefined)) return undefined;
  return {
    id: 'lost',
    source: run.source,
    kind: 'run',
    at: new Date(Date.parse(run.at) + 1).toISOString(),
    key: run.key,
    fields: { runId: run.key, status: 'unknown', 'attributes.lost': true },
  };
}

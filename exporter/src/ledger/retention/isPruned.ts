import type { ClientBase } from 'pg';
import type { Kind } from '../../contract/records.ts';
import type { EventToRecord } from '../recordEvents.ts';
import type { SourceState } from '../sourceState.ts';

/** Kinds that go with their run. */
const OF_RUN: ReadonlySet<Kind> = new Set<Kind>(['run', 'step', 'usage', 'output']);

function runIdOf({ kind, fields }: EventToRecord): string | undefined {
  return OF_RUN.has(kind) && typeof fields.runId === 'string' ? fields.runId : undefined;
}

/** @returns `source\0run id` of the runs among those of the events that were pruned. */
export async function readTombstones(client: ClientBase, events: readonly EventToRecord[]): Promise<Set<string>> {
  const wanted = events.flatMap((event) => {
    const runId = runIdOf(event);
    return runId === undefined ? [] : [{ source: event.source, runId }];
  });
  if (wanted.length === 0) return new Set();
  const { rows } = await client.query<{ source: string; run_id: string }>({
    name: 'tombstone_read',
    text: 'select t.source, t.run_id from fleetlens.tombstone t join (select distinct * from unnest($1::text[], $2::text[])) as w(source, run_id) using (source, run_id)',
    values: [wanted.map((w) => w.source), wanted.map((w) => w.runId)],
  });
  return new Set(rows.map((row) => `${row.source}\0${row.run_id}`));
}

/**
 * @returns whether an event that the ledger has no record for is of one that retention took: it was counted long ago.
 *   A pulled record is judged by the times that it names itself, for its event may be no older than the poll.
 */
export function isPruned(
  event: EventToRecord,
  tombstones: ReadonlySet<string>,
  states: ReadonlyMap<string, SourceState>,
): boolean {
  const runId = runIdOf(event);
  if (runId !== undefined && tombstones.has(`${event.source}\0${runId}`)) return true;
  const prunedTo = states.get(event.source)?.prunedTo[event.kind];
  if (prunedTo === undefined) return false;
  const time = event.pulled === undefined ? event.at : event.pulledTime;
  return time !== undefined && time < prunedTo;
}

import type pg from 'pg';
import type { ChangeEvent } from '../../contract/live.ts';
import { type Position, WHOLE } from '../../contract/topics.ts';
import { earliest } from '../../ledger/changes/interest.ts';
import { isKept, readHead } from '../../ledger/changes/readChanges.ts';
import { type Printer, readTail } from '../../ledger/read/listOutput.ts';
import { readSnapshot } from '../../ledger/read/readSnapshot.ts';
import { type Follower, goOnFrom } from './follower.ts';

export interface Start {
  readonly follower: Follower;
  /** Where to read on from. */
  readonly from: Position;
  /** To be told before anything else: without ids, so that who loses them gets them again. */
  readonly events: readonly ChangeEvent[];
}

/**
 * Finds where a follower begins, at one moment of the ledger: at `since`, else at the earliest place of its topics, else (and where
 * that is not kept) now. All its topics go on from there, so that the id of an event is all that is needed to go on.
 * @param tail lines of each output topic, where it begins now
 */
export async function startFollowing(
  pool: pg.Pool,
  asked: Follower,
  { since, tail }: { readonly since: Position | undefined; readonly tail: number },
): Promise<Start> {
  return await readSnapshot(pool, async (client) => {
    const known = await readHead(client);
    const events: ChangeEvent[] = [];
    const from = since ?? earliest(asked.topics.flatMap(({ after }) => after ?? []));
    if (from !== undefined) {
      const follower = goOnFrom(asked, from);
      const isUnknown = follower.topics.some(({ after }) => after !== undefined && after.seq > known.head);
      if (!isUnknown && isKept(from, known)) return { follower, from, events };
      events.push(resetOf(follower, isUnknown));
    }
    const topics = asked.topics.map(({ after: _after, ...topic }) => topic);
    for (const { name, source, id, text } of topics) {
      if (tail === 0 || source === undefined || id === undefined) continue;
      if (name !== 'output' && name !== 'sandbox-output') continue;
      const printer: Printer = { of: name === 'output' ? 'run' : 'sandbox', source, id };
      const lines = await readTail(client, printer, tail, asked.projects);
      const ofRun = name === 'output' ? { runId: id } : {};
      events.push({ event: 'output', data: { topics: [text], source, ...ofRun, tail: true, lines } });
    }
    return { follower: { ...asked, topics }, from: { seq: known.head, index: WHOLE }, events };
  });
}

function resetOf({ topics }: Follower, isUnknown: boolean): ChangeEvent {
  const data = {
    topics: topics.map(({ text }) => text),
    reason: isUnknown ? ('unknown_position' as const) : ('too_old' as const),
    message: isUnknown
      ? 'the position is of another ledger, or of one that was restored since: read what is shown again'
      : 'what came after the position is not kept any more (ledger.retention.changes): read what is shown again',
  };
  return { event: 'reset', data };
}

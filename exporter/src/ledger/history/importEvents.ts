import type { NormalisedEvent } from '../../contract/events.ts';
import { dedupeEvents, digestEvent } from '../dedupeEvents.ts';
import type { Ledger } from '../ledger.ts';
import { recordEvents } from '../recordEvents.ts';
import type { SourceReading } from '../sourceState.ts';
import type { Transaction } from '../transaction.ts';

/** A source that counts live would show its history as growth of this moment. */
export class SourceIsLive extends Error {
  override readonly name = 'SourceIsLive';
  readonly sources: readonly string[];

  constructor(sources: readonly string[]) {
    super(`found ${sources.join(', ')} live, expected sources that have counted nothing yet`);
    this.sources = sources;
  }
}

export interface ImportResult {
  readonly recorded: number;
  /** Ids that the ledger remembered from pushes, with the same body. */
  readonly duplicates: number;
  /** Ids of events that it remembered with another body; nothing of them was recorded. */
  readonly conflicts: readonly string[];
}

/** Events of one transaction; the writer lock is given up between them. */
export const IMPORT_BATCH = 2_000;

function historyOf(source: string, done: boolean): SourceReading {
  return { source, way: 'push', newestMs: undefined, eventMs: [], backfilled: done, fresh: false };
}

/**
 * Records history of any age, as pushes of it would have been in their time: field by field by (at, id), each fact counted
 * once, so importing again changes nothing. Ids are looked up where the ledger still remembers them. A source that is new
 * stays hidden until {@link endImport}.
 * @throws SourceIsLive where a source is exposed already, unless `intoLive`.
 */
export async function importEvents(
  ledger: Ledger,
  events: readonly NormalisedEvent[],
  options: { readonly intoLive: boolean },
): Promise<ImportResult> {
  return await ledger.transaction(async (tx) => {
    const sources = [...new Set(events.map(({ source }) => source))];
    if (!options.intoLive) await refuseLive(tx, sources);
    const { fresh, duplicates, conflicts } = await withoutKnown(tx, events);
    await tx.begin(sources.map((source) => historyOf(source, false)));
    await recordEvents(fresh, tx.recording());
    return { recorded: fresh.length, duplicates, conflicts };
  });
}

/** What was imported is whole: the sources go live as soon as their runs are settled. */
export async function endImport(ledger: Ledger, sources: readonly string[]): Promise<void> {
  await ledger.transaction((tx) => tx.begin(sources.map((source) => historyOf(source, true))));
  while (await ledger.sweep()) {
    // Each round settles some hundred runs and gives up the writer lock.
  }
}

async function refuseLive({ client }: Transaction, sources: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ source: string }>(
    'select source from fleetlens.source_state where live_at is not null and source = any($1) order by source',
    [sources],
  );
  if (rows.length > 0) throw new SourceIsLive(rows.map(({ source }) => source));
}

async function withoutKnown(
  { client, nowMs, policy }: Transaction,
  events: readonly NormalisedEvent[],
): Promise<{ fresh: NormalisedEvent[]; duplicates: number; conflicts: string[] }> {
  const remembered = events.flatMap((event, index) => {
    const atMs = Date.parse(event.at);
    return atMs < nowMs - policy.dedupeWindowMs ? [] : [{ index, atMs, digest: digestEvent(event) }];
  });
  const results = remembered.length === 0 ? [] : await dedupeEvents(client, remembered);
  const known = new Map(remembered.map(({ index }, i) => [index, results[i]]));
  const fresh: NormalisedEvent[] = [];
  const conflicts: string[] = [];
  let duplicates = 0;
  events.forEach((event, index) => {
    const result = known.get(index) ?? 'new';
    if (result === 'new') fresh.push(event);
    else if (result === 'duplicate') duplicates += 1;
    else conflicts.push(event.id);
  });
  return { fresh, duplicates, conflicts };
}

import { z } from 'zod';
import { type JsonObject, utcInstant } from '../rows/textValues.ts';
import type { PollContext, PollPage, PulledRecord } from '../source.ts';
import { type ListedRun, RunReader, type RunReading, type RunsRead } from './readRuns.ts';

/** Runs whose records are committed together: at most so many, and no more than can be asked for in 10 seconds. */
const RUNS_A_PAGE = 25;
const PAGES_A_MINUTE = 6;
/**
 * An open run that did not change for so long is told again, so that the ledger does not take it for lost: the source says
 * that it is still there. (A run may be delayed by weeks.)
 */
const STILL_THERE_MS = 6 * 3_600_000;

const open = z.array(z.string());
/** Versioned: a cursor of another version starts the source from its beginning, which counts nothing twice. */
const runsCursor = z.discriminatedUnion('phase', [
  z.object({
    v: z.literal(1),
    phase: z.literal('backfill'),
    /** How far back it goes, milliseconds. */
    from: z.number(),
    /** When the newest run was created: later polls look for new ones from there. Milliseconds by the server's clock. */
    newest: z.number(),
    after: z.string().optional(),
    open,
  }),
  z.object({ v: z.literal(1), phase: z.literal('live'), newest: z.number(), open }),
]);
type RunsCursor = z.infer<typeof runsCursor>;

/** @returns whether the first complete read is over. */
export function isLive(cursor: unknown): boolean {
  const parsed = runsCursor.safeParse(cursor);
  return parsed.success && parsed.data.phase === 'live';
}

/**
 * Reads runs: first the history, newest first, page by page; from then on those that are new, and those that were open.
 * A list tells neither the attempts nor the error of a run, so each new or changed run costs one more request. A poll with
 * nothing new costs one request, and one for each 100 open runs.
 * @throws SourceError; `partial` is left to the caller
 */
export async function* pollRuns(
  stored: unknown,
  context: PollContext,
  reading: RunReading,
): AsyncGenerator<PollPage, void> {
  const parsed = runsCursor.safeParse(stored);
  if (stored !== undefined && stored !== null && !parsed.success) {
    context.log.warn('the cursor of the source is of another version: the source is read from its beginning');
  }
  reading.memory.startPoll(stored);
  const cursor = parsed.data;
  const reader = new RunReader(reading, context, cursor?.open ?? []);
  if (cursor?.phase === 'live') yield* readNew(cursor, context, reading, reader);
  else yield* readHistory(cursor, context, reading, reader);
  if (reader.failure !== undefined) throw reader.failure;
}

async function* readHistory(
  stored: Extract<RunsCursor, { phase: 'backfill' }> | undefined,
  context: PollContext,
  { api, config, memory }: RunReading,
  reader: RunReader,
): AsyncGenerator<PollPage, void> {
  const from = stored?.from ?? context.startedAt.getTime() - config.history;
  let newest = stored?.newest;
  let after = stored?.after;
  for (;;) {
    const page = await api.runs({ from: new Date(from), ...(after !== undefined && { after }) }, context);
    const created = page.runs.flatMap((run) => createdMs(run) ?? []);
    newest ??= created.length > 0 ? Math.max(...created) : from;
    const history = { v: 1, phase: 'backfill', from, newest } as const;
    // In seconds of history.
    const progress = (ms: number) => ({
      done: Math.round(((newest ?? ms) - ms) / 1000),
      total: Math.round(((newest ?? ms) - from) / 1000),
    });
    for (const chunk of chunksOf(listed(page.runs), config.requests_per_minute)) {
      const read = await reader.details(chunk);
      // Interrupted within a page, it is read again from its beginning.
      const cursor: RunsCursor = { ...history, ...(after !== undefined && { after }), open: reader.open };
      yield { ...pageOf(read), cursor, progress: progress(createdMs(chunk.at(-1)?.listed) ?? newest) };
      read.committed();
    }
    after = page.next;
    const cursor: RunsCursor =
      after === undefined
        ? { v: 1, phase: 'live', newest, open: reader.open }
        : { ...history, after, open: reader.open };
    yield { records: [], cursor };
    memory.committed(cursor);
    if (after === undefined) return;
  }
}

async function* readNew(
  stored: Extract<RunsCursor, { phase: 'live' }>,
  context: PollContext,
  { api, config, memory }: RunReading,
  reader: RunReader,
): AsyncGenerator<PollPage, void> {
  let { newest } = stored;
  const cursor = (): RunsCursor => ({ ...stored, open: reader.open });
  const seen = new Set<string>();
  async function* readPages(query: { from: Date } | { open: true }): AsyncGenerator<PollPage, void> {
    let after: string | undefined;
    do {
      const page = await api.runs({ ...query, ...(after !== undefined && { after }) }, context);
      const runs = listed(page.runs);
      if ('from' in query) newest = Math.max(newest, ...page.runs.flatMap((run) => createdMs(run) ?? []));
      const changed = runs.filter(
        ({ id, listed }) => !reader.read.has(id) && !memory.knows(id, utcInstant(listed?.updatedAt)),
      );
      for (const { id } of runs) seen.add(id);
      yield* readDetails(changed);
      const still = config.runs_of === undefined ? stillThere(runs, context.startedAt, reader, memory) : [];
      if (still.length > 0) yield { records: still, cursor: cursor() };
      after = page.next;
    } while (after !== undefined);
  }
  async function* readDetails(runs: readonly ListedRun[]): AsyncGenerator<PollPage, void> {
    for (const chunk of chunksOf(runs, config.requests_per_minute)) {
      const read = await reader.details(chunk);
      yield { ...pageOf(read), cursor: cursor() };
      read.committed();
    }
  }

  // Once nothing can be listed late any more, the newest run alone is listed again.
  const lateFrom = context.startedAt.getTime() - config.overlap;
  const from = memory.isEmpty ? stored.newest - config.overlap : Math.min(stored.newest, lateFrom);
  yield* readPages({ from: new Date(from) });
  const unseen = () => stored.open.filter((id) => !seen.has(id) && !reader.read.has(id));
  if (unseen().length > 0) {
    yield* readPages({ open: true });
    // What was open and is no more: it finished, or was deleted.
    yield* readDetails(unseen().map((id) => ({ id })));
  }
  const next: RunsCursor = { v: 1, phase: 'live', newest, open: reader.open };
  yield { records: [], cursor: next };
  memory.committed(next);
}

/** The words by which open runs that did not change for long are kept alive, once in each stretch of that length. */
function stillThere(
  runs: readonly ListedRun[],
  now: Date,
  reader: RunReader,
  memory: RunReading['memory'],
): PulledRecord[] {
  const stretch = Math.floor(now.getTime() / STILL_THERE_MS) * STILL_THERE_MS;
  const isOpen = new Set(reader.open);
  return runs.flatMap(({ id, listed }): PulledRecord[] => {
    const updatedAt = utcInstant(listed?.updatedAt);
    if (!isOpen.has(id) || updatedAt === undefined || Date.parse(updatedAt) >= stretch) return [];
    // Of a run that could not be read yet there is nothing to keep alive.
    if (!memory.knows(id, updatedAt) || !memory.tellsStillThere(id, stretch)) return [];
    const at = new Date(stretch).toISOString();
    return [{ kind: 'run', at, data: { runId: id, attributes: { stillThereAt: at } } }];
  });
}

function listed(runs: readonly JsonObject[]): ListedRun[] {
  return runs.flatMap((run) => (typeof run.id === 'string' ? [{ id: run.id, listed: run }] : []));
}

function createdMs(run: JsonObject | undefined): number | undefined {
  const createdAt = utcInstant(run?.createdAt);
  return createdAt === undefined ? undefined : Date.parse(createdAt);
}

function pageOf({ records, goneRuns }: RunsRead): Pick<PollPage, 'records' | 'goneRuns'> {
  return { records, ...(goneRuns.length > 0 && { goneRuns }) };
}

function chunksOf<T>(items: readonly T[], requestsPerMinute: number): T[][] {
  const size = Math.max(1, Math.min(RUNS_A_PAGE, Math.floor(requestsPerMinute / PAGES_A_MINUTE)));
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

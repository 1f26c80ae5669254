import { z } from 'zod';
import { isOpen } from '../../../contract/status.ts';
import { ChangedRecords, type RowRecords } from '../../rows/changedRecords.ts';
import type { PollContext, PollPage } from '../../source.ts';
import type { StatusWords } from '../../statusWords.ts';
import type { GittinkererRuns } from '../gittinkererRuns.ts';
import { mapRun } from '../mapRun.ts';
import type { OpenArtifacts } from './artifactDirectories.ts';
import { directoryOfTime, timeOfDirectory } from './directoryName.ts';

/** `after`: every older directory was read. `watched`: directories whose run was not over when they were read. */
const cursorSchema = z.object({ after: z.string().nullable(), watched: z.array(z.string()) });
type Cursor = z.infer<typeof cursorSchema>;

/** A row may be written later than its directory; without it a run would be counted without its origin. */
const ROW_GRACE_MS = 10 * 60_000;
/** A run writes its last files some moments after its end. */
const LATE_MS = 10 * 60_000;
/** A run that has not ended by then is not going to; the ledger takes it for lost. */
const GIVE_UP_MS = 25 * 60 * 60_000;
const DIRECTORIES_A_PAGE = 100;
const MAX_WATCHED = 1_000;

function latest(names: Iterable<string>, after: string | null): string | null {
  let newest = after;
  for (const name of names) if (name > (newest ?? '')) newest = name;
  return newest;
}

/**
 * Runs that only their directory tells of: all of them where no database is configured, else those that have no row (or one
 * that names another directory).
 */
export class ArtifactRuns {
  readonly #words: StatusWords;
  readonly #runs: GittinkererRuns | undefined;
  readonly #overlapMs: number;
  readonly #changed = new ChangedRecords();
  /** Directories that need no further look; a name that appears late is not among them, however old it is. */
  readonly #done = new Set<string>();
  #started = false;

  constructor(words: StatusWords, runs: GittinkererRuns | undefined, overlapMs: number) {
    this.#words = words;
    this.#runs = runs;
    this.#overlapMs = overlapMs;
  }

  async *poll(stored: unknown, context: PollContext, artifacts: OpenArtifacts): AsyncGenerator<PollPage> {
    const cursor: Cursor = cursorSchema.safeParse(stored).data ?? { after: null, watched: [] };
    if (!this.#started) this.#skipRead(cursor, artifacts);
    this.#started = true;
    for (const name of artifacts.owned) this.#done.add(name);
    for (const name of this.#done) if (!artifacts.names.has(name)) this.#done.delete(name);
    this.#changed.startPoll(stored);
    const names = [...artifacts.names].filter((name) => !this.#done.has(name)).sort();
    const watched = new Set(cursor.watched.filter((name) => artifacts.names.has(name)));
    for (const name of artifacts.owned) watched.delete(name);
    let after = latest(artifacts.owned, cursor.after);
    for (let from = 0; from < names.length; from += DIRECTORIES_A_PAGE) {
      const page = names.slice(from, from + DIRECTORIES_A_PAGE);
      const rows: RowRecords[] = [];
      const unowned = new Map<string, string>();
      for (const name of page) {
        const runId = this.#runs === undefined ? undefined : await this.#ownerOf(name, context, artifacts);
        if (runId === 'wait') watched.add(name);
        else if (runId !== undefined) unowned.set(runId, name);
        else rows.push(...(await this.#read(name, context, artifacts, watched)));
        if (runId !== 'wait' && !watched.has(name)) this.#done.add(name);
      }
      if (unowned.size > 0) {
        const withRow = (await this.#runs?.byIds([...unowned.keys()], context, artifacts)) ?? [];
        rows.push(...withRow);
        for (const { id } of withRow) unowned.delete(id);
        for (const name of unowned.values()) rows.push(...(await this.#read(name, context, artifacts, watched)));
      }
      const last = page.at(-1);
      if (last !== undefined && last > (after ?? '')) after = last;
      const next = { after, watched: [...watched].sort().slice(-MAX_WATCHED) };
      const { records, committed } = this.#changed.select(rows);
      yield { records, cursor: next };
      committed(next);
    }
    // Directories of rows were read with their rows: after a start they need no look either.
    const next = { after, watched: [...watched].sort().slice(-MAX_WATCHED) };
    if (names.length === 0 && JSON.stringify(next) !== JSON.stringify(cursor)) {
      yield { records: [], cursor: next };
      this.#changed.select([]).committed(next);
    }
  }

  /** After a start: what was read before needs no look, but for what could have come since. */
  #skipRead({ after, watched }: Cursor, { names }: OpenArtifacts): void {
    if (after === null) return;
    const floor = directoryOfTime((timeOfDirectory(after) ?? 0) - this.#overlapMs);
    for (const name of names) if (name <= floor && !watched.includes(name)) this.#done.add(name);
  }

  /** The run of a directory that no row named; `wait` where its row may still come. */
  async #ownerOf(
    name: string,
    { startedAt }: PollContext,
    artifacts: OpenArtifacts,
  ): Promise<string | 'wait' | undefined> {
    if (startedAt.getTime() - (timeOfDirectory(name) ?? 0) < ROW_GRACE_MS) return 'wait';
    return artifacts.runIdOf(name);
  }

  async #read(
    name: string,
    { startedAt, log }: PollContext,
    artifacts: OpenArtifacts,
    watched: Set<string>,
  ): Promise<RowRecords[]> {
    const found = await artifacts.read(name);
    if (found !== undefined && 'refused' in found) {
      log.warn({ directory: name, found: found.refused }, 'a directory of artifacts is not read');
      return [];
    }
    const runId = found?.run?.run_id;
    const age = startedAt.getTime() - (timeOfDirectory(name) ?? 0);
    watched.delete(name);
    if (found === undefined) return [];
    if (typeof runId !== 'string' || runId === '') {
      if (age < LATE_MS) watched.add(name);
      else
        log.warn(
          { directory: name, problems: found.problems },
          'a directory of artifacts has no run.json with a run_id',
        );
      return [];
    }
    const parts = { runId, metrics: { latest: new Map(), webhooks: [] }, artifacts: found };
    const records = mapRun(parts, this.#words, startedAt);
    const { status, finishedAt } = records[0]?.data ?? {};
    const endedMs = typeof finishedAt === 'string' ? Date.parse(finishedAt) : (timeOfDirectory(name) ?? 0);
    const isOver = !isOpen(status as string | undefined) && status !== undefined;
    if (isOver ? startedAt.getTime() - endedMs < LATE_MS : age < GIVE_UP_MS) watched.add(name);
    return [{ id: runId, records }];
  }
}

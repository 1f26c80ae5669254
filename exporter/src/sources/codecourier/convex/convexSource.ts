import type { Logger } from 'pino';
import type { PulledRecord } from '../../../contract/events.ts';
import { type PollContext, type PollPage, type ProbeReport, type Source, SourceError } from '../../source.ts';
import { type CodeCourierConfig, tableOf } from '../config.ts';
import { readCursorText } from '../cursorText.ts';
import { readDeletion } from '../deletions.ts';
import { DOCUMENT_KINDS, type DocumentKind } from '../documents.ts';
import { ApiError } from '../http/apiFailure.ts';
import { Platform, Warnings } from '../platform.ts';
import { readParts } from '../readParts.ts';
import { type ConvexCursor, convexCursor, type TablePlace } from './convexCursor.ts';
import { ExportApi, type Revision } from './exportApi.ts';
import { probeConvex } from './probeConvex.ts';

const RECORDS_A_PAGE = 1_500;
const NANOSECONDS_A_MS = 1_000_000n;
/** Deltas give a new cursor at each call. One that nothing came with is kept this long unwritten: each write takes the ledger's lock. */
const CURSOR_AGE_NS = 10n * 60_000n * NANOSECONDS_A_MS;
/** Convex says so where a moment lies beyond what it remembers (30 days): then the table is read anew. */
const TOO_OLD: ReadonlySet<string | undefined> = new Set(['InvalidWindowToReadDocuments', 'SnapshotTooOld']);

/**
 * What else is read before a table, for what only both say together. The books of these joins are in memory during a first
 * read: a process that finds itself in the middle of one reads these tables again.
 */
const JOINED: Readonly<Partial<Record<DocumentKind, readonly DocumentKind[]>>> = {
  runs: ['sprintChains', 'runSteps'],
  messages: ['runSteps', 'sandboxes'],
};

interface Poll {
  readonly context: PollContext;
  readonly platform: Platform;
  readonly tables: Record<string, TablePlace>;
  /** All tables that a poll reads for the first time are read as of one moment, so that what belongs together fits. */
  snapshot: string | undefined;
  /** Lifetime runs of all projects by the platform's own counters. */
  totalRuns: number;
  readRuns: number;
}

/** CodeCourier through the tables of its Convex deployment: all projects, with a deploy key. */
export class ConvexSource implements Source {
  readonly #config: CodeCourierConfig;
  readonly #api: ExportApi;
  readonly #log: Logger;
  readonly #warnings: Warnings;
  #platform: Platform;
  /** The cursor that was committed last. */
  #committed: string | undefined;
  /** What the platform has learned is committed. */
  #isIntact = true;

  constructor(config: CodeCourierConfig, log: Logger) {
    this.#config = config;
    this.#api = new ExportApi(config, log);
    this.#log = log;
    this.#warnings = new Warnings(log);
    this.#platform = new Platform(config, this.#warnings, undefined);
  }

  async *poll(cursor: unknown, context: PollContext): AsyncGenerator<PollPage> {
    const known = readCursorText(convexCursor, cursor);
    const tables: Record<string, TablePlace> = { ...known?.tables };
    // Another replica polled in between, or a page was not committed.
    if (this.#committed !== cursor || !this.#isIntact) {
      this.#platform = new Platform(this.#config, this.#warnings, known?.state);
      readJoinedAgain(tables);
    }
    this.#isIntact = false;
    const snapshot = Object.values(tables).find((place) => place.phase === 'snapshot')?.snapshot;
    const poll: Poll = { context, platform: this.#platform, tables, snapshot, totalRuns: 0, readRuns: 0 };
    const parts = DOCUMENT_KINDS.flatMap((kind) => {
      const table = tableOf(this.#config, kind);
      return table === undefined ? [] : [() => this.#readTable(poll, kind, table)];
    });
    const failure = yield* readParts(parts, context, () => this.#handOver(poll, [], []));
    if (failure !== undefined) throw failure;
    this.#isIntact = true;
  }

  probe(signal: AbortSignal): Promise<ProbeReport> {
    return probeConvex(this.#config, this.#api, { signal });
  }

  async close(): Promise<void> {}

  async *#readTable(poll: Poll, kind: DocumentKind, table: string): AsyncGenerator<PollPage> {
    try {
      const place = poll.tables[kind];
      // Another table under this name is another story.
      if (place === undefined || place.table !== table || place.phase === 'snapshot') {
        yield* this.#readSnapshot(poll, kind, table, place?.table === table ? place : undefined);
      } else yield* this.#readDeltas(poll, kind, place);
    } catch (error) {
      if (!(error instanceof ApiError) || !TOO_OLD.has(error.code)) throw error;
      this.#log.warn(
        { table, requestId: error.requestId },
        'the deployment no longer remembers the moment up to which its table was read: it is read anew',
      );
      delete poll.tables[kind];
      poll.snapshot = undefined;
      yield* this.#readSnapshot(poll, kind, table, undefined);
    }
  }

  async *#readSnapshot(
    poll: Poll,
    kind: DocumentKind,
    table: string,
    place: TablePlace | undefined,
  ): AsyncGenerator<PollPage> {
    let snapshot = place?.phase === 'snapshot' ? place.snapshot : poll.snapshot;
    let next = place?.phase === 'snapshot' ? place.next : undefined;
    do {
      const page = await this.#api.listSnapshot(table, snapshot, next, poll.context);
      snapshot = page.snapshot;
      poll.snapshot = snapshot;
      next = page.next;
      const after: TablePlace =
        next === undefined
          ? { phase: 'deltas', table, cursor: snapshot }
          : { phase: 'snapshot', table, snapshot, next };
      yield* this.#send(poll, kind, page.revisions, after);
    } while (next !== undefined);
  }

  async *#readDeltas(
    poll: Poll,
    kind: DocumentKind,
    place: Extract<TablePlace, { phase: 'deltas' }>,
  ): AsyncGenerator<PollPage> {
    let cursor = place.cursor;
    for (;;) {
      const page = await this.#api.documentDeltas(place.table, cursor, poll.context);
      const isIdle = page.revisions.length === 0 && !page.hasMore;
      if (isIdle && BigInt(page.cursor) - BigInt(cursor) < CURSOR_AGE_NS) return;
      if (page.hasMore && page.cursor === cursor) {
        throw new SourceError(`${place.table}: found more deltas and the same cursor ${cursor}, expected a later one`, {
          result: 'schema',
        });
      }
      cursor = page.cursor;
      const revisions = kind === 'messages' ? lastRevisions(page.revisions) : page.revisions;
      yield* this.#send(poll, kind, revisions, { phase: 'deltas', table: place.table, cursor });
      if (!page.hasMore) return;
    }
  }

  /** Hands over what revisions say, in pages of a bounded size; the place moves with the last one. */
  async *#send(
    poll: Poll,
    kind: DocumentKind,
    revisions: readonly Revision[],
    after: TablePlace,
  ): AsyncGenerator<PollPage> {
    const { platform } = poll;
    const records: PulledRecord[] = [];
    const goneRuns: string[] = [];
    for (const { id, ts, document } of revisions) {
      const at = instantOfNanoseconds(ts);
      if (document === undefined) {
        const deletion = readDeletion(platform, kind, id, at);
        records.push(...deletion.records);
        goneRuns.push(...deletion.goneRuns);
      } else records.push(...platform.map(kind, document, at));
    }
    records.push(...platform.flush());
    if (kind === 'runs') poll.readRuns += revisions.length;
    if (kind === 'projectCounters') {
      for (const { data } of records) if (typeof data.totalRuns === 'number') poll.totalRuns += data.totalRuns;
    }
    let from = 0;
    for (; records.length - from > RECORDS_A_PAGE; from += RECORDS_A_PAGE) {
      yield* this.#handOver(poll, records.slice(from, from + RECORDS_A_PAGE), []);
    }
    poll.tables[kind] = after;
    yield* this.#handOver(poll, records.slice(from), goneRuns);
  }

  /** A page; once the next one is asked for, it is committed. */
  async *#handOver(
    poll: Poll,
    records: readonly PulledRecord[],
    goneRuns: readonly string[],
  ): AsyncGenerator<PollPage> {
    const { tables, platform, totalRuns, readRuns } = poll;
    const state: ConvexCursor = { v: 1, api: 'convex', tables, state: platform.state() };
    const cursor = JSON.stringify(state);
    yield {
      records,
      cursor,
      ...(goneRuns.length === 0 ? {} : { goneRuns }),
      ...(totalRuns === 0 ? {} : { progress: { done: readRuns, total: Math.max(totalRuns, readRuns) } }),
    };
    this.#committed = cursor;
  }
}

function readJoinedAgain(tables: Record<string, TablePlace>): void {
  for (const [kind, before] of Object.entries(JOINED)) {
    const place = tables[kind];
    if (place?.phase !== 'snapshot') continue;
    for (const joined of before) delete tables[joined];
  }
}

/** A message that streams is written word by word; its last revision says all of it. */
function lastRevisions(revisions: readonly Revision[]): Revision[] {
  return [...new Map(revisions.map((revision) => [revision.id, revision])).values()];
}

function instantOfNanoseconds(ts: bigint): string {
  return new Date(Number(ts / NANOSECONDS_A_MS)).toISOString();
}

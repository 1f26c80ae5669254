import type { Logger } from 'pino';
import type { RowRecords } from '../../rows/changedRecords.ts';
import type { PollContext, PollPage, ProbeReport, Source } from '../../source.ts';
import type { CodeCourierConfig, PathName } from '../config.ts';
import { readCursorText } from '../cursorText.ts';
import { readDeletion } from '../deletions.ts';
import type { Document, DocumentKind } from '../documents.ts';
import { ApiError } from '../http/apiFailure.ts';
import { inParallel } from '../http/inParallel.ts';
import { Platform, Warnings } from '../platform.ts';
import { readParts } from '../readParts.ts';
import { PageSender, type RestPoll } from './pageSender.ts';
import { probeRest } from './probeRest.ts';
import { idOf, type ListPage, RestApi } from './restApi.ts';
import { type ListPlace, restCursor } from './restCursor.ts';
import { RunReader } from './runReader.ts';

/** Lists that are read newest first until what is known, and the path of one of their documents. */
interface WalkedList {
  readonly name: PathName;
  readonly kind: DocumentKind;
  readonly item?: PathName;
}
const LISTS: readonly WalkedList[] = [
  { name: 'usage', kind: 'usageRecords' },
  { name: 'sprint_chains', kind: 'sprintChains', item: 'sprint_chain' },
  { name: 'runs', kind: 'runs', item: 'run' },
  { name: 'sandboxes', kind: 'sandboxes', item: 'sandbox' },
  { name: 'notifications', kind: 'notifications' },
  { name: 'audit_log', kind: 'auditLogs' },
  { name: 'daily_stats', kind: 'dailyStats' },
];

const KEPT_TOP = 20;
/** Runs whose details are read before the next page is handed over: a page with their output stays a few thousand records. */
const RUNS_A_PAGE = 25;

/** CodeCourier through its REST API: one project, with that project's key. */
export class RestSource implements Source {
  readonly #config: CodeCourierConfig;
  readonly #api: RestApi;
  readonly #log: Logger;
  readonly #warnings: Warnings;
  readonly #pages = new PageSender();
  readonly #runs: RunReader;
  #platform: Platform;
  /** What the platform has learned is committed. */
  #isIntact = true;
  #rescannedMs = performance.now();

  constructor(config: CodeCourierConfig, log: Logger) {
    this.#config = config;
    this.#api = new RestApi(config, log);
    this.#log = log;
    this.#warnings = new Warnings(log);
    this.#runs = new RunReader(this.#api, this.#warnings);
    this.#platform = new Platform(config, this.#warnings, undefined);
  }

  async *poll(cursor: unknown, context: PollContext): AsyncGenerator<PollPage> {
    const known = readCursorText(restCursor, cursor);
    const goesOn = this.#pages.startPoll(cursor);
    if (!goesOn) this.#runs.forget();
    if (!goesOn || !this.#isIntact) this.#platform = new Platform(this.#config, this.#warnings, known?.state);
    this.#isIntact = false;
    const isRescan = performance.now() - this.#rescannedMs >= this.#config.rescan_interval;
    const poll: RestPoll = {
      context,
      platform: this.#platform,
      lists: { ...known?.lists },
      isRescan,
      totalRuns: undefined,
      readRuns: 0,
    };
    const parts = [
      () => this.#readProject(poll),
      () => this.#readBlueprints(poll, 'workflows'),
      () => this.#readBlueprints(poll, 'personas'),
      ...LISTS.map((list) => () => this.#walk(poll, list)),
    ];
    const failure = yield* readParts(parts, context, () => this.#pages.send(poll, []));
    if (isRescan) this.#rescannedMs = performance.now();
    if (failure !== undefined) throw failure;
    this.#isIntact = true;
  }

  probe(signal: AbortSignal): Promise<ProbeReport> {
    return probeRest(this.#config, this.#api, { signal });
  }

  async close(): Promise<void> {}

  async *#readProject(poll: RestPoll): AsyncGenerator<PollPage> {
    const { platform, context } = poll;
    const rows: RowRecords[] = [];
    const project = await this.#api.document('project', context);
    let counters: Document | undefined;
    if (project !== undefined) {
      const fields = platform.fieldsOf('projects', project);
      counters = fields.object('counters', 'projectCounters');
      rows.push({ id: 'projects', records: platform.map('projects', fields.unread()) });
    }
    counters ??= await this.#api.document('project_counters', context);
    if (counters !== undefined) {
      const records = platform.map('projectCounters', counters);
      const total = records[0]?.data.totalRuns;
      if (typeof total === 'number') poll.totalRuns = total;
      rows.push({ id: 'projectCounters', records });
    }
    yield* this.#pages.send(poll, rows);
  }

  /** All of them at each poll: what they are called is needed for what refers to them, and one that is missing was deleted. */
  async *#readBlueprints(poll: RestPoll, kind: 'workflows' | 'personas'): AsyncGenerator<PollPage> {
    const { platform, context } = poll;
    const rows: RowRecords[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#api.list(kind, cursor, context);
      if (page === undefined) return;
      for (const document of page.documents) rows.push(mapped(platform, kind, document));
      cursor = page.next;
    } while (cursor !== undefined);
    const listed = new Set(rows.map(({ id }) => id));
    for (const id of platform.directory.ids(kind)) {
      if (listed.has(`${kind} ${id}`)) continue;
      const { records } = readDeletion(platform, kind, id, context.startedAt.toISOString());
      rows.push({ id: `gone ${kind} ${id}`, records });
    }
    yield* this.#pages.send(poll, rows);
  }

  async *#walk(poll: RestPoll, list: WalkedList): AsyncGenerator<PollPage> {
    const place = poll.lists[list.name];
    if (place?.done === true) yield* this.#walkNew(poll, list, place);
    else yield* this.#walkAll(poll, list, place);
  }

  /** The first walk: from the newest to the oldest, page by page; it goes on where it was interrupted. */
  async *#walkAll(poll: RestPoll, list: WalkedList, place: ListPlace | undefined): AsyncGenerator<PollPage> {
    let next = place?.next;
    let top = place?.top;
    let pages = 0;
    do {
      let page: ListPage | undefined;
      try {
        page = await this.#api.list(list.name, next, poll.context);
      } catch (error) {
        if (next === undefined || !(error instanceof ApiError) || error.status !== 400) throw error;
        this.#log.info(
          { list: list.name, requestId: error.requestId },
          'the cursor of the list has expired: it is read anew',
        );
        page = await this.#api.list(list.name, undefined, poll.context);
      }
      if (page === undefined) return;
      pages++;
      top ??= topOf(page);
      next = page.next;
      const after = { ...(next === undefined ? {} : { next }), done: next === undefined, top };
      const advance = () => {
        poll.lists[list.name] = after;
      };
      if (list.kind === 'runs') {
        yield* this.#sendRuns(poll, page.documents, { remember: pages <= this.#config.rescan_pages, all: true });
        yield* this.#pages.send(poll, [], { advance });
      } else {
        const rows = page.documents.map((document) => mapped(poll.platform, list.kind, document));
        yield* this.#pages.send(poll, rows, { advance, remember: pages <= this.#config.rescan_pages });
      }
    } while (next !== undefined);
  }

  /** A later walk: until it meets something known; now and then further back, for changes of older documents. */
  async *#walkNew(poll: RestPoll, list: WalkedList, place: ListPlace): AsyncGenerator<PollPage> {
    const { platform, context } = poll;
    const known = new Set(place.top);
    const seen = new Set<string>();
    let top: string[] | undefined;
    let cursor: string | undefined;
    for (let pages = 1; ; pages++) {
      const page = await this.#api.list(list.name, cursor, context);
      if (page === undefined) return;
      top ??= topOf(page);
      for (const document of page.documents) seen.add(idOf(document));
      if (list.kind === 'runs') yield* this.#sendRuns(poll, page.documents, { remember: true, all: false });
      else
        yield* this.#pages.send(
          poll,
          page.documents.map((document) => mapped(platform, list.kind, document)),
        );
      cursor = page.next;
      const meetsKnown = page.documents.some((document) => known.has(idOf(document)));
      if (cursor === undefined || (meetsKnown && !(poll.isRescan && pages < this.#config.rescan_pages))) break;
    }
    const isSame = JSON.stringify(top) === JSON.stringify(place.top);
    if (list.item !== undefined) yield* this.#readOpen(poll, list.kind, list.item, seen, top[0]);
    const read: ListPlace = { done: true, top };
    const advance = () => {
      poll.lists[list.name] = read;
    };
    if (!isSame) yield* this.#pages.send(poll, [], { advance });
  }

  /** What was open when it was last seen and is not on the pages that were read. */
  async *#readOpen(
    poll: RestPoll,
    kind: DocumentKind,
    item: PathName,
    seen: ReadonlySet<string>,
    listedId: string | undefined,
  ): AsyncGenerator<PollPage> {
    const { platform, context } = poll;
    const open =
      kind === 'runs'
        ? await context.openRunIds()
        : kind === 'sandboxes'
          ? platform.sandboxes.openIds()
          : platform.sprints.openIds();
    const unseen = open.filter((id) => !seen.has(id));
    for (let from = 0; from < unseen.length; from += RUNS_A_PAGE) {
      const ids = unseen.slice(from, from + RUNS_A_PAGE);
      const found = await inParallel(ids, async (id) => ({ id, document: await this.#api.item(item, id, context) }));
      const there = found.flatMap(({ id, document }) =>
        document === undefined || document === 'gone' ? [] : [{ id, document }],
      );
      const rows =
        kind === 'runs'
          ? await this.#runs.readOpen(poll, there)
          : there.map(({ document }) => mapped(platform, kind, document));
      const goneRuns: string[] = [];
      for (const { id, document } of found) {
        if (document !== 'gone' || !(await this.#api.hasItems(item, listedId, context))) continue;
        const deletion = readDeletion(platform, kind, id, context.startedAt.toISOString());
        rows.push({ id: `gone ${kind} ${id}`, records: deletion.records });
        goneRuns.push(...deletion.goneRuns);
      }
      yield* this.#pages.send(poll, rows, { goneRuns });
    }
  }

  /**
   * Reads the details of runs of a page of the list: of all, or of those that are open or whose row changed.
   * @param remember keeps what the rows say, so that the next poll finds them unchanged
   */
  async *#sendRuns(
    poll: RestPoll,
    documents: readonly Document[],
    { remember, all }: { remember: boolean; all: boolean },
  ): AsyncGenerator<PollPage> {
    const wanted = documents.filter((row) => all || this.#runs.isWorthReading(poll, row));
    for (let from = 0; from < wanted.length; from += RUNS_A_PAGE) {
      const batch = wanted.slice(from, from + RUNS_A_PAGE);
      yield* this.#pages.send(poll, await this.#runs.readListed(poll, batch), { remember: !all });
      if (remember) this.#runs.remember(batch);
      poll.readRuns += batch.length;
    }
  }
}

function mapped(platform: Platform, kind: DocumentKind, document: Document): RowRecords {
  return { id: `${kind} ${idOf(document)}`, records: platform.map(kind, document) };
}

function topOf(page: ListPage): string[] {
  return page.documents.slice(0, KEPT_TOP).map(idOf);
}

import type { Logger } from 'pino';
import { z } from 'zod';
import { HostedError } from '../hostedError.ts';
import { ChangedRecords, type RowRecords } from '../rows/changedRecords.ts';
import { defined, isObject } from '../rows/textValues.ts';
import { type PollContext, type PollPage, SourceError } from '../source.ts';
import type { SentryConfig } from './config.ts';
import { readListedEvent, stageOf } from './mapEvent.ts';
import { type Issue, readIssue } from './mapIssue.ts';
import type { Period, SentryApi, SentryPage } from './sentryApi.ts';

/** How far one list is read: the issues of all projects, or the events of one. */
const listState = z.object({
  /** Time of the newest thing that was read, RFC 3339. */
  readTo: z.string().optional(),
  /** A period that is being read, newest first, the page that comes next, and what will be `readTo`. */
  reading: z.object({ from: z.string(), until: z.string(), page: z.string(), newest: z.string() }).optional(),
});
type ListState = z.output<typeof listState>;
const cursorSchema = z.object({ v: z.literal(1), lists: z.record(z.string(), listState) });
type Cursor = z.output<typeof cursorSchema>;

interface List {
  /** Its name in the cursor. */
  readonly name: string;
  read(period: Period, page: string | undefined): Promise<SentryPage>;
  /** @returns the records of one item, and when it happened. */
  map(item: unknown): Promise<{ readonly rows: readonly RowRecords[]; readonly at: string | undefined }>;
}

/** Issues that are remembered, so that each is asked for once. */
const MAX_ISSUES = 10_000;

/**
 * Reads the errors of each project and the issues that they belong to, each list from where it was read to. A list that fails
 * does not hold up the others.
 */
export class SentryPoll {
  readonly #config: SentryConfig;
  readonly #api: SentryApi;
  readonly #log: Logger;
  readonly #changed = new ChangedRecords();
  /** Sentry's numbers of the configured projects. */
  readonly #projectIds = new Map<string, string>();
  readonly #components = new Map<string, string | undefined>();
  /** How often an issue had come back when it was seen last. */
  readonly #regressions = new Map<
    string,
    { readonly lastSeenAt: string | undefined; readonly times: number | undefined }
  >();

  constructor(config: SentryConfig, api: SentryApi, log: Logger) {
    this.#config = config;
    this.#api = api;
    this.#log = log;
  }

  async *poll(stored: unknown, context: PollContext): AsyncGenerator<PollPage> {
    const parsed = cursorSchema.safeParse(stored);
    if (stored !== undefined && stored !== null && !parsed.success) {
      this.#log.warn(
        'the cursor of the source is of another version: errors are read anew, as far back as `history` says',
      );
    }
    this.#changed.startPoll(stored);
    let cursor: Cursor = parsed.data ?? { v: 1, lists: {} };
    const failures: HostedError[] = [];
    const lists = this.#lists(context);
    for (const list of lists) {
      try {
        for await (const { rows, state } of this.#readList(list, cursor.lists[list.name] ?? {}, context)) {
          const { records, committed } = this.#changed.select(rows);
          // A page on which nothing is new need not be remembered: an idle poll writes nothing.
          if (records.length === 0 && state.reading !== undefined) continue;
          cursor = { v: 1, lists: { ...cursor.lists, [list.name]: state } };
          yield { records, cursor };
          committed(cursor);
        }
      } catch (error) {
        if (!(error instanceof HostedError) || error.stops) throw error;
        failures.push(error);
      }
    }
    const [failure] = failures;
    if (failure === undefined) return;
    throw new SourceError(failures.map(({ message }) => message).join('; '), {
      result: failure.result,
      partial: failures.length < lists.length,
      cause: failure,
    });
  }

  /**
   * A list is read to the newest thing in it, and stays where it was, at first at its beginning, while there is none: what comes late to
   * it is found. What has no readable time may be as new as the period, or it would be read again for ever.
   */
  async *#readList(
    list: List,
    state: ListState,
    { startedAt }: PollContext,
  ): AsyncGenerator<{ rows: RowRecords[]; state: ListState }> {
    const period = state.reading ?? this.#periodSince(state.readTo, startedAt);
    let page = state.reading?.page;
    let newest = state.reading?.newest ?? state.readTo ?? period.from;
    do {
      const { items, next } = await list.read(period, page);
      const rows: RowRecords[] = [];
      for (const item of items) {
        const mapped = await list.map(item);
        rows.push(...mapped.rows);
        const at = mapped.at ?? period.until;
        if (at > newest) newest = at;
      }
      page = next;
      const { from, until } = period;
      // A clock that is ahead must not make later errors look read.
      if (newest > until) newest = until;
      if (page === undefined) yield { rows, state: { readTo: newest } };
      else yield { rows, state: { reading: { from, until, page, newest } } };
    } while (page !== undefined);
  }

  #periodSince(readTo: string | undefined, startedAt: Date): Period {
    const { history, overlap } = this.#config;
    const oldestMs = startedAt.getTime() - history;
    const fromMs = readTo === undefined ? oldestMs : Math.max(oldestMs, Date.parse(readTo) - overlap);
    return { from: new Date(fromMs).toISOString(), until: startedAt.toISOString() };
  }

  #lists(context: PollContext): List[] {
    const events = this.#config.projects.map(
      (slug): List => ({
        name: `events:${slug}`,
        read: (period, page) => this.#api.events(slug, period, page, context),
        map: async (item) => {
          const { errorId, at, data } = readListedEvent(isObject(item) ? item : {}, slug);
          const record = { kind: 'platformError', data, ...(at === undefined ? {} : { at }) } as const;
          return { at, rows: [{ id: `event ${errorId}`, records: [record] }] };
        },
      }),
    );
    const issues: List = {
      name: 'issues',
      read: async (period, page) => this.#api.issues(await this.#ids(context), period, page, context),
      map: async (item) => {
        const issue = readIssue(isObject(item) ? item : {});
        return { at: issue.lastSeenAt, rows: await this.#rowsOf(issue, context) };
      },
    };
    return [...events, issues];
  }

  /** How the issue began, and how it is now; each is sent when it changed. */
  async #rowsOf(issue: Issue, context: PollContext): Promise<RowRecords[]> {
    const { id, firstSeenAt, lastSeenAt, isRegressed, data } = issue;
    const component = await this.#componentOf(issue, context);
    const oldest = new Date(context.startedAt.getTime() - this.#config.history).toISOString();
    // One from before all that is read is none that has just begun, however late it is seen here for the first time.
    const isNew = firstSeenAt !== undefined && firstSeenAt >= oldest;
    const began = defined({ fingerprint: id, component, firstSeenAt, kind: isNew ? 'new' : undefined });
    const now = { ...data, ...(isRegressed ? await this.#regressionOf(issue, context) : {}) };
    return [
      {
        id: `issue ${id} began`,
        records: [{ kind: 'errorGroup', data: began, ...(firstSeenAt && { at: firstSeenAt }) }],
      },
      { id: `issue ${id}`, records: [{ kind: 'errorGroup', data: now, ...(lastSeenAt && { at: lastSeenAt }) }] },
    ];
  }

  /** By the culprit; an issue without one (a message of a script) by the stage of the error that it began with. */
  async #componentOf({ id, component }: Issue, context: PollContext): Promise<string | undefined> {
    if (component !== undefined || id === undefined) return component;
    if (!this.#components.has(id)) {
      this.#components.set(id, stageOf((await this.#api.oldestEvent(id, context))?.tags));
      forgetOldest(this.#components);
    }
    return this.#components.get(id);
  }

  /** The list says that an issue came back, and its own page how often: none where that is no longer kept, so it counts once. */
  async #regressionOf({ id, lastSeenAt }: Issue, context: PollContext): Promise<Readonly<Record<string, unknown>>> {
    const kind = 'regressed';
    if (id === undefined) return { kind };
    let known = this.#regressions.get(id);
    if (known === undefined || known.lastSeenAt !== lastSeenAt) {
      known = { lastSeenAt, times: await this.#api.regressions(id, context) };
      this.#regressions.set(id, known);
      forgetOldest(this.#regressions);
    }
    return known.times ? { kind, regressions: known.times } : { kind };
  }

  async #ids(context: PollContext): Promise<string[]> {
    for (const slug of this.#config.projects) {
      if (!this.#projectIds.has(slug)) this.#projectIds.set(slug, (await this.#api.project(slug, context)).id);
    }
    return [...this.#projectIds.values()];
  }
}

function forgetOldest(issues: Map<string, unknown>): void {
  for (const id of issues.keys()) {
    if (issues.size <= MAX_ISSUES) break;
    issues.delete(id);
  }
}

import type { Logger } from 'pino';
import { z } from 'zod';
import { isFinished } from '../../contract/status.ts';
import { type Query, SourceDatabase } from '../postgres/sourceDatabase.ts';
import { TableRows } from '../postgres/tableRows.ts';
import { ChangedRecords } from '../rows/changedRecords.ts';
import { type ReadRow, readRows } from '../rows/readRows.ts';
import { ScanBudget, timedScans } from '../rows/scanBudget.ts';
import { utcInstant } from '../rows/textValues.ts';
import type { PollContext, PollPage, PulledRecord } from '../source.ts';
import type { StatusWords } from '../statusWords.ts';
import type { OpenArtifacts } from './artifacts/artifactDirectories.ts';
import type { GittinkererConfig } from './config.ts';
import { findRuns, MetricsTable, metricsOf, type RunsTable } from './gittinkererTables.ts';
import { mapRun, splitRow } from './mapRun.ts';

/** Metrics and artifacts of a run may come for so long after its end. */
const LATE_MS = 10 * 60_000;
const MAX_CHANGED_RUNS = 1_000;

const liveCursor = z.object({ phase: z.literal('live'), mark: z.object({ now: z.string() }) });

/** The tables `runs` and `run_metrics`, each run with its artifacts. */
export class GittinkererRuns {
  readonly database: SourceDatabase;
  readonly #config: GittinkererConfig;
  readonly #words: StatusWords;
  readonly #changed = new ChangedRecords();
  readonly #budget = new ScanBudget();

  constructor(databaseUrl: string, config: GittinkererConfig, words: StatusWords, log: Logger) {
    this.#config = config;
    this.#words = words;
    this.database = new SourceDatabase({
      connectionString: databaseUrl,
      statementTimeoutMs: config.statement_timeout,
      log,
    });
  }

  /** Reads what is new since the cursor; the cursor of a page is this part's own. */
  async *poll(stored: unknown, context: PollContext, artifacts: OpenArtifacts | undefined): AsyncGenerator<PollPage> {
    const { signal, countRequest, startedAt } = context;
    const read = <T>(work: (query: Query) => Promise<T>) => this.database.read(work, signal, countRequest);
    const tables = await read(async (query) => ({
      runs: await findRuns(query, this.#config),
      metrics: await MetricsTable.find(query, this.#config),
    }));
    const reader = timedScans(rowsOf(read, tables.runs), this.#budget);
    const options = {
      pageSize: this.#config.page_size,
      overlapMs: this.#config.overlap,
      awaitsMore: (row: ReadRow) => this.#awaitsMore(row, tables.runs, startedAt),
      mayScan: () => tables.runs.table.hasXmin && this.#budget.mayScan(),
    };
    const recordsOf = (rows: readonly ReadRow[]) => this.#records(rows, tables, artifacts, startedAt, read);
    this.#changed.startPoll(stored);
    const seen = new Set<string>();
    let cursor: unknown = stored;
    for await (const page of readRows(reader, stored, context, options)) {
      for (const { place } of page.rows) seen.add(place.id);
      const { records, committed } = this.#changed.select(await recordsOf(page.rows));
      cursor = page.cursor;
      yield {
        records,
        cursor,
        ...(page.goneIds && { goneRuns: page.goneIds }),
        ...(page.progress && { progress: page.progress }),
      };
      committed(cursor);
    }
    // A metric that comes late changes no row of runs.
    const before = liveCursor.safeParse(stored).data;
    if (tables.metrics === undefined || before === undefined) return;
    const since = new Date(Date.parse(before.mark.now) - this.#config.overlap).toISOString();
    const { metrics } = tables;
    const late = await read((query) => metrics.changedRuns(query, since, MAX_CHANGED_RUNS));
    const unseen = late.filter((id) => !seen.has(id));
    for (let from = 0; from < unseen.length; from += this.#config.page_size) {
      const rows = await reader.byIds(unseen.slice(from, from + this.#config.page_size));
      const { records, committed } = this.#changed.select(await recordsOf(rows));
      yield { records, cursor };
      committed(cursor);
    }
  }

  /** Runs by their ids, where there are rows of them. */
  async byIds(
    ids: readonly string[],
    context: PollContext,
    artifacts: OpenArtifacts,
  ): Promise<readonly { readonly id: string; readonly records: readonly PulledRecord[] }[]> {
    const read = <T>(work: (query: Query) => Promise<T>) =>
      this.database.read(work, context.signal, context.countRequest);
    const tables = await read(async (query) => ({
      runs: await findRuns(query, this.#config),
      metrics: await MetricsTable.find(query, this.#config),
    }));
    const rows = await rowsOf(read, tables.runs).byIds(ids);
    return this.#records(rows, tables, artifacts, context.startedAt, read);
  }

  #awaitsMore({ values }: ReadRow, { columns }: RunsTable, now: Date): boolean {
    if (!isFinished(this.#words.read(values[columns.get('status')?.name ?? '']).status)) return false;
    const finishedAt = utcInstant(values[columns.get('finished_at')?.name ?? '']);
    return finishedAt === undefined || now.getTime() - Date.parse(finishedAt) < LATE_MS;
  }

  async #records(
    rows: readonly ReadRow[],
    tables: { readonly runs: RunsTable; readonly metrics: MetricsTable | undefined },
    artifacts: OpenArtifacts | undefined,
    now: Date,
    read: <T>(work: (query: Query) => Promise<T>) => Promise<T>,
  ): Promise<{ id: string; records: readonly PulledRecord[] }[]> {
    const { columns, table } = tables.runs;
    const ids = rows.map(({ place }) => place.id);
    const { metrics } = tables;
    const all =
      metrics === undefined || ids.length === 0 ? new Map() : await read((query) => metrics.ofRuns(query, ids));
    const ofTable = [...table.columns.values()];
    const mapped: { id: string; records: readonly PulledRecord[] }[] = [];
    for (const { place, values } of rows) {
      const row = splitRow(values, columns, ofTable);
      const found = await artifacts?.ofRun(place.id, row.known.artifacts_dir, utcInstant(row.known.created_at));
      const parts = {
        runId: place.id,
        row,
        metrics: metricsOf(all, place.id),
        metricsArePushed: this.#config.run_metrics === null,
        artifacts: found?.artifacts,
        refused: found?.refused,
      };
      mapped.push({ id: place.id, records: mapRun(parts, this.#words, now) });
    }
    return mapped;
  }
}

function rowsOf(read: <T>(work: (query: Query) => Promise<T>) => Promise<T>, { table, columns }: RunsTable): TableRows {
  const id = columns.get('run_id');
  // findRuns refuses a table without it.
  if (id === undefined) throw new Error('the table of runs has no run_id');
  return new TableRows(read, table, {
    id,
    createdAt: columns.get('created_at'),
    changedAt: [columns.get('finished_at'), columns.get('updated_at')],
    read: [...table.columns.values()].filter(({ readable }) => readable),
  });
}

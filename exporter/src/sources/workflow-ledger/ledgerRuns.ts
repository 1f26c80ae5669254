import type { Logger } from 'pino';
import { z } from 'zod';
import { SourceDatabase } from '../postgres/sourceDatabase.ts';
import { TableRows } from '../postgres/tableRows.ts';
import { ChangedRecords } from '../rows/changedRecords.ts';
import { type ReadRow, readRows } from '../rows/readRows.ts';
import { ScanBudget, timedScans } from '../rows/scanBudget.ts';
import { defined } from '../rows/textValues.ts';
import type { PollContext, PollPage, PulledRecord } from '../source.ts';
import { StatusWords } from '../statusWords.ts';
import type { WorkflowLedgerConfig } from './config.ts';
import { findTables, type LedgerTables, readChildren, rename } from './ledgerTables.ts';
import { deriveApproval, mapApprovals } from './mapApprovals.ts';
import { LEDGER_STATUSES, mapWorkflowRun } from './mapWorkflowRun.ts';

/** `rows` belongs to readRows; `suspended`: runs whose approval is derived from them -> since when. */
const ledgerCursor = z.object({ rows: z.unknown(), suspended: z.record(z.string(), z.string()) });
const MAX_SUSPENDED = 5_000;
/** A run can have thousands of steps; a page that goes to the ledger in one transaction stays below this. */
const RECORDS_A_PAGE = 2_000;

/** The WorkflowRun, TaskRun and approval tables of one platform. */
export class LedgerRuns {
  readonly database: SourceDatabase;
  readonly words: StatusWords;
  readonly #config: WorkflowLedgerConfig;
  readonly #changed = new ChangedRecords();
  readonly #budget = new ScanBudget();

  constructor(databaseUrl: string, config: WorkflowLedgerConfig, log: Logger) {
    this.#config = config;
    this.words = new StatusWords(LEDGER_STATUSES, log);
    this.database = new SourceDatabase({
      connectionString: databaseUrl,
      statementTimeoutMs: config.statement_timeout,
      log,
    });
  }

  /** Reads what is new since the cursor; the cursor of a page is this part's own. */
  async *poll(stored: unknown, context: PollContext): AsyncGenerator<PollPage> {
    const { signal, countRequest } = context;
    const config = this.#config;
    const read = <T>(work: Parameters<typeof this.database.read<T>>[0]) =>
      this.database.read(work, signal, countRequest);
    const tables = await read((query) => findTables(query, config));
    const before = ledgerCursor.safeParse(stored).data;
    let suspended = new Map(Object.entries(before?.suspended ?? {}));
    let committed: unknown = stored ?? null;
    this.#changed.startPoll(stored);
    const options = {
      pageSize: config.page_size,
      overlapMs: config.overlap,
      awaitsMore: () => false,
      mayScan: () => tables.runs.table.hasXmin && this.#budget.mayScan(),
    };
    for await (const page of readRows(this.#rows(tables, read), before?.rows, context, options)) {
      const next = new Map(suspended);
      const ids = page.rows.map(({ place }) => place.id);
      const [tasks, approvals] = await read(
        async (query) =>
          [await readChildren(query, tables.tasks, ids), await readChildren(query, tables.approvals, ids)] as const,
      );
      const rows = page.rows.map((row) => ({
        id: row.place.id,
        records: this.#records(row, tables, tasks, approvals, next, context.startedAt),
      }));
      for (const id of page.goneIds ?? []) next.delete(id);
      const cursor = { rows: page.cursor, suspended: Object.fromEntries([...next].slice(-MAX_SUSPENDED)) };
      const changed = this.#changed.select(rows);
      let from = 0;
      for (; changed.records.length - from > RECORDS_A_PAGE; from += RECORDS_A_PAGE) {
        yield { records: changed.records.slice(from, from + RECORDS_A_PAGE), cursor: committed };
      }
      yield {
        records: changed.records.slice(from),
        cursor,
        ...(page.goneIds && { goneRuns: page.goneIds }),
        ...(page.progress && { progress: page.progress }),
      };
      changed.committed(cursor);
      committed = cursor;
      suspended = next;
    }
  }

  #rows(tables: LedgerTables, read: ConstructorParameters<typeof TableRows>[0]) {
    const { columns, table } = tables.runs;
    const id = columns.get('id');
    // findTables refuses a table without it.
    if (id === undefined) throw new Error('the table of runs has no id');
    const extra = this.#config.attributes.flatMap((name) => table.columns.get(name) ?? []);
    const rows = new TableRows(read, table, {
      id,
      createdAt: columns.get('created_at'),
      changedAt: [columns.get('finished_at'), columns.get('updated_at')],
      read: [...new Set([...columns.values(), ...extra.filter(({ readable }) => readable)])],
    });
    return timedScans(rows, this.#budget);
  }

  #records(
    row: ReadRow,
    tables: LedgerTables,
    tasks: Awaited<ReturnType<typeof readChildren>>,
    approvals: Awaited<ReturnType<typeof readChildren>>,
    suspended: Map<string, string>,
    now: Date,
  ): readonly PulledRecord[] {
    const config = this.#config;
    const extra = defined(Object.fromEntries(config.attributes.map((name) => [name, row.values[name] ?? undefined])));
    const run = mapWorkflowRun(
      rename(row.values, tables.runs),
      tasks.get(row.place.id) ?? [],
      extra,
      config,
      this.words,
    );
    const approved =
      tables.approvals === undefined
        ? deriveApproval(run, suspended, config, now)
        : mapApprovals(run, approvals.get(row.place.id) ?? [], config, now);
    return [...run.records, ...approved];
  }
}

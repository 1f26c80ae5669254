import { asText, type Column, describeTable, quoteIdentifier, type Table } from '../postgres/describeTable.ts';
import type { Query } from '../postgres/sourceDatabase.ts';
import type { TextRow } from '../rows/textValues.ts';
import { SourceError } from '../source.ts';
import { type GittinkererConfig, RUN_COLUMNS, type RunColumn } from './config.ts';

export interface RunsTable {
  readonly table: Table;
  /** Columns with a meaning here, by that meaning. */
  readonly columns: ReadonlyMap<RunColumn, Column>;
  /** Columns that the configuration names and the table lacks. */
  readonly missing: readonly string[];
}

/** Finds the columns of `runs`: what the configuration names, else the first known name that the table has. */
export function mapRuns(table: Table, configured: GittinkererConfig['runs']['columns']): RunsTable {
  const columns = new Map<RunColumn, Column>();
  const missing: string[] = [];
  for (const meaning of Object.keys(RUN_COLUMNS) as RunColumn[]) {
    const named = configured[meaning];
    if (named === null) continue;
    const names: readonly string[] = named === undefined ? RUN_COLUMNS[meaning] : [named];
    const column = names.map((name) => table.columns.get(name)).find((found) => found?.readable);
    if (column !== undefined) columns.set(meaning, column);
    else if (named !== undefined) missing.push(named);
  }
  return { table, columns, missing };
}

/** @throws SourceError where there are no runs to read. */
export async function findRuns(query: Query, config: GittinkererConfig): Promise<RunsTable> {
  const name = config.runs.table;
  const table = await describeTable(query, config.schema, name);
  if (table === undefined) {
    throw new SourceError(
      `there is no table ${name}; set schema or runs.table, or check the database in database_url`,
      { result: 'schema' },
    );
  }
  const runs = mapRuns(table, config.runs.columns);
  const lacking = (['run_id', 'status'] as const).filter((column) => !runs.columns.has(column));
  if (lacking.length > 0) {
    throw new SourceError(
      `${name} has no readable column for ${lacking.join(' and ')}; set runs.columns or grant SELECT`,
      { result: 'schema' },
    );
  }
  return runs;
}

/** One row of run_metrics. */
export interface MetricRow {
  /** Undefined: pushed without one. */
  readonly id: string | undefined;
  readonly value: string | null;
  readonly recordedAt: string | null;
}

export interface RunMetrics {
  /** By name: the row that was recorded last. */
  readonly latest: ReadonlyMap<string, MetricRow>;
  /** Every row of `webhook_processed`: each says that webhooks were processed, none replaces another. */
  readonly webhooks: readonly MetricRow[];
}

export const WEBHOOK_METRIC = 'webhook_processed';
const METRIC_COLUMNS = ['id', 'run_id', 'metric_name', 'metric_value', 'recorded_at'] as const;
/** Names come from whoever calls the API; a run with more of them is no run's worth of figures. */
const MAX_NAMES = 200;
const NO_METRICS: RunMetrics = { latest: new Map(), webhooks: [] };

/** The table run_metrics, where it is there and has the columns of the document. */
export class MetricsTable {
  readonly #table: Table;

  private constructor(table: Table) {
    this.#table = table;
  }

  static async find(query: Query, config: GittinkererConfig): Promise<MetricsTable | undefined> {
    if (config.run_metrics === null) return undefined;
    const table = await describeTable(query, config.schema, config.run_metrics.table);
    const usable = table !== undefined && METRIC_COLUMNS.every((name) => table.columns.get(name)?.readable);
    return usable ? new MetricsTable(table) : undefined;
  }

  /** Metrics of some runs. A name that was recorded more than once has its latest value, by time, then by id. */
  async ofRuns(query: Query, runIds: readonly string[]): Promise<ReadonlyMap<string, RunMetrics>> {
    const byRun = new Map<string, { latest: Map<string, MetricRow>; webhooks: MetricRow[] }>();
    if (runIds.length === 0) return byRun;
    const columns = `run_id::text as run_id, metric_name, id::text as id, ${this.#text('metric_value')} as value, ${this.#text('recorded_at')} as recorded_at`;
    const rows = await query(
      `select * from (
         select distinct on (run_id, metric_name) ${columns} from ${this.#table.sqlName} t
          where run_id = any($1::${this.#type('run_id')}[]) and metric_name <> '${WEBHOOK_METRIC}'
          order by run_id, metric_name, t.recorded_at desc nulls last, t.id desc) latest
       union all
       select ${columns} from ${this.#table.sqlName} t
        where run_id = any($1::${this.#type('run_id')}[]) and metric_name = '${WEBHOOK_METRIC}'`,
      [runIds],
    );
    for (const row of rows) {
      const runId = row.run_id ?? '';
      const of = byRun.get(runId) ?? { latest: new Map<string, MetricRow>(), webhooks: [] };
      byRun.set(runId, of);
      const metric = { id: row.id ?? '', value: row.value ?? null, recordedAt: row.recorded_at ?? null };
      if (row.metric_name === WEBHOOK_METRIC) of.webhooks.push(metric);
      else if (of.latest.size < MAX_NAMES) of.latest.set(row.metric_name ?? '', metric);
    }
    return byRun;
  }

  /** Runs with a metric that was recorded since a time, oldest first. */
  async changedRuns(query: Query, since: string, limit: number): Promise<readonly string[]> {
    const rows = await query(
      `select run_id::text as run_id from ${this.#table.sqlName} where recorded_at >= $1::${this.#type('recorded_at')}
        group by run_id order by max(recorded_at) limit ${limit}`,
      [since],
    );
    return rows.map((row) => row.run_id ?? '');
  }

  #type(name: (typeof METRIC_COLUMNS)[number]): string {
    return this.#table.columns.get(name)?.type ?? 'text';
  }

  #text(name: (typeof METRIC_COLUMNS)[number]): string {
    const column = this.#table.columns.get(name);
    return column === undefined ? 'null' : asText(column);
  }
}

export function metricsOf(all: ReadonlyMap<string, RunMetrics>, runId: string): RunMetrics {
  return all.get(runId) ?? NO_METRICS;
}

/** Reads all of a small table; the columns keep their own names. */
export async function readSmallTable(
  query: Query,
  schema: string | undefined,
  name: string,
  limit: number,
): Promise<{ columns: readonly Column[]; rows: readonly TextRow[] } | undefined> {
  const table = await describeTable(query, schema, name);
  const columns = [...(table?.columns.values() ?? [])].filter(({ readable }) => readable);
  if (table === undefined || columns.length === 0) return undefined;
  const list = columns.map((column) => `${asText(column)} as ${quoteIdentifier(column.name)}`).join(', ');
  const rows = await query(`select ${list} from ${table.sqlName} order by 1 limit ${limit}`);
  return { columns, rows };
}

const NUMBER_TYPES = new Set(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision']);

/** A value that has no field of its own, as JSON: by the column's type, since every value arrives as text. */
export function attributeValue(column: Column, text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  if (column.type === 'json' || column.type === 'jsonb') return parseJson(text);
  if (column.type === 'boolean') return text === 'true' || text === 't';
  if (NUMBER_TYPES.has(column.type)) return Number.isSafeInteger(Number(text)) || /\D/.test(text) ? Number(text) : text;
  return text;
}

function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return value ?? undefined;
}

export function camelCase(column: string): string {
  return column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

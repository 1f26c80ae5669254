import type pg from 'pg';
import type { VisibleProjects } from '../read/listRuns.ts';
import { coverWindow, type Dirty, type Span } from './coverWindow.ts';
import {
  DAY_HOURS,
  DIMENSIONS,
  type Dimension,
  HOUR_MS,
  type List,
  MEASURES,
  type Measure,
  measureColumns,
  measureSums,
  SUMS,
  type Sum,
} from './measures.ts';

/** Values that a dimension may have; absent: any. */
export type Filters = { readonly [D in Dimension]?: readonly string[] | undefined };

export interface FiguresQuery {
  /** Milliseconds; each is added up by itself. They do not overlap. */
  readonly windows: readonly Span[];
  readonly by: readonly Dimension[];
  readonly filters: Filters;
  /** Only failures, which have a category. */
  readonly failures?: boolean;
  /** What to add up; the others are 0. Default: everything. */
  readonly measures?: readonly Measure[];
  readonly visible: VisibleProjects;
}

/** The sums of one group in one window; money and scores in 1e-9. */
export type FiguresRow = { readonly [S in Sum]: number } & { readonly [L in List]: Buffer | null } & {
  /** Index into the windows of the query. */
  readonly window: number;
  /** Dimension -> value, '' where it is unknown; of those that were asked for. */
  readonly group: Readonly<Partial<Record<Dimension, string>>>;
};

const NOTHING = Object.fromEntries(SUMS.map((sum) => [sum, 0])) as { readonly [S in Sum]: 0 };

/** A whole number of Postgres, or a numeric, or null for 0. */
type RawRow = { readonly [S in Sum]: string | null } & { readonly [L in List]: Buffer | null } & {
  b: number;
  g: number;
};

const spans = (at: number) => `unnest($${at}::int[], $${at + 1}::bigint[], $${at + 2}::bigint[]) as s(b, low, high)`;

/** SQL: the first hour that begins then or later. */
const hourFrom = (ms: string) => `(${ms} + ${HOUR_MS - 1}) / ${HOUR_MS}`;

/** $1 $2 dimensions and their groups; then (window, from, to) of days, hours and ranges */
function figuresOf(measures: readonly Measure[]): string {
  const columns = measureColumns('t', measures);
  return `with parts as (
      select s.b, t.dim, ${columns} from ${spans(3)} join fleetlens.run_day t on t.day >= s.low and t.day < s.high
      union all
      select s.b, t.dim, ${columns} from ${spans(6)} join fleetlens.run_hour t on t.hour >= s.low and t.hour < s.high
      union all
      select s.b, t.dim, ${columns} from ${spans(9)} join fleetlens.run_fact t on t.at_ms >= s.low and t.at_ms < s.high
      union all
      select s.b, t.dim, ${columns} from ${spans(9)}
        join fleetlens.run_hour_pruned t on t.hour >= ${hourFrom('s.low')} and t.hour < ${hourFrom('s.high')})
    select parts.b, d.g, ${measureSums('parts', measures)}
      from parts join unnest($1::int[], $2::int[]) as d(dim, g) on d.dim = parts.dim group by 1, 2`;
}

/**
 * Adds up what runs came to in each window, exactly: whole days and hours from their rows, the rest from the facts of single runs.
 * @param client in a transaction that sees one moment of the ledger
 */
export async function readFigures(client: pg.ClientBase, query: FiguresQuery): Promise<FiguresRow[]> {
  const { ids, indexes, groups } = await readGroups(client, query);
  if (ids.length === 0) return [];
  const { days, hours, ranges } = await cover(client, query.windows);
  const { rows } = await client.query<RawRow>(figuresOf(query.measures ?? MEASURES), [
    ids,
    indexes,
    ...days,
    ...hours,
    ...ranges,
  ]);
  return rows.map(({ b, g, waits = null, merges = null, ...sums }) => ({
    ...NOTHING,
    ...(Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Number(value ?? 0)])) as {
      [S in Sum]: number;
    }),
    waits,
    merges,
    window: b,
    group: groups[g] as FiguresRow['group'],
  }));
}

/** Dimensions that the query looks at, and to which of its groups each belongs. */
async function readGroups(client: pg.ClientBase, { by, filters, failures, visible }: FiguresQuery) {
  const values: (readonly string[])[] = [];
  const conditions: string[] = [];
  const only = (column: Dimension, list: readonly string[] | undefined) => {
    if (list !== undefined) conditions.push(`${column} = any($${values.push(list)})`);
  };
  for (const dimension of DIMENSIONS) only(dimension, filters[dimension]);
  only('project', visible);
  conditions.push(failures ? "category <> ''" : "category = ''");
  const { rows } = await client.query<Record<Dimension, string> & { id: number }>(
    `select id, ${DIMENSIONS.join(', ')} from fleetlens.run_dim where ${conditions.join(' and ')}`,
    values,
  );
  const known = new Map<string, number>();
  const groups: FiguresRow['group'][] = [];
  const indexes = rows.map((row) => {
    const group = Object.fromEntries(by.map((dimension) => [dimension, row[dimension]]));
    const name = JSON.stringify(by.map((dimension) => row[dimension]));
    const found = known.get(name) ?? groups.push(group) - 1;
    known.set(name, found);
    return found;
  });
  return { ids: rows.map((row) => row.id), indexes, groups };
}

async function cover(client: pg.ClientBase, windows: readonly Span[]) {
  const dirty = await readDirty(client, windows);
  const lists = { days: [[], [], []], hours: [[], [], []], ranges: [[], [], []] } as {
    [part in 'days' | 'hours' | 'ranges']: [number[], number[], number[]];
  };
  windows.forEach(([from, to], window) => {
    const parts = coverWindow(from, to, dirty);
    for (const part of ['days', 'hours', 'ranges'] as const) {
      for (const [low, high] of parts[part]) {
        lists[part][0].push(window);
        lists[part][1].push(low);
        lists[part][2].push(high);
      }
    }
  });
  return lists;
}

async function readDirty(client: pg.ClientBase, windows: readonly Span[]): Promise<Dirty> {
  const from = Math.min(...windows.map(([low]) => low)) / HOUR_MS;
  const to = Math.max(...windows.map(([, high]) => high)) / HOUR_MS;
  const { rows } = await client.query<{ is_day: boolean; n: number }>({
    name: 'run_dirty_between',
    text: `select is_day, n from fleetlens.run_dirty
      where case when is_day then n >= $1 / ${DAY_HOURS} - 1 and n <= $2 / ${DAY_HOURS} + 1 else n >= $1 - 1 and n <= $2 + 1 end`,
    values: [Math.floor(from), Math.ceil(to)],
  });
  return {
    hours: new Set(rows.filter((row) => !row.is_day).map((row) => row.n)),
    days: new Set(rows.filter((row) => row.is_day).map((row) => row.n)),
  };
}

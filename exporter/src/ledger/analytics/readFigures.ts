import type pg from 'pg';
import type { VisibleProjects } from '../read/listRuns.ts';
import { coverWindow, type Dirty, type Nodes, type Span } from './coverWindow.ts';
import {
  CATEGORY_MASK,
  DIMENSIONS,
  type Dimension,
  FAILURE_MEASURES,
  HOUR_MS,
  LEVEL_HOURS,
  LEVELS,
  LISTS,
  type List,
  MARGINAL_MASKS,
  MEASURES,
  type Measure,
  maskOf,
  masksOf,
  measureColumns,
  SUMS,
  type Sum,
  WHOLE_MASK,
} from './measures.ts';

/** Values that a dimension may have; absent: any. */
export type Filters = { readonly [D in Dimension]?: readonly string[] | undefined };

export interface FiguresQuery {
  /** Milliseconds; each is added up by itself. In order, and they do not overlap. */
  readonly windows: readonly Span[];
  readonly by: readonly Dimension[];
  readonly filters: Filters;
  /** Only these groups. Default: all. */
  readonly groups?: readonly FiguresRow['group'][];
  /** Only failures, which have a category. */
  readonly failures?: boolean;
  /** What to add up; the others are 0. Default: everything. */
  readonly measures?: readonly Measure[] | undefined;
  readonly visible: VisibleProjects;
}

/** The sums of one group in one window; money and scores in 1e-9. */
export type FiguresRow = { readonly [S in Sum]: number } & { readonly [L in List]: Buffer | null } & {
  /** Index into the windows of the query. */
  readonly window: number;
  /** Dimension -> value, '' where it is unknown; of those that were asked for. The same object in each row of a group. */
  readonly group: Readonly<Partial<Record<Dimension, string>>>;
};

/** A group without any run. */
export function noFigures(window: number, group: FiguresRow['group'] = {}): FiguresRow {
  return { ...NOTHING, window, group };
}

const NOTHING = {
  ...(Object.fromEntries(SUMS.map((sum) => [sum, 0])) as { readonly [S in Sum]: number }),
  waits: null,
  merges: null,
};

export const nameOfGroup = (group: FiguresRow['group']): string => JSON.stringify(Object.values(group));

/** Rows of one in so many dimensions are few. */
const FEW = 3;

/** SQL: the first hour that begins then or later. */
const hourFrom = (ms: string) => `(${ms} + ${HOUR_MS - 1}) / ${HOUR_MS}`;

/**
 * $1 the number of the group of each row of run_dim by its id, from 1 on, 0 for none: an element of an array without null is found at
 * once; $2 to $7 spans of nodes: the window, the mask, the level, from and to, and how many nodes a window has, this one and those
 * that follow; $8 to $10 ranges: the window, from and to; $11 and $12 where they are few, the ids of run_dim to read and their masks.
 *
 * The sums come as one text: the driver takes longer for a value than to add it up.
 *
 * Groups are looked up in an array, and each span by itself through the index: as a join the planner would expect a ninth of the
 * table for each, whatever its length, and read all of it.
 */
function figuresOf(measures: readonly Measure[], areFew: boolean): string {
  const columns = measureColumns('t', measures);
  const nodes =
    'unnest($2::int[], $3::smallint[], $4::smallint[], $5::int[], $6::int[], $7::int[]) as s(b, mask, level, low, high, each)';
  const ranges = 'unnest($8::int[], $9::bigint[], $10::bigint[]) as s(b, low, high)';
  const [each, of] = areFew
    ? ['join unnest($11::int[], $12::smallint[]) as w(dim, mask) on w.mask = s.mask', 't.dim = w.dim']
    : ['', 't.mask = s.mask'];
  const sums = sumsOf(measures).map((sum) => `coalesce(sum(${sum}), 0)`);
  const lists = LISTS.map((list) => (measures.includes(list) ? `string_agg(${list}, ''::bytea)` : 'null'));
  return `with parts as (
      select s.b + (t.n - s.low) / s.each as b, ($1::int[])[t.dim] as g, ${columns}
        from ${nodes} ${each} cross join lateral (
          select t.n, t.dim, ${columns} from fleetlens.run_sum t
            where t.level = s.level and ${of} and t.n >= s.low and t.n < s.high offset 0) t
      union all
      select s.b, ($1::int[])[t.dim], ${columns} from ${ranges} cross join lateral (
        select t.dim, ${columns} from fleetlens.run_fact t where t.at_ms >= s.low and t.at_ms < s.high offset 0) t
      union all
      select s.b, ($1::int[])[t.dim], ${columns} from ${ranges} cross join lateral (
        select t.dim, ${columns} from fleetlens.run_hour_pruned t
          where t.hour >= ${hourFrom('s.low')} and t.hour < ${hourFrom('s.high')} offset 0) t)
    select b, g, array[${sums}]::numeric[]::text, ${lists} from parts where g > 0 group by b, g`;
}

/**
 * Adds up what runs came to in each window, exactly: from the largest nodes that are added up already, the rest from the facts of
 * single runs.
 * @param client in a transaction that sees one moment of the ledger
 */
export async function readFigures(client: pg.ClientBase, query: FiguresQuery): Promise<FiguresRow[]> {
  return [...(await readFiguresInTurn(client, query))];
}

/** The same, each row made when it is its turn: of many, memory that is used at once costs as much time as the rows themselves. */
export async function readFiguresInTurn(client: pg.ClientBase, query: FiguresQuery): Promise<Iterable<FiguresRow>> {
  const { measures = MEASURES, windows } = query;
  const masks = leastMasks(query);
  const { groups, groupOf, few } = await readGroups(client, query, [...new Set(masks.values())]);
  if (groups.length === 0) return [];
  const { nodes, ranges } = await cover(client, windows, masks);
  const { rows } = await client.query<
    [b: number, g: number, sums: string, waits: Buffer | null, merges: Buffer | null]
  >({
    name: nameOfStatement(measures, few !== undefined),
    text: figuresOf(measures, few !== undefined),
    values: [groupOf, ...nodes, ...ranges, ...(few ?? [])],
    rowMode: 'array',
  });
  const sums = sumsOf(measures);
  return rows.values().map(([window, g, text, waits, merges]) => {
    const row = { ...NOTHING, waits, merges, window, group: groups[g - 1] as FiguresRow['group'] };
    const values = JSON.parse(`[${text.slice(1, -1)}]`) as readonly number[];
    sums.forEach((sum, i) => {
      row[sum] = values[i] as number;
    });
    return row;
  });
}

/** Planned once a connection; but of the many ways to choose figures each would stay there. */
function nameOfStatement(measures: readonly Measure[], areFew: boolean): string | undefined {
  const isWhole = measures.length === MEASURES.length;
  if (!isWhole && measures.length > 1 && measures !== FAILURE_MEASURES) return undefined;
  return `run_figures ${areFew ? 'few' : ''} ${isWhole ? '' : measures.join()}`;
}

const sumsOf = (measures: readonly Measure[]): readonly Sum[] => SUMS.filter((sum) => measures.includes(sum));

/** @returns by level, the shortest first, the mask with the fewest rows that tells apart what the query looks at */
function leastMasks({ by, filters, failures, visible }: FiguresQuery): ReadonlyMap<number, number> {
  const filtered = DIMENSIONS.filter((dimension) => filters[dimension] !== undefined);
  const needed = maskOf([...new Set([...by, ...filtered, ...(visible === undefined ? [] : (['project'] as const))])]);
  const usable = failures ? [CATEGORY_MASK] : MARGINAL_MASKS.includes(needed) ? [needed] : [needed, WHOLE_MASK];
  return new Map(
    LEVELS.flatMap((level) => {
      const mask = usable.find((each) => masksOf(level).includes(each));
      return mask === undefined ? [] : [[level, mask]];
    }),
  );
}

/**
 * The groups of the query, and by the id of a row of run_dim which of them it belongs to: rows of the masks, and of single facts.
 * `few`: the rows of the masks, where it is faster to look each of them up than to read all of a node and leave the others out.
 */
async function readGroups(client: pg.ClientBase, query: FiguresQuery, masks: readonly number[]) {
  const { by, filters, visible } = query;
  const values: unknown[] = [[...masks, query.failures ? CATEGORY_MASK : WHOLE_MASK]];
  const conditions = ['mask = any($1)'];
  const only = (column: Dimension, list: readonly string[] | undefined) => {
    if (list !== undefined) conditions.push(`${column} = any($${values.push(list)})`);
  };
  for (const dimension of DIMENSIONS) only(dimension, filters[dimension]);
  only('project', visible);
  const { rows } = await client.query<Record<Dimension, string> & { id: number; mask: number; all: number }>(
    `select id, mask, ${DIMENSIONS.join(', ')}, (select count(*) from fleetlens.run_dim where mask in (${masks.join(', ')}))::int as all
      from fleetlens.run_dim where ${conditions.join(' and ')}`,
    values,
  );
  const few: [ids: number[], masks: number[]] = [[], []];
  const groups = [...(query.groups ?? [])];
  const known = new Map(groups.map((group, i) => [nameOfGroup(group), i + 1]));
  const groupOf = new Array<number>(rows.reduce((most, { id }) => Math.max(most, id), 0)).fill(0);
  for (const row of rows) {
    const group = Object.fromEntries(by.map((dimension) => [dimension, row[dimension]]));
    const name = nameOfGroup(group);
    let number = known.get(name);
    if (number === undefined && query.groups === undefined) {
      number = groups.push(group);
      known.set(name, number);
    }
    // Arrays of Postgres begin at 1.
    groupOf[row.id - 1] = number ?? 0;
    if (number !== undefined && masks.includes(row.mask)) {
      few[0].push(row.id);
      few[1].push(row.mask);
    }
  }
  const isFew = few[0].length * FEW <= (rows[0]?.all ?? 0);
  return { groups, groupOf, few: isFew ? few : undefined };
}

type Columns = [number[], ...number[][]];

async function cover(client: pg.ClientBase, windows: readonly Span[], masks: ReadonlyMap<number, number>) {
  const levels = [...masks.keys()];
  const dirty = await readDirty(client, windows, levels.at(-1) as number);
  const nodes: Columns = [[], [], [], [], [], []];
  const ranges: Columns = [[], [], []];
  const add = (columns: Columns, ...values: number[]) => values.forEach((value, i) => void columns[i]?.push(value));
  const addNodes = (window: number, { level, from, to }: Nodes, each: number) =>
    add(nodes, window, masks.get(level) as number, level, from, to, each);
  /** Windows that follow each other, each of as many nodes that follow each other. */
  let series: { readonly window: number; readonly each: number; nodes: Nodes } | undefined;
  const endSeries = () => {
    if (series !== undefined) addNodes(series.window, series.nodes, series.each);
    series = undefined;
  };
  windows.forEach(([from, to], window) => {
    const parts = coverWindow(from, to, dirty, levels);
    for (const [low, high] of parts.ranges) add(ranges, window, low, high);
    const [only] = parts.nodes;
    if (only === undefined || parts.nodes.length > 1) {
      for (const each of parts.nodes) addNodes(window, each, each.to - each.from);
      return;
    }
    const each = only.to - only.from;
    if (
      series?.nodes.level === only.level &&
      series.each === each &&
      series.nodes.to === only.from &&
      (window - series.window) * each === only.from - series.nodes.from
    ) {
      series.nodes = { ...series.nodes, to: only.to };
    } else {
      endSeries();
      series = { window, each, nodes: only };
    }
  });
  endSeries();
  return { nodes, ranges };
}

async function readDirty(client: pg.ClientBase, windows: readonly Span[], highest: number): Promise<Dirty> {
  const from = Math.min(...windows.map(([low]) => low)) / HOUR_MS;
  const to = Math.max(...windows.map(([, high]) => high)) / HOUR_MS;
  const levels = LEVEL_HOURS.slice(0, highest + 1);
  const { rows } = await client.query<{ level: number; n: number }>({
    name: 'run_dirty_between',
    text: `select d.level, d.n from unnest($1::smallint[], $2::int[], $3::int[]) as w(level, low, high)
      join fleetlens.run_dirty d on d.level = w.level and d.n >= w.low and d.n <= w.high`,
    values: [
      levels.map((_hours, level) => level),
      levels.map((hours) => Math.floor(from / hours)),
      levels.map((hours) => Math.ceil(to / hours)),
    ],
  });
  return levels.map((_hours, level) => new Set(rows.filter((row) => row.level === level).map((row) => row.n)));
}

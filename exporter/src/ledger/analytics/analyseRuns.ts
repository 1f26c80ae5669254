import type pg from 'pg';
import {
  DEFAULT_DAYS,
  type FailuresAnswer,
  type FiguresAnswer,
  type FiguresQuery,
  type GroupsQuery,
  MOST_POINTS,
  type SpendAnswer,
  type TimeseriesAnswer,
  type TimeseriesQuery,
} from '../../contract/analytics.ts';
import type { AnalyticsDimension } from '../../contract/dimensions.ts';
import { remedyOf } from '../../contract/errorCategories.ts';
import { ERROR_CATEGORIES } from '../../contract/records.ts';
import { fromNano } from '../nano.ts';
import type { VisibleProjects } from '../read/listRuns.ts';
import { readSnapshot } from '../read/readSnapshot.ts';
import { ADDING_UP, catchUpFacts, readFactsState } from './catchUpFacts.ts';
import type { Span } from './coverWindow.ts';
import { describeChosen, describeGroup, measuresFor } from './describeFigures.ts';
import { FAILURE_MEASURES, HOUR_MS } from './measures.ts';
import {
  type FiguresRow,
  type Filters,
  nameOfGroup,
  noFigures,
  readFigures,
  readFiguresInTurn,
} from './readFigures.ts';
import { timeBuckets } from './timeBuckets.ts';

/** The figures cannot be told yet: all records are being read for the first time. */
export class FactsNotReady extends Error {
  override readonly name = 'FactsNotReady';
}

/** A query that asks for what cannot be answered. */
export class BadAnalyticsQuery extends Error {
  override readonly name = 'BadAnalyticsQuery';
}

/** After that an answer tells of the moment up to which the facts are, which it names. */
const CATCH_UP_MS = 1_000;
/** A window is looked at hour by hour. */
const MOST_DAYS = 3_700;
const DAY_MS = 24 * HOUR_MS;

/** Lets the facts follow what was recorded, and reads from one moment of the ledger. */
export async function withFacts<T>(
  pool: pg.Pool,
  read: (client: pg.ClientBase, asOf: string) => Promise<T>,
): Promise<T> {
  await catchUpFacts(pool, CATCH_UP_MS);
  return await readSnapshot(pool, async (client) => {
    await client.query(ADDING_UP);
    const { asOf, isScanning } = await readFactsState(client);
    if (isScanning)
      throw new FactsNotReady('analytics: the records are being read for the first time; ask again later');
    return await read(client, asOf.toISOString());
  });
}

/** @throws BadAnalyticsQuery */
function windowOf({ from, to }: { readonly from?: string | undefined; readonly to?: string | undefined }): Span {
  const toMs = to === undefined ? Date.now() : Date.parse(to);
  const fromMs = from === undefined ? toMs - DEFAULT_DAYS * DAY_MS : Date.parse(from);
  if (fromMs > toMs) {
    throw new BadAnalyticsQuery(`from: found ${from}, expected a time before ${new Date(toMs).toISOString()}`);
  }
  if (toMs - fromMs > MOST_DAYS * DAY_MS) {
    throw new BadAnalyticsQuery(`from: found more than ${MOST_DAYS} days before to, expected a shorter window`);
  }
  return [fromMs, toMs];
}

function filtersOf({ source, project, workflow, persona, model }: Omit<GroupsQuery, 'limit'>): Filters {
  return { source, project, workflow, persona, model };
}

export const isoSpan = ([from, to]: Span) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });

const nameOf = (row: FiguresRow) => nameOfGroup(row.group);
const inOrder = (weight: (row: FiguresRow) => number) => (a: FiguresRow, b: FiguresRow) =>
  weight(b) - weight(a) || (nameOf(a) < nameOf(b) ? -1 : 1);

/** Where nothing is grouped there is one group, even of nothing. */
function orNone(rows: readonly FiguresRow[], by: readonly AnalyticsDimension[]): readonly FiguresRow[] {
  return rows.length === 0 && by.length === 0 ? [noFigures(0)] : rows;
}

/** Figures of the runs that ended in the window, by group, those with the most runs first; where some are chosen, without the others. */
export async function analyseRuns(
  pool: pg.Pool,
  query: FiguresQuery,
  visible: VisibleProjects,
): Promise<FiguresAnswer> {
  const window = windowOf(query);
  const { by = [], figures } = query;
  return await withFacts(pool, async (client, asOf) => {
    const measures = figures && measuresFor(['runs', ...figures]);
    const rows = await readFigures(client, { windows: [window], by, filters: filtersOf(query), measures, visible });
    const sorted = [...orNone(rows, by)].sort(inOrder((row) => row.runs));
    return {
      ...isoSpan(window),
      asOf,
      groups: sorted.length,
      data: sorted.slice(0, query.limit).map((row) => ({ ...describeGroup(row), ...describeChosen(row, figures) })),
    };
  });
}

/** Failures by category and group, the most frequent first, with what the platforms' documents advise. */
export async function analyseFailures(
  pool: pg.Pool,
  query: GroupsQuery,
  visible: VisibleProjects,
): Promise<FailuresAnswer> {
  const window = windowOf(query);
  const by = [...(query.by ?? []), 'category'] as const;
  return await withFacts(pool, async (client, asOf) => {
    const found = await readFigures(client, {
      windows: [window],
      by,
      filters: filtersOf(query),
      failures: true,
      measures: FAILURE_MEASURES,
      visible,
    });
    const rows = found.filter((row) => row.runs > 0).sort(inOrder((row) => row.runs));
    const failures = rows.reduce((sum, row) => sum + row.runs, 0);
    return {
      ...isoSpan(window),
      asOf,
      groups: rows.length,
      failures,
      data: rows.slice(0, query.limit).map((row) => {
        const category = ERROR_CATEGORIES.find((known) => known === row.group.category) ?? 'other';
        return {
          ...describeGroup(row),
          category,
          remedy: remedyOf(category),
          runs: row.runs,
          failed: row.failed,
          timedOut: row.timed_out,
          share: row.runs / failures,
          costUsd: fromNano(row.lost),
        };
      }),
    };
  });
}

/** What was spent in the window, by group, the most first. */
export async function analyseSpend(pool: pg.Pool, query: GroupsQuery, visible: VisibleProjects): Promise<SpendAnswer> {
  const window = windowOf(query);
  const by = query.by ?? [];
  return await withFacts(pool, async (client, asOf) => {
    const found = await readFigures(client, {
      windows: [window],
      by,
      filters: filtersOf(query),
      visible,
      measures: ['spent'],
    });
    const rows = orNone(
      found.filter((row) => row.spent > 0),
      by,
    ).toSorted(inOrder((row) => row.spent));
    const total = rows.reduce((sum, row) => sum + row.spent, 0);
    return {
      ...isoSpan(window),
      asOf,
      groups: rows.length,
      spentUsd: fromNano(total),
      data: rows.slice(0, query.limit).map((row) => ({
        ...describeGroup(row),
        spentUsd: fromNano(row.spent),
        ...(total === 0 ? {} : { share: row.spent / total }),
      })),
    };
  });
}

/**
 * Figures by bucket of time, for charts: every group has every bucket.
 * @returns a TimeseriesAnswer as JSON, written point by point: of an object with all 20,000 of them it would take half as long again
 */
export async function analyseTimeseries(
  pool: pg.Pool,
  query: TimeseriesQuery,
  visible: VisibleProjects,
): Promise<Buffer> {
  const window = windowOf(query);
  const { by = [], figures, bucket, time_zone: timeZone } = query;
  const windows = timeBuckets(window, bucket, timeZone, Math.floor(MOST_POINTS / (by.length === 0 ? 1 : query.limit)));
  if (windows === undefined) {
    throw new BadAnalyticsQuery(
      `bucket: found more than ${MOST_POINTS} points for ${query.limit} groups by ${bucket}, expected fewer: a shorter window, a longer bucket or a lower limit`,
    );
  }
  return await withFacts(pool, async (client, asOf) => {
    const of = { by, filters: filtersOf(query), visible };
    const found = await readFigures(client, { ...of, windows: [window], measures: ['runs'] });
    const groups = [...orNone(found, by)].sort(inOrder((row) => row.runs));
    const shown = groups.slice(0, query.limit).map((row) => row.group);
    const spans = windows.map((span) => fieldsOf(isoSpan(span)));
    const nothing = fieldsOf(describeChosen(noFigures(0), figures));
    const series = new Map(shown.map((group) => [group, new Array<string>(windows.length).fill(nothing)]));
    const measures = figures && measuresFor(figures);
    for (const row of await readFiguresInTurn(client, { ...of, windows, groups: shown, measures })) {
      (series.get(row.group) as string[])[row.window] = fieldsOf(describeChosen(row, figures));
    }
    const data = shown.map((group) => {
      const points = spans.map((span, i) => `{${both(span, series.get(group)?.[i] ?? nothing)}}`).join();
      return `{${both(fieldsOf(describeGroup({ group })), `"points":[${points}]`)}}`;
    });
    const answer: Omit<TimeseriesAnswer, 'data'> = {
      ...isoSpan(window),
      asOf,
      bucket,
      timeZone,
      groups: groups.length,
    };
    return Buffer.from(`{${fieldsOf(answer)},"data":[${data.join()}]}`);
  });
}

/** What is between the braces of an object as JSON. */
const fieldsOf = (object: object) => JSON.stringify(object).slice(1, -1);
const both = (a: string, b: string) => (a === '' || b === '' ? a + b : `${a},${b}`);

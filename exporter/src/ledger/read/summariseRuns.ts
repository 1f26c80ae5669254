import type pg from 'pg';
import type { RunsSummaryQuery } from '../../contract/compatible.ts';
import type { RecordOf, RunRecord } from '../../contract/records.ts';
import { keyRange } from './keyRange.ts';
import type { VisibleProjects } from './listRuns.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';

const LIST = 'summary of runs';

/** $1 project, $2 statuses, $3 chat session, $4 visible projects */
const CHOSEN = `r.project = $1 and ($2::text[] is null or r.status = any($2))
  and ($3::text is null or r.doc #>> '{attributes,chatSessionId}' = $3) and ($4::text[] is null or r.project = any($4))`;

const TOTAL = `select count(*)::int as total from fleetlens.run r where ${CHOSEN}`;

/** $5 $6 $7 cursor (created, id, source), $8 limit, $9 offset */
const PAGE = `select r.doc - '{prompt,referenceImages}'::text[] as doc, r.source, r.key, r.created_at from fleetlens.run r
  where ${CHOSEN} and ($5::text is null or (r.created_at, r.key, r.source) < ($5, $6::text, $7::text))
  order by r.created_at desc, r.key desc, r.source desc limit $8 offset $9`;

const STEPS = `select of_run.source, of_run.run_id, s.doc from unnest($1::text[], $2::text[], $3::text[], $4::text[])
      as of_run(source, run_id, first, before)
    join fleetlens.step s on s.source = of_run.source and s.key >= of_run.first and s.key < of_run.before`;

const USAGE = `select of_run.source, of_run.run_id, u.doc from unnest($1::text[], $2::text[]) as of_run(source, run_id)
    join fleetlens.usage u on u.source = of_run.source and u.run_id = of_run.run_id`;

interface OfRun<T> {
  readonly source: string;
  readonly run_id: string;
  readonly doc: T;
}

/** A run with what its phases took and used, in no order. */
export interface RunWithPhases {
  readonly run: RunRecord;
  readonly steps: readonly RecordOf<'step'>[];
  readonly usage: readonly RecordOf<'usage'>[];
}

export interface RunSummaries {
  readonly runs: readonly RunWithPhases[];
  readonly total: number;
  readonly offset: number;
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

/**
 * The runs of a project, newest first, then by id downwards.
 * @param statuses canonical; undefined: all
 * @throws BadCursor, ReadTooSlow
 */
export async function summariseRuns(
  pool: pg.Pool,
  project: string,
  query: Omit<RunsSummaryQuery, 'status'>,
  statuses: readonly string[] | undefined,
  visible: VisibleProjects,
): Promise<RunSummaries> {
  const place = query.cursor === undefined ? undefined : readCursor(LIST, query.cursor, 4);
  if (place !== undefined && !/^\d{1,10}$/.test(place[3] as string)) {
    throw new BadCursor('cursor: found no position in it, expected the next_cursor of an earlier page');
  }
  const offset = place === undefined ? query.offset : Number(place[3]);
  const chosen = [project, statuses ?? null, query.chat_session_id ?? null, visible ?? null];
  return await readSnapshot(pool, async (client) => {
    const totals = await client.query<{ total: number }>(TOTAL, chosen);
    const { rows } = await client.query<{ doc: RunRecord; source: string; key: string; created_at: string }>(PAGE, [
      ...chosen,
      ...(place?.slice(0, 3) ?? [null, null, null]),
      query.limit + 1,
      query.offset,
    ]);
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    const runs = [page.map(({ source }) => source), page.map(({ key }) => key)];
    const ranges = page.map(({ key }) => keyRange(key));
    const steps = await client.query<OfRun<RecordOf<'step'>>>(STEPS, [
      ...runs,
      ranges.map(([from]) => from),
      ranges.map(([, before]) => before),
    ]);
    const usage = await client.query<OfRun<RecordOf<'usage'>>>(USAGE, runs);
    const ofRun = <T>(all: readonly OfRun<T>[]) => Map.groupBy(all, ({ source, run_id }) => `${source}\0${run_id}`);
    const [stepsOf, usageOf] = [ofRun(steps.rows), ofRun(usage.rows)];
    const hasMore = rows.length > query.limit;
    return {
      runs: page.map(({ doc, source, key }) => ({
        run: doc,
        steps: (stepsOf.get(`${source}\0${key}`) ?? []).map((step) => step.doc),
        usage: (usageOf.get(`${source}\0${key}`) ?? []).map((used) => used.doc),
      })),
      total: totals.rows[0]?.total ?? 0,
      offset,
      hasMore,
      nextCursor:
        hasMore && last !== undefined
          ? writeCursor(LIST, [last.created_at, last.key, last.source, String(offset + page.length)])
          : null,
    };
  });
}

import type pg from 'pg';
import type { Page, StepsQuery } from '../../contract/api.ts';
import type { StepRecord } from '../../contract/records.ts';
import { keyRange } from './keyRange.ts';
import type { VisibleProjects } from './listRuns.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';

const LIST = 'steps of a run';
/** Steps without an index come last, by their start. */
const ORDER = `coalesce((doc ->> 'index')::numeric, 1e18), coalesce(doc ->> 'startedAt', '~') collate "C", key`;

/** $1 source, $2 run, $3 projects, $4 $5 key range, $6 $7 $8 cursor, $9 limit. No row at all: there is no such run. */
const STEPS = `with run as (
    select from fleetlens.run where source = $1 and key = $2 and ($3::text[] is null or project = any($3)))
  select s.* from run left join lateral (
    select doc, key, coalesce((doc ->> 'index')::numeric, 1e18) as place, coalesce(doc ->> 'startedAt', '~') as started
    from fleetlens.step where source = $1 and key >= $4 and key < $5
      and ($6::numeric is null or (${ORDER}) > ($6, $7 collate "C", $8))
    order by ${ORDER} limit $9) s on true`;

/** @returns the steps of a run in their order; undefined where there is no such run, or none that the reader may see. */
export async function listSteps(
  pool: pg.Pool,
  source: string,
  runId: string,
  query: StepsQuery,
  visible: VisibleProjects,
): Promise<Page<StepRecord> | undefined> {
  const place = query.cursor === undefined ? undefined : readCursor(LIST, query.cursor, 3);
  if (place !== undefined && !Number.isFinite(Number(place[0]))) {
    throw new BadCursor('cursor: found no number in it, expected the nextCursor of an earlier page');
  }
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ doc: StepRecord | null; key: string; place: string; started: string }>(STEPS, [
      source,
      runId,
      visible ?? null,
      ...keyRange(runId),
      place?.[0] ?? null,
      place?.[1] ?? null,
      place?.[2] ?? null,
      query.limit + 1,
    ]),
  );
  if (rows.length === 0) return undefined;
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    data: page.flatMap(({ doc }) => (doc === null ? [] : [doc])),
    nextCursor:
      rows.length > query.limit && last !== undefined ? writeCursor(LIST, [last.place, last.started, last.key]) : null,
  };
}

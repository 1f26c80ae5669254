import type pg from 'pg';
import type { OutputPage, OutputQuery } from '../../contract/api.ts';
import type { OutputRecord } from '../../contract/records.ts';
import { readHead } from '../changes/readChanges.ts';
import { keyRange } from './keyRange.ts';
import type { VisibleProjects } from './listRuns.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';

const LIST = 'output of a run';
/** The last two parts of a key: runId, sandboxId, stepId, seq. */
const STEP = `split_part(key, E'\\x1f', 3)`;
const SEQ = `split_part(key, E'\\x1f', 4)::numeric`;

/**
 * In the order of time; `seq` orders what one step printed in the same millisecond. Only keys and times are sorted, the texts
 * (which lie in TOAST when they are long) are fetched for the page alone.
 * $1 source, $2 run, $3 projects, $4 $5 key range, $6 step, $7 after, $8 $9 $10 $11 cursor (time, step, seq, key), $12 limit
 */
function textOf(direction: 'asc' | 'desc'): string {
  return `with run as (
      select from fleetlens.run where source = $1 and key = $2 and ($3::text[] is null or project = any($3))),
    page as (
      select key, at, ${STEP} as step, ${SEQ} as seq from fleetlens.output
      where source = $1 and key >= $4 and key < $5
        and ($6::text is null or ${STEP} = $6)
        and ($7::numeric is null or ${SEQ} > $7)
        and ($8::timestamptz is null or (at, ${STEP}, ${SEQ}, key) > ($8, $9::text, $10::numeric, $11::text))
      order by at ${direction}, ${STEP} ${direction}, ${SEQ} ${direction}, key ${direction} limit $12)
    select o.doc, p.key, p.at, p.step, p.seq from run
      left join page p on true left join fleetlens.output o on o.source = $1 and o.key = p.key
    order by p.at, p.step, p.seq, p.key`;
}
const FORWARD = textOf('asc');
const BACKWARD = textOf('desc');

interface Row {
  readonly doc: OutputRecord | null;
  readonly key: string;
  readonly at: Date;
  readonly step: string;
  readonly seq: string;
}

/**
 * Lists what a run printed. A cursor stays good while the run goes on: at the end of what there is, `nextCursor` is null, and
 * the last page asked for again has what came since.
 * @returns undefined where there is no such run, or none that the reader may see.
 */
export async function listOutput(
  pool: pg.Pool,
  source: string,
  runId: string,
  query: OutputQuery,
  visible: VisibleProjects,
): Promise<OutputPage | undefined> {
  const place = query.cursor === undefined ? undefined : readCursor(LIST, query.cursor, 4);
  if (place !== undefined && (Number.isNaN(Date.parse(place[0] as string)) || !/^\d+$/.test(place[2] as string))) {
    throw new BadCursor('cursor: found no time and number in it, expected the nextCursor of an earlier page');
  }
  const size = query.tail ?? query.limit;
  const { rows, head } = await readSnapshot(pool, async (client) => ({
    ...(await readHead(client)),
    ...(await client.query<Row>(query.tail === undefined ? FORWARD : BACKWARD, [
      source,
      runId,
      visible ?? null,
      ...keyRange(runId),
      query.step ?? null,
      query.after ?? null,
      ...(place ?? [null, null, null, null]),
      query.tail === undefined ? size + 1 : size,
    ])),
  }));
  if (rows.length === 0) return undefined;
  const page = rows.slice(0, size);
  const last = page.at(-1);
  return {
    data: page.flatMap(({ doc }) => (doc === null ? [] : [doc])),
    nextCursor:
      rows.length > size && last !== undefined
        ? writeCursor(LIST, [last.at.toISOString(), last.step, last.seq, last.key])
        : null,
    position: String(head),
  };
}

/** @returns the last lines that a run printed, in order; none where the reader may not see it. */
export async function readTail(
  client: pg.ClientBase,
  { source, id }: { readonly source: string; readonly id: string },
  lines: number,
  visible: VisibleProjects,
): Promise<OutputRecord[]> {
  const values = [source, id, visible ?? null, ...keyRange(id), null, null, null, null, null, null, lines];
  const { rows } = await client.query<Row>(BACKWARD, values);
  return rows.flatMap(({ doc }) => (doc === null ? [] : [doc]));
}

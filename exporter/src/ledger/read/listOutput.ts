import type pg from 'pg';
import type { OutputPage, OutputQuery } from '../../contract/api.ts';
import type { OutputPlace } from '../../contract/outputPlace.ts';
import type { OutputRecord } from '../../contract/records.ts';
import { readHead } from '../changes/readChanges.ts';
import { keyRange } from './keyRange.ts';
import { containing, type VisibleProjects } from './listRuns.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';
import { streamSnapshot } from './streamSnapshot.ts';

/** Whose output: that of a run, or of a sandbox. */
export interface Printer {
  readonly of: 'run' | 'sandbox';
  readonly source: string;
  readonly id: string;
}

/** Parts of a key: runId, sandboxId, stepId, seq. */
const SANDBOX = `split_part(key, E'\\x1f', 2)`;
const STEP = `split_part(key, E'\\x1f', 3)`;
const SEQ = `split_part(key, E'\\x1f', 4)::numeric`;
/** What lines sort by: contract/outputPlace.ts. */
const PLACE = ['at', STEP, SEQ, SANDBOX];

/** From a place: the lines after it, from it on, or before it. */
const WAYS = {
  after: { compare: '>', direction: 'asc' },
  from: { compare: '>=', direction: 'asc' },
  before: { compare: '<', direction: 'desc' },
} as const;
type Way = keyof typeof WAYS;

/**
 * In the order of time; `seq` orders what one step printed in the same millisecond. Only keys and times are sorted, the texts
 * (which lie in TOAST when they are long) are fetched for the page alone.
 * $1 source, $2 $3 $4 $5 key ranges, $6 step, $7 seq after, $8 words (a LIKE pattern), $9 $10 $11 $12 place (time, step, seq,
 * sandbox), $13 limit
 */
function textOf(way: Way): string {
  const { compare, direction } = WAYS[way];
  return `with page as (
      select key, at, ${STEP} as step, ${SEQ} as seq, ${SANDBOX} as sandbox from fleetlens.output
      where source = $1 and (key >= $2 and key < $3 or key >= $4 and key < $5)
        and ($6::text is null or ${STEP} = $6)
        and ($7::numeric is null or ${SEQ} > $7)
        and ($8::text is null or doc ->> 'text' ilike $8)
        and ($9::timestamptz is null or (${PLACE.join(', ')}) ${compare} ($9, $10::text, $11::numeric, $12::text))
      order by ${PLACE.map((part) => `${part} ${direction}`).join(', ')} limit $13)
    select o.doc, p.at, p.step, p.seq, p.sandbox from page p join fleetlens.output o on o.source = $1 and o.key = p.key
    order by p.at, p.step, p.seq, p.sandbox`;
}
const TEXTS = { after: textOf('after'), from: textOf('from'), before: textOf('before') };

interface Row {
  readonly doc: OutputRecord;
  readonly at: Date;
  readonly step: string;
  readonly seq: string;
  readonly sandbox: string;
}

const IS_VISIBLE = {
  run: `select '' as run_id from fleetlens.run where source = $1 and key = $2 and ($3::text[] is null or project = any($3))`,
  // What it printed in a run is for those who may see the run.
  sandbox: `select coalesce((select r.key from fleetlens.run r where r.source = $1 and r.key = s.doc ->> 'runId'
      and ($3::text[] is null or r.project = any($3))), '') as run_id
    from fleetlens.sandbox s where s.source = $1 and s.key = $2 and ($3::text[] is null or s.doc ->> 'project' = any($3))`,
};

/** @returns the ranges of the keys of what it printed; undefined where there is no such record, or none that the reader may see. */
async function rangesOf(
  client: pg.ClientBase | pg.Pool,
  { of, source, id }: Printer,
  visible: VisibleProjects,
): Promise<readonly [string, string, string | null, string | null] | undefined> {
  const { rows } = await client.query<{ run_id: string }>(IS_VISIBLE[of], [source, id, visible ?? null]);
  const [found] = rows;
  if (found === undefined) return undefined;
  if (of === 'run') return [...keyRange(id), null, null];
  const alone = keyRange('', id);
  return found.run_id === '' ? [...alone, null, null] : [...alone, ...keyRange(found.run_id, id)];
}

/**
 * Lists what a run or a sandbox printed. A cursor stays good while it goes on: at the end of what there is, `nextCursor` is null,
 * and the last page asked for again has what came since.
 * @returns undefined where there is no such run or sandbox, or none that the reader may see.
 */
export async function listOutput(
  pool: pg.Pool,
  printer: Printer,
  query: OutputQuery,
  visible: VisibleProjects,
): Promise<OutputPage | undefined> {
  const list = `output of a ${printer.of}`;
  const [way, place] = placeIn(query, list);
  const size = query.tail ?? query.limit;
  return await readSnapshot(pool, async (client) => {
    const ranges = await rangesOf(client, printer, visible);
    if (ranges === undefined) return undefined;
    const { head } = await readHead(client);
    const { rows } = await client.query<Row>(TEXTS[way], valuesOf(printer, ranges, query, place, size + 1));
    const hasMore = rows.length > size;
    const page = way === 'before' ? rows.slice(-size) : rows.slice(0, size);
    const last = page.at(-1);
    return {
      data: page.map(({ doc }) => doc),
      nextCursor: hasMore && way !== 'before' && last !== undefined ? cursorOf(list, last) : null,
      ...(way === 'before' ? { earlier: hasMore } : {}),
      position: String(head),
    };
  });
}

function placeIn(query: OutputQuery, list: string): [Way, readonly unknown[] | undefined] {
  if (query.before !== undefined) return ['before', valuesOfPlace(query.before)];
  if (query.from !== undefined) return ['from', valuesOfPlace(query.from)];
  if (query.tail !== undefined) return ['before', undefined];
  if (query.cursor === undefined) return ['after', undefined];
  const place = readCursor(list, query.cursor, 4);
  if (Number.isNaN(Date.parse(place[0] as string)) || !/^\d+$/.test(place[2] as string)) {
    throw new BadCursor('cursor: found no time and number in it, expected the nextCursor of an earlier page');
  }
  return ['after', place];
}

function valuesOfPlace({ at, stepId, seq, sandboxId }: OutputPlace): readonly unknown[] {
  return [at, stepId, seq, sandboxId];
}

function cursorOf(list: string, { at, step, seq, sandbox }: Row): string {
  return writeCursor(list, [at.toISOString(), step, seq, sandbox]);
}

function valuesOf(
  { source }: Printer,
  ranges: readonly unknown[],
  { step, after, q }: Pick<OutputQuery, 'step' | 'after' | 'q'>,
  place: readonly unknown[] | undefined,
  limit: number | null,
): unknown[] {
  const words = q === undefined ? null : containing(q);
  return [source, ...ranges, step ?? null, after ?? null, words, ...(place ?? [null, null, null, null]), limit];
}

/** @returns the last lines that it printed, in order; none where the reader may not see it. */
export async function readTail(
  client: pg.ClientBase,
  printer: Printer,
  lines: number,
  visible: VisibleProjects,
): Promise<OutputRecord[]> {
  const ranges = await rangesOf(client, printer, visible);
  if (ranges === undefined) return [];
  const { rows } = await client.query<Row>(TEXTS.before, valuesOf(printer, ranges, {}, undefined, lines));
  return rows.map(({ doc }) => doc);
}

/**
 * All that it printed, in order, some lines at a time: as many are in memory, however many there are.
 * @returns undefined where there is no such run or sandbox, or none that the reader may see.
 */
export async function streamOutput(
  pool: pg.Pool,
  printer: Printer,
  filters: Pick<OutputQuery, 'step' | 'q'>,
  visible: VisibleProjects,
): Promise<AsyncGenerator<readonly { readonly doc: OutputRecord }[]> | undefined> {
  const ranges = await rangesOf(pool, printer, visible);
  if (ranges === undefined) return undefined;
  return streamSnapshot<Row>(pool, TEXTS.after, valuesOf(printer, ranges, filters, undefined, null));
}

import type pg from 'pg';
import { type Page, type RecordListName, recordListOf, type SamplesQuery } from '../../contract/api.ts';
import type { AnyRecord } from './listRecords.ts';
import type { VisibleProjects } from './listRuns.ts';
import { BadCursor, readCursor, writeCursor } from './pageCursor.ts';
import { readSnapshot } from './readSnapshot.ts';

const DEFAULT_SPAN_MS = 3_600_000;

/** $1 kind, $2 source, $3 key, $4 from, $5 before, $6 limit */
const SAMPLES = `select doc, at from fleetlens.sample
  where kind = $1 and source = $2 and key = $3 and at >= $4 and ($5::timestamptz is null or at < $5) order by at limit $6`;

/**
 * Lists what was read of a queue or store over time, oldest first. Samples belong to no project: who sees some projects only
 * gets none.
 */
export async function listSamples(
  pool: pg.Pool,
  name: RecordListName,
  source: string,
  key: string,
  query: SamplesQuery,
  visible: VisibleProjects,
): Promise<Page<AnyRecord>> {
  const { kind } = recordListOf(name);
  const list = `${name} samples`;
  const place = query.cursor === undefined ? undefined : readCursor(list, query.cursor, 1)[0];
  if (place !== undefined && Number.isNaN(Date.parse(place))) {
    throw new BadCursor('cursor: found no time in it, expected the nextCursor of an earlier page');
  }
  if (visible !== undefined) return { data: [], nextCursor: null };
  const from = place ?? query.since ?? new Date(Date.now() - DEFAULT_SPAN_MS).toISOString();
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ doc: Record<string, unknown>; at: Date }>(SAMPLES, [
      kind,
      source,
      key,
      from,
      query.until ?? null,
      query.limit + 1,
    ]),
  );
  const next = rows.length > query.limit ? rows.at(-1) : undefined;
  return {
    data: rows.slice(0, query.limit).map(({ doc, at }) => toRecord(source, doc, at)),
    nextCursor: next === undefined ? null : writeCursor(list, [next.at.toISOString()]),
  };
}

/** A sample is kept as its event was: attributes flattened, cleared fields null. */
function toRecord(source: string, fields: Readonly<Record<string, unknown>>, at: Date): AnyRecord {
  const record: Record<string, unknown> = {};
  const attributes: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (value === null) continue;
    if (field.startsWith('attributes.')) attributes[field.slice('attributes.'.length)] = value;
    else record[field] = value;
  }
  return {
    source,
    ...record,
    at: record.at ?? at.toISOString(),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
  };
}

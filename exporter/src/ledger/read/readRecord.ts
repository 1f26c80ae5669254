import type pg from 'pg';
import { RECORD_LIST_NAMES, type RecordListName, recordListOf } from '../../contract/api.ts';
import { recordTable } from '../recordTable.ts';
import { type AnyRecord, answeredDoc, inProjects } from './listRecords.ts';
import type { VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

const TEXTS = new Map(
  RECORD_LIST_NAMES.map((name) => {
    const list = recordListOf(name);
    return [
      name,
      `select ${answeredDoc(name)} as doc from ${recordTable(list.kind)} t where t.source = $1 and t.key = $2 and ($3::text[] is null or ${inProjects(list, '$3')})`,
    ];
  }),
);

/** @returns the record with that key; undefined where there is none, or none that the reader may see. */
export async function readRecord(
  pool: pg.Pool,
  name: RecordListName,
  source: string,
  key: string,
  visible: VisibleProjects,
): Promise<AnyRecord | undefined> {
  const { rows } = await readSnapshot(pool, (client) =>
    client.query<{ doc: AnyRecord }>(TEXTS.get(name) as string, [source, key, visible ?? null]),
  );
  return rows[0]?.doc;
}

import type pg from 'pg';
import { FOUND_BY, type Found } from '../../contract/find.ts';
import type { VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

/** A shorter beginning means nothing. */
const LEAST_PREFIX = 2;
/** Characters of a name that are compared: those of the index. */
const NAME_LENGTH = 100;

/** What a text may mean. */
interface Meaning {
  readonly text: string;
  /** Paths of a pull request on its host, as hosts spell them. */
  readonly paths: readonly string[];
  readonly number: string | undefined;
  /** Of `project#12`, whatever its host. */
  readonly ofProject: readonly [project: string, number: string] | undefined;
  /** Bounds of what begins with the text, as it stands and in lower case; absent: too short. */
  readonly id: readonly [from: string, before: string] | undefined;
  readonly name: readonly [from: string, before: string] | undefined;
}

const PULL_PATH =
  /^([\w.-]+(?:\/[\w.-]+)+?)\/(?:pull|pulls|-\/merge_requests|merge_requests|pull-requests)\/(\d{1,9})(?:[/?#].*)?$/;

/** @returns what somebody may mean who looks for this text. */
function meaningOf(q: string): Meaning {
  const text = q.trim();
  const [, ofPath, numberOfPath] = PULL_PATH.exec(text.toLowerCase().replace(/^https?:\/\/[^/]*\//, '')) ?? [];
  const [, ofShort, numberOfShort] = /^([\w.-]+(?:\/[\w.-]+)*)?#(\d{1,9})$/.exec(text) ?? [];
  const repository = ofPath ?? ofShort?.toLowerCase();
  const number = numberOfPath ?? numberOfShort;
  const isPrefix = text.length >= LEAST_PREFIX;
  return {
    text,
    paths:
      repository === undefined || number === undefined
        ? []
        : ['pull', 'pulls', '-/merge_requests', 'merge_requests', 'pull-requests'].map(
            (word) => `${repository}/${word}/${number}`,
          ),
    number: repository === undefined ? number : undefined,
    ofProject: ofShort === undefined || numberOfShort === undefined ? undefined : [ofShort, numberOfShort],
    id: isPrefix ? prefixRange(text) : undefined,
    name: isPrefix ? prefixRange(text.toLowerCase().slice(0, NAME_LENGTH)) : undefined,
  };
}

/** The end of the range is a character that no text has: keys and names compare byte by byte. */
function prefixRange(prefix: string): [string, string] {
  return [prefix, `${prefix}\u{10ffff}`];
}

const NAME = `left(lower(r.doc ->> 'name'), ${NAME_LENGTH}) collate "C"`;
const NUMBER = `r.doc #>> '{pullRequest,number}'`;
const PATH = `regexp_replace(lower(r.doc #>> '{pullRequest,url}'), '^https?://[^/]*/', '')`;
const BY_ID = 'r.source = any($12::text[]) and r.key = $1';
const RUN = (foundBy: string) =>
  `select 'run' as type, r.source, r.key, '${foundBy}' as found_by, r.project, coalesce(r.doc ->> 'name', r.doc ->> 'promptPreview') as title,
    r.status, r.created_at, null::timestamptz as pruned_at from `;
const SEEN = '($2::text[] is null or r.project = any($2))';
/** So many of the first that begin with it are looked at for the newest. */
const MOST_BY_NAME = 200;
const LATEST = 'order by r.created_at desc limit $3';
/**
 * Each way looks into an index of its own; by id, source after source (there are few).
 * $1 text, $2 projects, $3 limit, $4 paths of a pull request, $5 number, $6 project, $7 $8 beginning of an id, $9 $10 beginning of a
 * name, $11 number of the project, $12 all sources
 */
const FIND = `select * from (
  (${RUN('id')} fleetlens.run r where ${BY_ID} and ${SEEN})
  union all
  (select 'run', r.source, r.run_id, 'id', null, null, null, null, r.pruned_at from fleetlens.tombstone r
    where r.source = any($12::text[]) and r.run_id = $1 and $2::text[] is null)
  union all
  (${RUN('job')} fleetlens.run r where r.doc ? 'triggerRunId' and r.doc ->> 'triggerRunId' = $1 and ${SEEN} ${LATEST})
  union all
  (select l.* from unnest($4::text[]) as w(path) cross join lateral (${RUN('pullRequest')} fleetlens.run r
    where r.doc #>> '{pullRequest,url}' is not null and ${PATH} = w.path and ${SEEN} ${LATEST}) l)
  union all
  (${RUN('pullRequest')} fleetlens.run r where ${NUMBER} is not null and ${NUMBER} = $5::text and ${SEEN} ${LATEST})
  union all
  (${RUN('pullRequest')} fleetlens.run r where ${NUMBER} is not null and ${NUMBER} = $11::text and r.project = $6::text and ${SEEN} ${LATEST})
  union all
  (select 'sandbox', r.source, r.key, 'id', r.doc ->> 'project', r.doc ->> 'template', r.doc ->> 'status', r.doc ->> 'createdAt', null
    from fleetlens.sandbox r where ${BY_ID} and ($2::text[] is null or r.doc ->> 'project' = any($2)))
  union all
  (${RUN('sandbox')} fleetlens.run r where r.doc ? 'sandboxId' and r.doc ->> 'sandboxId' = $1 and ${SEEN} ${LATEST})
  union all
  (select l.* from fleetlens.sandbox b cross join lateral (
    ${RUN('sandbox')} fleetlens.run r where r.source = b.source and r.key = b.doc ->> 'runId' and ${SEEN}) l
    where b.source = any($12::text[]) and b.key = $1)
  union all
  (select 'chain', r.source, r.key, 'id', r.doc ->> 'project', r.doc ->> 'name', r.doc ->> 'status', r.doc ->> 'createdAt', null
    from fleetlens.chain r where ${BY_ID} and ($2::text[] is null or r.doc ->> 'project' = any($2)))
  union all
  (select * from (${RUN('chain')} fleetlens.run r where r.source = any($12::text[]) and r.doc ? 'chainId' and r.doc ->> 'chainId' = $1
    and ${SEEN} offset 0) l order by created_at desc limit $3)
  union all
  (${RUN('name')} fleetlens.run r where r.doc ? 'name' and ${NAME} = left(lower($1), ${NAME_LENGTH}) and ${SEEN} ${LATEST})
  union all
  (${RUN('beginningOfId')} fleetlens.run r where r.source = any($12::text[]) and r.key > $7 and r.key < $8 and ${SEEN} limit $3)
  union all
  (select 'run', r.source, r.run_id, 'beginningOfId', null, null, null, null, r.pruned_at from fleetlens.tombstone r
    where r.source = any($12::text[]) and r.run_id > $7 and r.run_id < $8 and $2::text[] is null limit $3)
  union all
  (select * from (${RUN('beginningOfName')} fleetlens.run r where r.doc ? 'name' and ${NAME} > $9 and ${NAME} < $10 and ${SEEN}
    order by ${NAME} limit ${MOST_BY_NAME}) n order by created_at desc limit $3)
  ) found`;

interface Row {
  readonly type: Found['type'];
  readonly source: string;
  readonly key: string;
  readonly found_by: Found['foundBy'];
  readonly project: string | null;
  readonly title: string | null;
  readonly status: Found['status'] | null;
  readonly created_at: string | null;
  readonly pruned_at: Date | null;
}

const LISTS = { run: 'runs', sandbox: 'sandboxes', chain: 'chains' } as const;

/** The statement's values; the statement too, for tests of its plan. */
export async function findStatement(
  client: pg.ClientBase | pg.Pool,
  q: string,
  limit: number,
  visible: VisibleProjects,
): Promise<{ text: string; values: unknown[] }> {
  const { text, paths, number, ofProject, id, name } = meaningOf(q);
  const { rows } = await client.query<{ source: string }>('select source from fleetlens.source_state');
  const none = [null, null] as const;
  const [project, numberOfProject] = ofProject ?? none;
  const bounds = [...(id ?? none), ...(name ?? none)];
  const sources = rows.map(({ source }) => source);
  const values = [text, visible ?? null, limit, paths, number ?? null, project, ...bounds, numberOfProject, sources];
  return { text: FIND, values };
}

/** @returns what somebody may mean who looks for the text: each record once, exact matches first, then the newest. */
export async function findRecords(pool: pg.Pool, q: string, limit: number, visible: VisibleProjects): Promise<Found[]> {
  const { rows } = await readSnapshot(pool, async (client) => {
    const { text, values } = await findStatement(client, q, limit, visible);
    return await client.query<Row>(text, values);
  });
  const rank = ({ found_by: foundBy }: Row) => FOUND_BY.indexOf(foundBy);
  const newest = (a: Row, b: Row) => ((a.created_at ?? '') < (b.created_at ?? '') ? 1 : -1);
  const sorted = rows.sort((a, b) => rank(a) - rank(b) || newest(a, b));
  const found = new Map(sorted.toReversed().map((row) => [`${row.type}\0${row.source}\0${row.key}`, row]));
  return sorted
    .filter((row) => found.get(`${row.type}\0${row.source}\0${row.key}`) === row)
    .slice(0, limit)
    .map(toFound);
}

function toFound(row: Row): Found {
  const { type, source, key, project, title, status, created_at: createdAt, pruned_at: prunedAt } = row;
  return {
    type,
    source,
    id: key,
    foundBy: row.found_by,
    path: [LISTS[type], source, key],
    ...(project === null ? {} : { project }),
    ...(title === null ? {} : { title }),
    ...(status == null ? {} : { status }),
    ...(createdAt ? { createdAt } : {}),
    ...(prunedAt === null ? {} : { prunedAt: prunedAt.toISOString() }),
  };
}

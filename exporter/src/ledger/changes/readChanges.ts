import type pg from 'pg';
import { LIST_TOPICS, type ListTopic, listTopicOf } from '../../contract/live.ts';
import { definitionOf, type Kind, type OutputRecord } from '../../contract/records.ts';
import { isAfter, type Position, topicOf, WHOLE } from '../../contract/topics.ts';
import { withJudgement } from '../quality/withJudgement.ts';
import { type AnyRecord, answeredDoc, projectsOfRecord } from '../read/listRecords.ts';
import { LIST_LEAVES_OUT } from '../read/listRuns.ts';
import { readSnapshot } from '../read/readSnapshot.ts';
import { recordTable } from '../recordTable.ts';
import {
  followsList,
  followsRecord,
  type Interest,
  movesBudgets,
  NAMES_RUN,
  recordName,
  runIdOfKey,
  sandboxIdOfKey,
} from './interest.ts';

/** Something that changed, for whoever follows one of its topics and may see one of its projects. */
export interface LedgerChange {
  readonly position: Position;
  readonly event: 'record' | 'output' | 'list';
  /** Every topic that it is of. */
  readonly topics: readonly string[];
  /** Of none: for those who see everything. */
  readonly projects: readonly string[];
  /** Of a notification: whose it is. */
  readonly user?: string;
  /** What is told besides the topics. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ChangesPage {
  readonly changes: readonly LedgerChange[];
  /** Everything up to there is in the page, or behind. */
  readonly to: Position;
  /** There is more after it. */
  readonly more: boolean;
}

interface Commit {
  readonly seq: number;
  readonly at: string;
  readonly entries: readonly (readonly [kind: Kind, source: string, key: string])[];
}

/** Commits in a page; an ingest at full speed makes some 50 a second. */
const MOST_COMMITS = 50;
/** More records of a kind in one commit are not told one by one to who follows the list. */
const MOST_RECORDS = 300;
/** Lines in one event. */
const MOST_LINES = 500;
/** A longer record is read at its own route, characters of JSON. */
const MOST_CHARACTERS = 64 * 1024;

/** The number of the last commit, and up to which changes were pruned. */
export interface ChangesHead {
  readonly head: number;
  readonly keptFrom: number;
}

export async function readHead(client: pg.ClientBase | pg.Pool): Promise<ChangesHead> {
  const { rows } = await client.query<{ seq: string; changes_from: string }>({
    name: 'change_head',
    text: 'select seq, changes_from from fleetlens.head',
  });
  const [row] = rows;
  if (row === undefined)
    throw new Error('ledger: found no row in fleetlens.head, expected one; restore the ledger from a backup');
  return { head: Number(row.seq), keptFrom: Number(row.changes_from) };
}

/** @returns whether the ledger still has every change after this position. */
export function isKept({ seq, index }: Position, { keptFrom }: ChangesHead): boolean {
  return seq > keptFrom || (seq === keptFrom && index === WHOLE);
}

/**
 * Reads what changed after a position, as it is now: of a record that was written several times in the page, once.
 * @param most about how many changes to read; a commit is not divided
 */
export async function readChanges(
  pool: pg.Pool,
  after: Position,
  interest: Interest,
  most = 2_000,
): Promise<ChangesPage> {
  return await readSnapshot(pool, async (client) => {
    const { head } = await readHead(client);
    const { rows } = await client.query<{ seq: string; at: Date; entries: Commit['entries'] }>({
      name: 'change_page',
      text: `select seq, at, entries from fleetlens.change where seq >= $1 order by seq limit ${MOST_COMMITS}`,
      values: [after.index === WHOLE ? after.seq + 1 : after.seq],
    });
    const commits: Commit[] = [];
    let wanted = 0;
    for (const { seq, at, entries } of rows) {
      if (wanted >= most) break;
      commits.push({ seq: Number(seq), at: at.toISOString(), entries });
      for (const [kind, source, key] of entries)
        if (followsList(interest, kind) || followsRecord(interest, kind, source, key)) wanted++;
    }
    const isWhole = rows.length < MOST_COMMITS && commits.length === rows.length;
    const last = commits.at(-1);
    const to = { seq: isWhole || last === undefined ? Math.max(head, after.seq) : last.seq, index: WHOLE };
    const changes = await describeCommits(client, commits, interest);
    return { changes: changes.filter(({ position }) => isAfter(position, after)), to, more: !isWhole };
  });
}

interface Found {
  readonly doc: AnyRecord | null;
  readonly projects: readonly string[];
}

/** Which records of a page are told one by one, and where each was written last in it. */
class Wanted {
  readonly #docs = new Map<Kind, Map<string, readonly [string, string]>>();
  readonly #projects = new Map<Kind, Map<string, readonly [string, string]>>();
  readonly #last = new Map<string, string>();

  add(kind: Kind, source: string, key: string, place: string): void {
    this.#note(this.#docs, kind, source, key);
    this.#last.set(`${kind}\0${source}\0${key}`, place);
  }

  addProjects(kind: Kind, source: string, key: string): void {
    this.#note(this.#projects, kind, source, key);
  }

  isLast(kind: Kind, source: string, key: string, place: string): boolean {
    return this.#last.get(`${kind}\0${source}\0${key}`) === place;
  }

  #note(kinds: Map<Kind, Map<string, readonly [string, string]>>, kind: Kind, source: string, key: string): void {
    let records = kinds.get(kind);
    if (records === undefined) {
      records = new Map();
      kinds.set(kind, records);
    }
    records.set(recordName(source, key), [source, key]);
  }

  async read(client: pg.ClientBase): Promise<(kind: Kind, source: string, key: string) => Found | undefined> {
    const found = new Map<string, Found>();
    const fetch = async (kind: Kind, records: readonly (readonly [string, string])[], withDoc: boolean) => {
      if (records.length === 0) return;
      const { rows } = await client.query<Found & { source: string; key: string }>(textOf(kind, withDoc), [
        records.map(([source]) => source),
        records.map(([, key]) => key),
      ]);
      for (const row of rows) found.set(`${kind}\0${row.source}\0${row.key}`, row);
    };
    for (const [kind, records] of this.#docs) await fetch(kind, [...records.values()], true);
    for (const [kind, records] of this.#projects) {
      const others = [...records].filter(([name]) => !found.has(`${kind}\0${name}`)).map(([, record]) => record);
      await fetch(kind, others, false);
    }
    return (kind, source, key) => found.get(`${kind}\0${source}\0${key}`);
  }
}

async function describeCommits(
  client: pg.ClientBase,
  commits: readonly Commit[],
  interest: Interest,
): Promise<LedgerChange[]> {
  const wanted = new Wanted();
  const crowds = commits.map((commit) => crowdedLists(commit, interest));
  commits.forEach(({ seq, entries }, i) => {
    entries.forEach(([kind, source, key], index) => {
      const isTold = followsList(interest, kind) && !crowds[i]?.has(kind);
      if (isTold || followsRecord(interest, kind, source, key)) wanted.add(kind, source, key, `${seq}.${index}`);
      else if (followsList(interest, kind) || movesBudgets(interest, kind)) wanted.addProjects(kind, source, key);
    });
  });
  const find = await wanted.read(client);
  return commits.flatMap((commit, i) => {
    const crowded = crowds[i] ?? new Set<Kind>();
    const changes: LedgerChange[] = [];
    const lines = new Map<string, Lines[]>();
    commit.entries.forEach(([kind, source, key], index) => {
      const isLast = wanted.isLast(kind, source, key, `${commit.seq}.${index}`);
      if (kind === 'output') {
        // Its place is that of its chunk, whatever of it was written again since.
        if (followsRecord(interest, kind, source, key))
          addLine(lines, source, key, index, isLast ? find(kind, source, key) : undefined);
        return;
      }
      const found = isLast ? find(kind, source, key) : undefined;
      if (found?.doc == null) return;
      changes.push(describeRecord({ kind, source, key, found: { ...found, doc: found.doc } }, commit, index));
    });
    for (const chunk of [...lines.values()].flat()) {
      const change = describeLines(chunk, commit.seq);
      if (change !== undefined) changes.push(change);
    }
    changes.push(...describeLists(commit, interest, crowded, find));
    return changes.sort((a, b) => a.position.index - b.position.index);
  });
}

/** Kinds that so many records of one commit are of that the list is to be read again. */
function crowdedLists({ entries }: Commit, interest: Interest): Set<Kind> {
  const counts = new Map<Kind, number>();
  for (const [kind] of entries) if (followsList(interest, kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count > MOST_RECORDS).map(([kind]) => kind));
}

function describeRecord(
  {
    kind,
    source,
    key,
    found,
  }: { kind: Kind; source: string; key: string; found: { doc: AnyRecord; projects: readonly string[] } },
  { seq, at }: Commit,
  index: number,
): LedgerChange {
  const { doc, projects } = found;
  const parts = key.split('\u001f');
  const fields = definitionOf(kind).key.flatMap((field, i) => (parts[i] ? [[field, parts[i]]] : []));
  const isLong = JSON.stringify(doc).length > MOST_CHARACTERS;
  return {
    position: { seq, index },
    event: 'record',
    topics: topicsOf(kind, source, key, doc),
    projects,
    ...(kind === 'notification' && typeof doc.user === 'string' ? { user: doc.user } : {}),
    data: { kind, source, key: Object.fromEntries(fields), at, ...(isLong ? {} : { record: doc }) },
  };
}

function topicsOf(kind: Kind, source: string, key: string, doc: AnyRecord): string[] {
  const list = listTopicOf(kind);
  const topics = list === undefined ? [] : [list as string];
  // Others may name a run too, and are not for everybody who may see it: a notification is a person's own.
  const runId = kind === 'run' ? key : kind === 'step' ? runIdOfKey(key) : NAMES_RUN.has(kind) ? doc.runId : undefined;
  if (typeof runId === 'string') topics.push(topicOf('run', source, runId));
  const chainId = kind === 'chain' ? key : kind === 'run' ? doc.chainId : undefined;
  if (typeof chainId === 'string') topics.push(topicOf('chain', source, chainId));
  return topics;
}

/** Some lines of a run and a sandbox (or one of the two) in one commit. */
interface Lines {
  readonly source: string;
  readonly runId: string;
  readonly sandboxId: string;
  /** Of the last entry. */
  index: number;
  entries: number;
  readonly found: Found[];
}

function addLine(
  chunks: Map<string, Lines[]>,
  source: string,
  key: string,
  index: number,
  found: Found | undefined,
): void {
  const runId = runIdOfKey(key);
  const sandboxId = sandboxIdOfKey(key);
  const name = `${recordName(source, runId)}\0${sandboxId}`;
  const printed = chunks.get(name) ?? [];
  chunks.set(name, printed);
  let chunk = printed.at(-1);
  if (chunk === undefined || chunk.entries === MOST_LINES) {
    chunk = { source, runId, sandboxId, index, entries: 0, found: [] };
    printed.push(chunk);
  }
  chunk.index = index;
  chunk.entries++;
  if (found?.doc != null) chunk.found.push(found);
}

function describeLines({ source, runId, sandboxId, index, found }: Lines, seq: number): LedgerChange | undefined {
  const [first] = found;
  if (first === undefined) return undefined;
  // Only output is asked for here.
  const lines = found.map(({ doc }) => doc as unknown as OutputRecord).sort(compareLines);
  return {
    position: { seq, index },
    event: 'output',
    topics: [
      ...(runId === '' ? [] : [topicOf('output', source, runId)]),
      ...(sandboxId === '' ? [] : [topicOf('sandbox-output', source, sandboxId)]),
    ],
    projects: first.projects,
    data: { source, ...(runId === '' ? {} : { runId }), lines },
  };
}

/** As the route of a run's output sorts: by time, step, number. */
function compareLines(a: OutputRecord, b: OutputRecord): number {
  const texts = (x = '', y = '') => (x < y ? -1 : x > y ? 1 : 0);
  return texts(a.at, b.at) || texts(a.stepId, b.stepId) || (a.seq ?? 0) - (b.seq ?? 0);
}

/** Lists that have to be read again; they come after the records of the commit. */
function describeLists(
  { seq, at, entries }: Commit,
  interest: Interest,
  crowded: ReadonlySet<Kind>,
  find: (kind: Kind, source: string, key: string) => Found | undefined,
): LedgerChange[] {
  const projects = new Map<ListTopic, Set<string>>();
  const add = (list: ListTopic | undefined, found: Found | undefined) => {
    if (list === undefined) return;
    const all = projects.get(list) ?? new Set<string>();
    projects.set(list, all);
    for (const project of found?.projects ?? []) all.add(project);
  };
  for (const [kind, source, key] of entries) {
    if (crowded.has(kind)) add(listTopicOf(kind), find(kind, source, key));
    if (movesBudgets(interest, kind)) add('budgets', find(kind, source, key));
  }
  return [...projects].map(([list, ofProjects]) => ({
    position: { seq, index: entries.length + LIST_TOPICS.indexOf(list) },
    event: 'list' as const,
    topics: [list],
    projects: [...ofProjects],
    data: { at },
  }));
}

/** Who may see a run may see what it printed; its sandbox may be of another project. What is of no run is of its sandbox. */
const PROJECT_OF_OUTPUT = `array_remove(array[case when t.doc ? 'runId'
  then (select o.project from fleetlens.run o where o.source = t.source and o.key = t.doc ->> 'runId')
  else (select o.doc ->> 'project' from fleetlens.sandbox o where o.source = t.source and o.key = t.doc ->> 'sandboxId') end], null)`;

/** $1 sources, $2 keys */
function textOf(kind: Kind, withDoc: boolean): string {
  const list = listTopicOf(kind);
  const doc = () => {
    if (kind === 'run') return withJudgement('t', `(t.doc - ${LIST_LEAVES_OUT})`);
    return list === undefined || list === 'runs' || list === 'budgets' ? 't.doc' : answeredDoc(list);
  };
  return `select t.source, t.key, ${withDoc ? doc() : 'null::jsonb'} as doc, ${kind === 'output' ? PROJECT_OF_OUTPUT : projectsOfRecord(kind)} as projects
    from unnest($1::text[], $2::text[]) as w(source, key) join ${recordTable(kind)} t on t.source = w.source and t.key = w.key`;
}

import type pg from 'pg';
import type { ChangeEntry } from '../lockLedger.ts';
import { releaseClient } from '../read/readSnapshot.ts';
import { deriveFacts, type FactOwner, LOCK_FACTS } from './deriveFacts.ts';
import { markAllNodes } from './nodeSums.ts';
import { WITHOUT_RUN } from './runFacts.ts';

/** How far the facts follow the records. */
export interface FactsState {
  /** The number of the last change of the ledger. */
  readonly head: string;
  /** The facts hold every change that was committed until then. */
  readonly asOf: Date;
  /** There are changes that they do not hold yet. */
  readonly isBehind: boolean;
  /** The first reading of all records goes on. */
  readonly isScanning: boolean;
}

interface StateRow {
  readonly seq: string;
  readonly as_of: Date;
  readonly head: string;
  readonly now: Date;
  readonly scan_kind: 'run' | 'usage' | null;
  readonly scan_source: string;
  readonly scan_key: string;
}

interface ChangeRow {
  readonly seq: string;
  readonly at: Date;
  readonly entries: readonly ChangeEntry[];
  /** Changes that wait, as far as they were looked at. */
  readonly found: number;
}

/**
 * What one transaction takes: some 100 ms, to 300 where each entry is about another run. A change of a busy ledger has hundreds of
 * entries, of an idle one a few.
 */
const MOST_CHANGES = 400;
const MOST_ENTRIES = 4_000;
const MOST_OWNERS = 1_000;
const SCAN_PAGE = 1_000;
/** Somebody else is at work on the facts, who will be done before long. */
const LOCK_TIMEOUT_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * SQL: to compile two dozen sums takes longer than to add them up; and they are added up in memory, where the planner, which cannot
 * know how many groups there are, would rather sort rows on the disk.
 */
export const ADDING_UP = `set local jit = off; set local work_mem = '64MB'`;

const STATE = `select s.seq, s.as_of, h.seq as head, now(), s.scan_kind, s.scan_source, s.scan_key
  from fleetlens.run_fact_state s, fleetlens.head h`;

const stateOf = ({ seq, as_of: asOf, head, now, scan_kind: scanning }: StateRow): FactsState => {
  const isBehind = scanning !== null || seq !== head;
  return { head, asOf: isBehind ? asOf : now, isBehind, isScanning: scanning !== null };
};

export async function readFactsState(client: pg.ClientBase | pg.Pool): Promise<FactsState> {
  return stateOf(await readRow(client));
}

async function readRow(client: pg.ClientBase | pg.Pool): Promise<StateRow> {
  const { rows } = await client.query<StateRow>({ name: 'run_fact_state', text: STATE });
  const [row] = rows;
  if (row === undefined)
    throw new Error('ledger: found no row in fleetlens.run_fact_state, expected one; restore the ledger from a backup');
  return row;
}

/**
 * Lets the facts follow the records until they hold every change, or the time is over.
 * @returns how far they are
 */
export async function catchUpFacts(pool: pg.Pool, limitMs = Number.POSITIVE_INFINITY): Promise<FactsState> {
  const deadline = performance.now() + limitMs;
  let state = await readFactsState(pool);
  while (state.isBehind && performance.now() < deadline) {
    const next = await inFactsTransaction(pool, followPage);
    if (next === undefined) break;
    state = next;
  }
  return state;
}

/** One page of what is to be done. Sees one moment of the ledger, so that facts of several runs fit together. */
export async function followPage(client: pg.PoolClient): Promise<FactsState> {
  const row = await readRow(client);
  if (row.scan_kind !== null) return await scan(client, row, row.scan_kind);
  if (row.seq === row.head) return stateOf(row);
  const { rows: changes } = await client.query<ChangeRow>({
    name: 'run_fact_changes',
    text: `select seq, at, entries, found from (
        select seq, at, entries, sum(length) over (order by seq) - length as before, count(*) over ()::int as found from (
          select seq, at, entries, json_array_length(entries) as length
          from fleetlens.change where seq > $1 order by seq limit ${MOST_CHANGES}) c) c
      where before < ${MOST_ENTRIES} order by seq`,
    values: [row.seq],
  });
  const ofUsage = await ownersOfUsage(
    client,
    changes.flatMap((change) => change.entries),
  );
  const owners = new Map<string, FactOwner>();
  const followed: ChangeRow[] = [];
  for (const change of changes) {
    if (owners.size >= MOST_OWNERS) break;
    followed.push(change);
    for (const owner of change.entries.flatMap((entry) => ownersOf(entry, ofUsage))) owners.set(idOf(owner), owner);
  }
  await deriveFacts(client, [...owners.values()]);
  const last = followed.at(-1);
  const isLast = last === undefined || (followed.length === last.found && last.found < MOST_CHANGES);
  const next = { ...row, seq: isLast ? row.head : last.seq, as_of: isLast ? row.now : last.at };
  await client.query('update fleetlens.run_fact_state set seq = $1, as_of = $2', [next.seq, next.as_of]);
  return stateOf(next);
}

const idOf = ({ source, key }: FactOwner) => `${source}\0${key}`;

/** Of usage records: whose facts they decide about. */
type OwnersOfUsage = ReadonlyMap<string, readonly FactOwner[]>;

/** @returns the runs whose facts the changed record decides about. */
function ownersOf([kind, source, key, leftRun]: ChangeEntry, ofUsage: OwnersOfUsage): readonly FactOwner[] {
  if (kind === 'run') return [{ source, key }];
  if (kind === 'step') return [{ source, key: key.split('\u001f', 1)[0] as string }];
  if (kind !== 'usage') return [];
  const owners = ofUsage.get(idOf({ source, key })) ?? [];
  return leftRun === undefined ? owners : [...owners, { source, key: leftRun }];
}

async function ownersOfUsage(client: pg.ClientBase, entries: readonly ChangeEntry[]): Promise<OwnersOfUsage> {
  const usage = new Map(
    entries.flatMap(([kind, source, key]) =>
      kind === 'usage' ? [[idOf({ source, key }), { source, key }] as const] : [],
    ),
  );
  if (usage.size === 0) return new Map();
  const { rows } = await client.query<{ source: string; key: string; run_id: string | null; was_alone: boolean }>({
    name: 'run_fact_usage',
    // Each is looked up by itself, whatever the planner believes about the size of the tables.
    text: `select w.source, w.key, u.run_id, exists (
          select from fleetlens.run_fact f where f.source = w.source and f.key = '${WITHOUT_RUN}' || w.key offset 0) as was_alone
      from unnest($1::text[], $2::text[]) as w(source, key)
      left join lateral (select u.run_id from fleetlens.usage u where u.source = w.source and u.key = w.key limit 1) u on true`,
    values: [[...usage.values()].map((u) => u.source), [...usage.values()].map((u) => u.key)],
  });
  return new Map(
    rows.map(({ source, key, run_id: runId, was_alone: wasAlone }) => {
      const owners = runId === null ? [] : [{ source, key: runId }];
      // It may have named no run before, or be gone.
      if (runId === null || wasAlone) owners.push({ source, key: WITHOUT_RUN + key });
      return [idOf({ source, key }), owners];
    }),
  );
}

/** The next page of the first reading: runs, then usage of runs that are not there. */
async function scan(client: pg.PoolClient, row: StateRow, kind: 'run' | 'usage'): Promise<FactsState> {
  const { rows } = await client.query<FactOwner & { run_id: string | null }>(
    kind === 'run'
      ? `select source, key, key as run_id from fleetlens.run where (source, key) > ($1, $2) order by source, key limit ${SCAN_PAGE}`
      : `select source, key, run_id from fleetlens.usage u where (source, key) > ($1, $2) order by source, key limit ${SCAN_PAGE}`,
    [row.scan_source, row.scan_key],
  );
  const owners = new Map(
    rows.map(({ source, key, run_id: runId }) => {
      const owner = { source, key: runId ?? WITHOUT_RUN + key };
      return [idOf(owner), owner];
    }),
  );
  await deriveFacts(client, [...owners.values()], { marks: false });
  const last = rows.length < SCAN_PAGE ? undefined : rows.at(-1);
  const next = {
    ...row,
    scan_kind: last === undefined ? (kind === 'run' ? ('usage' as const) : null) : kind,
    scan_source: last?.source ?? '',
    scan_key: last?.key ?? '',
  };
  await client.query('update fleetlens.run_fact_state set scan_kind = $1, scan_source = $2, scan_key = $3', [
    next.scan_kind,
    next.scan_source,
    next.scan_key,
  ]);
  if (next.scan_kind === null) await markAllNodes(client);
  return stateOf(next);
}

/**
 * Runs `work` in a transaction that alone changes facts, and sees one moment of the ledger.
 * @returns undefined where somebody else is at it for longer than a moment
 */
export async function inFactsTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T | undefined> {
  const client = await pool.connect();
  let isDone = false;
  try {
    // The lock comes before the first query, and with it the snapshot after whoever had the lock. Nobody waits for the disk: facts that
    // a crash takes are told by the records again, since how far they are goes with them.
    await client.query(
      `begin isolation level repeatable read; set local lock_timeout = ${LOCK_TIMEOUT_MS}; set local synchronous_commit = off;
        ${ADDING_UP}; ${LOCK_FACTS}`,
    );
    const answer = await work(client);
    await client.query('commit');
    isDone = true;
    return answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE) return undefined;
    throw error;
  } finally {
    await releaseClient(client, isDone);
  }
}

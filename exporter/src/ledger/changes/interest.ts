import { type ListTopic, listTopicOf, type Topic } from '../../contract/live.ts';
import type { Kind } from '../../contract/records.ts';
import { isAfter, isRecordTopic, type Position, type RecordTopic } from '../../contract/topics.ts';

/** What readers follow. Records are named `source NUL id`. */
export interface Interest {
  readonly lists: ReadonlySet<ListTopic>;
  readonly runs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  /** Sandboxes whose output is followed. */
  readonly terminals: ReadonlySet<string>;
  readonly chains: ReadonlySet<string>;
}

export const recordName = (source: string, id: string) => `${source}\0${id}`;

/** Steps and output share the beginning of their run's key. */
export const runIdOfKey = (key: string) => key.split('\u001f', 1)[0] as string;
/** Of the key of output: a sandbox may print without a run, a run without a sandbox. */
export const sandboxIdOfKey = (key: string) => key.split('\u001f', 2)[1] as string;

/** Kinds whose record names the run that it is of, which its key does not. */
export const NAMES_RUN: ReadonlySet<Kind> = new Set<Kind>(['usage', 'sandbox', 'approval']);
/** Kinds whose records move what a budget has left, or its pause. */
const MOVES_BUDGETS: ReadonlySet<Kind> = new Set<Kind>(['run', 'usage', 'audit']);

export function interestOf(topics: Iterable<Topic>): Interest {
  const lists = new Set<ListTopic>();
  const records: Record<RecordTopic, Set<string>> = {
    run: new Set(),
    output: new Set(),
    'sandbox-output': new Set(),
    chain: new Set(),
  };
  for (const { name, source, id } of topics) {
    if (!isRecordTopic(name)) lists.add(name);
    else if (source !== undefined && id !== undefined) records[name].add(recordName(source, id));
  }
  return {
    lists,
    runs: records.run,
    outputs: records.output,
    terminals: records['sandbox-output'],
    chains: records.chain,
  };
}

/** @returns whether a list that is followed holds such records. */
export function followsList({ lists }: Interest, kind: Kind): boolean {
  const list = listTopicOf(kind);
  return list !== undefined && lists.has(list);
}

/** @returns whether a record may be of a topic of single records that is followed; the record itself decides. */
export function followsRecord(interest: Interest, kind: Kind, source: string, key: string): boolean {
  const { runs, outputs, terminals, chains } = interest;
  if (kind === 'run') return chains.size > 0 || runs.has(recordName(source, key));
  if (kind === 'step') return runs.size > 0 && runs.has(recordName(source, runIdOfKey(key)));
  if (kind === 'output')
    return (
      (outputs.size > 0 && outputs.has(recordName(source, runIdOfKey(key)))) ||
      (terminals.size > 0 && terminals.has(recordName(source, sandboxIdOfKey(key))))
    );
  if (kind === 'chain') return chains.has(recordName(source, key));
  return runs.size > 0 && NAMES_RUN.has(kind);
}

export function movesBudgets({ lists }: Interest, kind: Kind): boolean {
  return MOVES_BUDGETS.has(kind) && lists.has('budgets');
}

/** @returns the earliest of the places from which the topics go on. */
export function earliest(positions: readonly Position[]): Position | undefined {
  return positions.reduce<Position | undefined>(
    (first, position) => (first === undefined || isAfter(first, position) ? position : first),
    undefined,
  );
}

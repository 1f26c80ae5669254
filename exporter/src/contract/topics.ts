import type { ListTopic } from './live.ts';

/** Topics and places of the live stream, for exporter and browser alike: nothing here needs a schema. */

/**
 * A topic of one record: `run:{source}/{id}` (and its steps, usage, sandboxes, approvals), what it prints, what a sandbox prints, a
 * chain (and its runs).
 */
export const RECORD_TOPICS = ['run', 'output', 'sandbox-output', 'chain'] as const;
export type RecordTopic = (typeof RECORD_TOPICS)[number];

export function isRecordTopic(name: ListTopic | RecordTopic): name is RecordTopic {
  return RECORD_TOPICS.some((topic) => topic === name);
}

/** A place in the order of changes: the number of a commit, and that of an entry in it. */
export interface Position {
  readonly seq: number;
  /** Entries up to this one are behind. */
  readonly index: number;
}
/** Of a commit that is behind as a whole. */
export const WHOLE = Number.MAX_SAFE_INTEGER;

/** `1234` (all of commit 1234 is behind) or `1234.7` (up to its entry 7). */
export function formatPosition({ seq, index }: Position): string {
  return index === WHOLE ? String(seq) : `${seq}.${index}`;
}

/** @returns undefined where the text is no position. */
export function parsePosition(text: string): Position | undefined {
  const [, seq, index] = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seq === undefined) return undefined;
  return { seq: Number(seq), index: index === undefined ? WHOLE : Number(index) };
}

export function isAfter(a: Position, b: Position): boolean {
  return a.seq > b.seq || (a.seq === b.seq && a.index > b.index);
}

/** @returns the name of a topic as requests and events spell it: source and id percent-encoded, as in a path. */
export function topicOf(name: ListTopic): string;
export function topicOf(name: RecordTopic, source: string, id: string): string;
export function topicOf(name: string, source?: string, id?: string): string {
  return source === undefined || id === undefined ? name : `${name}:${source}/${encodeURIComponent(id)}`;
}

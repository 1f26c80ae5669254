import type { Kind } from '../../contract/records.ts';

/**
 * The fields that say when a record happened, of kinds that retention prunes one by one. A source that is read again from its
 * beginning gives the same times, so a record that was pruned can be told from a new one.
 */
export const RECORD_TIMES = {
  output: ['at'],
  chain: ['createdAt', 'finishedAt'],
  sandbox: ['createdAt', 'startedAt', 'endedAt'],
  usage: ['date'],
  step: ['startedAt', 'finishedAt'],
  job: ['enqueuedAt', 'startedAt', 'finishedAt'],
  errorGroup: ['firstSeenAt', 'lastSeenAt'],
  approval: ['requestedAt', 'decidedAt'],
  notification: ['createdAt', 'readAt', 'dismissedAt'],
  adapter: ['at'],
  rateLimit: ['at'],
  platformError: ['firstSeenAt', 'at'],
} as const satisfies { readonly [K in Kind]?: readonly string[] };

/** Kinds whose records go one by one. Steps and usage go with their run, or, where it never came, by themselves. */
export type PrunedKind = keyof typeof RECORD_TIMES;

export function isPrunedKind(kind: Kind): kind is PrunedKind {
  return Object.hasOwn(RECORD_TIMES, kind);
}

/** @returns the latest time that the record itself names: canonical RFC 3339 or a day; undefined where it names none. */
export function recordTime(kind: Kind, fields: Readonly<Record<string, unknown>>): string | undefined {
  if (!isPrunedKind(kind)) return undefined;
  let latest: string | undefined;
  for (const field of RECORD_TIMES[kind]) {
    const time = fields[field];
    if (typeof time === 'string' && (latest === undefined || time > latest)) latest = time;
  }
  return latest;
}

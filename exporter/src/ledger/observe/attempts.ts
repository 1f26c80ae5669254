import type { Kind } from '../../contract/records.ts';
import { type Merged, stampOf } from '../mergeEvent.ts';

/** The field that numbers the attempts of a record; kinds that are not here have one attempt. */
const ATTEMPT_FIELDS: { readonly [K in Kind]?: string } = {
  run: 'attempts',
  step: 'attempt',
  job: 'tries',
  chain: 'resumeFromSprint',
};

/** `finished#2` -> `finished` and 2; a key without an attempt gives undefined for it. */
export function splitKey(key: string): { stem: string; attempt: number | undefined } {
  const at = key.lastIndexOf('#');
  const attempt = at === -1 ? Number.NaN : Number(key.slice(at + 1));
  return Number.isInteger(attempt) ? { stem: key.slice(0, at), attempt } : { stem: key, attempt: undefined };
}

/** @returns whether the event that made `after` set the field, even to the value that it had. */
export function isRestated(before: Merged, after: Merged, field: string): boolean {
  const was = stampOf(before, field);
  const is = stampOf(after, field);
  return was?.[0] !== is?.[0] || was?.[1] !== is?.[1];
}

/** @returns less than 0 where the field was set before the number of the attempt was, 0 by the same event; undefined where one was not. */
function compareToAttempt(kind: Kind, after: Merged, field: string): number | undefined {
  const number = ATTEMPT_FIELDS[kind];
  const attempt = number === undefined ? undefined : stampOf(after, number);
  const stated = stampOf(after, field);
  if (attempt === undefined || stated === undefined) return undefined;
  const [a, b] = stated[0] === attempt[0] ? [stated[1], attempt[1]] : [stated[0], attempt[0]];
  return a === b ? 0 : a < b ? -1 : 1;
}

/** @returns whether the field was set after the number of the attempt was: what it says is of this attempt. */
export function isOfThisAttempt(kind: Kind, after: Merged, field: string): boolean {
  return (compareToAttempt(kind, after, field) ?? -1) > 0;
}

/** @returns whether the field was set before the number of the attempt was: what it says may be of an earlier attempt. */
export function isOlderThanAttempt(kind: Kind, after: Merged, field: string): boolean {
  return (compareToAttempt(kind, after, field) ?? 0) < 0;
}

/**
 * What an event says too late: fields that a later event had set, and the attempt, where the event is older than the number
 * of the attempt and does not say itself which one it speaks of.
 * @returns fields -> values as the event had them; undefined where it came in time.
 */
export function lateFields(
  kind: Kind,
  after: Merged,
  event: { readonly at: string; readonly id: string; readonly fields: Readonly<Record<string, unknown>> },
  late: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const attempt = ATTEMPT_FIELDS[kind];
  const stamp = attempt === undefined || attempt in event.fields ? undefined : stampOf(after, attempt);
  const isOlder = stamp !== undefined && (event.at < stamp[0] || (event.at === stamp[0] && event.id < stamp[1]));
  if (late.length === 0 && !isOlder) return undefined;
  const fields = Object.fromEntries(late.map((field) => [field, event.fields[field]]));
  return attempt !== undefined && isOlder ? { ...fields, [attempt]: null } : fields;
}

import { definitionOf, type Kind } from './records.ts';

// The unit separator cannot occur in a cleaned identifier, so two different tuples never give one key.
const SEPARATOR = '\u001f';

/**
 * The key of a record within its source: its key fields, joined.
 * @returns undefined where a key field is missing.
 */
export function recordKey(kind: Kind, fields: Readonly<Record<string, unknown>>): string | undefined {
  const { key, optionalKey } = definitionOf(kind);
  if (key.length === 1) {
    const only = fields[key[0] as string];
    return only === undefined || only === null ? undefined : String(only);
  }
  const parts: string[] = [];
  for (const field of key) {
    const value = fields[field];
    if (value === undefined || value === null) {
      if (!optionalKey?.includes(field)) return undefined;
      parts.push('');
    } else parts.push(String(value));
  }
  return parts.join(SEPARATOR);
}

/** The prefix that the keys of all steps and output of a run share. */
export function keyPrefix(...parts: readonly string[]): string {
  return parts.join(SEPARATOR) + SEPARATOR;
}

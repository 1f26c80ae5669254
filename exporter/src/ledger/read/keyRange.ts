import { keyPrefix } from '../../contract/recordKey.ts';

/** @returns the bounds (from, and before) of all keys that begin with these parts; keys compare byte by byte. */
export function keyRange(...parts: readonly string[]): [from: string, before: string] {
  const from = keyPrefix(...parts);
  return [from, `${from.slice(0, -1)}${String.fromCharCode(from.charCodeAt(from.length - 1) + 1)}`];
}

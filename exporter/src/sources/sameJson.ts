import { isDeepStrictEqual } from 'node:util';

/**
 * Whether two values are the same JSON. Their texts do not tell: Postgres keeps the members of jsonb in an order of its own
 * (the shortest names first), so a cursor that was stored comes back with another text.
 */
export function sameJson(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(asJson(left), asJson(right));
}

/** Undefined members are no JSON. */
function asJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

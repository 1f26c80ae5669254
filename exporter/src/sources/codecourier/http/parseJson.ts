/** What JSON.parse hands a reviver beside the value (Node 21 on). */
type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
// A cast: the library types of TypeScript do not have the third argument yet.
const parse = JSON.parse as (text: string, reviver: SourceReviver) => unknown;

const INTEGER = /^-?\d+$/;
/** Beyond 2^53 a double skips integers. Few bodies hold such a number, and a reviver costs three times the parsing. */
const LONG_INTEGER = /\d{16}/;

/**
 * Parses JSON without losing digits: an integer that a double cannot hold becomes the text of its digits. Convex writes its
 * timestamps (`snapshot`, `cursor`, `_ts`: nanoseconds, 19 digits) as such numbers.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && INTEGER.test(source)
      ? source
      : value,
  );
}

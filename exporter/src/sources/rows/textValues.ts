/** A row as every reader here hands it over: each value as the database's own text, so that no driver guesses a type or a zone. */
export type TextRow = Readonly<Record<string, string | null>>;

const NAIVE_TIME = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2})?)(\.\d+)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * Reads a time that has no zone of its own as UTC, whatever zone this process or the server lives in; one with an offset as it says.
 * @returns canonical RFC 3339 (milliseconds, truncated), or undefined where there is none.
 */
export function utcInstant(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const match = NAIVE_TIME.exec(text.trim());
  if (match === null) return undefined;
  const [, day, time = '00:00:00', fraction = '', zone = 'Z'] = match;
  const seconds = time.length === 5 ? `${time}:00` : time;
  const ms = Date.parse(`${day}T${seconds}${fraction.slice(0, 4)}${rfc3339Offset(zone)}`);
  return Number.isFinite(ms) && ms >= 0 ? new Date(ms).toISOString() : undefined;
}

function rfc3339Offset(zone: string): string {
  if (zone === 'Z' || zone === 'z') return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** @returns a number that is not negative, from a number or its text (NUMERIC and BIGINT arrive as text). */
export function amountOf(value: unknown): number | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  const number = typeof value === 'number' ? value : Number(value);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}

/** @returns a whole number that is not negative. */
export function countOf(value: unknown): number | undefined {
  const number = amountOf(value);
  return number !== undefined && Number.isSafeInteger(Math.trunc(number)) ? Math.trunc(number) : undefined;
}

// Python's json.dumps writes NaN and Infinity, which JSON does not have; texts that hold these words stay as they are.
const STRING_OR_PYTHON_NUMBER = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;

/** @returns the JSON value; undefined for SQL NULL, JSON null and what is no JSON. */
export function jsonOf(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  const value =
    parse(text) ?? parse(text.replace(STRING_OR_PYTHON_NUMBER, (part) => (part[0] === '"' ? part : 'null')));
  return value === null ? undefined : value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @returns the object without its undefined members: absent means unknown. */
export function defined<T extends object>(object: T): Partial<T> {
  // Object.entries keeps the keys of T; only members without a value are left out.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** @returns the object without undefined members, or undefined where none is left. */
export function definedOrNothing<T extends object>(object: T): Partial<T> | undefined {
  const result = defined(object);
  return Object.keys(result).length === 0 ? undefined : result;
}

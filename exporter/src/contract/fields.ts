import { z } from 'zod';

/** Longest identifier and label value, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 255;

/** 1970-01-01: nothing that an agent platform records is older. */
const EARLIEST_MS = 0;
/** The last moment that a year of four digits can name; later ones would not sort as texts. */
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Whether a time is in the canonical form already, as most are: read digit by digit, a fifth of the time that
 * Date.parse and toISOString take (an event holds three or four times).
 */
function isCanonicalInstant(text: string): boolean {
  if (text.length !== 24) return false;
  const digits = (from: number, count: number): number => {
    let value = 0;
    for (let i = from; i < from + count; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  };
  const year = digits(0, 4);
  const month = digits(5, 2);
  const day = digits(8, 2);
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return (
    year >= 1970 &&
    month >= 1 &&
    day >= 1 &&
    day <= (DAYS_OF_MONTH[month - 1] ?? 0) &&
    (isLeapYear || month !== 2 || day < 29) &&
    digits(11, 2) <= 23 &&
    digits(14, 2) <= 59 &&
    digits(17, 2) <= 59 &&
    digits(20, 3) >= 0 &&
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === 'T' &&
    text[13] === ':' &&
    text[16] === ':' &&
    text[19] === '.' &&
    text[23] === 'Z'
  );
}

/**
 * Reads an RFC 3339 time.
 * @returns the canonical form (UTC, milliseconds, `Z`), or undefined where the text is no such time or lies before 1970.
 */
export function canonicalInstant(text: string): string | undefined {
  if (isCanonicalInstant(text)) return text;
  if (!RFC3339.test(text)) return undefined;
  const ms = Date.parse(text);
  if (!(ms >= EARLIEST_MS && ms <= LATEST_MS)) return undefined;
  // Date.parse rolls 31 February over to March: such a day does not exist.
  const day = text.slice(0, 10);
  if (new Date(`${day}T00:00:00.000Z`).toISOString().slice(0, 10) !== day) return undefined;
  return new Date(ms).toISOString();
}

/** A time, RFC 3339 in, canonical out (`2026-11-20T13:18:00.000Z`). */
export const instant = z
  .string()
  .meta({ format: 'date-time' })
  .transform((text, context) => {
    const canonical = canonicalInstant(text);
    if (canonical === undefined) {
      context.issues.push({
        code: 'custom',
        input: text,
        message: `expected an RFC 3339 time from 1970 on, found ${JSON.stringify(text.slice(0, 40))}`,
      });
      return z.NEVER;
    }
    return canonical;
  });

/** An identifier or a value that becomes a metric label. */
export const name = z.string().min(1).max(MAX_NAME_LENGTH);
/** Free text; its length is bounded by the ingest limits. */
export const text = z.string();
/** A count or an index. */
export const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
/** An amount that cannot be negative: seconds, bytes, USD, tokens. */
export const amount = z.number().nonnegative();
/** A score from 0 to 100. */
export const score = z.number().min(0).max(100);
export const ratio = z.number().nonnegative();
export const flag = z.boolean();
/** Any JSON object, kept as it is. */
export const json = z.record(z.string(), z.unknown());
/** A calendar day, `YYYY-MM-DD`, in the source's time zone. */
export const day = z.iso.date();

/** @returns whether it is an IANA time zone that this Node.js knows. */
export function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch (error) {
    // The one way to ask: Intl.supportedValuesOf() leaves out aliases and UTC itself.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const SOURCE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** The name of a source. */
export const sourceName = z
  .string()
  .regex(SOURCE_NAME, 'expected 1 to 64 letters, digits, dots, dashes or underscores');

const isAmount = (value: unknown) => typeof value === 'number' && value >= 0 && value <= Number.MAX_VALUE;

const QUICK_CHECKS = new Map<z.ZodType, (value: unknown) => boolean>([
  [name, (value) => typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH],
  [sourceName, (value) => typeof value === 'string' && SOURCE_NAME.test(value)],
  [text, (value) => typeof value === 'string'],
  [count, (value) => Number.isSafeInteger(value) && (value as number) >= 0],
  [amount, isAmount],
  [ratio, isAmount],
  [score, (value) => typeof value === 'number' && value >= 0 && value <= 100],
  [flag, (value) => typeof value === 'boolean'],
  [instant, (value) => typeof value === 'string' && isCanonicalInstant(value)],
]);

/**
 * @returns a check, for the simple types above and for closed lists, that says yes only where the schema takes a value and leaves
 *   it as it is; after a no the schema has to be asked. Most values of an event pass it, which saves ingest a tenth of its CPU.
 */
export function quickCheckOf<T>(type: z.ZodType<T>): (value: unknown) => value is T {
  return checkOf(type) as (value: unknown) => value is T;
}

function checkOf(type: z.ZodType): (value: unknown) => boolean {
  const known = QUICK_CHECKS.get(type);
  if (known !== undefined) return known;
  if ((type.def.checks?.length ?? 0) > 0) return () => false;
  if (type instanceof z.ZodOptional) return checkOf(type.unwrap() as z.ZodType);
  if (type instanceof z.ZodNullable) {
    const isFine = checkOf(type.unwrap() as z.ZodType);
    return (value) => value === null || isFine(value);
  }
  if (type instanceof z.ZodEnum) {
    const values = new Set<unknown>(type.options);
    return (value) => values.has(value);
  }
  return () => false;
}

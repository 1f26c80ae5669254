import { canonicalInstant } from '../../contract/fields.ts';
import { isObject, type JsonObject } from '../rows/textValues.ts';
import { type LogLine, readLine } from './readLine.ts';

export type PushedLine = { readonly line: LogLine & { readonly at: string } } | { readonly rejected: string };

/**
 * Reads a line as it was pushed: pino's own JSON, or that of a shipper which has the line as it was written in `log` (Fluent
 * Bit) or `message` (Vector). It needs a time, since its arrival is another one when it is pushed again.
 */
export function readPushedLine(text: string): PushedLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { rejected: `not valid JSON: ${error.message}` };
  }
  const outer = isObject(value) ? readLine(text) : undefined;
  if (outer === undefined) return { rejected: `expected an object with a time, found ${text.slice(0, 40)}` };
  const written = writtenLine(outer);
  const inner = written === undefined ? outer : readLine(written);
  if (inner === undefined) return { rejected: 'the line that the shipper read is cut off' };
  const at = inner.at ?? outer.at ?? shippedAt(outer.fields);
  if (at === undefined) return { rejected: 'expected a time: "time" in milliseconds or RFC 3339, found none' };
  return { line: { ...inner, at } };
}

/** What the shipper read: without a level, the object is its own. */
function writtenLine({ level, fields }: LogLine): string | undefined {
  if (level !== undefined) return undefined;
  return [fields.log, fields.message].find((text) => typeof text === 'string');
}

/** Fluent Bit's `date`: seconds since the epoch, or RFC 3339. */
function shippedAt({ date }: JsonObject): string | undefined {
  if (typeof date === 'string') return canonicalInstant(date);
  return typeof date === 'number' && date > 0 && date < 8.64e12 ? new Date(date * 1000).toISOString() : undefined;
}

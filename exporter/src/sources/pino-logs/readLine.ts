import { canonicalInstant } from '../../contract/fields.ts';
import { isObject, type JsonObject } from '../rows/textValues.ts';

/** One line of a log: pino's JSON, or what a console printed. */
export interface LogLine {
  /** Pino's own scale: 30 info, 40 warn, 50 error, 60 fatal; undefined where the line has none. */
  readonly level: number | undefined;
  /** Canonical; undefined where the line has no time. */
  readonly at: string | undefined;
  /** Without the tag. */
  readonly message: string;
  /** `redis` of `[redis] Connected successfully`. */
  readonly tag: string | undefined;
  readonly fields: JsonObject;
}

const LEVELS: Readonly<Record<string, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  warning: 40,
  error: 50,
  fatal: 60,
};
const TAGGED = /^\s*\[([A-Za-z][\w-]{0,40})\]\s*([\s\S]*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal are control characters
const COLOURS = /\u001b\[[0-9;]*m/g;

export function readLine(text: string): LogLine | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const json = trimmed.startsWith('{') ? parse(trimmed) : undefined;
  if (json === undefined) {
    // A line that was cut off is no message.
    if (trimmed.startsWith('{')) return undefined;
    return { level: undefined, at: undefined, fields: {}, ...splitTag(trimmed.replaceAll(COLOURS, '')) };
  }
  const message = typeof json.msg === 'string' ? json.msg : typeof json.message === 'string' ? json.message : '';
  return { level: levelOf(json.level), at: timeOf(json.time ?? json.timestamp), fields: json, ...splitTag(message) };
}

function splitTag(message: string): { message: string; tag: string | undefined } {
  const match = TAGGED.exec(message);
  return match === null ? { message, tag: undefined } : { message: match[2] ?? '', tag: match[1]?.toLowerCase() };
}

function levelOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? (LEVELS[value.toLowerCase()] ?? (Number(value) || undefined)) : undefined;
}

/** Milliseconds since the epoch (pino's default), or RFC 3339 (stdTimeFunctions.isoTime, as in the document). */
function timeOf(value: unknown): string | undefined {
  if (typeof value === 'string') return canonicalInstant(value);
  if (typeof value !== 'number' || !(value > 0 && value < 8.64e15)) return undefined;
  return new Date(Math.trunc(value)).toISOString();
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function levelName(level: number): string {
  return Object.entries(LEVELS).find(([, value]) => value === level)?.[0] ?? String(level);
}

import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { HttpError } from '../http/httpError.ts';

const unzip = promisify(gunzip);

/** One event of a body before validation: its JSON and, where it stood on a line of its own, that line; or why it has none. */
export type RawEvent = { readonly value: unknown; readonly line: string | undefined } | { readonly malformed: string };

/**
 * Unpacks a gzip body, never to more than `maxBytes`.
 * @throws HttpError 413, 400
 */
export async function decompressBody(body: Buffer, header: string | undefined, maxBytes: number): Promise<Buffer> {
  // Names of codings have no case (RFC 9110, 8.4.1).
  const encoding = header?.trim().toLowerCase();
  if (encoding === undefined || encoding === 'identity') return body;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new HttpError(415, 'unsupported_encoding', `Content-Encoding: found ${encoding}, expected gzip or none`, {
      headers: { 'accept-encoding': 'gzip' },
    });
  }
  try {
    return await unzip(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpError(
        413,
        'payload_too_large',
        `the body unpacks to more than ${maxBytes} bytes; send fewer events at a time`,
        { cause },
      );
    }
    throw new HttpError(400, 'bad_gzip', `the body is not valid gzip: ${(cause as Error).message}`, { cause });
  }
}

/**
 * How many bytes an event takes on the wire, at least: as compact JSON, or its line.
 * @returns undefined where it is nested too deep to be written out.
 */
export function eventBytes({ value, line }: Exclude<RawEvent, { malformed: string }>): number | undefined {
  try {
    return Buffer.byteLength(line ?? JSON.stringify(value));
  } catch (error) {
    // The engine reads any depth but writes by recursion; members beside `data` have no limit of their own.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Reads `{"events":[…]}`.
 * @throws HttpError 400 where the body is no such object.
 */
export function readJsonBody(text: string): RawEvent[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, 'malformed_json', `the body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  const events = parsed !== null && typeof parsed === 'object' ? (parsed as { events?: unknown }).events : undefined;
  if (!Array.isArray(events)) {
    throw new HttpError(400, 'invalid_request', 'expected {"events":[…]}, or one event a line as application/x-ndjson');
  }
  return events.map((value) => ({ value, line: undefined }));
}

/** Reads one event a line; empty lines are passed over, a line that is no JSON is an event that is rejected. */
export function readNdjsonBody(text: string): RawEvent[] {
  const events: RawEvent[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    try {
      events.push({ value: JSON.parse(line), line });
    } catch (error) {
      events.push({ malformed: `not valid JSON: ${(error as Error).message}` });
    }
  }
  return events;
}

/**
 * Arrays in Postgres's binary format, for `unnest($1::text[], …)`. As text, every document would be escaped quote by quote
 * here and unescaped there: a fifth of the exporter's time while ingesting. A Buffer is bound as binary by `pg`.
 *
 * Format (src/backend/utils/adt/arrayfuncs.c, array_recv): dimensions, has nulls, element type; size and lower bound of the
 * dimension; then each element's length (-1: null) and its own binary form.
 */

/** Object ids of built-in types, the same in every Postgres (src/include/catalog/pg_type.dat). */
const OID = {
  int8: 20,
  int4: 23,
  text: 25,
  json: 114,
  float8: 701,
  timestamptz: 1184,
  uuid: 2950,
  jsonb: 3802,
} as const;

const HEADER_BYTES = 20;
/** Postgres counts its time from 2000-01-01, in microseconds. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const JSONB_VERSION = 1;
/** UTF-8 takes at most three bytes for each UTF-16 code unit. */
const MAX_UTF8 = 3;

function withHeader(buffer: Buffer, oid: number, length: number, hasNull: boolean): Buffer {
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  if (length === 0) return buffer.subarray(0, 12);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

function ofTexts(oid: number, values: readonly (string | null)[], version?: number): Buffer {
  let units = HEADER_BYTES;
  let longest = 0;
  for (const value of values) {
    const length = value === null ? 0 : value.length;
    units += length + 5;
    longest = Math.max(longest, length);
  }
  // Most text is ASCII; there is room for the longest at its worst, and the rest makes room where it must.
  let buffer = Buffer.allocUnsafe(units + longest * (MAX_UTF8 - 1));
  let end = HEADER_BYTES;
  let hasNull = false;
  for (const value of values) {
    const most = value === null ? 0 : value.length * MAX_UTF8;
    if (end + 5 + most > buffer.length) {
      const larger = Buffer.allocUnsafe((end + 5 + most) * 2);
      buffer.copy(larger, 0, 0, end);
      buffer = larger;
    }
    const start = end;
    end += 4;
    if (value === null) {
      hasNull = true;
      buffer.writeInt32BE(-1, start);
      continue;
    }
    if (version !== undefined) buffer[end++] = version;
    end += buffer.write(value, end, 'utf8');
    buffer.writeInt32BE(end - start - 4, start);
  }
  return withHeader(buffer, oid, values.length, hasNull).subarray(0, values.length === 0 ? 12 : end);
}

function ofNumbers(
  oid: number,
  bytes: 4 | 8,
  values: readonly (number | null)[],
  write: (buffer: Buffer, value: number, at: number) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * (4 + bytes));
  let end = HEADER_BYTES;
  let hasNull = false;
  for (const value of values) {
    if (value === null) {
      hasNull = true;
      buffer.writeInt32BE(-1, end);
      end += 4;
    } else {
      buffer.writeInt32BE(bytes, end);
      write(buffer, value, end + 4);
      end += 4 + bytes;
    }
  }
  return withHeader(buffer, oid, values.length, hasNull).subarray(0, values.length === 0 ? 12 : end);
}

/** A safe integer as a signed 64-bit number: both halves, since a bigint for each would cost as much as the rest. */
function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 2 ** 32), at);
  buffer.writeUInt32BE(((value % 2 ** 32) + 2 ** 32) % 2 ** 32, at + 4);
}

export const textArray = (values: readonly (string | null)[]): Buffer => ofTexts(OID.text, values);
/** Of JSON texts. */
export const jsonArray = (values: readonly (string | null)[]): Buffer => ofTexts(OID.json, values);
/** Of JSON texts. */
export const jsonbArray = (values: readonly (string | null)[]): Buffer => ofTexts(OID.jsonb, values, JSONB_VERSION);

export const int4Array = (values: readonly (number | null)[]): Buffer =>
  ofNumbers(OID.int4, 4, values, (buffer, value, at) => buffer.writeInt32BE(value, at));

/** Of safe integers. */
export const int8Array = (values: readonly (number | null)[]): Buffer => ofNumbers(OID.int8, 8, values, writeInt64);

export const float8Array = (values: readonly (number | null)[]): Buffer =>
  ofNumbers(OID.float8, 8, values, (buffer, value, at) => buffer.writeDoubleBE(value, at));

/** Of RFC 3339 times. */
export const timestamptzArray = (values: readonly (string | null)[]): Buffer =>
  ofNumbers(
    OID.timestamptz,
    8,
    values.map((value) => (value === null ? null : Date.parse(value))),
    (buffer, ms, at) => {
      const microseconds = (ms - POSTGRES_EPOCH_MS) * 1000;
      // From the year 2285 on they are more than a number holds exactly.
      if (Number.isSafeInteger(microseconds)) writeInt64(buffer, microseconds, at);
      else buffer.writeBigInt64BE(BigInt(ms - POSTGRES_EPOCH_MS) * 1000n, at);
    },
  );

/** Of 16 bytes each, as `latin1` text. */
export function uuidArray(values: readonly string[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 20);
  let end = HEADER_BYTES;
  for (const value of values) {
    buffer.writeInt32BE(16, end);
    for (let i = 0; i < 16; i++) buffer[end + 4 + i] = value.charCodeAt(i);
    end += 20;
  }
  return withHeader(buffer, OID.uuid, values.length, false);
}

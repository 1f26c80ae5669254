import { Parser } from 'pickleparser';

/** What arq keeps of a job, without arguments and result: those are never looked at. */
export interface JobFacts {
  readonly enqueuedMs: number | undefined;
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  readonly succeeded: boolean | undefined;
  readonly tries: number | undefined;
  readonly queue: string | undefined;
}

/** 2001: arq writes 0 where it does not know, and 1 for an aborted job. */
const EARLIEST_MS = 1e12;
const LATEST_MS = 1e13;

/**
 * Reads the times, the outcome and the try of a pickled arq job or result (arq/jobs.py: t, et, st, ft, s, q). Nothing of the
 * pickle is executed, and no value of it is built except small numbers and short texts: classes become one inert object.
 * @returns undefined where the bytes are no such pickle (another serializer, garbage).
 */
export function skimPickle(bytes: Uint8Array): JobFacts | undefined {
  let value: unknown;
  try {
    value = new Parser(PARSER_OPTIONS).read(new SkimmingReader(bytes));
  } catch (error) {
    // The parser throws plain Errors, and TypeErrors and RangeErrors where garbage leads it astray.
    if (error instanceof Error) return undefined;
    throw error;
  }
  if (!(value instanceof Map)) return undefined;
  const field = (name: string): unknown => Map.prototype.get.call(value, name);
  if (field('f') === undefined || field('et') === undefined) return undefined;
  const tries = field('t');
  const queue = field('q');
  const succeeded = field('s');
  return {
    enqueuedMs: timeOf(field('et')),
    startedMs: timeOf(field('st')),
    finishedMs: timeOf(field('ft')),
    succeeded: typeof succeeded === 'boolean' ? succeeded : undefined,
    tries: typeof tries === 'number' && Number.isInteger(tries) && tries > 0 ? tries : undefined,
    queue: typeof queue === 'string' ? queue : undefined,
  };
}

function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= EARLIEST_MS && value < LATEST_MS ? Math.trunc(value) : undefined;
}

/** Stands for every class, function and instance in a pickle: it can be called, built, filled and given state, and holds nothing. */
const INERT = Object.freeze(
  Object.assign(
    function inert() {
      return INERT;
    },
    { push: ignore, set: ignore, add: ignore, __setstate__: ignore, __setnewargs_ex__: ignore },
  ),
) as (...args: unknown[]) => unknown;

function ignore(): void {}

const PARSER_OPTIONS = {
  nameResolver: { resolve: () => INERT },
  persistentResolver: { resolve: () => INERT },
  extensionResolver: { resolve: () => INERT },
  // A Map cannot be given a prototype by a key called __proto__.
  unpicklingTypeOfDictionary: 'Map',
} as const;

/** Longest text that is kept; keys and queue names are short. */
const KEPT_TEXT = 255;
/** Bytes of an integer that are kept: times in milliseconds need 6, and more than 2^53 would lose digits anyway. */
const KEPT_BYTES = 6;

/** Hands the parser only the beginning of long values, so that arguments and results take no memory. */
class SkimmingReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }
  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + Math.min(length, KEPT_BYTES));
  }
  string(length: number): string {
    const start = this.#advance(length);
    return Buffer.from(this.#bytes.subarray(start, start + Math.min(length, KEPT_TEXT))).toString('utf8');
  }
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end === -1) throw new Error('no end of line');
    const text = this.string(end - this.#position);
    this.skip(1);
    return text;
  }
  skip(length: number): void {
    this.#advance(length);
  }
  hasNext(): boolean {
    return this.#position < this.#bytes.byteLength;
  }

  #advance(length: number): number {
    const start = this.#position;
    if (!(length >= 0) || start + length > this.#bytes.byteLength) throw new Error('the pickle ends too early');
    this.#position = start + length;
    return start;
  }
}

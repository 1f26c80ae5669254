import { formatNumber } from './exposition.ts';

const INITIAL_BYTES = 64 * 1024;
const ZERO = 48;
const MAX_INT32 = 2 ** 31 - 1;
/** Longest that a number gets: -1.2345678901234567e-300. */
const NUMBER_BYTES = 32;

/**
 * Bytes under way. Lines are put together from cached bytes and digits: 0.04 us a line, where strings that are joined and
 * then encoded take 0.2 to 0.5.
 */
export class ExpositionBuffer {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;

  addBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  addText(text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 code unit.
    this.#makeRoom(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  addNumber(value: number): void {
    this.#makeRoom(NUMBER_BYTES);
    if (value >= 0 && value <= MAX_INT32 && Number.isInteger(value)) this.#addDigits(value);
    else this.#length += this.#bytes.write(formatNumber(value), this.#length, 'latin1');
  }

  addLineEnd(): void {
    this.#makeRoom(1);
    this.#bytes[this.#length++] = 10;
  }

  /** @returns a copy of what was added, and begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  #addDigits(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) size += 1;
    this.#length += size;
    let at = this.#length;
    let rest = value;
    do {
      const next = Math.floor(rest / 10);
      this.#bytes[--at] = ZERO + rest - next * 10;
      rest = next;
    } while (rest > 0);
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

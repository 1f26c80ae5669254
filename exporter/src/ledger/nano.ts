/** Rollups are integers of 1e-9, so a sum is exact whatever the order of addition. */
const PER_UNIT = 1_000_000_000;

/** Sums values exactly: whole ones as a number while that is safe, the rest as 1e-9 in a bigint. */
export class NanoSum {
  #whole = 0;
  #nano = 0n;

  add(value: number): void {
    if (Number.isInteger(value) && Math.abs(this.#whole + value) <= Number.MAX_SAFE_INTEGER) this.#whole += value;
    else this.#nano += toNano(value);
  }

  /** Adds units of 1e-9. */
  addNano(nano: bigint): void {
    this.#nano += nano;
  }

  total(): bigint {
    return BigInt(this.#whole) * BigInt(PER_UNIT) + this.#nano;
  }
}

/** @returns `value` in units of 1e-9, rounded half away from 0: so what a gauge takes back is what it was given. */
export function toNano(value: number): bigint {
  if (value < 0) return -toNano(-value);
  if (Number.isInteger(value)) return BigInt(value) * BigInt(PER_UNIT);
  const whole = Math.trunc(value);
  return BigInt(whole) * BigInt(PER_UNIT) + BigInt(Math.round((value - whole) * PER_UNIT));
}

/** @returns what Postgres makes of `round(value::numeric * 1000000000)`: it casts a double by its first 15 digits. */
export function castToNano(value: number): bigint {
  const [digits = '', exponent = '0'] = Math.abs(value).toExponential(14).split('e');
  const zeros = Number(exponent) - 14 + 9;
  const whole = BigInt(digits.replace('.', ''));
  const nano = zeros >= 0 ? whole * 10n ** BigInt(zeros) : (whole + 10n ** BigInt(-zeros) / 2n) / 10n ** BigInt(-zeros);
  return value < 0 ? -nano : nano;
}

/** @returns a sum of 1e-9 as a decimal number, exactly: `-0.25`. */
export function nanoText(nano: bigint): string {
  const digits = (nano < 0n ? -nano : nano).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${nano < 0n ? '-' : ''}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** @returns the number nearest to a sum of 1e-9 as Postgres writes it, or as JSON reads that; never smaller for a greater sum. */
export function fromNano(nano: string | number): number {
  return Number(nano) / PER_UNIT;
}

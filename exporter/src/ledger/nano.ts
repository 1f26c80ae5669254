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

  total(): bigint {
    return BigInt(this.#whole) * BigInt(PER_UNIT) + this.#nano;
  }
}

/** @returns `value` in units of 1e-9, rounded. */
export function toNano(value: number): bigint {
  if (Number.isInteger(value)) return BigInt(value) * BigInt(PER_UNIT);
  const whole = Math.trunc(value);
  return BigInt(whole) * BigInt(PER_UNIT) + BigInt(Math.round((value - whole) * PER_UNIT));
}

/** @returns the number nearest to a sum of 1e-9 as Postgres writes it; never smaller for a greater sum. */
export function fromNano(nano: string): number {
  return Number(nano) / PER_UNIT;
}

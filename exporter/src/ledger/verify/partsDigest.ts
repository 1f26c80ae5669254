import { hash } from 'node:crypto';

/** A set of gauge contributions as a number of fixed size: equal sets give equal digests, in whatever order they came. */
export class PartsDigest {
  #count = 0;
  #sum = 0n;

  add({ kind, source, key, value }: { kind: string; source: string; key: string; value: number }): void {
    this.#count += 1;
    const digest = hash('sha256', `${kind}\0${source}\0${key}\0${value}`, 'hex').slice(0, 32);
    this.#sum = BigInt.asUintN(128, this.#sum + BigInt(`0x${digest}`));
  }

  get count(): number {
    return this.#count;
  }

  equals(other: PartsDigest): boolean {
    return this.#count === other.#count && this.#sum === other.#sum;
  }
}
